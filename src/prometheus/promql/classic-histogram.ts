/** Quantiles and fractions of classic histograms, which are series of cumulative buckets (`promql/quantile.go`). */

/** Buckets of one histogram at one step, in any order. */
export interface Buckets {
  upperBounds: Float64Array;
  /** Cumulative counts. */
  counts: Float64Array;
  length: number;
}

/** How counts had to be changed so that they never fall from one bucket to the next. */
export interface MonotonicityFix {
  minBound: number;
  maxBound: number;
  maxDifference: number;
}

export interface BucketQuantile {
  value: number;
  fix: MonotonicityFix | undefined;
}

/** Relative differences between neighbours up to this are rounding errors and are ignored silently. */
const SMALL_DELTA = 1e-12;

export class BucketList {
  upperBounds: Float64Array;
  counts: Float64Array;
  length = 0;

  constructor(capacity: number) {
    this.upperBounds = new Float64Array(capacity);
    this.counts = new Float64Array(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  /** Keeps the buckets sorted by upper bound; of equal bounds the counts are added. */
  add(upperBound: number, count: number): void {
    const { upperBounds, counts } = this;
    let at = this.length;
    while (at > 0 && upperBounds[at - 1] > upperBound) at--;
    if (at > 0 && upperBounds[at - 1] === upperBound) {
      counts[at - 1] += count;
      return;
    }
    upperBounds.copyWithin(at + 1, at, this.length);
    counts.copyWithin(at + 1, at, this.length);
    upperBounds[at] = upperBound;
    counts[at] = count;
    this.length++;
  }

  /** Whether the last bucket counts everything. */
  get isComplete(): boolean {
    return this.length > 0 && this.upperBounds[this.length - 1] === Number.POSITIVE_INFINITY;
  }

  /** Linear within a bucket; the highest bucket gives its lower bound. NaN of a histogram that has no answer. */
  quantile(quantile: number): BucketQuantile {
    if (Number.isNaN(quantile)) return { value: Number.NaN, fix: undefined };
    if (quantile < 0) return { value: Number.NEGATIVE_INFINITY, fix: undefined };
    if (quantile > 1) return { value: Number.POSITIVE_INFINITY, fix: undefined };
    if (!this.isComplete) return { value: Number.NaN, fix: undefined };
    const fix = this.#makeMonotonic();
    const last = this.length - 1;
    const observations = this.counts[last];
    if (last < 1 || observations === 0) return { value: Number.NaN, fix };
    return { value: this.#interpolate(quantile * observations), fix };
  }

  #interpolate(rank: number): number {
    const { upperBounds, counts } = this;
    const last = this.length - 1;
    let bucket = firstIndex(last, (i) => counts[i] >= rank);
    if (bucket === last) return upperBounds[last - 1];
    if (bucket === 0 && upperBounds[0] <= 0) return upperBounds[0];
    const start = bucket > 0 ? upperBounds[bucket - 1] : 0;
    const below = bucket > 0 ? counts[bucket - 1] : 0;
    const end = upperBounds[bucket];
    const count = counts[bucket] - below;
    bucket = 0;
    return start + (end - start) * ((rank - below) / count);
  }

  /** The share of observations between two bounds. */
  fraction(lower: number, upper: number): number {
    if (!this.isComplete) return Number.NaN;
    const total = this.counts[this.length - 1];
    if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
    if (lower >= upper) return 0;
    return (Math.min(this.#rankOf(upper), total) - Math.min(this.#rankOf(lower), total)) / total;
  }

  /** How many observations are below a bound. */
  #rankOf(bound: number): number {
    const { upperBounds, counts } = this;
    let below = 0;
    let start = upperBounds[0] <= 0 ? Number.NEGATIVE_INFINITY : 0;
    for (let i = 0; i < this.length; i++) {
      if (start >= bound) return below;
      const end = upperBounds[i];
      if (end > bound) {
        // A bucket without end can't be divided: nothing of the last counts, all of the first does.
        if (start === Number.NEGATIVE_INFINITY) return counts[i];
        return below + ((counts[i] - below) * (bound - start)) / (end - start);
      }
      below = counts[i];
      start = end;
    }
    return this.counts[this.length - 1];
  }

  #makeMonotonic(): MonotonicityFix | undefined {
    const { upperBounds, counts } = this;
    let fix: MonotonicityFix | undefined;
    let previous = counts[0];
    for (let i = 1; i < this.length; i++) {
      const current = counts[i];
      if (current === previous) continue;
      if (isAlmostEqual(previous, current, SMALL_DELTA)) {
        counts[i] = previous;
      } else if (current < previous) {
        counts[i] = previous;
        fix ??= { minBound: upperBounds[i], maxBound: upperBounds[i], maxDifference: 0 };
        fix.minBound = Math.min(fix.minBound, upperBounds[i]);
        fix.maxBound = Math.max(fix.maxBound, upperBounds[i]);
        fix.maxDifference = Math.max(fix.maxDifference, previous - current);
      } else {
        previous = current;
      }
    }
    return fix;
  }
}

/** The smallest index below `length` for which `holds`, which stays true once it is; else `length`. */
export function firstIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const SMALLEST_NORMAL = 2.2250738585072014e-308;

/** Whether two numbers differ by less than `tolerance`, relative to their sum (upstream's `util/almost`). */
export function isAlmostEqual(a: number, b: number, tolerance: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  if (a === b) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < tolerance * SMALLEST_NORMAL;
  return difference / Math.min(sum, Number.MAX_VALUE) < tolerance;
}
