/**
 * The inverted index of the head: for each label pair the series that have it, as ascending slots. Slots are given
 * out in ascending order, so lists only grow at their end.
 *
 * Pairs are known by their bytes as in a label key. Strings are made of them only when somebody asks.
 */
import { ByteWriter } from "../bytes/byte-writer.ts";
import type { Pacer } from "../pacer.ts";
import { sortNumbersInSlices } from "../sliced-sort.ts";
import { HashIndex } from "./hash-index.ts";
import { KeyArena } from "./key-arena.ts";
import { equalBytes, hashBytes, readString, skipString } from "./label-key.ts";
import { NumberSet } from "./number-set.ts";
import { PagedColumn } from "./paged-column.ts";
import { LARGEST_PIECE, PostingLists } from "./posting-lists.ts";
import { storeMemory } from "./store-memory.ts";

/** The pairs of one label name. */
class NamePairs {
  readonly name: string;
  /** The name as in a label key. */
  readonly key: Uint8Array;
  readonly pairs = new PagedColumn();
  length = 0;

  constructor(name: string, key: Uint8Array) {
    this.name = name;
    this.key = key;
  }

  push(pair: number): void {
    this.pairs.set(this.length++, pair);
  }
}

/** Pairs and slots that are copied between two looks at the clock. */
const STEPS_PER_CHECK = 256;
/** Lists, or values that are matched, between two looks at the clock. */
const LISTS_PER_CHECK = 256;
/** Of one list. */
const SLOTS_PER_CHECK = 1 << 14;
const MAX_RANGE_PER_NUMBER = 256;

export class Postings {
  readonly #seed: number;
  readonly #names = new Map<string, NamePairs>();
  /** By the hash of the name as in a label key; of two names with the same hash the first. */
  readonly #namesByHash = new Map<number, NamePairs>();
  readonly #bytes = new KeyArena();
  readonly #index = new HashIndex();
  readonly #hashOf = (pair: number) => this.#hashes.get(pair);
  readonly #handles = new PagedColumn();
  readonly #hashes = new PagedColumn();
  readonly #lists = new PostingLists();
  /** Name and value of pairs that were asked for and have several series, so that label sets share them. */
  readonly #strings: ([name: string, value: string] | undefined)[] = [];
  #count = 0;
  readonly #key = new ByteWriter();

  /** @param hashSeed any number that senders can't know, so that they can't choose pairs that collide */
  constructor(hashSeed: number) {
    this.#seed = hashSeed;
  }

  get pairCount(): number {
    return this.#count;
  }

