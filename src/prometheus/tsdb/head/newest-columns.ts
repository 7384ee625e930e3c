/** The newest samples of series of the head, as their encoders hold them: nothing is decoded. */
import { Labels } from "../../../model/labels.ts";
import { isStaleMarker, type NewestSamples, type TimeRange } from "../../storage.ts";
import { F_LAST_TIME, ROW_FLOATS, ROW_WORDS, W_VALUE_HIGH, W_VALUE_LOW } from "../chunks/xor-chunk.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import type { Head } from "./head.ts";
import { PAGE_BITS, PAGE_MASK, W_PIECE } from "./series-table.ts";

export class NewestColumns {
  readonly #labels: Labels[] = [];
  #values = new Float64Array(0);
  readonly #isWithoutLabels: boolean;
  /** Values move by their words, so that a stale marker stays one. */
  #words = new Uint32Array(0);

  /** @param isWithoutLabels all labels are left empty, which spares to make them of their keys */
  constructor(isWithoutLabels = false) {
    this.#isWithoutLabels = isWithoutLabels;
  }

  /** Makes room for so many series. To be called once, before any is added. */
  reserve(count: number): void {
    this.#values = new Float64Array(count);
    this.#words = new Uint32Array(this.#values.buffer);
  }

  /**
   * Adds the series' newest sample if it lies in the range and does not end the series.
   *
   * @returns false where what the encoder holds does not say what the newest is
   */
  add(head: Head, slot: number, { minMs, maxMs }: TimeRange): boolean {
    if (head.isMixed(slot)) return false;
    const { words, floats } = head.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    if (words[w + W_PIECE] === NO_PIECE) return !head.hasChunksIn(slot, minMs, maxMs);
    const lastMs = floats[row * ROW_FLOATS + F_LAST_TIME];
    if (lastMs > maxMs) return false;
    if (lastMs < minMs) return true;
    const at = this.#labels.length;
    this.#words[2 * at] = words[w + W_VALUE_LOW];
    this.#words[2 * at + 1] = words[w + W_VALUE_HIGH];
    if (!isStaleMarker(this.#words, at))
      this.#labels.push(this.#isWithoutLabels ? Labels.empty : head.labelsOf(slot));
    return true;
  }

  finish(): NewestSamples {
    return { labels: this.#labels, values: this.#values.subarray(0, this.#labels.length) };
  }
}
