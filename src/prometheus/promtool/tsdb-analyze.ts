/** `promtool tsdb analyze`: which labels make the series of a block many (`cmd/promtool/tsdb.go` of 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import { createMatcher } from "../matcher.ts";
import { parseMetricSelector } from "../promql/mod.ts";
import type { Block, BlockEntry } from "../tsdb/block/block.ts";
import { parseToolArguments, UsageProblem } from "./arguments.ts";
import { parserOf } from "./check-rules.ts";
import { DEFAULT_DIRECTORY, databaseDirectory, withBlock } from "./tsdb-blocks.ts";
import { compactionAnalysis } from "./tsdb-compaction-analysis.ts";

/** How many rows each list has, unless the user says otherwise. */
const DEFAULT_LIMIT = "20";

export const tsdbAnalyze: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { values: ["limit", "match"], switches: ["extended"], optional: 2 });
  const limit = given.text("limit", DEFAULT_LIMIT);
  if (!/^[+-]?\d+$/.test(limit))
    throw new UsageProblem(`strconv.ParseFloat: parsing "${limit}": invalid syntax`);
  const selector = given.text("match");
  const matchers =
    selector === ""
      ? [createMatcher("__name__", "=~", ".*")]
      : parseMetricSelector(selector, parserOf(given));
  const directory = await databaseDirectory(given.rest[0] ?? DEFAULT_DIRECTORY, machine);
  await withBlock(directory, given.rest[1], machine, async (block) => {
    const { minTime: minMs, maxTime: maxMs } = block.meta;
    const entries = await block.entries(matchers, { minMs, maxMs }, machine.clock);
    analyze(block, entries, selector, Number(limit), machine);
    if (given.has("extended")) machine.print(await compactionAnalysis(block, entries));
  });
  return 0;
};

/** What is counted of a label, or of a pair. */
interface Count {
  series: number;
  /** Times of the block that its series don't cover, in milliseconds. */
  uncoveredMs: number;
}

function analyze(
  { meta }: Block,
  entries: readonly BlockEntry[],
  selector: string,
  limit: number,
  { print }: Machine,
): void {
  const spanMs = meta.maxTime - meta.minTime;
  const names = new Map<string, Count>();
  const pairs = new Map<string, Count>();
  const values = new Map<string, Set<string>>();
  const metrics = new Map<string, number>();
  let total = 0;
  for (const { labels, chunks } of entries) {
    const uncoveredMs = spanMs - (chunks[chunks.length - 1].maxMs - chunks[0].minMs);
    const metric = labels.get("__name__");
    metrics.set(metric, (metrics.get(metric) ?? 0) + 1);
    for (const [name, value] of labels) {
      total++;
      count(names, name, uncoveredMs);
      count(pairs, `${name}=${value}`, uncoveredMs);
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  print(`Block ID: ${meta.ulid}\nDuration: ${formatGoDuration(spanMs)}\n`);
  print(`Total Series: ${meta.stats?.numSeries ?? 0}\n`);
  if (selector !== "") print(`Matcher: ${selector}\n`);
  print(`Label names: ${names.size}\n`);
  if (selector !== "") print(`Matched series: ${entries.length}\n`);
  print(`Postings (unique label pairs): ${pairs.size}\nPostings entries (total label pairs): ${total}\n`);
  const churn = ({ uncoveredMs }: Count) => Math.trunc(uncoveredMs / spanMs);
  const list = <T>(title: string, rows: Iterable<[string, T]>, of: (row: T) => number) => {
    print(`\n${title}:\n`);
    const counted = [...rows].map(([key, row]): [string, number] => [key, of(row)]);
    // Of equal numbers upstream's order is that of chance.
    counted.sort((a, b) => b[1] - a[1]);
    for (const [key, number] of counted.slice(0, Math.max(limit, 0))) print(`${number} ${key}\n`);
  };
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  list("Label pairs most involved in churning", pairs, churn);
  list("Label names most involved in churning", names, churn);
  list("Most common label pairs", pairs, ({ series }) => series);
  list("Label names with highest cumulative label value length", sorted, totalLength);
  list("Highest cardinality labels", sorted, ({ size }) => size);
  list("Highest cardinality metric names", metrics, (series) => series);
}

function count(counts: Map<string, Count>, key: string, uncoveredMs: number): void {
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { series: 1, uncoveredMs });
  else {
    known.series++;
    known.uncoveredMs += uncoveredMs;
  }
}

function totalLength(values: ReadonlySet<string>): number {
  let length = 0;
  for (const value of values) length += Buffer.byteLength(value);
  return length;
}
