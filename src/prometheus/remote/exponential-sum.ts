/**
 * Sums of exponential histograms (the Collector's `deltatocumulativeprocessor/internal/data`): of scales the coarser
 * one, of zero thresholds the wider one, and no more buckets than `MAX_BUCKETS`.
 */
import type { ExponentialBuckets, ExponentialHistogramPoint } from "../../model/otlp-metrics.ts";

/** A sum with more of them is made coarser. */
export const MAX_BUCKETS = 160;

/** What a sum has of a point: all but its times and attributes. */
export type ExponentialSum = Pick<
  ExponentialHistogramPoint,
  "scale" | "count" | "zeroCount" | "zeroThreshold" | "positive" | "negative"
>;

export function addExponential(a: ExponentialSum, b: ExponentialSum): ExponentialSum {
  const scale = Math.min(a.scale, b.scale);
  let [left, right] = [coarser(a, scale), coarser(b, scale)];
  const fitting = Math.min(
    fittingScale(scale, left.positive, right.positive),
    fittingScale(scale, left.negative, right.negative),
  );
  [left, right] = [coarser(left, fitting), coarser(right, fitting)];
  if (left.zeroThreshold < right.zeroThreshold) left = withWiderZero(left, right.zeroThreshold);
  else if (right.zeroThreshold < left.zeroThreshold) right = withWiderZero(right, left.zeroThreshold);
  return {
    scale: fitting,
    count: left.count + right.count,
    zeroCount: left.zeroCount + right.zeroCount,
    zeroThreshold: left.zeroThreshold,
    positive: merged(left.positive, right.positive),
    negative: merged(left.negative, right.negative),
  };
}

function coarser(sum: ExponentialSum, scale: number): ExponentialSum {
  let { positive, negative } = sum;
  for (let at = sum.scale; at > scale; at--) [positive, negative] = [halved(positive), halved(negative)];
  return { ...sum, scale, positive, negative };
}

/** Each two buckets as one. As many counts as before, the rest zeros: more may come there. */
function halved({ offset, counts }: ExponentialBuckets): ExponentialBuckets {
  const isOdd = offset % 2 !== 0;
  const joined = new Array<number>(counts.length).fill(0);
  for (const [i, count] of counts.entries()) joined[Math.floor((i + (isOdd ? 1 : 0)) / 2)] += count;
  return { offset: Math.floor(offset / 2), counts: joined };
}

/** The range of both that is not empty at its ends. */
function commonRange(a: ExponentialBuckets, b: ExponentialBuckets): [from: number, to: number] {
  let from = Math.min(a.offset, b.offset);
  let to = Math.max(a.offset + a.counts.length, b.offset + b.counts.length);
  const isEmpty = (at: number) => countAt(a, at) === 0 && countAt(b, at) === 0;
  // What lies between the two has no counts in either: skipped at once, however far they are apart.
  if (from < to && !hasCounts(a) && !hasCounts(b)) return [to, to];
  if (!hasCounts(a)) from = Math.max(from, b.offset);
  if (!hasCounts(b)) from = Math.max(from, a.offset);
  while (from < to && isEmpty(from)) from++;
  if (!hasCounts(a)) to = Math.min(to, b.offset + b.counts.length);
  if (!hasCounts(b)) to = Math.min(to, a.offset + a.counts.length);
  while (from < to - 1 && isEmpty(to - 1)) to--;
  return [from, to];
}

function hasCounts({ counts }: ExponentialBuckets): boolean {
  return counts.some((count) => count !== 0);
}

function countAt({ offset, counts }: ExponentialBuckets, at: number): number {
  return counts[at - offset] ?? 0;
}

/** The finest scale at which the sum has no more than `MAX_BUCKETS`. */
function fittingScale(scale: number, a: ExponentialBuckets, b: ExponentialBuckets): number {
  let [from, to] = commonRange(a, b);
  let fitting = scale;
  for (; to - from > MAX_BUCKETS; fitting--) [from, to] = [Math.trunc(from / 2), Math.trunc(to / 2)];
  return fitting;
}

function merged(a: ExponentialBuckets, b: ExponentialBuckets): ExponentialBuckets {
  if (b.counts.length === 0) return a;
  if (a.counts.length === 0) return b;
  const [from, to] = commonRange(a, b);
  const counts = Array.from({ length: to - from }, (_, i) => countAt(a, from + i) + countAt(b, from + i));
  return { offset: from, counts };
}

/** What lies below the width, and the whole bucket that it falls into, counts as zero. */
function withWiderZero(sum: ExponentialSum, width: number): ExponentialSum {
  const last = bucketOf(width, sum.scale);
  let { zeroCount } = sum;
  const cut = ({ offset, counts }: ExponentialBuckets): ExponentialBuckets => {
    const taken = Math.max(0, Math.min(last + 1 - offset, counts.length));
    for (let i = 0; i < taken; i++) zeroCount += counts[i];
    return { offset: offset + taken, counts: counts.slice(taken) };
  };
  const [positive, negative] = [cut(sum.positive), cut(sum.negative)];
  const zeroThreshold = Math.exp((last + 1) * Math.LN2 * 2 ** -sum.scale);
  return { ...sum, zeroCount, zeroThreshold, positive, negative };
}

/** The bucket of a number above 0: bounds are powers of 2^(2^-scale), and belong to the bucket below. */
function bucketOf(value: number, scale: number): number {
  const exponent = Math.round(Math.log2(value));
  if (2 ** exponent === value) return Math.floor(exponent * 2 ** scale) - 1;
  return Math.floor(Math.log(value) * Math.LOG2E * 2 ** scale);
}
