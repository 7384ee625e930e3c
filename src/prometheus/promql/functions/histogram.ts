/** Functions of histograms. */
import type { Labels } from "../../../model/labels.ts";
import { type Annotations, forMetricName, formatG, warnInvalidQuantile } from "../annotations.ts";
import { BucketList, type MonotonicityFix } from "../classic-histogram.ts";
import type { Position } from "../parser/ast.ts";
import { quoteString } from "../parser/lexer.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import type { VectorCall } from "./table.ts";

/** The buckets of one classic histogram. */
interface ClassicHistogram {
  /** Without `le`. */
  labels: Labels;
  buckets: { upperBound: number; series: StepSeries }[];
  dropsName: boolean;
}

export async function histogramQuantile(call: VectorCall): Promise<StepSeries[]> {
  const { grid, run, vectors, scalars, annotations } = call;
  const quantiles = scalars[0];
  const [quantilePosition, position] = call.call.arguments.map((argument) => argument.position);
  for (const quantile of new Set(quantiles)) warnInvalidQuantile(annotations, quantile, quantilePosition);
  const out: StepSeries[] = [];
  for (const histogram of classicHistograms(vectors[1], position, call)) {
    const list = new BucketList(histogram.buckets.length);
    const columns = new ColumnBuilder(grid);
    for (let step = 0; step < grid.count; step++) {
      if (!fill(list, histogram, step)) continue;
      const { value, fix } = list.quantile(quantiles[step]);
      columns.setFloat(step, value);
      if (fix !== undefined) {
        const name = run.delayedNameRemoval ? histogram.labels.get("__name__") : "";
        informForcedMonotonicity(annotations, name, position, grid.timeAt(step), fix);
      }
    }
    if (!columns.isEmpty) {
      out.push(
        new StepSeries(histogram.labels, columns.finish()).derived(columns.finish(), run.delayedNameRemoval),
      );
    }
    if (run.isDue) await run.pause();
  }
  return out;
}

/** Puts the buckets that are there at a step into the list; false when there are none. */
function fill(list: BucketList, { buckets }: ClassicHistogram, step: number): boolean {
  list.clear();
  for (const { upperBound, series } of buckets) {
    if (series.present[step] === 1) list.add(upperBound, series.values[step]);
  }
  return list.length > 0;
}

function classicHistograms(
  series: readonly StepSeries[],
  position: Position,
  { run, annotations }: VectorCall,
): Iterable<ClassicHistogram> {
  const histograms = new Map<string, ClassicHistogram>();
  for (const one of series) {
    const bound = one.labels.get("le");
    const upperBound = parseBound(bound);
    if (upperBound === undefined) {
      const name = run.delayedNameRemoval ? one.labels.get("__name__") : "";
      const label = `bucket label "le" is missing or has a malformed value of ${quoteString(bound)}`;
      annotations.warn(label + forMetricName(name), position);
      continue;
    }
    const labels = one.labels.without(LE);
    let histogram = histograms.get(labels.key);
    if (histogram === undefined) {
      histogram = { labels, buckets: [], dropsName: one.dropsName };
      histograms.set(labels.key, histogram);
    }
    histogram.buckets.push({ upperBound, series: one });
  }
  return histograms.values();
}

const LE: ReadonlySet<string> = new Set(["le"]);

/** As Go's `strconv.ParseFloat`. */
function parseBound(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (/^[+-]?(inf|infinity)$/.test(lower)) {
    return lower.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (/^[+-]?nan$/.test(lower)) return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower) ? Number(lower) : undefined;
}

/** Remarks of the same metric are merged: the bounds and times of all, and how many they were. */
class ForcedMonotonicity {
  #minMs: number;
  #maxMs: number;
  #count = 1;
  readonly #fix: MonotonicityFix;

  constructor(timeMs: number, fix: MonotonicityFix) {
    this.#minMs = timeMs;
    this.#maxMs = timeMs;
    this.#fix = { ...fix };
  }

  merge(other: ForcedMonotonicity): void {
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    this.#count += other.#count;
    this.#fix.minBound = Math.min(this.#fix.minBound, other.#fix.minBound);
    this.#fix.maxBound = Math.max(this.#fix.maxBound, other.#fix.maxBound);
    this.#fix.maxDifference = Math.max(this.#fix.maxDifference, other.#fix.maxDifference);
  }

  suffix(): string {
    const { minBound, maxBound, maxDifference } = this.#fix;
    const [from, to] = [this.#minMs, this.#maxMs].map((timeMs) =>
      new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace(".000Z", "Z"),
    );
    const bounds = `from buckets ${formatG(minBound)} to ${formatG(maxBound)}`;
    const difference = formatG(Number(maxDifference.toPrecision(2)));
    return `, ${bounds}, with a max diff of ${difference}, over ${this.#count} samples from ${from} to ${to}`;
  }
}

function informForcedMonotonicity(
  annotations: Annotations,
  metricName: string,
  position: Position,
  timeMs: number,
  fix: MonotonicityFix,
): void {
  const text =
    "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
  annotations.inform(text + forMetricName(metricName), position, new ForcedMonotonicity(timeMs, fix));
}
