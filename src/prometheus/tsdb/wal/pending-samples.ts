/** The float samples of a batch, as columns. */
import type { SampleBatch } from "./wal-records.ts";

const FIRST_CAPACITY = 64;

/** Samples of a batch, with a growing capacity. Used again by later batches. */
export class PendingSamples implements SampleBatch {
  length = 0;
  /** `Head.generation` when the first sample came: while it is the same, `slots` are where the series are. */
  generation = -1;
  refs = new Float64Array(FIRST_CAPACITY);
  slots = new Int32Array(FIRST_CAPACITY);
  timestamps = new Float64Array(FIRST_CAPACITY);
  words = new Int32Array(2 * FIRST_CAPACITY);

  push(ref: number, slot: number, timestampMs: number, low: number, high: number): void {
    const { length } = this;
    if (length === this.refs.length) this.#grow();
    this.refs[length] = ref;
    this.slots[length] = slot;
    this.timestamps[length] = timestampMs;
    this.words[2 * length] = low;
    this.words[2 * length + 1] = high;
    this.length = length + 1;
  }

  #grow(): void {
    const { refs, slots, timestamps, words } = this;
    this.refs = new Float64Array(2 * refs.length);
    this.refs.set(refs);
    this.slots = new Int32Array(2 * refs.length);
    this.slots.set(slots);
    this.timestamps = new Float64Array(2 * refs.length);
    this.timestamps.set(timestamps);
    this.words = new Int32Array(2 * words.length);
    this.words.set(words);
  }
}