  /** Where the pairs lie, as in a label key: their memory, and a column of handles. */
  get keyMemory(): { slabs: readonly Uint8Array[]; handles: readonly Int32Array[]; count: number } {
    return { slabs: this.#bytes.slabs, handles: this.#handles.pages, count: this.#count };
  }

  /** Notes that `slot`, the highest so far, has the pair that `key[start..end)` is. Answers the pair's number. */
  add(key: Uint8Array, start: number, end: number, slot: number): number {
    const hash = hashBytes(key, start, end, this.#seed);
    const pair = this.#find(key, start, end, hash);
    if (pair < 0) return this.#create(key, start, end, hash, slot);
    this.#lists.push(pair, slot);
    return pair;
  }

  /** As `add`, for a pair whose number is known. */
  push(pair: number, slot: number): void {
    this.#lists.push(pair, slot);
  }

  /**
   * Appends name and value of the pair `key[start..end)` to `flat`: always the same string for a name, and for a value
   * that several series have.
   */
  appendStrings(flat: string[], key: Uint8Array, start: number, end: number): void {
    const pair = this.#find(key, start, end, hashBytes(key, start, end, this.#seed));
    const isShared = pair >= 0 && this.#lists.lengthOf(pair) > 1;
    const [name, value] = isShared
      ? (this.#strings[pair] ??= this.#readPair(key, start))
      : this.#readPair(key, start);
    flat.push(name, value);
  }

  /** Ascending. */
  get(name: string, value: string): Int32Array {
    const pair = this.#findStrings(name, value);
    return pair < 0 ? NONE : this.#lists.slotsOf(pair);
  }

  names(): IterableIterator<string> {
    return this.#names.keys();
  }

  *values(name: string): IterableIterator<string> {
    const pairs = this.#names.get(name);
    if (pairs === undefined) return;
    for (let i = 0; i < pairs.length; i++) yield this.#valueOf(pairs.pairs.get(i));
  }

  /** Values of a label with the series that have them. */
  *entries(name: string): IterableIterator<[value: string, slots: Int32Array]> {
    const pairs = this.#names.get(name);
    if (pairs === undefined) return;
    for (let i = 0; i < pairs.length; i++)
      yield [this.#valueOf(pairs.pairs.get(i)), this.#lists.slotsOf(pairs.pairs.get(i))];
  }

  /** The slots from `from` up to but not including `to` of all values that are wanted, ascending. */
  async slotsWhere(
    name: string,
    wanted: ((value: string) => boolean) | undefined,
    { from, to }: { from: number; to: number },
    pacer: Pacer,
  ): Promise<Int32Array> {
    const pairs = this.#names.get(name);
    if (pairs === undefined || from >= to) return NONE;
    const set = new NumberSet(from, to);
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs.pairs.get(i);
      if (wanted === undefined || wanted(this.#valueOf(pair))) {
        for (const slot of this.#lists.slotsOf(pair)) if (slot >= from && slot < to) set.add(slot);
      }
      if (i % LISTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    return set.toArray(pacer);
  }

  valueCount(name: string): number {
    return this.#names.get(name)?.length ?? 0;
  }

  /**
   * A copy with other slots: `moved[slot]` is a slot's new number, ascending with it, or -1 where the series is gone.
   * Slots beyond `moved` are not copied; they may come while this works.
   */
  async renumbered(moved: Int32Array, pacer: Pacer): Promise<Postings> {
    const copy = new Postings(this.#seed);
    for (let pair = 0, steps = 0; pair < this.#count; pair++, steps++) {
      if (steps > STEPS_PER_CHECK) {
        if (pacer.isDue()) await pacer.pause();
        steps = 0;
      }
      // Most pairs have one series: an array for each would be a million.
      if (this.#lists.lengthOf(pair) === 1) {
        const slot = this.#lists.onlySlotOf(pair);
        if (slot < moved.length && moved[slot] >= 0) this.#copyPair(copy, pair, moved[slot]);
        continue;
      }
      const slots = this.#lists.slotsOf(pair);
      steps += slots.length;
      const isLarge = slots.length > LARGEST_PIECE;
      const found = new Int32Array(
        isLarge ? storeMemory(4 * slots.length) : new ArrayBuffer(4 * slots.length),
      );
      let kept = 0;
      for (let from = 0; from < slots.length; from += SLOTS_PER_CHECK) {
        kept = moveSlots(slots, from, Math.min(from + SLOTS_PER_CHECK, slots.length), moved, found, kept);
        if (slots.length > SLOTS_PER_CHECK && pacer.isDue()) await pacer.pause();
      }
      if (kept === 0) continue;
      const created = this.#copyPair(copy, pair, found[0]);
      if (kept === 1) continue;
      copy.#lists.set(created, found.subarray(0, kept));
      copy.#strings[created] = this.#strings[pair];
    }
    return copy;
  }

  /** @returns the pair's number in `copy`, where it has one series so far */
  #copyPair(copy: Postings, pair: number, slot: number): number {
    const handle = this.#handles.get(pair);
    const start = this.#bytes.start(handle);
    const end = start + this.#bytes.byteLength(handle);
    return copy.#create(this.#bytes.slab(handle), start, end, this.#hashes.get(pair), slot);
  }

  /** Bytes of memory held, about. */
  get heldBytes(): number {
    const columns = this.#handles.heldBytes + this.#hashes.heldBytes;
    return this.#bytes.heldBytes + columns + this.#index.heldBytes + this.#lists.heldBytes;
  }

  #valueOf(pair: number): string {
    const known = this.#strings[pair];
    if (known !== undefined) return known[1];
    const handle = this.#handles.get(pair);
    const start = this.#bytes.start(handle);
    const slab = this.#bytes.slab(handle);
    return readString(slab, skipString(slab, start));
  }

  #findStrings(name: string, value: string): number {
    const key = this.#key;
    key.clear();
    key.string(name);
    key.string(value);
    return this.#find(key.bytes, 0, key.length, hashBytes(key.bytes, 0, key.length, this.#seed));
  }

  #find(key: Uint8Array, start: number, end: number, hash: number): number {
    const index = this.#index.table(hash);
    const mask = index.length - 1;
    const length = end - start;
    for (let at = hash & mask; index[at] !== 0; at = (at + 1) & mask) {
      const pair = index[at] - 1;
      if (this.#hashes.get(pair) !== hash) continue;
      const handle = this.#handles.get(pair);
      const isSame =
        this.#bytes.byteLength(handle) === length &&
        equalBytes(this.#bytes.slab(handle), this.#bytes.start(handle), key, start, length);
      if (isSame) return pair;
    }
    return -1;
  }

  #create(key: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const pair = this.#count++;
    this.#handles.set(pair, this.#bytes.add(key, start, end));
    this.#hashes.set(pair, hash);
    this.#lists.begin(pair, slot);
    this.#index.add(pair, hash, this.#hashOf);
    this.#pairsOfName(key, start).push(pair);
    return pair;
  }

  /** The pairs of the name that `key` has at `start`. */
  #pairsOfName(key: Uint8Array, start: number): NamePairs {
    const end = skipString(key, start);
    const hash = hashBytes(key, start, end, this.#seed);
    const known = this.#namesByHash.get(hash);
    const isSame =
      known !== undefined &&
      known.key.length === end - start &&
      equalBytes(known.key, 0, key, start, end - start);
    if (isSame) return known;
    const name = readString(key, start);
    let pairs = this.#names.get(name);
    if (pairs === undefined) this.#names.set(name, (pairs = new NamePairs(name, key.slice(start, end))));
    if (known === undefined) this.#namesByHash.set(hash, pairs);
    return pairs;
  }

  #readPair(key: Uint8Array, start: number): [name: string, value: string] {
    return [this.#pairsOfName(key, start).name, readString(key, skipString(key, start))];
  }
}

/** Appends the new numbers of `slots[from..to)` to `out`, which has `count`. @returns how many it has then */
function moveSlots(
  slots: Int32Array,
  from: number,
  to: number,
  moved: Int32Array,
  out: Int32Array,
  count: number,
): number {
  let kept = count;
  for (let i = from; i < to; i++) {
    const slot = slots[i];
    if (slot < moved.length && moved[slot] >= 0) out[kept++] = moved[slot];
  }
  return kept;
}

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
export async function union(lists: Int32Array[], pacer: Pacer): Promise<Int32Array> {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length === 0) return NONE;
  if (filled.length === 1) return filled[0];
  if (filled.length === 2) return unionOfTwo(filled[0], filled[1]);
  let [from, to, total] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const list of filled) {
    from = Math.min(from, list[0]);
    to = Math.max(to, list[list.length - 1] + 1);
    total += list.length;
  }
  if (to - from > MAX_RANGE_PER_NUMBER * total) return sortedUnion(filled, total, pacer);
  const set = new NumberSet(from, to);
  for (let i = 0; i < filled.length; i++) {
    for (const number of filled[i]) set.add(number);
    if (i % LISTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  return set.toArray(pacer);
}

/** Where the numbers lie so far apart that bits for all between them would take more memory than they do. */
async function sortedUnion(lists: Int32Array[], total: number, pacer: Pacer): Promise<Int32Array> {
  const all = new Int32Array(total);
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  const sorted = await sortNumbersInSlices(all, (a, b) => a - b, pacer);
  return sorted.filter((number, i) => i === 0 || number !== sorted[i - 1]);
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
