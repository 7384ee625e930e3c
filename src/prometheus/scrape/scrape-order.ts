/**
 * The samples of a scrape in the order in which they came: the text of their names and labels, one behind another, and
 * what each stands for. As long as scrapes come in the same order it is only read.
 */
import type { CachedSeries } from "./cached-series.ts";

const FIRST_SAMPLES = 256;
const FIRST_BYTES = 16 * 1024;

export class ScrapeOrder {
  #bytes = new Uint8Array(FIRST_BYTES);
  view = new DataView(this.#bytes.buffer);
  /** Where the text of a sample ends; it starts where the one before ends. Without text where known by something else. */
  ends = new Int32Array(FIRST_SAMPLES);
  entries: CachedSeries[] = [];

  get length(): number {
    return this.entries.length;
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1];
  }

  /** Becomes the first `count` samples of another order. */
  copy(other: ScrapeOrder, count: number): void {
    this.entries = other.entries.slice(0, count);
    if (this.ends.length < count) this.ends = new Int32Array(other.ends.length);
    this.ends.set(other.ends.subarray(0, count));
    const byteLength = other.startOf(count);
    if (this.#bytes.length < byteLength) this.#resize(other.#bytes.length);
    this.#bytes.set(other.#bytes.subarray(0, byteLength));
  }

  /** Adds a sample whose text is `source[start..end)`. */
  add(entry: CachedSeries, source: Uint8Array, start: number, end: number): void {
    const index = this.entries.length;
    if (index === this.ends.length) {
      const grown = new Int32Array(2 * index);
      grown.set(this.ends);
      this.ends = grown;
    }
    const at = this.startOf(index);
    if (at + end - start > this.#bytes.length) {
      const old = this.#bytes;
      this.#resize(Math.max(2 * old.length, at + end - start));
      this.#bytes.set(old.subarray(0, at));
    }
    const bytes = this.#bytes;
    for (let i = start; i < end; i++) bytes[at + i - start] = source[i];
    this.ends[index] = at + end - start;
    this.entries.push(entry);
  }

  #resize(byteLength: number): void {
    this.#bytes = new Uint8Array(byteLength);
    this.view = new DataView(this.#bytes.buffer);
  }
}
