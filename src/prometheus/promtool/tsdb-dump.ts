/** `promtool tsdb dump` and `dump-openmetrics`: the samples of a data directory, its log included, as text. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { quoteGo } from "../../model/go-quote.ts";
import { createHistogram } from "../../model/histogram.ts";
import { formatHistogram } from "../../model/histogram-format.ts";
import { compareLabels, type Labels, METRIC_NAME } from "../../model/labels.ts";
import { formatG } from "../../model/number-format.ts";
import { createMatcher, type Matcher } from "../matcher.ts";
import { parseMetricSelector } from "../promql/mod.ts";
import { isStaleMarker, type SeriesSamples, type TimeRange } from "../storage.ts";
import { openTsdb, type Tsdb } from "../tsdb/mod.ts";
import { parseToolArguments, type ToolArguments, UsageProblem } from "./arguments.ts";
import { parserOf } from "./check-rules.ts";
import { goJson } from "./query-result.ts";
import { DEFAULT_DIRECTORY, databaseDirectory } from "./tsdb-blocks.ts";

/** Times before this are no times in milliseconds; the store's head needs some room below. */
const FARTHEST_MS = 8.64e15;
const FLAGS = ["match", "min-time", "max-time", "sandbox-dir-root"];

export const tsdbDump: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { values: [...FLAGS, "format"], repeated: ["match"], optional: 1 });
  const format = given.text("format", "prom");
  if (format !== "prom" && format !== "seriesjson")
    throw new UsageProblem(`enum value must be one of prom,seriesjson, got '${format}'`);
  const write =
    format === "prom" ? samplesText : ({ labels }: SeriesSamples) => `${goJson(jsonOf(labels))}\n`;
  await dump(given, machine, write);
  return 0;
};

export const tsdbDumpOpenMetrics: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { values: FLAGS, repeated: ["match"], optional: 1 });
  await dump(given, machine, openMetricsText);
  machine.print("# EOF\n");
  return 0;
};

/** Prints all series that are asked for, sorted by labels. */
async function dump(
  given: ToolArguments,
  machine: Machine,
  write: (series: SeriesSamples) => string,
): Promise<void> {
  const range = {
    minMs: timeOf(given.text("min-time"), -FARTHEST_MS),
    maxMs: timeOf(given.text("max-time"), FARTHEST_MS),
  };
  const language = parserOf(given);
  const texts = given.list("match");
  const selectors =
    texts.length === 0
      ? [[createMatcher(METRIC_NAME, "=~", "(?s:.*)")]]
      : texts.map((text) => parseMetricSelector(text, language));
  const directory = await databaseDirectory(given.rest[0] ?? DEFAULT_DIRECTORY, machine);
  await withStore(directory, machine, async (tsdb) => {
    for (const series of await selectAll(tsdb, selectors, range)) machine.print(write(series));
  });
}

async function selectAll(tsdb: Tsdb, selectors: Matcher[][], range: TimeRange): Promise<SeriesSamples[]> {
  const found = new Map<string, SeriesSamples>();
  for (const matchers of selectors)
    for (const series of await tsdb.select(matchers, range)) found.set(series.labels.key, series);
  return [...found.values()].sort((a, b) => compareLabels(a.labels, b.labels));
}

/** @throws UsageProblem */
function timeOf(text: string, fallbackMs: number): number {
  if (text === "") return fallbackMs;
  if (!/^[+-]?\d+$/.test(text))
    throw new UsageProblem(`strconv.ParseInt: parsing ${quoteGo(text)}: invalid syntax`);
  return Math.min(Math.max(Number(text), -FARTHEST_MS), FARTHEST_MS);
}

function samplesText({ labels, timestamps, values, histograms }: SeriesSamples): string {
  const name = labels.toString();
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  let text = "";
  for (let i = 0; i < timestamps.length; i++) {
    // On disk the marker that ends histograms is one of them.
    const isEnd = histograms?.[i - 1] !== undefined && isStaleMarker(words, i);
    const histogram = isEnd ? ENDED_HISTOGRAM : histograms?.[i];
    const value = histogram === undefined ? formatG(values[i]) : formatHistogram(histogram);
    text += `${name} ${value} ${timestamps[i]}\n`;
  }
  return text;
}

const ENDED_HISTOGRAM = createHistogram({ sum: Number.NaN });

/** A series ends for this format where its first histogram comes. */
function openMetricsText({ labels, timestamps, values, histograms }: SeriesSamples): string {
  const pairs = Array.from(labels.without(NAME), ([name, value]) => `${name}=${quoteGo(value)}`);
  const series = `${labels.get(METRIC_NAME)}{${pairs.join(",")}}`;
  let text = "";
  for (let i = 0; i < timestamps.length && histograms?.[i] === undefined; i++)
    text += `${series} ${formatG(values[i])} ${(timestamps[i] / 1000).toFixed(3)}\n`;
  return text;
}

const NAME: ReadonlySet<string> = new Set([METRIC_NAME]);

function jsonOf(labels: Labels): Record<string, string> {
  return Object.fromEntries(labels);
}

async function withStore(
  directory: string,
  { disk, clock, random, log }: Machine,
  use: (tsdb: Tsdb) => Promise<void>,
): Promise<void> {
  const tsdb = await openTsdb({
    directory,
    disk,
    clock,
    random,
    log: { ...log, info: () => {}, debug: () => {} },
    readOnly: true,
    retentionMs: 0,
    lockFile: false,
    compactInBackground: false,
  });
  try {
    await use(tsdb);
  } finally {
    await tsdb.close();
  }
}
