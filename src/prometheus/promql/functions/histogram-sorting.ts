/** Tells native histograms from the buckets of classic ones in a vector (`resetHistograms` upstream). */
import type { Labels } from "../../../model/labels.ts";
import { forMetricName } from "../annotations.ts";
import { BucketList } from "../classic-histogram.ts";
import type { Position } from "../parser/ast.ts";
import { quoteString } from "../parser/lexer.ts";
import { StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

/** The buckets of one classic histogram. */
export interface ClassicHistogram {
  /** Without `le`. */
  labels: Labels;
  buckets: { upperBound: number; series: StepSeries }[];
  /** 1 at the steps at which there is a native histogram of the same labels: neither counts then. */
  conflicts: Uint8Array | undefined;
  createList(): BucketList;
}

export interface SortedHistograms {
  native: StepSeries[];
  classic: ClassicHistogram[];
}

const LE: ReadonlySet<string> = new Set(["le"]);

export function sortHistograms(
  series: readonly StepSeries[],
  position: Position,
  call: VectorCall,
): SortedHistograms {
  const native: StepSeries[] = [];
  const classic = new Map<string, ClassicHistogram>();
  for (const one of series) {
    if (one.histograms !== undefined) native.push(one);
    if (one.histograms === undefined || hasFloat(one)) addBucket(classic, one, position, call);
  }
  return { native: withoutConflicts(native, classic, position, call), classic: [...classic.values()] };
}

function hasFloat({ present, histograms }: StepSeries): boolean {
  return present.some((bit, step) => bit === 1 && histograms![step] === undefined);
}

function addBucket(
  classic: Map<string, ClassicHistogram>,
  series: StepSeries,
  position: Position,
  { run, annotations }: VectorCall,
): void {
  const bound = series.labels.get("le");
  const upperBound = parseBound(bound);
  if (upperBound === undefined) {
    const name = run.delayedNameRemoval ? series.labels.get("__name__") : "";
    const label = `bucket label "le" is missing or has a malformed value of ${quoteString(bound)}`;
    annotations.warn(label + forMetricName(name), position);
    return;
  }
  const labels = series.labels.without(LE);
  let histogram = classic.get(labels.key);
  if (histogram === undefined) {
    const buckets: ClassicHistogram["buckets"] = [];
    histogram = { labels, buckets, conflicts: undefined, createList: () => new BucketList(buckets.length) };
    classic.set(labels.key, histogram);
  }
  histogram.buckets.push({ upperBound, series });
}

/** Native histograms where there is no classic one of the same labels, which are remarked on. */
function withoutConflicts(
  native: StepSeries[],
  classic: ReadonlyMap<string, ClassicHistogram>,
  position: Position,
  { grid, run, annotations }: VectorCall,
): StepSeries[] {
  return native.map((series) => {
    const rival = classic.get(series.labels.key);
    if (rival === undefined) return series;
    const present = Uint8Array.from(series.present);
    for (let step = 0; step < grid.count; step++) {
      const isNative = present[step] === 1 && series.histograms![step] !== undefined;
      if (!isNative || !rival.buckets.some((bucket) => isBucketAt(bucket.series, step))) continue;
      present[step] = 0;
      rival.conflicts ??= new Uint8Array(grid.count);
      rival.conflicts[step] = 1;
      const name = run.delayedNameRemoval ? series.labels.get("__name__") : "";
      annotations.warn(
        `vector contains a mix of classic and native histograms${forMetricName(name)}`,
        position,
      );
    }
    const { values, histograms } = series;
    return new StepSeries(series.labels, { values, present, histograms }, { dropsName: series.dropsName });
  });
}

function isBucketAt({ present, histograms }: StepSeries, step: number): boolean {
  return present[step] === 1 && histograms?.[step] === undefined;
}

/** Puts the buckets that are there at a step into the list; false when there are none. */
export function fillBuckets(
  list: BucketList,
  { buckets, conflicts }: ClassicHistogram,
  step: number,
): boolean {
  list.clear();
  if (conflicts?.[step] === 1) return false;
  for (const { upperBound, series } of buckets) {
    if (isBucketAt(series, step)) list.add(upperBound, series.values[step]);
  }
  return list.length > 0;
}

/** As Go's `strconv.ParseFloat`, except that NaN is no bound. */
function parseBound(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (/^[+-]?(inf|infinity)$/.test(lower)) {
    return lower.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(lower) ? Number(lower) : undefined;
}
