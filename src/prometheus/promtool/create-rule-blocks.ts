/**
 * `promtool tsdb create-blocks-from rules`: what recording rules would have recorded, from a server's answers
 * (`cmd/promtool/rules.go` of Prometheus 3.14). Alerting rules are left out, as upstream's documentation says.
 */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { Labels } from "../../model/labels.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { slotBefore, slotOffsetMs } from "../rules/evaluation-slot.ts";
import { parseRuleFile, type RuleConfig, RuleFileError, type RuleGroupConfig } from "../rules/rule-file.ts";
import { ApiQueryError, apiTime, askApi } from "./api-query.ts";
import { parseToolArguments, requireFiles, type ToolArguments, UsageProblem } from "./arguments.ts";
import { type BlockSample, compatibleBlockMs, makeBlock } from "./block-maker.ts";
import { parserOf } from "./check-rules.ts";
import { DEFAULT_SERVER } from "./check-server.ts";
import { blockDuration } from "./create-blocks.ts";
import { timeOf } from "./query.ts";
import type { QueryData, Row } from "./query-result.ts";
import { HTTP_CONFIG_FLAG, type ServerClient, serverClient } from "./server-client.ts";
import { DEFAULT_DIRECTORY } from "./tsdb-blocks.ts";

/** Without an end, rules are evaluated up to so long before now: what is younger may still be in the head. */
const RECENT_MS = 3 * 3_600_000;

interface Import {
  client: ServerClient;
  directory: string;
  startMs: number;
  endMs: number;
  blockMs: number;
}

interface Group {
  config: RuleGroupConfig;
  file: string;
  intervalMs: number;
}

export const createRuleBlocks: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [HTTP_CONFIG_FLAG, "url", "start", "end", "output-dir", "eval-interval", "max-block-duration"],
    switches: ["quiet", "human-readable"],
    requiredFlags: ["start"],
    required: ["rule-files"],
    optional: Number.POSITIVE_INFINITY,
  });
  await requireFiles(given.rest, machine);
  const intervalMs = intervalOf(given.text("eval-interval", "60s"));
  const blockMs = compatibleBlockMs(blockDuration(given));
  const client = await serverClient(given.text("url", DEFAULT_SERVER), given, machine);
  const { startMs, endMs } = spanOf(given, machine);
  machine.log.info("new rule importer", {
    component: "backfiller",
    start: new Date(startMs).toISOString(),
    end: new Date(endMs).toISOString(),
  });
  const groups = await groupsOf(given, intervalMs, machine);
  const directory = given.text("output-dir", DEFAULT_DIRECTORY).replace(/(?<=.)\/+$/, "");
  await machine.disk.makeDirectory(directory);
  const errors = await importAll(groups, { client, directory, startMs, endMs, blockMs }, machine);
  for (const error of errors) machine.printError(`rule importer error: ${error}\n`);
  if (errors.length > 0) throw new ConfigError("error importing rules");
  return 0;
};

function intervalOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

function spanOf(given: ToolArguments, { clock }: Machine): { startMs: number; endMs: number } {
  const end = given.text("end");
  const endMs = end === "" ? clock.now() - RECENT_MS : timeOf(end, "end");
  const startMs = timeOf(given.text("start"), "start");
  if (startMs >= endMs) throw new ConfigError("start time is not before end time");
  return { startMs, endMs };
}

/** @throws ConfigError for a file that is no rule file */
async function groupsOf(given: ToolArguments, intervalMs: number, { disk }: Machine): Promise<Group[]> {
  const groups: Group[] = [];
  for (const file of given.rest) {
    try {
      const text = new TextDecoder().decode(await disk.readFile(file));
      for (const config of parseRuleFile(text, { parser: parserOf(given) }))
        groups.push({ config, file, intervalMs: config.interval || intervalMs });
    } catch (error) {
      if (!(error instanceof RuleFileError)) throw error;
      throw new ConfigError(`rule importer parse error: ${file}: ${error.problems[0]}`);
    }
  }
  return groups;
}

/** The errors of the rules that could not be imported; the others are. */
async function importAll(groups: readonly Group[], task: Import, machine: Machine): Promise<string[]> {
  const errors: string[] = [];
  for (const group of groups) {
    machine.log.info("processing group", { component: "backfiller", name: group.config.name });
    for (const rule of group.config.rules) {
      if (rule.record === "") continue;
      machine.log.info("processing rule", { component: "backfiller", name: rule.record });
      try {
        await importRule(rule, group, task, machine);
      } catch (error) {
        if (!(error instanceof ApiQueryError || error instanceof ConfigError)) throw error;
        errors.push(error instanceof ApiQueryError ? `query range: ${error.message}` : error.message);
      }
    }
  }
  return errors;
}

/** Block by block, since a block may hold samples of its own span only. */
async function importRule(rule: RuleConfig, group: Group, task: Import, machine: Machine): Promise<void> {
  const { client, directory, blockMs } = task;
  const labels = { ...group.config.labels, ...rule.labels, __name__: rule.record };
  const [startMs, endMs] = [task.startMs, task.endMs].map((timeMs) => Math.floor(timeMs / 1000) * 1000);
  const { file, intervalMs } = group;
  const offsetMs = slotOffsetMs({ name: group.config.name, file, intervalMs });
  for (let blockStart = Math.floor(startMs / blockMs) * blockMs; blockStart <= endMs; blockStart += blockMs) {
    const from = Math.max(blockStart, startMs);
    // The last whole second of the block.
    const until = Math.min(blockStart + blockMs - 1000, endMs);
    let slot = Math.round(slotBefore(offsetMs, intervalMs, from));
    while (Math.floor(slot / 1000) * 1000 < from) slot += intervalMs;
    if (until < slot) break;
    const parameters: [string, string][] = [
      ["query", rule.expr],
      ["start", apiTime(slot)],
      ["end", apiTime(until)],
      ["step", apiTime(intervalMs)],
    ];
    const { data, warnings } = await askApi(client, { path: "query_range", parameters });
    if (warnings !== undefined) machine.log.warn("Range query returned warnings.", { warnings });
    await makeBlock(directory, samplesOf(data as QueryData, labels), 2 * blockMs, machine);
  }
}

/** The rule's labels win over those of the answer. @throws ConfigError for an answer that is no matrix */
function samplesOf({ resultType, result }: QueryData, labels: Record<string, string>): BlockSample[] {
  if (resultType !== "matrix") throw new ConfigError(`rule result is wrong type ${resultType}`);
  return (result as Row[]).flatMap(({ metric, values = [] }) => {
    const all = Labels.of({ ...metric, ...labels });
    return values.map(([time, value]) => ({
      labels: all,
      timestampMs: Math.round(time * 1000),
      value: Number(value.replace("Inf", "Infinity")),
    }));
  });
}
