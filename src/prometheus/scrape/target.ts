/** From what discovery found to what is scraped (`scrape/target.go`, `PopulateLabels`). */
import { Labels } from "../../model/labels.ts";
import { checkTargetAddress } from "../config/discovery-config.ts";
import { isValidLabelValue } from "../config/names.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { formatDuration, parseDuration } from "../config/units.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type RelabelConfig, relabelInPlace } from "../relabel/relabel.ts";

export interface Target {
  /** Before relabelling. */
  discovered: Labels;
  /** After relabelling, those that start with `__` included. */
  all: Labels;
  /** What every sample of the target gets. */
  labels: Labels;
  url: string;
  intervalMs: number;
  timeoutMs: number;
}

export interface DroppedTarget {
  discovered: Labels;
}

export interface TargetSet {
  active: Target[];
  dropped: DroppedTarget[];
  failures: string[];
}

/** The targets of groups, relabelled; the same target found twice counts once. */
export function targetsOf(config: ScrapeConfig, groups: Iterable<TargetGroup>): TargetSet {
  const active = new Map<string, Target>();
  const set: TargetSet = { active: [], dropped: [], failures: [] };
  for (const group of groups) {
    for (const [index, found] of group.targets.entries()) {
      try {
        const target = populate(config, found, group.labels);
        if ("url" in target) active.set(`${target.labels.key}\n${target.url}`, target);
        else set.dropped.push(target);
      } catch (error) {
        set.failures.push(`instance ${index} in group ${group.source}: ${(error as Error).message}`);
      }
    }
  }
  set.active = [...active.values()];
  return set;
}

/** What discovery and the configuration say of a target before any rule is applied. */
export function initialLabels(
  config: ScrapeConfig,
  found: Readonly<Record<string, string>>,
  groupLabels: Readonly<Record<string, string>>,
): Map<string, string> {
  const labels = new Map<string, string>();
  for (const [name, value] of Object.entries(found)) if (value !== "") labels.set(name, value);
  for (const [name, value] of Object.entries(groupLabels))
    if (value !== "" && !labels.has(name)) labels.set(name, value);
  const fallback = (name: string, value: string) => {
    if (!labels.has(name) && value !== "") labels.set(name, value);
  };
  fallback("job", config.job_name);
  fallback("__scrape_interval__", formatDuration(config.scrape_interval));
  fallback("__scrape_timeout__", formatDuration(config.scrape_timeout));
  fallback("__metrics_path__", config.metrics_path);
  fallback("__scheme__", config.scheme);
  for (const [name, values] of Object.entries(config.params ?? {}))
    if (values.length > 0) labels.set(`__param_${name}`, values[0]);
  return labels;
}

function populate(
  config: ScrapeConfig,
  found: Readonly<Record<string, string>>,
  groupLabels: Readonly<Record<string, string>>,
): Target | DroppedTarget {
  const labels = initialLabels(config, found, groupLabels);
  const discovered = Labels.of(labels);
  if (!relabelInPlace(labels, (config.relabel_configs ?? []) as RelabelConfig[])) return { discovered };
  const address = labels.get("__address__");
  if (address === undefined) throw new Error("no address");
  checkTargetAddress(address);
  const { intervalMs, timeoutMs } = times(labels);
  for (const [name, value] of labels) {
    if (name.startsWith("__meta_")) labels.delete(name);
    else if (!isValidLabelValue(value)) throw new Error(`invalid label value for ${JSON.stringify(name)}`);
  }
  if (!labels.has("instance")) labels.set("instance", address);
  const all = Labels.of(labels);
  const shown = all.keep(new Set([...labels.keys()].filter((name) => !name.startsWith("__"))));
  return { discovered, all, labels: shown, url: urlOf(config, all), intervalMs, timeoutMs };
}

function times(labels: Map<string, string>): { intervalMs: number; timeoutMs: number } {
  const read = (name: string, what: string) => {
    try {
      return parseDuration(labels.get(name) ?? "");
    } catch (error) {
      throw new Error(`error parsing ${what}: ${(error as Error).message}`);
    }
  };
  const intervalMs = read("__scrape_interval__", "scrape interval");
  if (intervalMs === 0) throw new Error("scrape interval cannot be 0");
  const timeoutMs = read("__scrape_timeout__", "scrape timeout");
  if (timeoutMs === 0) throw new Error("scrape timeout cannot be 0");
  if (timeoutMs > intervalMs)
    throw new Error(
      `scrape timeout cannot be greater than scrape interval (${JSON.stringify(labels.get("__scrape_timeout__"))} > ${JSON.stringify(labels.get("__scrape_interval__"))})`,
    );
  return { intervalMs, timeoutMs };
}

function urlOf(config: ScrapeConfig, labels: Labels): string {
  const query = new URLSearchParams();
  const names = new Set(Object.keys(config.params ?? {}));
  for (const [name] of labels) if (name.startsWith("__param_")) names.add(name.slice("__param_".length));
  for (const name of [...names].sort()) {
    const rest = (config.params?.[name] ?? []).slice(1);
    const first = labels.get(`__param_${name}`);
    for (const value of first === "" ? rest : [first, ...rest]) query.append(name, value);
  }
  const path = labels.get("__metrics_path__");
  const text = query.toString();
  return `${labels.get("__scheme__")}://${labels.get("__address__")}${path.startsWith("/") || path === "" ? path : `/${path}`}${text === "" ? "" : `?${text}`}`;
}
