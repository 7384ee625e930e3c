/**
 * What is remembered of a target from one scrape to the next: which series the text of each sample's name and labels
 * stands for. Bodies come in the same order nearly always, so the n-th sample is first compared with the n-th of
 * before, byte by byte, and only looked up when it is another.
 */

import type { TextParser } from "../../wire/exposition/text-parser.ts";
import type { CachedSeries } from "./cached-series.ts";
import { ScrapeOrder } from "./scrape-order.ts";

/** Entries that were not seen for this many scrapes are forgotten. */
const FORGET_AFTER = 1;
/** Scrapes that fail may add so many entries, and as many again as there were, before what they left is forgotten. */
export const MAX_ENTRIES_OF_FAILED_SCRAPES = 1000;

const latin1 = new TextDecoder("latin1");
const NO_TEXT = new Uint8Array(0);

export class ScrapeCache {
  readonly #byText = new Map<string, CachedSeries>();
  /** The scrape before, and how far this one is the same or has gone on in it. */
  #order = new ScrapeOrder();
  #cursor = 0;
  /** This scrape once it is another than the one before, and else the memory for it. */
  #changed = new ScrapeOrder();
  #isChanged = false;
  #completedSize = 0;
  /** Of how many entries the scrape before stored a sample, and how many of them this one has stored. */
  #stored = 0;
  #storedAgain = 0;
  #storedNow = 0;
  iteration = 0;
  /** The last scrape that was read to its end. */
  completed = 0;

  begin(): void {
    this.iteration++;
    this.#cursor = 0;
    this.#isChanged = false;
    this.#stored = this.#storedNow;
    this.#storedNow = 0;
    this.#storedAgain = 0;
  }

  /** Reads the next sample if it is the one expected; its entry, or undefined: call `parser.next()`. */
  expected(parser: TextParser): CachedSeries | undefined {
    const { view, ends, entries } = this.#order;
    const at = this.#cursor;
    if (at >= entries.length) return undefined;
    const start = at === 0 ? 0 : ends[at - 1];
    const end = ends[at];
    if (end === start || !parser.nextIfSeries(view, start, end)) return undefined;
    this.#cursor = at + 1;
    const entry = entries[at];
    if (this.#isChanged) this.#changed.add(entry, parser.bytes, parser.seriesStart, parser.seriesEnd);
    return entry;
  }

  /** The entry of the sample that the parser has just read, made by `create` when there is none. */
  lookup(parser: TextParser, create: () => CachedSeries): CachedSeries {
    const key = latin1.decode(parser.bytes.subarray(parser.seriesStart, parser.seriesEnd));
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    this.#change();
    // Where something was added or left out, the old order goes on behind it.
    const { entries } = this.#order;
    const limit = Math.min(entries.length, this.#cursor + 4);
    for (let at = this.#cursor; at < limit; at++) {
      if (entries[at] === entry) {
        this.#cursor = at + 1;
        break;
      }
    }
    this.#changed.add(entry, parser.bytes, parser.seriesStart, parser.seriesEnd);
    return entry;
  }

  /** As `lookup`, for a sample that is known by something else than its text. */
  lookupKey(key: string, create: () => CachedSeries): CachedSeries {
    let entry = this.#byText.get(key);
    if (entry === undefined) this.#byText.set(key, (entry = create()));
    if (!this.#isChanged && this.#order.entries[this.#cursor] === entry) this.#cursor++;
    else {
      this.#change();
      this.#changed.add(entry, NO_TEXT, 0, 0);
    }
    return entry;
  }

  /** Notes that this scrape has stored a sample of an entry with its own time. */
  track(entry: CachedSeries): void {
    if (entry.tracked === this.iteration) return;
    if (entry.tracked === this.iteration - 1) this.#storedAgain++;
    this.#storedNow++;
    entry.tracked = this.iteration;
  }

  /** Entries that the scrape before stored and this one did not. */
  *vanished(): Iterable<CachedSeries> {
    if (this.#storedAgain === this.#stored) return;
    const previous = this.iteration - 1;
    for (const entry of this.#order.entries) if (entry.tracked === previous) yield entry;
  }

  /**
   * Ends a scrape, and forgets what has not been seen lately.
   *
   * @param isComplete the body was read to its end
   * @returns whether something was forgotten only since scrapes that failed had left too much
   */
  end(isComplete: boolean): boolean {
    if (this.#cursor < this.#order.length) this.#change();
    if (this.#isChanged) {
      [this.#order, this.#changed] = [this.#changed, this.#order];
      this.#changed.entries = [];
    }
    const { size } = this.#byText;
    if (isComplete) this.completed = this.iteration;
    else if (size <= 2 * this.#completedSize + MAX_ENTRIES_OF_FAILED_SCRAPES) return false;
    if (size > this.#order.length)
      for (const [key, entry] of this.#byText)
        if (entry.iteration < this.iteration - FORGET_AFTER) this.#byText.delete(key);
    this.#completedSize = this.#byText.size;
    return !isComplete;
  }

  /** All that the last scrape stored; for the markers when a target goes away. */
  *current(): Iterable<CachedSeries> {
    for (const entry of this.#order.entries) if (entry.tracked === this.iteration) yield entry;
  }

  /** From here on this scrape is another than the one before. */
  #change(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    this.#changed.copy(this.#order, this.#cursor);
  }
}
