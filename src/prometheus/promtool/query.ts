/** `promtool query instant|range|series|labels`: asks a server (`cmd/promtool/query.go` of Prometheus 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { parseTime } from "../api/api-request.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { ApiQueryError, type ApiQuestion, apiTime, askApi } from "./api-query.ts";
import { parseToolArguments, type ToolArguments, UsageProblem } from "./arguments.ts";
import { keyValues } from "./create-blocks.ts";
import {
  goJson,
  labelSetText,
  type QueryData,
  resultJson,
  resultText,
  sortedMetric,
} from "./query-result.ts";
import { HTTP_CONFIG_FLAG, serverClient } from "./server-client.ts";

const HOUR_MS = 3_600_000;
/** Without a start or an end, series and label values are asked for so far before and after now. */
const SPAN_MS = 9999 * HOUR_MS;
/** Without a step, some so many points are asked for. */
const POINTS = 250;

const SERVER = { values: ["format", HTTP_CONFIG_FLAG], required: ["server"] };

/** @throws ConfigError with upstream's words */
async function ask(
  machine: Machine,
  given: ToolArguments,
  question: ApiQuestion,
): Promise<ReturnType<typeof askApi>> {
  const client = await serverClient(given.rest[0], given, machine);
  try {
    return await askApi(client, question);
  } catch (error) {
    if (!(error instanceof ApiQueryError)) throw error;
    const detail = error.detail === "" ? "" : ` (detail: ${error.detail})`;
    throw new ConfigError(`query error: ${error.message}${detail}`);
  }
}

/** Of text as the API reads it, what it is named `evaluation`, `start` or `end`. @throws ConfigError */
export function timeOf(text: string, what: string): number {
  try {
    return parseTime(text);
  } catch (error) {
    throw new ConfigError(`error parsing ${what} time: ${(error as Error).message}`);
  }
}

/** @throws UsageProblem */
function isJson(given: ToolArguments): boolean {
  const format = given.text("format", "promql");
  if (format !== "json" && format !== "promql")
    throw new UsageProblem(`enum value must be one of promql,json, got '${format}'`);
  return format === "json";
}

function printData(machine: Machine, given: ToolArguments, data: unknown): void {
  machine.print(`${isJson(given) ? resultJson(data as QueryData) : resultText(data as QueryData)}\n`);
}

export const queryInstant: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [...SERVER.values, "time", "header"],
    repeated: ["header"],
    required: ["server", "expr"],
  });
  isJson(given);
  const [, expression] = given.rest;
  const time = given.text("time");
  const timeMs = time === "" ? machine.clock.now() : timeOf(time, "evaluation");
  const parameters: [string, string][] = [
    ["query", expression],
    ["time", apiTime(timeMs)],
  ];
  const { data } = await ask(machine, given, {
    path: "query",
    parameters,
    headers: keyValues(given.list("header")),
  });
  printData(machine, given, data);
  return 0;
};

export const queryRange: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [...SERVER.values, "start", "end", "step", "header"],
    repeated: ["header"],
    required: ["server", "expr"],
  });
  isJson(given);
  const [, expression] = given.rest;
  const [start, end, step] = ["start", "end", "step"].map((name) => given.text(name));
  let stepMs = step === "" ? 0 : stepOf(step);
  const endMs = end === "" ? machine.clock.now() : timeOf(end, "end");
  const startMs = start === "" ? endMs - 5 * 60_000 : timeOf(start, "start");
  if (startMs >= endMs) throw new ConfigError("start time is not before end time");
  if (stepMs === 0) stepMs = Math.max(Math.floor((endMs - startMs) / 1000 / POINTS), 1) * 1000;
  const parameters: [string, string][] = [
    ["query", expression],
    ["start", apiTime(startMs)],
    ["end", apiTime(endMs)],
    ["step", apiTime(stepMs)],
  ];
  const { data } = await ask(machine, given, {
    path: "query_range",
    parameters,
    headers: keyValues(given.list("header")),
  });
  printData(machine, given, data);
  return 0;
};

function stepOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

/** The parameters that series and label values have in common. */
function rangeParameters(given: ToolArguments, { clock }: Machine): [string, string][] {
  const [start, end] = ["start", "end"].map((name) => given.text(name));
  return [
    ["start", apiTime(start === "" ? clock.now() - SPAN_MS : timeOf(start, "start"))],
    ["end", apiTime(end === "" ? clock.now() + SPAN_MS : timeOf(end, "end"))],
    ...given.list("match").map((text): [string, string] => ["match[]", text]),
  ];
}

export const querySeries: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [...SERVER.values, "match", "start", "end"],
    repeated: ["match"],
    requiredFlags: ["match"],
    required: SERVER.required,
  });
  const parameters = rangeParameters(given, machine);
  const { data } = await ask(machine, given, { path: "series", parameters });
  const series = data as Record<string, string>[];
  if (isJson(given)) machine.print(`${goJson(series.map(sortedMetric))}\n`);
  else for (const labels of series) machine.print(`${labelSetText(labels)}\n`);
  return 0;
};

export const queryLabels: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [...SERVER.values, "match", "start", "end"],
    repeated: ["match"],
    required: ["server", "name"],
  });
  const [, name] = given.rest;
  const parameters = rangeParameters(given, machine);
  const path = `label/${encodeURIComponent(name)}/values`;
  const { data, warnings = [] } = await ask(machine, given, { path, parameters, isGet: true });
  for (const warning of warnings) machine.printError(`query warning: ${warning}\n`);
  const values = data as string[];
  if (isJson(given)) machine.print(`${goJson(values)}\n`);
  else for (const value of values) machine.print(`${value}\n`);
  return 0;
};
