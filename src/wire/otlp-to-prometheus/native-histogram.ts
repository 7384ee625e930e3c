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
  const positive = toSpans(point.positive, shift);
  const negative = toSpans(point.negative, shift);
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
  const { spans, buckets } = toSpans({ offset: -1, counts: point.bucketCounts }, 0);
  return createHistogram({
    schema: CUSTOM_BUCKETS_SCHEMA,
    count: point.count,
    sum: point.sum ?? 0,
    positiveSpans: spans,
    positiveBuckets: buckets,
    customValues: [...point.explicitBounds],
  });
}

/** Prometheus counts buckets by their upper bound, OpenTelemetry by their lower: hence + 1. */
function toSpans({ offset, counts }: ExponentialBuckets, shift: number) {
  const merged = new Map<number, number>();
  for (const [i, count] of counts.entries()) {
    if (count === 0) continue;
    // Halving the scale joins pairs of buckets; 2 ** shift instead of << as shift may exceed 31.
    const bucket = Math.floor((offset + i) / 2 ** shift) + 1;
    merged.set(bucket, (merged.get(bucket) ?? 0) + count);
  }
  const spans: Span[] = [];
  const buckets: number[] = [];
  let next = 0;
  for (const [bucket, count] of merged) {
    const gap = bucket - next;
    if (spans.length === 0 || gap > MAX_ZEROS_IN_SPAN) spans.push({ offset: gap, length: 0 });
    else for (let i = 0; i < gap; i++) push(spans, buckets, 0);
    push(spans, buckets, count);
    next = bucket + 1;
  }
  return { spans, buckets };
}

function push(spans: Span[], buckets: number[], count: number): void {
  spans.at(-1)!.length++;
  buckets.push(count);
}
