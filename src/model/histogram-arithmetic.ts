/** Sums, differences and multiples of native histograms, and whether a counter was reset between two. */
import {
  type CounterResetHint,
  createHistogram,
  type FloatHistogram,
  usesCustomBuckets,
} from "./histogram.ts";
import {
  exponentialBound,
  isExponentialSchema,
  negativeBuckets,
  negativeSide,
  positiveBuckets,
  positiveSide,
  type Side,
  withSides,
} from "./histogram-buckets.ts";

/** Exponential and custom buckets can't be put together. */
export class IncompatibleSchemasError extends Error {
  constructor() {
    super("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas");
    this.name = "IncompatibleSchemasError";
  }
}

export interface Combination {
  histogram: FloatHistogram;
  /** One says that the counter was reset, the other that it wasn't. */
  isResetContradictory: boolean;
  /** The custom bounds differed: only those of both are left. */
  areBoundsReconciled: boolean;
}

/** @throws IncompatibleSchemasError */
export function addHistograms(a: FloatHistogram, b: FloatHistogram): Combination {
  return combine(a, b, 1);
}

/** @throws IncompatibleSchemasError */
export function subtractHistograms(a: FloatHistogram, b: FloatHistogram): Combination {
  return combine(a, b, -1);
}

export function multiplyHistogram(histogram: FloatHistogram, factor: number): FloatHistogram {
  return {
    ...histogram,
    counterResetHint: factor < 0 ? "gauge" : histogram.counterResetHint,
    zeroCount: histogram.zeroCount * factor,
    count: histogram.count * factor,
    sum: histogram.sum * factor,
    positiveBuckets: histogram.positiveBuckets.map((count) => count * factor),
    negativeBuckets: histogram.negativeBuckets.map((count) => count * factor),
  };
}

/** By zero, all buckets but the zero bucket go: what would be in them is not a number anyway. */
export function divideHistogram(histogram: FloatHistogram, divisor: number): FloatHistogram {
  const isZero = divisor === 0;
  return {
    ...histogram,
    counterResetHint: divisor < 0 ? "gauge" : histogram.counterResetHint,
    zeroCount: histogram.zeroCount / divisor,
    count: histogram.count / divisor,
    sum: histogram.sum / divisor,
    positiveSpans: isZero ? [] : histogram.positiveSpans,
    negativeSpans: isZero ? [] : histogram.negativeSpans,
    positiveBuckets: isZero ? [] : histogram.positiveBuckets.map((count) => count / divisor),
    negativeBuckets: isZero ? [] : histogram.negativeBuckets.map((count) => count / divisor),
  };
}

/** The finest schema that is stored. */
export const MAX_SCHEMA = 8;
/** Schemas up to this are kept for exponential buckets that are finer than any that is stored. */
const MAX_RESERVED_SCHEMA = 52;

/** The histogram in a coarser exponential schema. */
export function toSchema(histogram: FloatHistogram, schema: number): FloatHistogram {
  if (schema === histogram.schema) return histogram;
  const positive = coarser(positiveSide(histogram), histogram.schema, schema);
  const negative = coarser(negativeSide(histogram), histogram.schema, schema);
  return { ...withSides(histogram, positive, negative), schema, counterResetHint: "unknown" };
}

/** The histogram, in a coarser schema if its own is finer than `schema`. */
export function reduceToSchema(histogram: FloatHistogram, schema: number): FloatHistogram {
  if (histogram.schema <= schema || histogram.schema > MAX_RESERVED_SCHEMA) return histogram;
  return { ...toSchema(histogram, schema), counterResetHint: histogram.counterResetHint };
}

