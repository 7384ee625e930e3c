/**
 * Generated queries over generated data, asked of ours and of the real Prometheus, which reads the data from a
 * directory that our store wrote. Skipped where no Prometheus is installed. PROMQL_SEED chooses the queries, PROMQL_COUNT
 * how many, PROMQL_PEER whom else to ask.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { createHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { histogramJson } from "../api/query-json.ts";
import { openTsdb } from "../tsdb/mod.ts";
import { Engine, MemoryQueryable, QueryError, type RangeResult } from "./mod.ts";

const ADDRESS = "127.11.0.1";
/** The newest first. */
const BINARIES = ["/usr/local/bin/prometheus", "/usr/bin/prometheus"];
const BINARY = process.env.PROMQL_PEER ?? BINARIES.find((path) => existsSync(path));
const SEED = Number(process.env.PROMQL_SEED ?? 1);
const COUNT = Number(process.env.PROMQL_COUNT ?? 600);
/** Off the round times of queries, so that no sample lies on the edge of a range: Prometheus 3 moved that edge. */
const START_MS = Date.UTC(2026, 0, 5) + 137;
const INTERVAL_MS = 15_000;
const SAMPLES = 240;
const TOLERANCE = 1e-9;
const FEATURES = [
  "promql-experimental-functions",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
  "native-histograms",
].join(",");

type Next = (below: number) => number;

/** Counters with resets, gauges with gaps and NaN, buckets that only grow. */
function generateData(
  next: Next,
  isLegacy: boolean,
): { labels: Labels; points: { timestampMs: number; value: number }[] }[] {
  const series: ReturnType<typeof generateData> = [];
  const add = (labels: Record<string, string>, value: (i: number) => number | undefined) => {
    const points = [];
    for (let i = 0; i < SAMPLES; i++) {
      const sample = value(i);
      if (sample === undefined) continue;
      points.push({ timestampMs: START_MS + i * INTERVAL_MS + next(40), value: sample });
    }
    series.push({ labels: Labels.of(labels), points });
  };
  for (const job of ["api", "db"]) {
    for (let pod = 0; pod < 3; pod++) {
      const labels = { job, pod: `${job}-${pod}`, zone: pod % 2 === 0 ? "a" : "b" };
      let count = 5000 + next(1000);
      const resetAt = isLegacy ? -1 : next(2 * SAMPLES);
      add(
        { __name__: "requests_total", ...labels },
        (i) => (count = i === resetAt ? next(5) : count + next(50)),
      );
      let errors = isLegacy ? 1000 : 0;
      add({ __name__: "errors_total", ...labels }, () => (errors += next(3)));
      const gapAt = next(SAMPLES);
      add({ __name__: "temperature", ...labels }, (i) =>
        i >= gapAt && i < gapAt + 40 ? undefined : next(20) === 0 ? Number.NaN : next(10_000) / 100 - 30,
      );
      add({ __name__: "up", ...labels }, () => (next(10) === 0 ? 0 : 1));
      add({ __name__: "node_info", ...labels, node: `n${next(3)}`, version: `v${pod}` }, () => 1);
      const totals = new Map<string, number>();
      // Prometheus 3 extrapolates otherwise near zero.
      const base = isLegacy ? 1000 : 0;
      const counts = Array.from({ length: SAMPLES }, () => [next(9), next(5), next(3)]);
      ["0.1", "1", "+Inf"].forEach((le, bucket) => {
        add({ __name__: "latency_bucket", le, ...labels }, (i) => {
          const grown = counts[i]
            .slice(0, bucket + 1)
            .reduce((sum, one) => sum + one, totals.get(le) ?? base);
          totals.set(le, grown);
          return grown;
        });
      });
    }
  }
  return series;
}

/** Native histograms whose buckets only grow. */
function generateHistograms(next: Next) {
  return ["api-0", "api-1", "db-0"].map((pod) => {
    const counts = [1, 0, 2, 1];
    const points = Array.from({ length: SAMPLES }, (_, i) => {
      for (let bucket = 0; bucket < counts.length; bucket++) counts[bucket] += next(4);
      const count = counts.reduce((sum, each) => sum + each, 0);
      const positiveSpans = [{ offset: 0, length: counts.length }];
      const histogram = createHistogram({
        schema: 0,
        count,
        sum: count * 1.5,
        positiveSpans,
        positiveBuckets: [...counts],
      });
      return { timestampMs: START_MS + i * INTERVAL_MS, value: Number.NaN, histogram };
    });
    return { labels: Labels.of({ __name__: "sizes", job: pod.split("-")[0], pod }), points };
  });
}

