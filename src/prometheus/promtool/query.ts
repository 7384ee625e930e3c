/** `promtool query instant|range|series|labels`: asks a server (`cmd/promtool/query.go` of Prometheus 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import type { FetchResponse } from "../../base/network.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { parseTime } from "../api/api-request.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { parseToolArguments, type ToolArguments, UsageProblem } from "./arguments.ts";
import {
  goJson,
  labelSetText,
  type QueryData,
  resultJson,
  resultText,
  sortedMetric,
} from "./query-result.ts";

/** An answer may measure so much. */
export const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

const HOUR_MS = 3_600_000;
/** Without a start or an end, series and label values are asked for so far before and after now. */
const SPAN_MS = 9999 * HOUR_MS;
/** Without a step, some so many points are asked for. */
const POINTS = 250;

const SERVER = { values: ["format", "http.config.file"], required: ["server"] };

interface Answer {
  status: string;
  errorType?: string;
  error?: string;
  warnings?: string[];
  data: unknown;
}

interface Question {
  path: string;
  parameters: [string, string][];
  /** By GET, rather than POST with GET where the server doesn't take that. */
  isGet?: boolean;
  headers?: Record<string, string>;
}

/** @throws ConfigError with upstream's words */
async function ask(machine: Machine, server: string, question: Question): Promise<Answer> {
  const { path, parameters, isGet = false, headers = {} } = question;
  const base = /^[a-z]+:\/\//i.test(server) ? server.replace(/\/$/, "") : `http:${server.replace(/\/$/, "")}`;
  const url = `${base}/api/v1/${path}`;
  const query = new URLSearchParams(parameters).toString();
  let response: FetchResponse | undefined;
  try {
    if (!isGet) {
      const type = { "content-type": "application/x-www-form-urlencoded" };
      response = await machine.network.fetch(url, {
        method: "POST",
        headers: { ...type, ...headers },
        body: query,
      });
    }
    if (response === undefined || response.status === 405 || response.status === 501) {
      response = await machine.network.fetch(query === "" ? url : `${url}?${query}`, { headers });
    }
    return answerOf(response.status, await response.text(MAX_ANSWER_BYTES));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const problem = (error as Error).message.replace(
      /^connect ECONNREFUSED (\S+)$/,
      "dial tcp $1: connect: connection refused",
    );
    throw new ConfigError(`query error: ${isGet ? "Get" : "Post"} "${url}": ${problem}`);
  }
}

function answerOf(status: number, body: string): Answer {
  const isApiError = status === 400 || status === 422;
  if (Math.floor(status / 100) !== 2 && !isApiError) {
    const kind = status >= 500 ? "server" : "client";
    const detail = body.trim() === "" ? "" : ` (detail: ${body.trim()})`;
    throw new ConfigError(`query error: ${kind}_error: ${kind} error: ${status}${detail}`);
  }
  let answer: Answer;
  try {
    answer = JSON.parse(body) as Answer;
  } catch (error) {
    throw new ConfigError(`query error: bad_response: ${(error as Error).message}`);
  }
  if (isApiError && answer.status === "error")
    throw new ConfigError(`query error: ${answer.errorType}: ${answer.error}`);
  if (isApiError || answer.status !== "success")
    throw new ConfigError("query error: bad_response: inconsistent body for response code");
  return answer;
}

/** @throws ConfigError */
function timeOf(text: string, what: string): number {
  try {
    return parseTime(text);
  } catch (error) {
    throw new ConfigError(`error parsing ${what} time: ${(error as Error).message}`);
  }
}

function seconds(timeMs: number): string {
  return String(timeMs / 1000);
}

/** `--header key=value`. */
function headersOf(given: ToolArguments): Record<string, string> {
  return Object.fromEntries(
    given.list("header").map((text) => {
      const match = /^([^=:]*)[=:](.*)$/s.exec(text);
      if (match === null) throw new UsageProblem(`expected KEY=VALUE got '${text}'`);
      return [match[1], match[2]];
    }),
  );
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
  const [server, expression] = given.rest;
  const time = given.text("time");
  const timeMs = time === "" ? machine.clock.now() : timeOf(time, "evaluation");
  const parameters: [string, string][] = [
    ["query", expression],
    ["time", seconds(timeMs)],
  ];
  const { data } = await ask(machine, server, { path: "query", parameters, headers: headersOf(given) });
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
  const [server, expression] = given.rest;
  const [start, end, step] = ["start", "end", "step"].map((name) => given.text(name));
  let stepMs = step === "" ? 0 : stepOf(step);
  const endMs = end === "" ? machine.clock.now() : timeOf(end, "end");
  const startMs = start === "" ? endMs - 5 * 60_000 : timeOf(start, "start");
  if (startMs >= endMs) throw new ConfigError("start time is not before end time");
  if (stepMs === 0) stepMs = Math.max(Math.floor((endMs - startMs) / 1000 / POINTS), 1) * 1000;
  const parameters: [string, string][] = [
    ["query", expression],
    ["start", seconds(startMs)],
    ["end", seconds(endMs)],
    ["step", seconds(stepMs)],
  ];
  const { data } = await ask(machine, server, { path: "query_range", parameters, headers: headersOf(given) });
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
    ["start", seconds(start === "" ? clock.now() - SPAN_MS : timeOf(start, "start"))],
    ["end", seconds(end === "" ? clock.now() + SPAN_MS : timeOf(end, "end"))],
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
  const { data } = await ask(machine, given.rest[0], { path: "series", parameters });
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
  const [server, name] = given.rest;
  const parameters = rangeParameters(given, machine);
  const path = `label/${encodeURIComponent(name)}/values`;
  const { data, warnings = [] } = await ask(machine, server, { path, parameters, isGet: true });
  for (const warning of warnings) machine.printError(`query warning: ${warning}\n`);
  const values = data as string[];
  if (isJson(given)) machine.print(`${goJson(values)}\n`);
  else for (const value of values) machine.print(`${value}\n`);
  return 0;
};
