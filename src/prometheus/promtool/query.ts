/** `promtool query instant|range|series|labels`: asks a server. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { parseDuration } from "../config/units.ts";
import { parseToolArguments } from "./arguments.ts";

/** An answer may measure so much. */
export const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

interface Answer {
  status: string;
  error?: string;
  warnings?: string[];
  data: unknown;
}

async function ask(
  machine: Machine,
  server: string,
  path: string,
  parameters: [string, string][],
): Promise<Answer> {
  const url = /^https?:\/\//.test(server) ? server.replace(/\/$/, "") : `http://${server}`;
  const response = await machine.network.fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(parameters).toString(),
  });
  const answer = JSON.parse(await response.text(MAX_ANSWER_BYTES)) as Answer;
  if (answer.status !== "success") throw new ConfigError(`query error: ${answer.error}`);
  for (const warning of answer.warnings ?? []) machine.log.warn(warning);
  return answer;
}

function required(rest: string[], count: number, usage: string): void {
  if (rest.length < count) throw new ConfigError(`usage: promtool query ${usage}`);
}

interface Row {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
  histogram?: unknown;
}

/** `name{label="value"}`. */
export function seriesText(labels: Labels): string {
  const rest = labels.without(new Set([METRIC_NAME]));
  const pairs = Array.from(rest, ([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${labels.get(METRIC_NAME)}${pairs.length === 0 && labels.has(METRIC_NAME) ? "" : `{${pairs.join(", ")}}`}`;
}

function printResult(machine: Machine, data: { resultType: string; result: unknown }, format: string): void {
  if (format === "json") {
    machine.print(`${JSON.stringify(data.result)}\n`);
    return;
  }
  if (data.resultType === "scalar" || data.resultType === "string") {
    const [time, value] = data.result as [number, string];
    machine.print(data.resultType === "scalar" ? `scalar: ${value} @[${time}]\n` : `${value}\n`);
    return;
  }
  for (const { metric, value, values } of data.result as Row[]) {
    const name = seriesText(Labels.of(metric));
    if (value !== undefined) machine.print(`${name} => ${value[1]} @[${value[0]}]\n`);
    else
      machine.print(`${name} =>\n${(values ?? []).map(([time, each]) => `${each} @[${time}]`).join("\n")}\n`);
  }
}

export const queryInstant: CliCommand = async (args, machine) => {
  const { rest, text } = parseToolArguments(args, ["o", "format", "time"]);
  required(rest, 2, "instant URL EXPRESSION");
  const time = text("time");
  const { data } = await ask(machine, rest[0], "query", [
    ["query", rest[1]],
    ...(time === "" ? [] : [["time", time] as [string, string]]),
  ]);
  printResult(machine, data as { resultType: string; result: unknown }, text("o", text("format", "promql")));
  return 0;
};

export const queryRange: CliCommand = async (args, machine) => {
  const { rest, text } = parseToolArguments(args, ["o", "format", "start", "end", "step"]);
  required(rest, 2, "range URL EXPRESSION");
  const end = text("end", String(machine.clock.now() / 1000));
  const start = text("start", String(Number(end) - 300));
  const spanSeconds = Number(end) - Number(start);
  // As upstream: some 250 points when nobody says more.
  const step =
    text("step") === "" ? Math.max(Math.floor(spanSeconds / 250), 1) : parseDuration(text("step")) / 1000;
  const { data } = await ask(machine, rest[0], "query_range", [
    ["query", rest[1]],
    ["start", start],
    ["end", end],
    ["step", String(step)],
  ]);
  printResult(machine, data as { resultType: string; result: unknown }, text("o", text("format", "promql")));
  return 0;
};

export const querySeries: CliCommand = async (args, machine) => {
  const { rest, text, list } = parseToolArguments(args, ["match", "start", "end"]);
  required(rest, 1, "series --match=SELECTOR URL");
  const parameters = list("match").map((each): [string, string] => ["match[]", each]);
  for (const name of ["start", "end"]) if (text(name) !== "") parameters.push([name, text(name)]);
  const { data } = await ask(machine, rest[0], "series", parameters);
  for (const labels of data as Record<string, string>[]) machine.print(`${seriesText(Labels.of(labels))}\n`);
  return 0;
};

export const queryLabels: CliCommand = async (args, machine) => {
  const { rest, list } = parseToolArguments(args, ["match", "start", "end"]);
  required(rest, 2, "labels URL NAME");
  const server = /^https?:\/\//.test(rest[0]) ? rest[0].replace(/\/$/, "") : `http://${rest[0]}`;
  const query = new URLSearchParams(list("match").map((each): [string, string] => ["match[]", each]));
  const response = await machine.network.fetch(
    `${server}/api/v1/label/${encodeURIComponent(rest[1])}/values?${query}`,
  );
  const answer = JSON.parse(await response.text(MAX_ANSWER_BYTES)) as Answer;
  if (answer.status !== "success") throw new ConfigError(`query error: ${answer.error}`);
  for (const value of answer.data as string[]) machine.print(`${value}\n`);
  return 0;
};
