/** Exponential histograms as Prometheus' native ones (spec "Prometheus and OpenMetrics Compatibility"). */
import {
  CUSTOM_BUCKETS_SCHEMA,
  createHistogram,
  type FloatHistogram,
  type Span,
} from "../../model/histogram.ts";
import type {
  ExponentialBuckets,
  ExponentialHistogramPoint,
  HistogramPoint,
} from "../../model/otlp-metrics.ts";
import { STALE_NAN_BITS } from "../remote-write/histogram-codec.ts";

const MAX_SCHEMA = 8;
const MIN_SCHEMA = -4;
/** What stands for 0: as upstream, whatever the sender says. */
const ZERO_THRESHOLD = 1e-128;
/** Gaps up to this many empty buckets are written as zeros: a new span would take more room. */
const MAX_ZEROS_IN_SPAN = 2;

/** @throws when the scale is too coarse */
export function toNativeHistogram(point: ExponentialHistogramPoint): FloatHistogram {
  if (point.scale < MIN_SCHEMA) {
    throw new Error(
      `cannot convert exponential to native histogram. Scale must be >= -4, was ${point.scale}`,
    );
  }
  const shift = Math.max(0, point.scale - MAX_SCHEMA);
  const [positive, negative] = [point.positive, point.negative].map((buckets) =>
    toSpans(buckets, shift, Math.floor(buckets.offset / 2 ** shift) + 1),
  );
  return {
    counterResetHint: "unknown",
    schema: point.scale - shift,
    zeroThreshold: ZERO_THRESHOLD,
    zeroCount: point.zeroCount,
    count: point.count,
    sum: point.sum ?? 0,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
    customValues: [],
  };
}

/** The sum of a histogram that ends a series. */
export const STALE_NAN = new Float64Array(new BigUint64Array([STALE_NAN_BITS]).buffer)[0];

/** A histogram with explicit bounds as a native one with custom buckets. */
export function toCustomBuckets(point: HistogramPoint): FloatHistogram {
  const { bucketCounts } = point;
  const first = bucketCounts.findIndex((count) => count !== 0);
  const counts = first === -1 ? [] : bucketCounts.slice(first);
  const { spans, buckets } = toSpans({ offset: first, counts }, 0, first);
  return createHistogram({
    schema: CUSTOM_BUCKETS_SCHEMA,
    count: point.count,
    sum: point.sum ?? 0,
    positiveSpans: spans,
    positiveBuckets: buckets,
    customValues: [...point.explicitBounds],
  });
}

/**
 * The buckets as spans: empty ones stay where a span begins or ends, or where a new span would take more room. Of
 * buckets that are joined after empty ones, the first counts for the bucket before, as upstream.
 *
 * @param from the place of the first bucket, where Prometheus counts by upper bounds and OpenTelemetry by lower ones
 */
function toSpans({ offset, counts }: ExponentialBuckets, shift: number, from: number) {
  const spans: Span[] = [];
  const buckets: number[] = [];
  if (counts.length === 0) return { spans, buckets };
  // 2 ** shift instead of << as shift may exceed 31.
  const place = (i: number) => Math.floor((offset + i) / 2 ** shift) + 1;
  spans.push({ offset: from, length: 0 });
  let current = place(0);
  let total = 0;
  const push = (gap: number) => {
    if (gap > MAX_ZEROS_IN_SPAN) spans.push({ offset: gap, length: 0 });
    else for (let i = 0; i < gap; i++) buckets.push(0);
    buckets.push(total);
    spans.at(-1)!.length += (gap > MAX_ZEROS_IN_SPAN ? 0 : gap) + 1;
  };
  for (let i = 0; i < counts.length; i++) {
    const next = place(i);
    if (next === current) {
      total += counts[i];
    } else if (total === 0) {
      total = counts[i];
    } else {
      push(next - current - 1);
      total = counts[i];
      current = next;
    }
  }
  push(place(counts.length - 1) - current);
  return { spans, buckets };
}
