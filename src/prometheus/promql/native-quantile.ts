/** Quantiles and fractions of native histograms (`promql/quantile.go`). */
import { exponential2 } from "../../base/go-math/exponential.ts";
import { logarithm2 } from "../../base/go-math/logarithm.ts";
import { type FloatHistogram, usesCustomBuckets } from "../../model/histogram.ts";
import { allBuckets, type Bucket, fractionBelow } from "../../model/histogram-buckets.ts";

/** NaN is no bucket's: with observations of it, results are not what they seem. */
export type NaNRemark = "result is NaN" | "result is skewed" | "excluded" | undefined;

export interface HistogramAnswer {
  value: number;
  remark: NaNRemark;
}

/** The value below which a share of the observations lies. */
export function nativeQuantile(quantile: number, histogram: FloatHistogram): HistogramAnswer {
  const plain = (value: number): HistogramAnswer => ({ value, remark: undefined });
  if (quantile < 0) return plain(Number.NEGATIVE_INFINITY);
  if (quantile > 1) return plain(Number.POSITIVE_INFINITY);
  if (histogram.count === 0 || Number.isNaN(quantile)) return plain(Number.NaN);
  // From the nearer end, unless NaN observations make the other end unknown.
  const isForward = Number.isNaN(histogram.sum) || quantile < 0.5;
  const buckets = allBuckets(histogram);
  if (!isForward) buckets.reverse();
  let rank = (isForward ? quantile : 1 - quantile) * histogram.count;
  let count = 0;
  let at = -1;
  for (let i = 0; i < buckets.length; i++) {
    if (buckets[i].count === 0) continue;
    at = i;
    count += buckets[i].count;
    if (count >= rank) break;
  }
  const last = buckets.length - 1;
  const found = at === -1 ? (buckets[last] ?? NO_BUCKET) : buckets[at];
  const bucket = bounded(found, histogram);
  if (usesCustomBuckets(histogram)) {
    if (bucket.lower === Number.NEGATIVE_INFINITY) return plain(bucket.upper);
    const isLast = bucket.upper === Number.POSITIVE_INFINITY;
    if (isLast && found.lower !== Number.NEGATIVE_INFINITY) return plain(bucket.lower);
  }
  count = Math.min(count, histogram.count);
  if (count < rank) {
    if (Number.isNaN(histogram.sum)) return { value: Number.NaN, remark: "result is NaN" };
    return plain(bucket.upper);
  }
  rank = isForward ? rank - (count - bucket.count) : count - rank;
  const remark = hasNaN(histogram, count, buckets.slice(at + 1)) ? "result is skewed" : undefined;
  return { value: interpolate(bucket, rank / bucket.count, usesCustomBuckets(histogram)), remark };
}

const NO_BUCKET: Bucket = { lower: 0, upper: 0, isLowerInclusive: false, isUpperInclusive: false, count: 0 };

/** The zero bucket ends at 0 where all other buckets lie on one side, and so does the first custom bucket. */
function bounded(bucket: Bucket, histogram: FloatHistogram): Bucket {
  const { lower, upper } = bucket;
  if (usesCustomBuckets(histogram)) {
    return lower === Number.NEGATIVE_INFINITY && upper > 0 ? { ...bucket, lower: 0 } : bucket;
  }
  if (!(lower < 0 && upper > 0)) return bucket;
  const [hasNegative, hasPositive] = [
    histogram.negativeBuckets.length > 0,
    histogram.positiveBuckets.length > 0,
  ];
  if (hasPositive && !hasNegative) return { ...bucket, lower: 0 };
  return hasNegative && !hasPositive ? { ...bucket, upper: 0 } : bucket;
}

/** Whether there are observations that are in no bucket. */
function hasNaN({ sum, count }: FloatHistogram, counted: number, rest: readonly Bucket[]): boolean {
  if (!Number.isNaN(sum)) return false;
  return rest.reduce((total, bucket) => total + bucket.count, counted) < count;
}

/** Straight in custom buckets and around zero, on a logarithmic scale otherwise. */
function interpolate({ lower, upper }: Bucket, fraction: number, isLinear: boolean): number {
  if (isLinear || (lower <= 0 && upper >= 0)) return lower + (upper - lower) * fraction;
  const logLower = logarithm2(Math.abs(lower));
  const logUpper = logarithm2(Math.abs(upper));
  if (lower > 0) return exponential2(logLower + (logUpper - logLower) * fraction);
  return -exponential2(logUpper + (logLower - logUpper) * (1 - fraction));
}

/** The share of observations between two bounds. */
export function nativeFraction(lower: number, upper: number, histogram: FloatHistogram): HistogramAnswer {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) {
    return { value: Number.NaN, remark: undefined };
  }
  if (lower >= upper) return { value: 0, remark: undefined };
  const buckets = allBuckets(histogram);
  const bucketTotal = buckets.reduce((total, bucket) => total + bucket.count, 0);
  const isUncertain = Number.isNaN(histogram.sum);
  const total = isUncertain ? bucketTotal : histogram.count;
  const below = (bound: number) => Math.min(rankOf(bound, buckets, histogram) ?? total, total);
  return {
    value: (below(upper) - below(lower)) / histogram.count,
    remark: isUncertain && bucketTotal < histogram.count ? "excluded" : undefined,
  };
}

/** How many observations lie below a bound; undefined when it is above all buckets. */
function rankOf(bound: number, buckets: readonly Bucket[], histogram: FloatHistogram): number | undefined {
  const isCustom = usesCustomBuckets(histogram);
  let rank = 0;
  for (const original of buckets) {
    // Custom buckets have no zero bucket: they end where they say, but for the first (`bounded`).
    const isAroundZero = !isCustom && original.lower <= 0 && original.upper >= 0;
    const bucket = isAroundZero ? withOneSide(original, histogram) : bounded(original, histogram);
    if (bucket.lower >= bound) return rank;
    if (bucket.upper > bound) {
      const isLinear = isCustom || isAroundZero;
      if (isLinear && bucket.lower === Number.NEGATIVE_INFINITY) return bucket.count;
      return rank + bucket.count * fractionBelow(bucket, bound, isLinear);
    }
    rank += bucket.count;
  }
  return undefined;
}

/** A bucket around zero ends there where all other buckets lie on one side. */
function withOneSide(bucket: Bucket, { negativeBuckets, positiveBuckets }: FloatHistogram): Bucket {
  if (negativeBuckets.length === 0 && positiveBuckets.length > 0) return { ...bucket, lower: 0 };
  if (positiveBuckets.length === 0 && negativeBuckets.length > 0) return { ...bucket, upper: 0 };
  return bucket;
}
