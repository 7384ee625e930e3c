/**
 * The inverted index of the head: for each label pair the series that have it, as ascending slots. Slots are given
 * out in ascending order, so lists only grow at their end.
 */

/** The series of one label pair. */
export class PostingList {
  readonly name: string;
  readonly value: string;
  slots: Int32Array;
  length = 0;

  constructor(name: string, value: string, capacity = 1) {
    this.name = name;
    this.value = value;
    this.slots = new Int32Array(capacity);
  }

  push(slot: number): void {
    if (this.length === this.slots.length) {
      const grown = new Int32Array(this.length < 4 ? 4 : this.length + (this.length >>> 1));
      grown.set(this.slots);
      this.slots = grown;
    }
    this.slots[this.length++] = slot;
  }

  view(): Int32Array {
    return this.slots.subarray(0, this.length);
  }
}

/** A list, or the slot alone where only one series has the pair, which is how most values of an id are. */
type Entry = PostingList | number;

export class Postings {
  readonly #names = new Map<string, Map<string, Entry>>();
  #pairs = 0;

  get pairCount(): number {
    return this.#pairs;
  }

  /** Notes that `slot`, the highest so far, has the pair. Answers the pair's list once it has one. */
  add(name: string, value: string, slot: number): PostingList | undefined {
    let values = this.#names.get(name);
    if (values === undefined) this.#names.set(name, (values = new Map()));
    const entry = values.get(value);
    if (entry === undefined) {
      values.set(value, slot);
      this.#pairs++;
      return undefined;
    }
    if (typeof entry !== "number") {
      entry.push(slot);
      return entry;
    }
    const list = new PostingList(name, value, 4);
    list.push(entry);
    list.push(slot);
    values.set(value, list);
    return list;
  }

  /** Ascending. */
  get(name: string, value: string): Int32Array {
    const entry = this.#names.get(name)?.get(value);
    if (entry === undefined) return NONE;
    return typeof entry === "number" ? Int32Array.of(entry) : entry.view();
  }

  /** The one string that stands for a pair's value, so that label sets share it. */
  intern(name: string, value: string): PostingList | undefined {
    const entry = this.#names.get(name)?.get(value);
    return typeof entry === "number" ? undefined : entry;
  }

  names(): IterableIterator<string> {
    return this.#names.keys();
  }

  values(name: string): IterableIterator<string> {
    return (this.#names.get(name) ?? EMPTY).keys();
  }

  valueCount(name: string): number {
    return this.#names.get(name)?.size ?? 0;
  }

  /** How many series have the pair. */
  count(name: string, value: string): number {
    const entry = this.#names.get(name)?.get(value);
    return entry === undefined ? 0 : typeof entry === "number" ? 1 : entry.length;
  }

  /** Renumbers: `moved[slot]` is a slot's new number, ascending with it, or -1 where the series is gone. */
  renumber(moved: Int32Array): void {
    for (const [name, values] of this.#names) {
      for (const [value, entry] of values) {
        if (typeof entry === "number") {
          if (moved[entry] >= 0) values.set(value, moved[entry]);
          else this.#drop(values, value);
          continue;
        }
        let kept = 0;
        for (let i = 0; i < entry.length; i++) {
          const slot = moved[entry.slots[i]];
          if (slot >= 0) entry.slots[kept++] = slot;
        }
        entry.length = kept;
        if (kept === 0) this.#drop(values, value);
      }
      if (values.size === 0) this.#names.delete(name);
    }
  }

  #drop(values: Map<string, Entry>, value: string): void {
    values.delete(value);
    this.#pairs--;
  }
}

const EMPTY: Map<string, Entry> = new Map();
const NONE = new Int32Array(0);

/** What is in both of two ascending lists. */
export function intersect(a: Int32Array, b: Int32Array): Int32Array {
  if (a.length > b.length) return intersect(b, a);
  const out = new Int32Array(a.length);
  let count = 0;
  // With lists of very different length it pays to search instead of walking the long one.
  if (b.length > 32 * a.length) {
    let from = 0;
    for (const slot of a) {
      from = lowerBound(b, slot, from);
      if (from < b.length && b[from] === slot) out[count++] = slot;
    }
    return out.subarray(0, count);
  }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const difference = a[i] - b[j];
    if (difference === 0) out[count++] = a[i];
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return out.subarray(0, count);
}

/** What is in `a` and not in `b`. */
export function without(a: Int32Array, b: Int32Array): Int32Array {
  if (b.length === 0) return a;
  const out = new Int32Array(a.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.length; i++) {
    while (j < b.length && b[j] < a[i]) j++;
    if (j === b.length || b[j] !== a[i]) out[count++] = a[i];
  }
  return out.subarray(0, count);
}

/** What is in any of many ascending lists. */
export function union(lists: Int32Array[]): Int32Array {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length === 0) return NONE;
  if (filled.length === 1) return filled[0];
  if (filled.length === 2) return unionOfTwo(filled[0], filled[1]);
  let total = 0;
  for (const list of filled) total += list.length;
  const all = new Int32Array(total);
  let at = 0;
  for (const list of filled) {
    all.set(list, at);
    at += list.length;
  }
  all.sort();
  let count = 1;
  for (let i = 1; i < total; i++) if (all[i] !== all[i - 1]) all[count++] = all[i];
  return all.subarray(0, count);
}

function unionOfTwo(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) j++;
    out[count++] = j < b.length && b[j] < a[i] ? b[j++] : a[i++];
  }
  while (i < a.length) out[count++] = a[i++];
  while (j < b.length) out[count++] = b[j++];
  return out.subarray(0, count);
}

/** The first index from `from` on whose value is not below `value`. */
export function lowerBound(list: ArrayLike<number>, value: number, from = 0): number {
  let low = from;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
