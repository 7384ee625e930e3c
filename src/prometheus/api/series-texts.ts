/**
 * How series begin in JSON, their labels among it, kept between answers: queries come again, and with them the series,
 * most often in the same order, so that the one that followed last time is tried first.
 */
import type { Labels } from "../../model/labels.ts";
import { labelsJson } from "./api-json.ts";
import type { JsonBytes } from "./json-bytes.ts";

/** What is kept in all. What does not fit is not kept, and the next answer starts from nothing. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const FIRST_CAPACITY = 64 * 1024;
const encoder = new TextEncoder();

export class SeriesTexts {
  readonly #maxBytes: number;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #used = 0;
  /** Whose texts lie one behind another in `#bytes`: that of `#labels[i]` begins at `#starts[i]`. */
  #labels: Labels[] = [];
  #starts: number[] = [0];
  readonly #entries = new Map<Labels, number>();
  /** The entry after the one that was found last. */
  #next = 0;
  #isFull = false;

  constructor(maxBytes = MAX_TEXT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#used;
  }

  /** To be called before the series of an answer are written. */
  begin(): void {
    if (this.#isFull) this.#clear();
  }

  /** Writes how a series with these labels begins. @param labels the same object when the series comes again */
  write(labels: Labels, out: JsonBytes): void {
    let entry = this.#next;
    if (this.#labels[entry] !== labels) entry = this.#entries.get(labels) ?? this.#add(labels);
    if (entry < 0) out.text(seriesStart(labels));
    else {
      this.#next = entry + 1;
      out.slice(this.#bytes, this.#starts[entry], this.#starts[entry + 1]);
    }
  }

  /** @returns -1 when there is no room */
  #add(labels: Labels): number {
    const text = encoder.encode(seriesStart(labels));
    const start = this.#used;
    const end = start + text.length;
    if (end > this.#maxBytes) {
      this.#isFull = true;
      return -1;
    }
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
    this.#bytes.set(text, start);
    this.#used = end;
    const entry = this.#labels.push(labels) - 1;
    this.#starts.push(end);
    this.#entries.set(labels, entry);
    return entry;
  }

  #clear(): void {
    this.#used = 0;
    this.#labels = [];
    this.#starts = [0];
    this.#entries.clear();
    this.#next = 0;
    this.#isFull = false;
  }
}

export function seriesStart(labels: Labels): string {
  return `{"metric":${labelsJson(labels)}`;
}