/** Expressions of the language as of Prometheus 2.42, whose results don't depend on the order of series. */
class QueryGenerator {
  readonly #next: Next;
  /** Leaves out what Prometheus 3 has changed: subqueries' edges, `atan2`, variances and quantiles of NaN and Inf. */
  readonly #isLegacy: boolean;

  constructor(next: Next, isLegacy: boolean) {
    this.#next = next;
    this.#isLegacy = isLegacy;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#next(choices.length)];
  }

  query(): string {
    if (!this.#isLegacy && this.#next(4) === 0) return this.#newer();
    return this.#next(12) === 0 ? this.#scalar(2) : this.#vector(1 + this.#next(4));
  }

  /** What Prometheus 3 has, behind feature flags in part. */
  #newer(): string {
    const selector = `[${this.#pick(["1m", "5m", "2m + 30s", "max_of(3m, step())"])}]`;
    const histograms = this.#pick([
      "sizes",
      `rate(sizes${selector})`,
      `increase(sizes{job="api"}${selector})`,
      `sum by (job) (rate(sizes${selector}))`,
      `avg_over_time(sizes${selector})`,
      "avg without (pod) (sizes)",
      "(sizes * 2 + sizes)",
      "rate(sizes[10m:1m])",
    ]);
    const name = this.#pick(["requests_total", "temperature", "up"]);
    return this.#pick([
      histograms,
      `histogram_quantile(${this.#pick(["0.5", "0.9", "0", "1"])}, ${histograms})`,
      `histogram_fraction(${this.#pick(["0, 2", "-Inf, 5", "1, 3.3"])}, ${histograms})`,
      `histogram_${this.#pick(["count", "sum", "avg", "stddev"])}(${histograms})`,
      `${this.#pick(["count", "group"])} by (job) (${histograms})`,
      `${this.#pick(["rate", "increase", "delta"])}(${name}${selector} ${this.#pick(["anchored", "smoothed"])})`,
      `${this.#pick(["changes", "resets"])}(${name}${selector} anchored)`,
      `${name} ${this.#pick(["anchored", "smoothed"])}`,
      `requests_total{job="api"} + on (pod) ${this.#pick(["fill (0)", "fill_left (1)", "fill_right (2)"])} up`,
      `up{zone="a"} - on (job, pod) ${this.#pick(["fill (3)", "fill_left (1) fill_right (2)"])} up{job="db"}`,
      `${this.#pick(["mad_over_time", "first_over_time", "ts_of_max_over_time", "ts_of_first_over_time", "ts_of_last_over_time"])}(${name}${selector})`,
      `double_exponential_smoothing(${name}${selector}, 0.3, 0.6)`,
      `${name} offset ${this.#pick(["step()", "(1m - 20s)", "-min_of(step(), 1m)"])}`,
      `up * ${this.#pick(["start()", "end()", "step()", "range()"])}`,
      `limit_ratio(${this.#pick(["0.5", "-0.3", "1"])}, up)`,
      `sort_by_label(${name}, "pod")`,
      `${name} ${this.#pick(["> 5", "/ up", "and on (pod) sizes"])}`,
    ]);
  }

  #matchers(): string {
    return this.#pick([
      "",
      "",
      '{job="api"}',
      '{job!="db"}',
      '{pod=~"api-[01]"}',
      '{zone!~"a|c"}',
      '{job=~".+"}',
    ]);
  }

  #shift(): string {
    const at = Math.floor(START_MS / 1000) + 600 + this.#next(2400);
    return this.#pick([
      "",
      "",
      "",
      "",
      " offset 1m",
      " offset -90s",
      ` @ ${at}`,
      " @ start()",
      " @ end() offset 2m",
    ]);
  }

  #selector(): string {
    const names = [
      "requests_total",
      "errors_total",
      "temperature",
      "up",
      "node_info",
      "latency_bucket",
      "nothing",
    ];
    return this.#pick(names) + this.#matchers() + this.#shift();
  }

  #range(depth: number): string {
    if (depth > 0 && this.#next(3) === 0 && !this.#isLegacy) {
      return `(${this.#vector(depth - 1)})[${this.#pick(["5m:1m", "10m:37s", "3m:"])}]${this.#shift()}`;
    }
    const name = this.#pick(["requests_total", "errors_total", "temperature", "up", "latency_bucket"]);
    return `${name}${this.#matchers()}[${this.#pick(["1m", "2m", "5m", "17m", "30s"])}]${this.#shift()}`;
  }

  #scalar(depth: number): string {
    if (depth === 0) return this.#pick(["1", "2.5", "-3", "0", "1e3", "time()", "pi()", "NaN", "+Inf"]);
    switch (this.#next(3)) {
      case 0:
        return `scalar(${this.#vector(depth - 1)})`;
      case 1:
        return `(${this.#scalar(depth - 1)} ${this.#pick(["+", "-", "*", "/", "%", "^"])} ${this.#scalar(depth - 1)})`;
      default:
        return `(${this.#scalar(depth - 1)} ${this.#pick(["==", "<", ">="])} bool ${this.#scalar(depth - 1)})`;
    }
  }

  #vector(depth: number): string {
    if (depth === 0) return this.#selector();
    switch (this.#next(9)) {
      case 0:
      case 1:
        return this.#overTime(depth);
      case 2:
      case 3:
        return this.#aggregation(depth);
      case 4:
        return this.#binary(depth);
      case 5:
        return this.#math(depth);
      case 6:
        return this.#label(depth);
      case 7:
        return this.#histogram();
      default:
        return this.#selector();
    }
  }

  #overTime(depth: number): string {
    const rate = this.#pick(["rate", "increase"]);
    if (this.#isLegacy && this.#next(4) === 0)
      return `${rate}(${this.#pick(["requests", "errors"])}_total[5m])`;
    const plain = [
      ...(this.#isLegacy ? [] : ["rate", "increase"]),
      "delta",
      "irate",
      "idelta",
      "deriv",
      "changes",
      "resets",
      "avg_over_time",
      "sum_over_time",
      "min_over_time",
      "max_over_time",
      "count_over_time",
      "last_over_time",
      "present_over_time",
      "stddev_over_time",
      "stdvar_over_time",
      "absent_over_time",
    ];
    const range = this.#range(depth - 1);
    switch (this.#isLegacy ? 7 : this.#next(8)) {
      case 0:
        return `quantile_over_time(${this.#pick(["0.5", "0.99", "0", "-1"])}, ${this.#range(0)})`;
      case 1:
        return `predict_linear(${range}, ${this.#pick(["60", "3600"])})`;
      default:
        return `${this.#pick(plain)}(${range})`;
    }
  }

  #aggregation(depth: number): string {
    const grouping = this.#pick([
      "",
      " by (job)",
      " by (zone, job)",
      " without (pod)",
      " by (le, job)",
      " by (absent)",
    ]);
    const isQuantile = this.#next(6) === 0 && !this.#isLegacy;
    // Of no infinite values: 3.14 multiplies those by zero beside the rank, which is not followed.
    if (isQuantile) return `quantile${grouping} (${this.#pick(["0.5", "0.9", "2"])}, ${this.#selector()})`;
    const inner = this.#vector(depth - 1);
    const variances = this.#isLegacy ? [] : ["stddev", "stdvar"];
    const operator = this.#pick(["sum", "avg", "count", "min", "max", "group", ...variances]);
    return `${operator}${grouping} (${inner})`;
  }

  #binary(depth: number): string {
    const angle = this.#isLegacy ? [] : ["atan2"];
    const arithmetic = this.#pick([
      "+",
      "-",
      "*",
      "/",
      "%",
      "^",

      "==",
      "!=",
      ">",
      "<=",
      "> bool",
      "== bool",
      ...angle,
    ]);
    const [left, right] = [this.#vector(depth - 1), this.#vector(depth - 1)];
    switch (this.#next(5)) {
      case 0:
        return `(${left} ${arithmetic} ${this.#scalar(0)})`;
      case 1:
        return `(${this.#scalar(0)} ${arithmetic} ${right})`;
      case 2:
        return `(${left} ${this.#pick(["and", "or", "unless"])} ${this.#pick(["", "on (job) ", "ignoring (pod, le) "])}${right})`;
      case 3:
        return `(${left} ${arithmetic} on (pod) group_left (node) node_info)`;
      default:
        return `(${left} ${arithmetic} ${this.#pick(["", "on (job, pod) ", "ignoring (zone) "])}${right})`;
    }
  }

  #math(depth: number): string {
    const plain = [
      "abs",
      "ceil",
      "floor",
      "exp",
      "sqrt",
      "ln",
      "log2",
      "log10",
      "sgn",
      "sin",
      "atan",
      "tanh",
      "deg",
      "hour",
      "day_of_week",
      "days_in_month",
      "month",
      "absent",
      "timestamp",
      "sort",
      "sort_desc",
      "-",
    ];
    const inner = this.#vector(depth - 1);
    switch (this.#next(5)) {
      case 0:
        return `clamp(${inner}, ${this.#scalar(0)}, ${this.#scalar(0)})`;
      case 1:
        return `round(${inner}, ${this.#pick(["0.5", "10", "-2"])})`;
      default:
        return `${this.#pick(plain)}(${inner})`;
    }
  }

  #label(depth: number): string {
    const inner = this.#vector(depth - 1);
    return this.#pick([
      `label_replace(${inner}, "index", "$1-$2", "pod", "(.*)-([0-9])")`,
      `label_replace(${inner}, "pod", "", "zone", "a")`,
      `label_replace(${inner}, "zone", "\${part}x", "job", "(?P<part>a)?.*")`,
      `label_join(${inner}, "both", "/", "job", "zone", "nothing")`,
      // Of counts, since the last digits of what is computed may differ.
      `count_values("value", ${this.#pick(["requests_total", "up", "changes(up[5m])"])})`,
    ]);
  }

  #histogram(): string {
    const inner = this.#pick([
      "latency_bucket",
      "rate(latency_bucket[5m])",
      "sum by (le, job) (rate(latency_bucket[2m]))",
    ]);
    return `histogram_quantile(${this.#pick(["0.5", "0.9", "0", "1", "1.5", "NaN"])}, ${inner})`;
  }
}

