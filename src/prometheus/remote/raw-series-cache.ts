/**
 * Which series the bytes of a label set stand for. Senders write the same series in the same order request after
 * request, so the entry that followed last time is tried first: one comparison of bytes, and no hashing.
 *
 * Keys lie one after the other in one arena and the rest in typed arrays: a million series are a few objects.
 */
import type { SeriesRef } from "../storage.ts";

/** Series remembered; when there are more, all are forgotten and learned again. */
export const MAX_CACHED_SERIES = 4_000_000;
/** Bytes of all keys together. */
export const MAX_CACHED_KEY_BYTES = 1 << 30;

const FIRST_ENTRIES = 1024;
const FIRST_BYTES = 1 << 16;

export class RawSeriesCache {
  #arena = new Uint8Array(FIRST_BYTES);
  #arenaView = new DataView(this.#arena.buffer);
  #used = 0;
  #count = 0;
  #starts = new Uint32Array(FIRST_ENTRIES);
  #lengths = new Uint32Array(FIRST_ENTRIES);
  #hashes = new Uint32Array(FIRST_ENTRIES);
  /** Entry → the entry that came after it, plus 1; 0: none yet. */
  #followers = new Int32Array(FIRST_ENTRIES);
  #refs = new Float64Array(FIRST_ENTRIES);
  /** Hash → entry plus 1. A power of two, at most half full. */
  #slots = new Int32Array(2 * FIRST_ENTRIES);
  #last = -1;
  readonly #limit: number;

  constructor(limit = MAX_CACHED_SERIES) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#count;
  }

  /** The next key is the first of a request. */
  begin(): void {
    this.#last = -1;
  }

  /**
   * The entry that is expected now, if the bytes at `start` begin with its key: -1 otherwise. Entries are numbers that
   * hold until the next `add`.
   */
  predicted(bytes: Uint8Array, view: DataView, start: number): number {
    // The first of a request follows the entry -1, which is kept as that of the first entry's predecessor.
    const entry = this.#last < 0 ? this.#first : this.#followers[this.#last] - 1;
    if (entry < 0) return -1;
    const length = this.#lengths[entry];
    if (start + length > bytes.length || !this.#isEqual(view, start, entry, length)) return -1;
    this.#last = entry;
    return entry;
  }

  #first = -1;

  lengthOf(entry: number): number {
    return this.#lengths[entry];
  }

  refOf(entry: number): SeriesRef {
    return this.#refs[entry];
  }

  setRef(entry: number, ref: SeriesRef): void {
    this.#refs[entry] = ref;
  }

  /** The entry of a key, or -1. */
  find(bytes: Uint8Array, view: DataView, start: number, length: number): number {
    const hash = hashOf(bytes, view, start, length);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] - 1;
      if (entry < 0) return -1;
      if (
        this.#hashes[entry] === hash &&
        this.#lengths[entry] === length &&
        this.#isEqual(view, start, entry, length)
      ) {
        this.#follow(entry);
        return entry;
      }
    }
  }

  /** Remembers a key that `find` did not find, and answers its entry. */
  add(bytes: Uint8Array, view: DataView, start: number, length: number, ref: SeriesRef): number {
    if (this.#count >= this.#limit || this.#used + length > MAX_CACHED_KEY_BYTES) this.#clear();
    if (this.#count === this.#refs.length) this.#growEntries();
    while (this.#used + length > this.#arena.length) this.#growArena();
    const entry = this.#count++;
    this.#arena.set(bytes.subarray(start, start + length), this.#used);
    this.#starts[entry] = this.#used;
    this.#lengths[entry] = length;
    this.#used += length;
    this.#refs[entry] = ref;
    this.#followers[entry] = 0;
    this.#hashes[entry] = hashOf(bytes, view, start, length);
    if (2 * this.#count > this.#slots.length) this.#growSlots();
    else this.#insert(entry);
    this.#follow(entry);
    return entry;
  }

  #follow(entry: number): void {
    if (this.#last < 0) this.#first = entry;
    else this.#followers[this.#last] = entry + 1;
    this.#last = entry;
  }

  #isEqual(view: DataView, start: number, entry: number, length: number): boolean {
    const arena = this.#arenaView;
    const from = this.#starts[entry];
    let i = 0;
    // From the end, where series of one metric differ.
    for (i = length - 4; i >= 0; i -= 4)
      if (view.getInt32(start + i, true) !== arena.getInt32(from + i, true)) return false;
    for (let k = i + 3; k >= 0; k--) if (view.getUint8(start + k) !== arena.getUint8(from + k)) return false;
    return true;
  }

  #insert(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[entry] & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let entry = 0; entry < this.#count; entry++) this.#insert(entry);
  }

  #growEntries(): void {
    const size = 2 * this.#refs.length;
    const grown = <T extends Uint32Array | Int32Array | Float64Array>(fresh: T, old: T): T => {
      fresh.set(old);
      return fresh;
    };
    this.#starts = grown(new Uint32Array(size), this.#starts);
    this.#lengths = grown(new Uint32Array(size), this.#lengths);
    this.#hashes = grown(new Uint32Array(size), this.#hashes);
    this.#followers = grown(new Int32Array(size), this.#followers);
    this.#refs = grown(new Float64Array(size), this.#refs);
  }

  #growArena(): void {
    const arena = new Uint8Array(2 * this.#arena.length);
    arena.set(this.#arena);
    this.#arena = arena;
    this.#arenaView = new DataView(arena.buffer);
  }

  #clear(): void {
    this.#count = 0;
    this.#used = 0;
    this.#last = -1;
    this.#first = -1;
    this.#slots.fill(0);
  }
}

function hashOf(bytes: Uint8Array, view: DataView, start: number, length: number): number {
  let state = 0x811c9dc5 ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    state = Math.imul(state ^ view.getInt32(start + i, true), 0x5bd1e995);
    state ^= state >>> 15;
  }
  for (; i < length; i++) state = Math.imul(state ^ bytes[start + i], 0x01000193);
  state ^= state >>> 13;
  return Math.imul(state, 0x5bd1e995) >>> 0;
}
