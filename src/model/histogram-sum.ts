/**
 * A running sum of native histograms that keeps what rounding loses, for every count of its own
 * (`FloatHistogram.KahanAdd` upstream).
 */
import { type FloatHistogram, usesCustomBuckets } from "./histogram.ts";
import {
  areBoundsEqual,
  coarserIndex,
  combinedHint,
  commonBounds,
  IncompatibleSchemasError,
  outsideOf,
  rebinnedIndexes,
  widenedZeroBucket,
} from "./histogram-arithmetic.ts";
import { exponentialBound, negativeSide, positiveSide, type Side, withSides } from "./histogram-buckets.ts";

/** A number with the rounding errors of the additions that made it. */
interface Total {
  value: number;
  compensation: number;
}

/** Totals by bucket index. */
type Totals = Map<number, Total>;

export class HistogramSum {
  #shape: FloatHistogram;
  readonly #count: Total;
  readonly #sum: Total;
  #zeroCount: Total;
  #positive: Totals;
  #negative: Totals;

  constructor(first: FloatHistogram) {
    this.#shape = first;
    this.#count = total(first.count);
    this.#sum = total(first.sum);
    this.#zeroCount = total(first.zeroCount);
    this.#positive = totalsOf(positiveSide(first));
    this.#negative = totalsOf(negativeSide(first));
  }