/** The values of a sample: one, or count, sum and buckets of a histogram. */
type Sample = [timeMs: number, values: number[]];

interface Answer {
  error: string | undefined;
  /** By the labels' text. */
  series: Map<string, Sample[]>;
  /** Warnings and infos, sorted. */
  remarks: string[];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts Prometheus on a directory and answers how to ask it. */
async function startPeer(t: TestContext, binary: string, directory: string) {
  const port = await freePort();
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, "");
  const flags = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${directory}`,
    "--storage.tsdb.retention.time=100y",
    `--web.listen-address=${ADDRESS}:${port}`,
    `--enable-feature=${FEATURES}`,
  ];
  const child = spawn(binary, flags, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://${ADDRESS}:${port}`;
  for (let attempt = 0; ; attempt++) {
    const isReady = await fetch(`${url}/-/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) break;
    assert.ok(attempt < 300, `${binary} did not become ready`);
    await sleep(100);
  }
  return async (query: string, startMs: number, endMs: number, stepMs: number): Promise<Answer> => {
    const [start, end, step] = [startMs / 1000, endMs / 1000, stepMs / 1000].map(String);
    const body = new URLSearchParams({ query, start, end, step });
    const response = await fetch(`${url}/api/v1/query_range`, { method: "POST", body });
    const answer = (await response.json()) as {
      error?: string;
      warnings?: string[];
      infos?: string[];
      data?: { result: Row[] };
    };
    const series = new Map(
      (answer.data?.result ?? []).map(({ metric, values = [], histograms = [] }) => [
        Labels.of(metric).toString(),
        [
          ...values.map(([time, value]): Sample => [Math.round(time * 1000), [parseValue(value)]]),
          ...histograms.map(([time, each]): Sample => [Math.round(time * 1000), histogramValues(each)]),
        ],
      ]),
    );
    const remarks = [...(answer.warnings ?? []), ...(answer.infos ?? [])].sort();
    return { error: answer.error, series, remarks };
  };
}

interface HistogramJson {
  count: string;
  sum: string;
  buckets?: (number | string)[][];
}

interface Row {
  metric: Record<string, string>;
  values?: [number, string][];
  histograms?: [number, HistogramJson][];
}

function histogramValues({ count, sum, buckets = [] }: HistogramJson): number[] {
  return [count, sum, ...buckets.flat()].map((value) => parseValue(String(value)));
}

function parseValue(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

async function askOurs(engine: Engine, ...query: Parameters<Engine["range"]>): Promise<Answer> {
  try {
    const result = await engine.range(...query);
    const remarks = [...result.warnings, ...result.infos].sort();
    return { error: undefined, series: seriesOf(result), remarks };
  } catch (error) {
    assert.ok(error instanceof QueryError, `${query[0]}: ${(error as Error).stack}`);
    return { error: error.message, series: new Map(), remarks: [] };
  }
}

function seriesOf({ series }: RangeResult): Answer["series"] {
  return new Map(
    series.map(({ labels, timestamps, values, histograms }) => {
      const samples = Array.from(timestamps, (time, i): Sample => {
        const histogram = histograms?.[i];
        return [
          time,
          histogram === undefined ? [values[i]] : histogramValues(JSON.parse(histogramJson(histogram))),
        ];
      });
      // As in JSON: floats first.
      const isFloat = ([, { length }]: Sample) => length === 1;
      return [labels.toString(), [...samples.filter(isFloat), ...samples.filter((each) => !isFloat(each))]];
    }),
  );
}

/** The first difference, in words. */
function difference(ours: Answer, theirs: Answer, isLegacy: boolean): string | undefined {
  if (ours.error !== undefined || theirs.error !== undefined) {
    const isSame = (ours.error === undefined) === (theirs.error === undefined);
    return isSame ? undefined : `ours: ${ours.error}, theirs: ${theirs.error}`;
  }
  for (const [labels, values] of theirs.series) {
    const own = ours.series.get(labels);
    if (own === undefined) return `ours lacks ${labels}`;
    if (own.length !== values.length) return `${labels}: ${own.length} values, theirs ${values.length}`;
    for (let i = 0; i < values.length; i++) {
      const [[ownTime, ownValues], [time, theirValues]] = [own[i], values[i]];
      const isSame =
        ownTime === time &&
        ownValues.length === theirValues.length &&
        ownValues.every((value, place) => isClose(value, theirValues[place]));
      if (!isSame) return `${labels} at ${time}: ${ownValues}, theirs ${theirValues}`;
    }
  }
  const extra = [...ours.series.keys()].find((labels) => !theirs.series.has(labels));
  if (extra !== undefined) return `theirs lacks ${extra}`;
  const [own, other] = [ours, theirs].map(({ remarks }) => JSON.stringify(remarks.map(withoutCount)));
  return isLegacy || own === other ? undefined : `ours remarks ${own}, theirs ${other}`;
}

/** How often upstream counts a remark depends on how it merges them: those of later steps count double. */
function withoutCount(remark: string): string {
  return remark.replace(/with a max diff of \S+ over \d+ samples/, "").replace(/ \(\d+ occurrences\)/, "");
}

function isClose(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  // Sums of numbers that cancel each other are as exact as the numbers, not as their sum.
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b), 1e-3);
}

test("range() answers as the real Prometheus does", { skip: !BINARY && "no prometheus" }, async (t) => {
  const random = seededRandom(SEED);
  const next: Next = (below) => randomInteger(random, below);
  t.diagnostic(`PROMQL_SEED=${SEED}, ${COUNT} queries, ${BINARY}`);
  const isLegacy = / version 2\./.test(execFileSync(BINARY!, ["--version"], { encoding: "utf8" }));
  const directory = mkdtempSync(join(tmpdir(), "promql-differential-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const store = new MemoryQueryable();
  const tsdb = await openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random,
    log: silentLogger,
    compactInBackground: false,
  });
  const appender = tsdb.appender();
  for (const { labels, points } of generateData(next, isLegacy)) {
    store.add(labels, points);
    let ref = 0;
    for (const { timestampMs, value } of points) ref = appender.append(ref, labels, timestampMs, value);
  }
  for (const { labels, points } of isLegacy ? [] : generateHistograms(next)) {
    store.add(labels, points);
    let ref = 0;
    for (const { timestampMs, histogram } of points)
      ref = appender.appendHistogram(ref, labels, timestampMs, histogram);
  }
  await appender.commit();
  await tsdb.close();
  const askTheirs = await startPeer(t, BINARY!, directory);
  const parser = { experimentalFunctions: true, extendedRangeSelectors: true, fillModifiers: true };
  const engine = new Engine({ queryable: store, clock: systemClock, parser });
  const generator = new QueryGenerator(next, isLegacy);
  const originMs = START_MS - 137;
  const differences: string[] = [];
  let answered = 0;
  for (let i = 0; i < COUNT; i++) {
    const query = generator.query();
    const startMs = originMs + 60_000 * next(50);
    const stepMs = 1000 * (5 + next(120));
    const endMs = startMs + stepMs * next(20);
    const ours = await askOurs(engine, query, startMs, endMs, stepMs);
    const theirs = await askTheirs(query, startMs, endMs, stepMs);
    const found = difference(ours, theirs, isLegacy);
    if (found !== undefined) differences.push(`${query} from ${startMs} to ${endMs} by ${stepMs}: ${found}`);
    if (theirs.series.size > 0) answered++;
  }
  assert.deepEqual(differences, [], `seed ${SEED}`);
  assert.ok(answered > COUNT / 4, `only ${answered} of ${COUNT} queries had an answer`);
});
