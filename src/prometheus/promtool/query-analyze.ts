/** `promtool query analyze`: how many buckets of histograms are in use (`cmd/promtool/analyze.go` of Prometheus 3.14). */
import type { CliCommand } from "../../base/machine.ts";
import { formatGoDuration, parseGoDuration } from "../../model/go-duration.ts";
import { parseTime } from "../api/api-request.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { ApiQueryError, apiTime, askApi } from "./api-query.ts";
import { parseToolArguments, UsageProblem } from "./arguments.ts";
import { labelSetText, metricText, type QueryData, type Row } from "./query-result.ts";
import { HTTP_CONFIG_FLAG, serverClient } from "./server-client.ts";

const HEADER = `Bucket stats for each histogram series over time
------------------------------------------------
First the min, avg, and max number of populated buckets, followed by the total
number of buckets (only if different from the max number of populated buckets
which is typical for classic but not native histograms).
`;
const FOOTER = `Aggregated bucket stats
-----------------------
Each line shows min/avg/max over the series above.
`;

/** Of one histogram, over its samples: how many buckets count something, and how many there are at all. */
export interface BucketStatistics {
  min: number;
  avg: number;
  max: number;
  total: number;
}

export const queryAnalyze: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: [HTTP_CONFIG_FLAG, "format", "server", "type", "duration", "time", "match"],
    repeated: ["match"],
    requiredFlags: ["server", "type", "match"],
  });
  const type = given.text("type");
  const durationMs = durationOf(given.text("duration", "1h"));
  if (type !== "histogram") throw new ConfigError(`analyze type is ${type}, must be 'histogram'`);
  const client = await serverClient(given.text("server"), given, machine);
  const timeMs = timeOf(given.text("time"), machine.clock.now());
  const native = new Distributions();
  const classic = new Distributions();
  machine.print(`${HEADER}\n`);
  for (const match of given.list("match")) {
    const parameters: [string, string][] = [
      ["query", `${match}[${formatGoDuration(durationMs)}]`],
      ["time", apiTime(timeMs)],
    ];
    const rows = rowsOf((await asked(client, parameters)) as QueryData);
    for (const row of rows) {
      const statistics = nativeStatistics(row);
      if (statistics === undefined) continue;
      machine.print(`- ${metricText(row.metric)} (native): ${statisticsText(statistics)}\n`);
      native.add(statistics);
    }
    for (const [name, buckets] of classicHistograms(rows)) {
      const statistics = classicStatistics(buckets);
      if (statistics === undefined) continue;
      machine.print(`- ${name} (classic): ${statisticsText(statistics)}\n`);
      classic.add(statistics);
    }
  }
  machine.print(`\n${FOOTER}`);
  if (native.count > 0) machine.print(`\nNative ${native}\n`);
  if (classic.count > 0) machine.print(`\nClassic ${classic}\n`);
  return 0;
};

function durationOf(text: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

function timeOf(text: string, now: number): number {
  if (text === "") return now;
  try {
    return parseTime(text);
  } catch (error) {
    throw new ConfigError(`error parsing time '${text}': ${(error as Error).message}`);
  }
}

/** @throws ConfigError */
async function asked(client: Parameters<typeof askApi>[0], parameters: [string, string][]): Promise<unknown> {
  try {
    return (await askApi(client, { path: "query", parameters })).data;
  } catch (error) {
    if (!(error instanceof ApiQueryError)) throw error;
    throw new ConfigError(error.message);
  }
}

function rowsOf({ resultType, result }: QueryData): Row[] {
  if (resultType !== "matrix") throw new ConfigError("query of buckets resulted in non-Matrix");
  return result as Row[];
}

/** Undefined for what is no native histogram, or too little of one. */
export function nativeStatistics({ values = [], histograms = [] }: Row): BucketStatistics | undefined {
  if (values.length > 0 || histograms.length < 2) return undefined;
  const counts = histograms.map(([, { buckets = [] }]) => buckets.length);
  const bounds = histograms.flatMap(([, { buckets = [] }]) =>
    buckets.map(([boundaries, lower, upper]) => `${boundaries} ${lower} ${upper}`),
  );
  return { ...spread(counts), total: new Set(bounds).size };
}

/** The series of each classic histogram, by its name and labels without `le`. */
function classicHistograms(rows: readonly Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const { __name__: name = "", le, ...rest } = row.metric;
    if ((row.values ?? []).length === 0 || le === undefined || !name.endsWith("_bucket")) continue;
    const key = name + labelSetText(rest);
    const known = found.get(key);
    if (known === undefined) found.set(key, [row]);
    else known.push(row);
  }
  return found;
}

/** Undefined for fewer than two samples. @throws ConfigError when the buckets' samples are of different times */
export function classicStatistics(rows: readonly Row[]): BucketStatistics | undefined {
  if ((rows[0]?.values ?? []).length < 2) return undefined;
  const bound = ({ metric }: Row) => Number(metric.le.replace("Inf", "Infinity"));
  const sorted = [...rows].sort((a, b) => bound(a) - bound(b) || 0);
  const populated = sorted[0].values!.map((_, at) => populatedAt(sorted, at));
  return { ...spread(populated), total: rows.length };
}

/** How many buckets count something at one sample; buckets that have ended by then count nothing. */
function populatedAt(rows: readonly Row[], at: number): number {
  let count = 0;
  for (const [i, { values = [] }] of rows.entries()) {
    const point = values[at];
    if (point === undefined) return count;
    const previous = i === 0 ? undefined : rows[i - 1].values![at];
    if (previous !== undefined && previous[0] !== point[0])
      throw new ConfigError("matrix result is not time aligned");
    if (Math.trunc(Number(point[1]) - Number(previous?.[1] ?? 0)) !== 0) count++;
  }
  return count;
}

function spread(counts: readonly number[]): Omit<BucketStatistics, "total"> {
  const sum = counts.reduce((total, count) => total + count, 0);
  return { min: Math.min(...counts), avg: sum / counts.length, max: Math.max(...counts) };
}

function statisticsText({ min, avg, max, total }: BucketStatistics): string {
  return `${min}/${avg.toFixed(3)}/${max}${max === total ? "" : `/${total}`}`;
}

/** What many histograms have in common. */
class Distributions {
  readonly #all: BucketStatistics[] = [];

  get count(): number {
    return this.#all.length;
  }

  add(statistics: BucketStatistics): void {
    this.#all.push(statistics);
  }

  toString(): string {
    const line = (pick: (statistics: BucketStatistics) => number) => {
      const { min, avg, max } = spread(this.#all.map(pick));
      return `${min}/${avg.toFixed(3)}/${max}`;
    };
    const [highest, total] = [line(({ max }) => max), line((each) => each.total)];
    return [
      `histogram series (${this.count} in total):`,
      `- min populated: ${line(({ min }) => min)}`,
      `- avg populated: ${line(({ avg }) => Math.trunc(avg))}`,
      `- max populated: ${highest}`,
      ...(highest === total ? [] : [`- total: ${total}`]),
    ].join("\n");
  }
}
