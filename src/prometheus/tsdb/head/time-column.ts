/**
 * The timestamps of decoded series. Series that are scraped together have the same ones, now and from now on, so they
 * share a column; whoever reads it gets one and the same array for one and the same range.
 */

/** A column is made with so much room for what is yet to come, in parts of its length. */
const SPARE_SHIFT = 3;
const MIN_SPARE = 8;

/** How many samples to make room for where there are `length` now. */
export function capacityFor(length: number): number {
  return length + (length >>> SPARE_SHIFT) + MIN_SPARE;
}

export class TimeColumn {
  /** Ascending. What is below `length` never changes. */
  readonly times: Float64Array;
  length: number;
  /** The same, with more room. */
  #grown: TimeColumn | undefined;
  /** The column of the series that went another way from `#branchedAt` on. */
  #branch: TimeColumn | undefined;
  #branchedAt = -1;
  #window: Window = NO_WINDOW;

  constructor(times: Float64Array, length: number) {
    this.times = new Float64Array(capacityFor(length));
    this.times.set(times.subarray(0, length));
    this.length = length;
  }

  /** Whether one of the column and the first `length` of `times` begins with the other. */
  isAlike(times: Float64Array, length: number): boolean {
    const common = Math.min(this.length, length);
    for (let i = 0; i < common; i++) if (this.times[i] !== times[i]) return false;
    return true;
  }

  /** The column of a series that has the first `length` times of this one, and then `timestampMs`. */
  followedBy(length: number, timestampMs: number): TimeColumn {
    if (length < this.length) {
      return this.times[length] === timestampMs ? this : this.#branchAt(length, timestampMs);
    }
    if (length < this.times.length) {
      this.times[length] = timestampMs;
      this.length++;
      return this;
    }
    this.#grown ??= new TimeColumn(this.times, length);
    return this.#grown.followedBy(length, timestampMs);
  }

  #branchAt(length: number, timestampMs: number): TimeColumn {
    if (
      this.#branch !== undefined &&
      this.#branchedAt === length &&
      this.#branch.times[length] === timestampMs
    )
      return this.#branch;
    this.#branch = new TimeColumn(this.times, length).followedBy(length, timestampMs);
    this.#branchedAt = length;
    return this.#branch;
  }

  /** Which of the first `length` times lie in the range, both ends included. */
  window(minMs: number, maxMs: number, length: number): Window {
    const last = this.#window;
    if (last.minMs === minMs && last.maxMs === maxMs && last.length === length) return last;
    const from = firstIndex(length, (i) => this.times[i] >= minMs);
    const to = firstIndex(length, (i) => this.times[i] > maxMs);
    const isSame = last.from === from && last.to === to;
    const times = isSame ? last.times : this.times.subarray(from, to);
    return (this.#window = { minMs, maxMs, length, from, to, times });
  }
}

/** The times from index `from` up to but not including `to`. */
export interface Window {
  minMs: number;
  maxMs: number;
  length: number;
  from: number;
  to: number;
  times: Float64Array;
}

const NO_WINDOW: Window = {
  minMs: Number.NaN,
  maxMs: Number.NaN,
  length: 0,
  from: 0,
  to: 0,
  times: new Float64Array(0),
};

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
