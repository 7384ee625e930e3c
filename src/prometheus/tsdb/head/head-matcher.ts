/** Which series of the head match: the inverted index put to use, and answers kept for the next time. */
import type { Clock } from "../../../base/clock.ts";
import type { Matcher } from "../../matcher.ts";
import { lowerBound } from "../index/postings.ts";
import { type PostingsIndex, selectPostings } from "../index/postings-selection.ts";
import { Pacer } from "../pacer.ts";
import { sortNumbersInSlices } from "../sliced-sort.ts";
import type { Head } from "./head.ts";

/** Selections that are kept, and how many series in all. */
const MAX_SELECTIONS = 256;
const MAX_SELECTED_SLOTS = 4_000_000;
const MERGES_PER_CHECK = 1024;

interface Selection {
  /** Sorted by labels. */
  slots: Int32Array;
  /** How many series of the head were looked at. */
  upTo: number;
}

/** To be used within the head's read gate: what it answers are slots. */
export class HeadMatcher {
  readonly #head: Head;
  readonly #clock: Pick<Clock, "monotonic" | "sleep">;
  /** In order of use. */
  readonly #selections = new Map<string, Selection>();
  #generation = 0;
  #keptSlots = 0;

  constructor(head: Head, clock: Pick<Clock, "monotonic" | "sleep">) {
    this.#head = head;
    this.#clock = clock;
  }

  /** The slots of the series that match all matchers, sorted by labels. Not to be changed. */
  async sortedSlots(matchers: Matcher[]): Promise<Int32Array> {
    if (this.#generation !== this.#head.generation) this.#forgetAll();
    const key = JSON.stringify(matchers.map((m) => [m.name, m.operator, m.value]));
    const known = this.#selections.get(key);
    const upTo = this.#head.seriesCount;
    if (known?.upTo === upTo) {
      this.#selections.delete(key);
      this.#selections.set(key, known);
      return known.slots;
    }
    // Only series that came since the last time are looked at.
    const index = tailIndex(this.#head, known?.upTo ?? 0, upTo);
    const pacer = new Pacer(this.#clock);
    const added = await this.#sort(await selectPostings(index, matchers, pacer), pacer);
    const slots =
      known === undefined || known.slots.length === 0 ? added : await this.#merge(known.slots, added, pacer);
    this.#keep(key, { slots, upTo });
    return slots;
  }

  async #sort(slots: Int32Array, pacer: Pacer): Promise<Int32Array> {
    const { table } = this.#head;
    return sortNumbersInSlices(slots, (a, b) => table.compare(a, b), pacer);
  }

  async #merge(a: Int32Array, b: Int32Array, pacer: Pacer): Promise<Int32Array> {
    if (b.length === 0) return a;
    const out = new Int32Array(a.length + b.length);
    for (let i = 0, j = 0, k = 0; k < out.length; k++) {
      const takeFirst = j === b.length || (i < a.length && this.#head.table.compare(a[i], b[j]) < 0);
      out[k] = takeFirst ? a[i++] : b[j++];
      if (k % MERGES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    return out;
  }

  #keep(key: string, selection: Selection): void {
    this.#keptSlots += selection.slots.length - (this.#selections.get(key)?.slots.length ?? 0);
    this.#selections.delete(key);
    this.#selections.set(key, selection);
    for (const [oldKey, old] of this.#selections) {
      if (this.#selections.size <= MAX_SELECTIONS && this.#keptSlots <= MAX_SELECTED_SLOTS) break;
      this.#selections.delete(oldKey);
      this.#keptSlots -= old.slots.length;
    }
  }

  #forgetAll(): void {
    this.#generation = this.#head.generation;
    this.#selections.clear();
    this.#keptSlots = 0;
  }
}

/** The head's index of the slots from `from` up to `to` (excluded). */
function tailIndex({ postings }: Head, from: number, to: number): PostingsIndex {
  const tail = (slots: Int32Array) => {
    const end = lowerBound(slots, to);
    return from === 0 && end === slots.length ? slots : slots.subarray(lowerBound(slots, from), end);
  };
  return {
    allPostings() {
      const all = new Int32Array(to - from);
      for (let i = 0; i < all.length; i++) all[i] = from + i;
      return all;
    },
    postings: (name, value) => tail(postings.get(name, value)),
    postingsWhere: (name, wanted, pacer) => postings.slotsWhere(name, wanted, { from, to }, pacer),
  };
}
