/** Growing columns of float samples: where chunks are decoded to. Reused from series to series. */

const FIRST_CAPACITY = 256;

export class SampleColumns {
  timestamps: Float64Array;
  values: Float64Array;
  /** The same memory as `values`: two words per value, low half first. Values move by their words, so NaNs stay. */
  words: Uint32Array;
  length = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.timestamps = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.words = new Uint32Array(this.values.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes room for `count` more samples. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.timestamps.length) return;
    const capacity = Math.max(needed, 2 * this.timestamps.length);
    const timestamps = new Float64Array(capacity);
    timestamps.set(this.timestamps.subarray(0, this.length));
    const words = new Uint32Array(2 * capacity);
    words.set(this.words.subarray(0, 2 * this.length));
    this.timestamps = timestamps;
    this.words = words;
    this.values = new Float64Array(words.buffer);
  }

  push(timestampMs: number, low: number, high: number): void {
    this.reserve(1);
    const { length } = this;
    this.timestamps[length] = timestampMs;
    this.words[2 * length] = low;
    this.words[2 * length + 1] = high;
    this.length = length + 1;
  }

  copyTimestamps(): Float64Array {
    return this.timestamps.slice(0, this.length);
  }

  /** Whether the timestamps are exactly `other`. */
  hasTimestamps(other: Float64Array): boolean {
    const { timestamps, length } = this;
    if (other.length !== length) return false;
    for (let i = 0; i < length; i++) if (timestamps[i] !== other[i]) return false;
    return true;
  }
}
