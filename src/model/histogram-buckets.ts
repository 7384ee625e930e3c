/** The buckets of native histograms: where they lie, one by one and all in a row. */
import { scaled } from "../base/go-math/float-parts.ts";
import { logarithm2 } from "../base/go-math/logarithm.ts";
import { fractionalBound } from "./exponential-bounds.ts";
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span, usesCustomBuckets } from "./histogram.ts";

export interface Bucket {
  lower: number;
  upper: number;
  isLowerInclusive: boolean;
  isUpperInclusive: boolean;
  count: number;
}

/** One side's buckets without the gaps: `counts[i]` observations in the bucket with index `indexes[i]`, ascending. */
export interface Side {
  indexes: number[];
  counts: number[];
}

/** What spans and counts stand for. */
export function sideOf(spans: readonly Span[], buckets: readonly number[]): Side {
  const indexes: number[] = [];
  let index = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++) indexes.push(index++);
  }
  return { indexes, counts: [...buckets] };
}

/**
 * Spans and counts of a side; buckets without observations are left out ("compact"), or filled in where a gap of no more
 * than `maxEmptyBuckets` between two others has them: that takes less space than a new span.
 */
export function spansOf(
  { indexes, counts }: Side,
  maxEmptyBuckets = 0,
): { spans: Span[]; buckets: number[] } {
  const spans: Span[] = [];
  const buckets: number[] = [];
  let end = 0;
  for (let i = 0; i < indexes.length; i++) {
    if (counts[i] === 0) continue;
    const offset = indexes[i] - end;
    const last = spans.at(-1);
    if (last !== undefined && offset <= maxEmptyBuckets) {
      last.length += offset + 1;
      for (let gap = 0; gap < offset; gap++) buckets.push(0);
    } else spans.push({ offset, length: 1 });
    buckets.push(counts[i]);
    end = indexes[i] + 1;
  }
  return { spans, buckets };
}

export function positiveSide({ positiveSpans, positiveBuckets }: FloatHistogram): Side {
  return sideOf(positiveSpans, positiveBuckets);
}

export function negativeSide({ negativeSpans, negativeBuckets }: FloatHistogram): Side {
  return sideOf(negativeSpans, negativeBuckets);
}

/** The histogram with other buckets, compact. */
export function withSides(histogram: FloatHistogram, positive: Side, negative: Side): FloatHistogram {
  const { spans: positiveSpans, buckets: positiveBuckets } = spansOf(positive);
  const { spans: negativeSpans, buckets: negativeBuckets } = spansOf(negative);
  return { ...histogram, positiveSpans, positiveBuckets, negativeSpans, negativeBuckets };
}

/** Without empty buckets. */
export function compacted(histogram: FloatHistogram): FloatHistogram {
  return withSides(histogram, positiveSide(histogram), negativeSide(histogram));
}

/** The absolute upper bound of the bucket with an index, in the exponential schemas. */
export function exponentialBound(index: number, schema: number): number {
  const [fraction, exponent] =
    schema < 0
      ? [1, index * 2 ** -schema]
      : [fractionalBound(index & (2 ** schema - 1), schema), index >> schema];
  // The last finite bucket would end at 2^1024: it holds the largest number.
  if (exponent === 1024 && fraction === 1) return Number.MAX_VALUE;
  return scaled(fraction, exponent);
}

/** Exponential schemas are -4 to 8, with room for others. */
export function isExponentialSchema(schema: number): boolean {
  return schema >= -4 && schema <= 8;
}

function bound(index: number, { schema, customValues }: FloatHistogram): number {
  if (schema !== CUSTOM_BUCKETS_SCHEMA) return exponentialBound(index, schema);
  if (index < 0) return Number.NEGATIVE_INFINITY;
  return index < customValues.length ? customValues[index] : Number.POSITIVE_INFINITY;
}

export function positiveBuckets(histogram: FloatHistogram): Bucket[] {
  const { indexes, counts } = positiveSide(histogram);
  const isCustom = usesCustomBuckets(histogram);
  return indexes.map((index, i) => {
    const [lower, upper] = [bound(index - 1, histogram), bound(index, histogram)];
    const isLowerInclusive = isCustom ? index === 0 : lower < 0;
    return { lower, upper, isLowerInclusive, isUpperInclusive: isCustom || upper > 0, count: counts[i] };
  });
}

/** In the order in which they are stored: from zero outwards. */
export function negativeBuckets(histogram: FloatHistogram): Bucket[] {
  const { indexes, counts } = negativeSide(histogram);
  return indexes.map((index, i) => ({
    lower: -bound(index, histogram),
    upper: -bound(index - 1, histogram),
    isLowerInclusive: true,
    isUpperInclusive: false,
    count: counts[i],
  }));
}

export function zeroBucket({ zeroThreshold, zeroCount }: FloatHistogram): Bucket {
  return {
    lower: -zeroThreshold,
    upper: zeroThreshold,
    isLowerInclusive: true,
    isUpperInclusive: true,
    count: zeroCount,
  };
}

/** All buckets, from the most negative to the most positive; none reaches into the zero bucket. */
export function allBuckets(histogram: FloatHistogram): Bucket[] {
  const { zeroThreshold } = histogram;
  const below = negativeBuckets(histogram).reverse();
  const above = positiveBuckets(histogram);
  for (const bucket of below) {
    if (bucket.upper < 0 && bucket.upper > -zeroThreshold) bucket.upper = -zeroThreshold;
  }
  for (const bucket of above) {
    if (bucket.lower > 0 && bucket.lower < zeroThreshold) bucket.lower = zeroThreshold;
  }
  const middle = histogram.zeroCount > 0 ? [zeroBucket(histogram)] : [];
  return [...below, ...middle, ...above];
}

/** The share of a bucket's observations below a value inside it, spread evenly over the values or their logarithms. */
export function fractionBelow({ lower, upper }: Bucket, value: number, isLinear: boolean): number {
  if (isLinear) return (value - lower) / (upper - lower);
  const logLower = logarithm2(Math.abs(lower));
  const logUpper = logarithm2(Math.abs(upper));
  const logValue = logarithm2(Math.abs(value));
  if (value > 0) return (logValue - logLower) / (logUpper - logLower);
  return 1 - (logValue - logUpper) / (logLower - logUpper);
}

/** How much memory a histogram takes, in float samples: how upstream counts it against sample limits. */
export function sizeInSamples(histogram: FloatHistogram): number {
  const numbers =
    histogram.positiveSpans.length +
    histogram.negativeSpans.length +
    histogram.positiveBuckets.length +
    histogram.negativeBuckets.length +
    histogram.customValues.length;
  return Math.floor((168 + 8 * numbers + 8) / 16);
}
