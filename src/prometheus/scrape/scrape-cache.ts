/**
 * What is remembered of a target from one scrape to the next: which series the text of each sample's name and labels
 * stands for. Bodies come in the same order nearly always, so the n-th sample is first compared with the n-th of
 * before, byte by byte, and only looked up when it is another.
 */

import type { Labels } from "../../model/labels.ts";
import type { TextParser } from "../../wire/exposition/text-parser.ts";
import type { SeriesRef } from "../storage.ts";

export interface CachedSeries {
  /** undefined: relabelling drops it. */
  labels: Labels | undefined;
  /** 0: the store has never taken a sample of it. */
  ref: SeriesRef;
  /** The scrape that saw it last. */
  iteration: number;
  /** The last scrape that stored it with the scrape's time: when it is gone, a marker is due. */
  tracked: number;
}

const FIRST_SAMPLES = 256;

/** A body, and of each sample in it where the name and labels stand and what they mean. */
class SeenBody {
  #bytes = new Uint8Array(0);
  view = new DataView(this.#bytes.buffer);
  /** Where a sample is known by something else than its text, both are 0. */
  starts = new Int32Array(FIRST_SAMPLES);
  ends = new Int32Array(FIRST_SAMPLES);
  readonly entries: CachedSeries[] = [];

  /** Takes a copy of a body of which no sample was seen yet. */
  begin(body: Uint8Array): void {
    if (this.#bytes.length < body.length) {
      this.#bytes = new Uint8Array(body.length);
      this.view = new DataView(this.#bytes.buffer);
    }
    this.#bytes.set(body);
    this.entries.length = 0;
  }

  add(entry: CachedSeries, start: number, end: number): void {
    const index = this.entries.length;
    if (index === this.starts.length) {
      this.starts = doubled(this.starts);
      this.ends = doubled(this.ends);
    }
    this.starts[index] = start;
    this.ends[index] = end;
    this.entries.push(entry);
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * array.length);
  grown.set(array);
  return grown;
}

/** Entries that were not seen for this many scrapes are forgotten. */
const FORGET_AFTER = 1;
/** Scrapes that fail may add so many entries, and as many again as there were, before what they left is forgotten. */
export const MAX_ENTRIES_OF_FAILED_SCRAPES = 1000;

const latin1 = new TextDecoder("latin1");
const NO_TEXT = new Uint8Array(0);

export class ScrapeCache {
  readonly #byText = new Map<string, CachedSeries>();
  #body = new SeenBody();
  #previous = new SeenBody();
  #cursor = 0;
  #completedSize = 0;
  iteration = 0;
  /** The last scrape that was read to its end. */
  completed = 0;

  /**
   * Begins a scrape.
   *
   * @param text the body where samples are known by their text; else nothing
   */
  begin(text: Uint8Array = NO_TEXT): void {
    this.iteration++;
    [this.#previous, this.#body] = [this.#body, this.#previous];
    this.#body.begin(text);
    this.#cursor = 0;
  }

  /** Reads the next sample if it is the one expected; its entry, or undefined: call `parser.next()`. */
  expected(parser: TextParser): CachedSeries | undefined {
    const { view, starts, ends, entries } = this.#previous;
    const at = this.#cursor;
    if (at >= entries.length || ends[at] === 0) return undefined;
    if (!parser.nextIfSeries(view, starts[at], ends[at])) return undefined;
    this.#cursor = at + 1;
    const entry = entries[at];
    this.#body.add(entry, parser.seriesStart, parser.seriesEnd);
    return entry;
  }

  /** The entry of the sample that the parser has just read, made by `create` when there is none. */
  lookup(parser: TextParser, create: () => CachedSeries): CachedSeries {
    const key = latin1.decode(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd));
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    // Where something was added or left out, the old order goes on behind it.
    const { entries } = this.#previous;
    const limit = Math.min(entries.length, this.#cursor + 4);
    for (let at = this.#cursor; at < limit; at++) {
      if (entries[at] === entry) {
        this.#cursor = at + 1;
        break;
      }
    }
    this.#body.add(entry, parser.seriesStart, parser.seriesEnd);
    return entry;
  }

  /** As `lookup`, for a sample that is known by something else than its text. */
  lookupKey(key: string, create: () => CachedSeries): CachedSeries {
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    this.#body.add(entry, 0, 0);
    return entry;
  }

  /** Entries that the scrape before stored and this one did not. */
  *vanished(): Iterable<CachedSeries> {
    const previous = this.iteration - 1;
    for (const entry of this.#previous.entries) if (entry.tracked === previous) yield entry;
  }

  /**
   * Ends a scrape, and forgets what has not been seen lately.
   *
   * @param isComplete the body was read to its end
   */
  end(isComplete: boolean): void {
    const { size } = this.#byText;
    if (isComplete) this.completed = this.iteration;
    else if (size <= 2 * this.#completedSize + MAX_ENTRIES_OF_FAILED_SCRAPES) return;
    if (size > this.#body.entries.length)
      for (const [key, entry] of this.#byText)
        if (entry.iteration < this.iteration - FORGET_AFTER) this.#byText.delete(key);
    this.#completedSize = this.#byText.size;
  }

  /** All that the last scrape stored; for the markers when a target goes away. */
  *current(): Iterable<CachedSeries> {
    for (const entry of this.#body.entries) if (entry.tracked === this.iteration) yield entry;
  }
}