function combine(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combination {
  if (usesCustomBuckets(a) !== usesCustomBuckets(b)) throw new IncompatibleSchemasError();
  const { hint, isContradictory } = combinedHint(a.counterResetHint, b.counterResetHint);
  const base = {
    ...a,
    counterResetHint: hint,
    count: a.count + sign * b.count,
    sum: a.sum + sign * b.sum,
  };
  const combined = usesCustomBuckets(a) ? combineCustom(base, b, sign) : combineExponential(base, b, sign);
  return { ...combined, isResetContradictory: isContradictory };
}

type Combined = Pick<Combination, "histogram" | "areBoundsReconciled">;

function combineCustom(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined {
  if (areBoundsEqual(a.customValues, b.customValues)) {
    const side = mergeSides(positiveSide(a), positiveSide(b), sign);
    return { histogram: withSides(a, side, EMPTY), areBoundsReconciled: false };
  }
  const customValues = commonBounds(a.customValues, b.customValues);
  const left = rebinned(a, customValues);
  const right = rebinned(b, customValues);
  const histogram = withSides({ ...a, customValues }, mergeSides(left, right, sign), EMPTY);
  return { histogram, areBoundsReconciled: true };
}

const EMPTY: Side = { indexes: [], counts: [] };

function combineExponential(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined {
  const { widened, otherZeroCount } = reconcileZeroBuckets(a, b);
  const schema = Math.min(a.schema, b.schema);
  const base = { ...widened, schema, zeroCount: widened.zeroCount + sign * otherZeroCount };
  const merged = (sideIn: (histogram: FloatHistogram) => Side) => {
    const left = coarser(sideIn(widened), a.schema, schema);
    const right = outsideOf(coarser(sideIn(b), b.schema, schema), base.zeroThreshold, schema);
    return mergeSides(left, right, sign);
  };
  return {
    histogram: withSides(base, merged(positiveSide), merged(negativeSide)),
    areBoundsReconciled: false,
  };
}

/** The buckets that lie, at least in part, outside of the zero bucket. */
export function outsideOf(side: Side, zeroThreshold: number, schema: number): Side {
  if (!isExponentialSchema(schema)) return side;
  const first = side.indexes.findIndex((index) => exponentialBound(index, schema) > zeroThreshold);
  if (first === 0) return side;
  if (first === -1) return EMPTY;
  return { indexes: side.indexes.slice(first), counts: side.counts.slice(first) };
}

/** What two hints say together. */
export function combinedHint(
  a: CounterResetHint,
  b: CounterResetHint,
): { hint: CounterResetHint; isContradictory: boolean } {
  if (a === b) return { hint: a, isContradictory: false };
  if (a === "gauge" || b === "gauge") return { hint: "gauge", isContradictory: false };
  return { hint: "unknown", isContradictory: a !== "unknown" && b !== "unknown" };
}

/** Buckets of both, `b`'s counted `sign`-fold. */
function mergeSides(a: Side, b: Side, sign: 1 | -1): Side {
  const indexes: number[] = [];
  const counts: number[] = [];
  let j = 0;
  for (let i = 0; i < a.indexes.length; i++) {
    const index = a.indexes[i];
    for (; j < b.indexes.length && b.indexes[j] < index; j++) {
      indexes.push(b.indexes[j]);
      counts.push(sign * b.counts[j]);
    }
    indexes.push(index);
    counts.push(b.indexes[j] === index ? a.counts[i] + sign * b.counts[j++] : a.counts[i]);
  }
  for (; j < b.indexes.length; j++) {
    indexes.push(b.indexes[j]);
    counts.push(sign * b.counts[j]);
  }
  return { indexes, counts };
}

/** The index, in a coarser schema, of the bucket that holds the one with an index. */
export function coarserIndex(index: number, schema: number, target: number): number {
  return ((index - 1) >> (schema - target)) + 1;
}

function coarser(side: Side, schema: number, target: number): Side {
  if (schema === target) return side;
  const indexes: number[] = [];
  const counts: number[] = [];
  side.indexes.forEach((original, i) => {
    const index = coarserIndex(original, schema, target);
    if (indexes.at(-1) === index) counts[counts.length - 1] += side.counts[i];
    else {
      indexes.push(index);
      counts.push(side.counts[i]);
    }
  });
  return { indexes, counts };
}

export function areBoundsEqual(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]));
}

/** The bounds that both have. */
export function commonBounds(a: readonly number[], b: readonly number[]): number[] {
  const known = new Set(b);
  return a.filter((bound) => known.has(bound));
}

/** For each bucket of a custom histogram the index of the one that holds it, between fewer bounds. */
export function rebinnedIndexes(histogram: FloatHistogram, bounds: readonly number[]): number[] {
  return positiveSide(histogram).indexes.map((index) => {
    if (index >= histogram.customValues.length) return bounds.length;
    const upper = histogram.customValues[index];
    const target = bounds.findIndex((bound) => bound >= upper);
    return target === -1 ? bounds.length : target;
  });
}

function rebinned(histogram: FloatHistogram, bounds: readonly number[]): Side {
  const { counts } = positiveSide(histogram);
  const targets = rebinnedIndexes(histogram, bounds);
  const totals = new Map<number, number>();
  targets.forEach((target, i) => {
    totals.set(target, (totals.get(target) ?? 0) + counts[i]);
  });
  return { indexes: [...totals.keys()], counts: [...totals.values()] };
}

/** The zero bucket of a histogram when it is widened. */
export interface ZeroBucket {
  threshold: number;
  count: number;
}

/**
 * Widens the zero bucket to at least `threshold`, further where it would end inside a bucket with observations
 * (`zeroCountForLargerThreshold` upstream).
 */
