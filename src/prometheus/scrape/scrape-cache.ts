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
  ref: SeriesRef;
  /** The scrape that saw it last. */
  iteration: number;
  /** Whether a marker is due when it is gone: it came without a time of its own. */
  tracked: boolean;
  /** Refused for now; not to be marked. */
  failed: boolean;
}

interface Seen {
  entry: CachedSeries;
  start: number;
  end: number;
}

/** Entries that were not seen for this many scrapes are forgotten. */
const FORGET_AFTER = 1;

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
  iteration = 0;

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
    if (next === undefined || !parser.nextIfSeries(this.#previousView, next.start, next.end))
      return undefined;
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

  #remember(parser: TextParser, entry: CachedSeries): void {
    const start = this.#used;
    const length = parser.seriesEnd - parser.seriesStart;
    this.#known.set(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd), start);
    this.#used = start + length;
    this.#order.push({ entry, start, end: this.#used });
  }

  /** Entries of the scrape before that this one did not see, each once. */
  *vanished(): Iterable<CachedSeries> {
    for (const { entry } of this.#previousOrder) {
      if (
        entry.iteration === this.iteration - 1 &&
        entry.labels !== undefined &&
        entry.tracked &&
        !entry.failed
      )
        yield entry;
    }
  }

  /** Forgets what has not been seen lately. */
  end(): void {
    if (this.#byText.size <= this.#order.length) return;
    for (const [key, entry] of this.#byText)
      if (entry.iteration < this.iteration - FORGET_AFTER) this.#byText.delete(key);
  }

  /** All that the last scrape saw; for the markers when a target goes away. */
  *current(): Iterable<CachedSeries> {
    for (const { entry } of this.#order)
      if (entry.iteration === this.iteration && entry.labels !== undefined && entry.tracked && !entry.failed)
        yield entry;
  }
}