  /**
   * Adds a histogram. Answers whether bounds of custom buckets had to be reconciled.
   *
   * @throws IncompatibleSchemasError
   */
  add(other: FloatHistogram): boolean {
    const shape = this.#shape;
    if (usesCustomBuckets(shape) !== usesCustomBuckets(other)) throw new IncompatibleSchemasError();
    const { hint } = combinedHint(shape.counterResetHint, other.counterResetHint);
    this.#shape = { ...shape, counterResetHint: hint };
    add(this.#count, other.count);
    add(this.#sum, other.sum);
    if (usesCustomBuckets(other)) return this.#addCustom(other);
    this.#addExponential(other);
    return false;
  }

  multiply(factor: number): void {
    for (const one of this.#totals()) {
      one.value *= factor;
      one.compensation *= factor;
    }
  }

  divide(divisor: number): void {
    for (const one of this.#totals()) {
      one.value /= divisor;
      one.compensation /= divisor;
    }
  }

  /** Whether some count is no longer finite. */
  get hasOverflow(): boolean {
    for (const { value } of this.#totals()) if (Math.abs(value) === Number.POSITIVE_INFINITY) return true;
    return this.#shape.customValues.some((bound) => Math.abs(bound) === Number.POSITIVE_INFINITY);
  }

  copy(): HistogramSum {
    const copy = new HistogramSum(this.#shape);
    Object.assign(copy.#count, this.#count);
    Object.assign(copy.#sum, this.#sum);
    copy.#zeroCount = { ...this.#zeroCount };
    copy.#positive = new Map(Array.from(this.#positive, ([index, one]) => [index, { ...one }]));
    copy.#negative = new Map(Array.from(this.#negative, ([index, one]) => [index, { ...one }]));
    return copy;
  }

  /** The sum, divided. */
  dividedBy(divisor: number): FloatHistogram {
    const result = ({ value, compensation }: Total) => value / divisor + compensation / divisor;
    const side = (totals: Totals): Side => {
      const entries = [...totals].sort(([a], [b]) => a - b);
      return { indexes: entries.map(([index]) => index), counts: entries.map(([, one]) => result(one)) };
    };
    const base = {
      ...this.#shape,
      count: result(this.#count),
      sum: result(this.#sum),
      zeroCount: result(this.#zeroCount),
    };
    return withSides(base, side(this.#positive), side(this.#negative));
  }

  *#totals(): Iterable<Total> {
    yield this.#count;
    yield this.#sum;
    yield this.#zeroCount;
    yield* this.#positive.values();
    yield* this.#negative.values();
  }

  #addCustom(other: FloatHistogram): boolean {
    const { customValues } = this.#shape;
    if (areBoundsEqual(customValues, other.customValues)) {
      addSide(this.#positive, positiveSide(other));
      return false;
    }
    const bounds = commonBounds(customValues, other.customValues);
    this.#positive = regrouped(this.#positive, (index) =>
      index >= customValues.length ? bounds.length : positionOf(customValues[index], bounds),
    );
    const { counts } = positiveSide(other);
    addSide(this.#positive, { indexes: rebinnedIndexes(other, bounds), counts });
    this.#shape = { ...this.#shape, customValues: bounds };
    return true;
  }

  #addExponential(other: FloatHistogram): void {
    const otherZeroCount = this.#reconcileZeroBuckets(other);
    add(this.#zeroCount, otherZeroCount);
    const schema = Math.min(this.#shape.schema, other.schema);
    const own = this.#shape.schema;
    if (schema < own) {
      const coarser = (index: number) => coarserIndex(index, own, schema);
      this.#positive = regrouped(this.#positive, coarser);
      this.#negative = regrouped(this.#negative, coarser);
      this.#shape = { ...this.#shape, schema };
    }
    const { zeroThreshold } = this.#shape;
    const reduced = ({ indexes, counts }: Side): Side => {
      const totals = regrouped(totalsOf({ indexes, counts }), (index) =>
        coarserIndex(index, other.schema, schema),
      );
      return {
        indexes: [...totals.keys()],
        counts: Array.from(totals.values(), ({ value, compensation }) => value + compensation),
      };
    };
    addSide(this.#positive, outsideOf(reduced(positiveSide(other)), zeroThreshold, schema));
    addSide(this.#negative, outsideOf(reduced(negativeSide(other)), zeroThreshold, schema));
  }

  /** Widens the zero buckets of both until they are equal; answers the other's count. */
  #reconcileZeroBuckets(other: FloatHistogram): number {
    let { zeroThreshold: threshold, zeroCount: count } = other;
    while (threshold !== this.#shape.zeroThreshold) {
      if (this.#shape.zeroThreshold > threshold) {
        ({ threshold, count } = widenedZeroBucket(other, this.#shape.zeroThreshold));
      }
      if (threshold > this.#shape.zeroThreshold) this.#widenZeroBucket(threshold);
    }
    return count;
  }

  #widenZeroBucket(wanted: number): void {
    const { threshold } = widenedZeroBucket(this.dividedBy(1), wanted);
    for (const totals of [this.#positive, this.#negative]) {
      for (const [index, { value, compensation }] of totals) {
        if (exponentialBound(index - 1, this.#shape.schema) >= threshold) continue;
        add(this.#zeroCount, value);
        add(this.#zeroCount, compensation);
        totals.delete(index);
      }
    }
    this.#shape = { ...this.#shape, zeroThreshold: threshold };
  }
}

function positionOf(bound: number, bounds: readonly number[]): number {
  const position = bounds.findIndex((candidate) => candidate >= bound);
  return position === -1 ? bounds.length : position;
}

function total(value: number): Total {
  return { value, compensation: 0 };
}

function totalsOf({ indexes, counts }: Side): Totals {
  return new Map(indexes.map((index, i) => [index, total(counts[i])]));
}

function addSide(totals: Totals, { indexes, counts }: Side): void {
  indexes.forEach((index, i) => {
    const known = totals.get(index);
    if (known === undefined) totals.set(index, total(counts[i]));
    else add(known, counts[i]);
  });
}

/** Puts buckets together. */
function regrouped(totals: Totals, indexOf: (index: number) => number): Totals {
  const out: Totals = new Map();
  for (const [index, one] of [...totals].sort(([a], [b]) => a - b)) {
    const target = indexOf(index);
    const known = out.get(target);
    if (known === undefined) out.set(target, { ...one });
    else {
      add(known, one.value);
      add(known, one.compensation);
    }
  }
  return out;
}

/** Neumaier's variant of Kahan's summation. */
function add(sum: Total, increment: number): void {
  const next = sum.value + increment;
  if (Math.abs(next) === Number.POSITIVE_INFINITY) sum.compensation = 0;
  else if (Math.abs(sum.value) >= Math.abs(increment)) sum.compensation += sum.value - next + increment;
  else sum.compensation += increment - next + sum.value;
  sum.value = next;
}
