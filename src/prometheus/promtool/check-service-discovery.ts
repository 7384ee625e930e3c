/** `promtool check service-discovery`: what discovery finds for a job, and what relabelling makes of it (`sd.go`). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { Labels } from "../../model/labels.ts";
import { loadConfigFile, scrapeConfigsOf } from "../config/load-config.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { DiscoveryManager } from "../discovery/discovery-manager.ts";
import { DiscoveryMetrics } from "../discovery/discovery-metrics.ts";
import type { TargetGroup } from "../discovery/target-group.ts";
import { initialLabels, populateTarget } from "../scrape/target.ts";
import { parseToolArguments, requireFiles, UsageProblem } from "./arguments.ts";
import { goJson } from "./query-result.ts";

/** As upstream's command marshals a target; an error is told by its being there. */
interface FoundTarget {
  discoveredLabels: Record<string, string>;
  labels: Record<string, string>;
  error?: object;
}

export const checkServiceDiscovery: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: ["timeout", "query.lookback-delta"],
    required: ["config-file", "job"],
  });
  const [file, job] = given.rest;
  await requireFiles([file], machine);
  const timeoutMs = timeoutOf(given.text("timeout", "30s"));
  const configs = await configsOf(file, machine);
  const config = configs.find((each) => each.job_name === job);
  if (config === undefined) {
    const names = configs.map((each) => `\t${each.job_name}\n`);
    machine.printError(`Job ${job} not found. Select one of:\n${names.join("")}`);
    return 1;
  }
  const groups = await discover(config, timeoutMs, machine);
  machine.print(goJson(foundTargets(config, groups), 2));
  return 0;
};

function timeoutOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

/** @throws ConfigError */
async function configsOf(file: string, { disk, env, log }: Machine): Promise<ScrapeConfig[]> {
  let stage = "config";
  try {
    const config = await loadConfigFile(file, { disk, env, log });
    stage = "scrape configs";
    return await scrapeConfigsOf(config, disk);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`Cannot load ${stage} ${error.message}`);
  }
}

/** What there is when the time is over: nobody can say earlier that there will be no more. */
async function discover(config: ScrapeConfig, timeoutMs: number, machine: Machine): Promise<TargetGroup[]> {
  let found: TargetGroup[] = [];
  const system = { ...machine, metrics: new DiscoveryMetrics(machine.clock) };
  const manager = new DiscoveryManager("scrape", system, machine.log, (_, groups) => (found = groups));
  manager.reload(new Map([[config.job_name, config]]));
  await machine.clock.sleep(timeoutMs, machine.signal);
  manager.stop();
  return found;
}

/** Of the targets of one group each different one. */
export function foundTargets(config: ScrapeConfig, groups: readonly TargetGroup[]): FoundTarget[] {
  return groups.flatMap((group) => {
    const distinct = new Map<string, FoundTarget>();
    for (const found of group.targets) {
      const target = foundTarget(config, found, group.labels);
      distinct.set(JSON.stringify(target), target);
    }
    return [...distinct.values()];
  });
}

function foundTarget(
  config: ScrapeConfig,
  found: Readonly<Record<string, string>>,
  groupLabels: Readonly<Record<string, string>>,
): FoundTarget {
  const discoveredLabels = objectOf(Labels.of(initialLabels(config, found, groupLabels)));
  try {
    const target = populateTarget(config, found, groupLabels);
    return { discoveredLabels, labels: "all" in target ? objectOf(target.all) : {} };
  } catch {
    return { discoveredLabels, labels: {}, error: {} };
  }
}

function objectOf(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels);
}
