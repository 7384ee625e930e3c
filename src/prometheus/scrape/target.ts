/** From what discovery found to what is scraped (`scrape/target.go`, `PopulateLabels`). */
import { Labels } from "../../model/labels.ts";
import { quoteGo } from "../../wire/exposition/go-float.ts";
import { checkTargetAddress } from "../config/discovery-config.ts";
import { isValidLabelValue } from "../config/names.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { formatDuration, parseDuration } from "../config/units.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { type RelabelConfig, relabelInPlace } from "../relabel/relabel.ts";
import type { HistogramOptions } from "./append-scrape.ts";
import { type TargetUrl, targetUrl, urlText } from "./target-url.ts";

/** The labels by which relabelling says, target by target, how histograms are taken. */
const CONVERT_CLASSIC = "__convert_classic_histograms_to_nhcb__";
const ALWAYS_SCRAPE_CLASSIC = "__always_scrape_classic_histograms__";
const SCRAPE_NATIVE = "__scrape_native_histograms__";
/** What Go's `strconv.ParseBool` reads. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false])),
};

export interface Target {
  /** Before relabelling. */
  discovered: Labels;
  /** After relabelling, those that start with `__` included. */
  all: Labels;
  /** What every sample of the target gets. */
  labels: Labels;
  location: TargetUrl;
  /** The location as text. */
  url: string;
  intervalMs: number;
  timeoutMs: number;
  histograms: HistogramOptions;
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
        const target = populateTarget(config, found, group.labels);
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
  fallback(CONVERT_CLASSIC, String(config.convert_classic_histograms_to_nhcb ?? false));
  fallback(ALWAYS_SCRAPE_CLASSIC, String(config.always_scrape_classic_histograms ?? false));
  fallback(SCRAPE_NATIVE, String(config.scrape_native_histograms ?? false));
  for (const [name, values] of Object.entries(config.params ?? {}))
    if (values.length > 0) fallback(`__param_${name}`, values[0]);
  return labels;
}

/** A target before and after relabelling (`PopulateLabels`). @throws Error with upstream's text */
export function populateTarget(
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
  const histograms = histogramOptions(labels, config);
  for (const [name, value] of labels) {
    if (name.startsWith("__meta_")) labels.delete(name);
    else if (!isValidLabelValue(value))
      throw new Error(`invalid label value for ${quoteGo(name)}: ${quoteGo(value)}`);
  }
  if (!labels.has("instance")) labels.set("instance", address);
  const all = Labels.of(labels);
  const shown = all.keep(new Set([...labels.keys()].filter((name) => !name.startsWith("__"))));
  const location = targetUrl(config, all);
  const url = urlText(location);
  return { discovered, all, labels: shown, location, url, intervalMs, timeoutMs, histograms };
}

function histogramOptions(labels: ReadonlyMap<string, string>, config: ScrapeConfig): HistogramOptions {
  const read = (label: string, what: string, preset = false) => {
    const text = labels.get(label) ?? "";
    if (text === "") return preset;
    if (!Object.hasOwn(BOOLEANS, text))
      throw new Error(`error parsing ${what}: strconv.ParseBool: parsing ${quoteGo(text)}: invalid syntax`);
    return BOOLEANS[text];
  };
  return {
    convertClassic: read(
      CONVERT_CLASSIC,
      "convert classic histograms to nhcb",
      config.convert_classic_histograms_to_nhcb,
    ),
    alwaysScrapeClassic: read(
      ALWAYS_SCRAPE_CLASSIC,
      "always scrape classic histograms",
      config.always_scrape_classic_histograms,
    ),
    scrapeNative: read(SCRAPE_NATIVE, "scrape native histograms", config.scrape_native_histograms),
  };
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
