/** Cuts off the observations above or below a value: the operators `</` and `>/` (`TrimBuckets` upstream). */
import { type FloatHistogram, usesCustomBuckets } from "./histogram.ts";
import {
  type Bucket,
  fractionBelow,
  negativeBuckets,
  negativeSide,
  positiveBuckets,
  positiveSide,
  type Side,
  withSides,
  zeroBucket,
} from "./histogram-buckets.ts";

/** What is left of a bucket: how many observations, and the value that stands for each of them. */
interface Remainder {
  count: number;
  midpoint: number;
}

/** `upper`: observations above `limit` go. `lower`: those below. Count and sum are estimated anew. */
export function trimHistogram(
  histogram: FloatHistogram,
  limit: number,
  side: "upper" | "lower",
): FloatHistogram {
  const isLinear = usesCustomBuckets(histogram);
  let count = 0;
  let sum = 0;
  let isTrimmed = false;
  const trimSide = (buckets: Bucket[], original: Side, isPositive: boolean): Side => {
    const counts = buckets.map((bucket) => {
      if (bucket.count === 0) return 0;
      const left = trimBucket(bucket, limit, side, { isPositive, isLinear });
      count += left.count;
      sum += left.midpoint * left.count;
      if (left.count !== bucket.count) isTrimmed = true;
      return left.count;
    });
    return { indexes: original.indexes, counts };
  };
  const positive = trimSide(positiveBuckets(histogram), positiveSide(histogram), true);
  const negative = trimSide(negativeBuckets(histogram), negativeSide(histogram), false);
  let { zeroCount } = histogram;
  if (zeroCount > 0) {
    const left = trimZeroBucket(histogram, limit, side);
    if (left.count !== zeroCount) isTrimmed = true;
    zeroCount = left.count;
    count += left.count;
    sum += left.midpoint * left.count;
  }
  return isTrimmed ? withSides({ ...histogram, zeroCount, count, sum }, positive, negative) : histogram;
}

function trimBucket(
  bucket: Bucket,
  limit: number,
  side: "upper" | "lower",
  kind: { isPositive: boolean; isLinear: boolean },
): Remainder {
  const { lower, upper, count } = bucket;
  const isWhole = side === "upper" ? upper <= limit : lower >= limit;
  if (isWhole) return { count, midpoint: midpoint(lower, upper, kind) };
  // Nothing is left by a limit that is not a number.
  const isDivided = side === "upper" ? lower < limit : upper > limit;
  if (!isDivided) return { count: 0, midpoint: 0 };
  if (lower === Number.NEGATIVE_INFINITY || upper === Number.POSITIVE_INFINITY) {
    return trimEndless(bucket, limit, side);
  }
  const below = count * fractionBelow(bucket, limit, kind.isLinear);
  return side === "upper"
    ? { count: below, midpoint: midpoint(lower, limit, kind) }
    : { count: count - below, midpoint: midpoint(limit, upper, kind) };
}

/** Custom buckets without end can't be divided: there are assumptions instead. */
function trimEndless({ lower, upper, count }: Bucket, limit: number, side: "upper" | "lower"): Remainder {
  const finite = (value: number) => (Number.isFinite(value) ? value : 0);
  if (lower === Number.NEGATIVE_INFINITY) {
    // The first bucket starts at 0 where its end is positive.
    if (side === "upper") {
      if (limit >= upper) return { count, midpoint: 0 };
      if (limit > 0 && upper > 0 && upper !== Number.POSITIVE_INFINITY) {
        return { count: (count * limit) / upper, midpoint: limit / 2 };
      }
      return upper <= 0 ? { count, midpoint: limit } : { count: 0, midpoint: finite(upper) };
    }
    if (limit <= lower) return { count, midpoint: 0 };
    if (limit >= 0 && upper > limit && upper !== Number.POSITIVE_INFINITY) {
      return { count: count * (1 - limit / upper), midpoint: (limit + upper) / 2 };
    }
    return { count: 0, midpoint: finite(upper) };
  }
  if (side === "upper") return { count: 0, midpoint: finite(lower) };
  return limit >= lower ? { count, midpoint: limit } : { count: 0, midpoint: finite(lower) };
}

function trimZeroBucket(histogram: FloatHistogram, limit: number, side: "upper" | "lower"): Remainder {
  const hasNegative = histogram.negativeBuckets.some((count) => count !== 0);
  const hasPositive = histogram.positiveBuckets.some((count) => count !== 0);
  const bucket = zeroBucket(histogram);
  const upper = hasNegative && !hasPositive ? 0 : bucket.upper;
  const lower = hasPositive && !hasNegative ? 0 : bucket.lower;
  const { count } = bucket;
  const whole = { count, midpoint: (lower + upper) / 2 };
  const nothing = { count: 0, midpoint: 0 };
  if (limit <= lower) return side === "upper" ? nothing : whole;
  if (limit >= upper) return side === "upper" ? whole : nothing;
  return side === "upper"
    ? { count: (count * (limit - lower)) / (upper - lower), midpoint: (lower + limit) / 2 }
    : { count: (count * (upper - limit)) / (upper - lower), midpoint: (limit + upper) / 2 };
}

function midpoint(lower: number, upper: number, kind: { isPositive: boolean; isLinear: boolean }): number {
  if (!Number.isFinite(lower)) {
    if (!Number.isFinite(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (!Number.isFinite(upper)) return lower;
  if (kind.isLinear) return (lower + upper) / 2;
  const mean = Math.sqrt(Math.abs(lower * upper));
  return kind.isPositive ? mean : -mean;
}