export function widenedZeroBucket(histogram: FloatHistogram, threshold: number): ZeroBucket {
  if (threshold === histogram.zeroThreshold) return { threshold, count: histogram.zeroCount };
  const above = positiveBuckets(histogram);
  const below = negativeBuckets(histogram);
  let wanted = threshold;
  for (;;) {
    let count = histogram.zeroCount;
    const before = wanted;
    for (const bucket of above) {
      if (bucket.lower >= wanted) break;
      count += bucket.count;
      if (bucket.upper > wanted) {
        if (bucket.count !== 0) wanted = bucket.upper;
        break;
      }
    }
    const afterAbove = wanted;
    for (const bucket of below) {
      if (bucket.upper <= -wanted) break;
      count += bucket.count;
      if (bucket.lower < -wanted) {
        if (bucket.count !== 0) wanted = -bucket.lower;
        break;
      }
    }
    // Widened by the negative side, the positive side has to be looked at again.
    if (wanted === afterAbove) return { threshold: wanted, count };
    if (wanted === before) return { threshold: wanted, count };
  }
}

/** The histogram with its zero bucket widened, the buckets that it swallows gone. */
function withZeroBucket(histogram: FloatHistogram, { threshold, count }: ZeroBucket): FloatHistogram {
  const trimmed = (side: Side) => {
    const first = side.indexes.findIndex(
      (index) => exponentialBound(index - 1, histogram.schema) >= threshold,
    );
    if (first === -1) return EMPTY;
    return { indexes: side.indexes.slice(first), counts: side.counts.slice(first) };
  };
  return {
    ...withSides(histogram, trimmed(positiveSide(histogram)), trimmed(negativeSide(histogram))),
    zeroThreshold: threshold,
    zeroCount: count,
  };
}

/** Widens both zero buckets until they are equal; of `b` only the count is needed. */
export function reconcileZeroBuckets(
  a: FloatHistogram,
  b: FloatHistogram,
): { widened: FloatHistogram; otherZeroCount: number } {
  let widened = a;
  let other: ZeroBucket = { threshold: b.zeroThreshold, count: b.zeroCount };
  while (other.threshold !== widened.zeroThreshold) {
    if (widened.zeroThreshold > other.threshold) other = widenedZeroBucket(b, widened.zeroThreshold);
    if (other.threshold > widened.zeroThreshold) {
      widened = withZeroBucket(widened, widenedZeroBucket(widened, other.threshold));
    }
  }
  return { widened, otherZeroCount: other.count };
}

/** Whether the counter behind two successive histograms was reset between them. */
export function isReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.counterResetHint === "reset") return true;
  if (current.counterResetHint === "not_reset") return false;
  if (current.count < previous.count) return true;
  if (usesCustomBuckets(current)) {
    if (!usesCustomBuckets(previous)) return true;
    if (!areBoundsEqual(current.customValues, previous.customValues)) {
      const bounds = commonBounds(current.customValues, previous.customValues);
      return hasFallen(rebinned(current, bounds), rebinned(previous, bounds));
    }
    return hasFallen(positiveSide(current), positiveSide(previous));
  }
  if (usesCustomBuckets(previous) || current.schema > previous.schema) return true;
  return isExponentialReset(current, previous);
}

function isExponentialReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  const { schema, zeroThreshold } = current;
  if (zeroThreshold < previous.zeroThreshold) return true;
  const widened = widenedZeroBucket(previous, zeroThreshold);
  if (widened.threshold !== zeroThreshold || current.zeroCount < widened.count) return true;
  return [positiveSide, negativeSide].some((sideIn) => {
    const before = outsideOf(coarser(sideIn(previous), previous.schema, schema), zeroThreshold, schema);
    const now = outsideOf(sideIn(current), zeroThreshold, schema);
    return hasFallen(now, before);
  });
}

/** Whether any bucket has fewer observations than before. */
function hasFallen(current: Side, previous: Side): boolean {
  const counts = new Map(current.indexes.map((index, i) => [index, current.counts[i]]));
  return previous.indexes.some((index, i) => {
    const count = counts.get(index);
    return count === undefined ? previous.counts[i] !== 0 : count < previous.counts[i];
  });
}

/** Whether two histograms say the same, the reset hint and empty buckets apart. */
export function areHistogramsEqual(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    (!usesCustomBuckets(a) || areBoundsEqual(a.customValues, b.customValues)) &&
    areSidesEqual(occupied(positiveSide(a)), occupied(positiveSide(b))) &&
    areSidesEqual(occupied(negativeSide(a)), occupied(negativeSide(b)))
  );
}

function occupied({ indexes, counts }: Side): Side {
  const isOccupied = (_: number, i: number) => counts[i] !== 0;
  return { indexes: indexes.filter(isOccupied), counts: counts.filter(isOccupied) };
}

function areSidesEqual(a: Side, b: Side): boolean {
  return (
    a.indexes.length === b.indexes.length &&
    a.indexes.every((index, i) => index === b.indexes[i] && Object.is(a.counts[i], b.counts[i]))
  );
}

/** As the counter stood when it was reset: what `histogram` is to be compared with after one. */
export function emptyLike({ schema, customValues }: FloatHistogram): FloatHistogram {
  return createHistogram({ schema, customValues });
}
