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

interface Seen {
  entry: CachedSeries;
  start: number;
  end: number;
}

/** Entries that were not seen for this many scrapes are forgotten. */
const FORGET_AFTER = 1;
/** Scrapes that fail may add so many entries, and as many again as there were, before what they left is forgotten. */
export const MAX_ENTRIES_OF_FAILED_SCRAPES = 1000;

const text = new TextDecoder("latin1");

export class ScrapeCache {
  readonly #byText = new Map<string, CachedSeries>();
  /** Series bytes of the last body's samples, one after the other, and where each ends. */
  #known = new Uint8Array(0);
  #order: Seen[] = [];
  #previousOrder: Seen[] = [];
  #view = new DataView(this.#known.buffer);
  #previousKnown = this.#known;
  #previousView = this.#view;
  #cursor = 0;
  #used = 0;
  #completedSize = 0;
  iteration = 0;
  /** The last scrape that was read to its end. */
  completed = 0;

  /** Begins a scrape. */
  begin(bodyLength: number): void {
    this.iteration++;
    [this.#previousKnown, this.#known] = [this.#known, this.#previousKnown];
    [this.#previousView, this.#view] = [this.#view, this.#previousView];
    [this.#previousOrder, this.#order] = [this.#order, this.#previousOrder];
    this.#order.length = 0;
    this.#cursor = 0;
    this.#used = 0;
    if (this.#known.length < bodyLength) {
      this.#known = new Uint8Array(bodyLength);
      this.#view = new DataView(this.#known.buffer);
    }
  }

  /** Reads the next sample if it is the one expected; its entry, or undefined: call `parser.next()`. */
  expected(parser: TextParser): CachedSeries | undefined {
    const next = this.#previousOrder[this.#cursor];
    if (next === undefined || next.start === next.end) return undefined;
    if (!parser.nextIfSeries(this.#previousView, next.start, next.end)) return undefined;
    this.#cursor++;
    this.#remember(parser, next.entry);
    return next.entry;
  }

  /** The entry of the sample that the parser has just read, made by `create` when there is none. */
  lookup(parser: TextParser, create: () => CachedSeries): CachedSeries {
    const key = text.decode(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd));
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    // Where something was added or left out, the old order goes on behind it.
    const limit = Math.min(this.#previousOrder.length, this.#cursor + 4);
    for (let at = this.#cursor; at < limit; at++) {
      if (this.#previousOrder[at].entry === entry) {
        this.#cursor = at + 1;
        break;
      }
    }
    this.#remember(parser, entry);
    return entry;
  }

  /** As `lookup`, for a sample that is known by something else than its text. */
  lookupKey(key: string, create: () => CachedSeries): CachedSeries {
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    this.#order.push({ entry, start: 0, end: 0 });
    return entry;
  }

  #remember(parser: TextParser, entry: CachedSeries): void {
    const start = this.#used;
    const length = parser.seriesEnd - parser.seriesStart;
    this.#known.set(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd), start);
    this.#used = start + length;
    this.#order.push({ entry, start, end: this.#used });
  }

  /** Entries that the scrape before stored and this one did not. */
  *vanished(): Iterable<CachedSeries> {
    const previous = this.iteration - 1;
    for (const { entry } of this.#previousOrder) if (entry.tracked === previous) yield entry;
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
    if (size > this.#order.length)
      for (const [key, entry] of this.#byText)
        if (entry.iteration < this.iteration - FORGET_AFTER) this.#byText.delete(key);
    this.#completedSize = this.#byText.size;
  }

  /** All that the last scrape stored; for the markers when a target goes away. */
  *current(): Iterable<CachedSeries> {
    for (const { entry } of this.#order) if (entry.tracked === this.iteration) yield entry;
  }
}
