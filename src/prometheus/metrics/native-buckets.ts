/**
 * The sparse, exponential buckets of a histogram of our own (`client_golang`, with the settings that upstream gives all
 * of its histograms: buckets that grow by a tenth at most, a hundred of them).
 */
import { exponentialBound, spansOf } from "../../model/histogram-buckets.ts";
import type { ExposedBuckets } from "../../wire/exposition/exposition-writer.ts";

/** Each bound is 2^(1/8) of the one before it, the widest schema whose buckets grow by less than a tenth. */
const FINEST_SCHEMA = 3;
const COARSEST_SCHEMA = -4;
export const MAX_NATIVE_BUCKETS = 100;
const ZERO_THRESHOLD = 2 ** -128;
/** So many empty buckets are sent rather than another span begun. */
const MAX_GAP = 2;

export class NativeBuckets {
  #schema = FINEST_SCHEMA;
  #zeroCount = 0;
  readonly #positive = new Map<number, number>();
  readonly #negative = new Map<number, number>();

  observe(value: number): void {
    if (Number.isNaN(value)) return;
    const size = Math.abs(value);
    if (size <= ZERO_THRESHOLD) {
      this.#zeroCount++;
      return;
    }
    const side = value > 0 ? this.#positive : this.#negative;
    const index = this.#indexOf(size);
    side.set(index, (side.get(index) ?? 0) + 1);
    while (this.#positive.size + this.#negative.size > MAX_NATIVE_BUCKETS && this.#schema > COARSEST_SCHEMA)
      this.#coarsen();
  }

  /** Of the bucket whose upper bound, inclusive, is the first that is not below. */
  #indexOf(size: number): number {
    if (size === Number.POSITIVE_INFINITY) return this.#indexOf(Number.MAX_VALUE) + 1;
    let index = Math.ceil(Math.log2(size) * 2 ** this.#schema);
    while (exponentialBound(index - 1, this.#schema) >= size) index--;
    while (exponentialBound(index, this.#schema) < size) index++;
    return index;
  }

  /** Each two buckets become one. */
  #coarsen(): void {
    this.#schema--;
    for (const side of [this.#positive, this.#negative]) {
      const finer = [...side];
      side.clear();
      for (const [index, count] of finer) {
        const merged = Math.ceil(index / 2);
        side.set(merged, (side.get(merged) ?? 0) + count);
      }
    }
  }

  exposed(): ExposedBuckets {
    const positive = sideOf(this.#positive);
    const negative = sideOf(this.#negative);
    const isEmpty = this.#zeroCount === 0 && positive.spans.length + negative.spans.length === 0;
    // A span of nothing tells a native histogram without observations from one that has no native buckets.
    if (isEmpty) positive.spans.push({ offset: 0, length: 0 });
    return {
      schema: this.#schema,
      zeroThreshold: ZERO_THRESHOLD,
      zeroCount: this.#zeroCount,
      positive,
      negative,
    };
  }
}

function sideOf(buckets: ReadonlyMap<number, number>): ExposedBuckets["positive"] {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const side = { indexes: sorted.map(([index]) => index), counts: sorted.map(([, count]) => count) };
  const { spans, buckets: counts } = spansOf(side, MAX_GAP);
  return { spans, deltas: counts.map((count, i) => count - (i === 0 ? 0 : counts[i - 1])) };
}
