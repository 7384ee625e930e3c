/**
 * The series of the head as columns. A series has a slot, its row in the pages here, and a reference, which goes to
 * callers and into the log and is never given out twice. Both ascend together; `renumber` closes the gaps that removed
 * series leave among the slots.
 */
import type { Labels } from "../../model/labels.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import { HashIndex } from "./hash-index.ts";
import { KeyArena } from "./key-arena.ts";
import { equalBytes, hashBytes } from "./label-key.ts";
import { F_LAST_TIME, ROW_FLOATS, ROW_WORDS, resetXorRow } from "./xor-chunk.ts";

export const PAGE_BITS = 12;
export const PAGE_ROWS = 1 << PAGE_BITS;
export const PAGE_MASK = PAGE_ROWS - 1;

/** What the head keeps in the words of a row that the encoder leaves free. */
export {
  /** Where the open chunk begins in time. */
  F_OWNER_A as F_CHUNK_MIN,
  /** When the open chunk is to be closed at the latest. */
  F_OWNER_B as F_NEXT_CUT,
  /** The piece of memory of the open chunk, or NO_PIECE. */
  W_OWNER_A as W_PIECE,
  /** Its size in bytes. */
  W_OWNER_B as W_CAPACITY,
  /** The newest closed chunk, or NO_CHUNK. */
  W_OWNER_C as W_CLOSED,
} from "./xor-chunk.ts";

import { W_OWNER_A, W_OWNER_B, W_OWNER_C } from "./xor-chunk.ts";

export const NO_CHUNK = -1;

/** The rows of `PAGE_ROWS` series. */
export class SeriesPage {
  readonly floats = new Float64Array(PAGE_ROWS * ROW_FLOATS);
  readonly words = new Int32Array(this.floats.buffer);
  readonly refs = new Float64Array(PAGE_ROWS);
  readonly keys = new Int32Array(PAGE_ROWS);
  readonly hashes = new Int32Array(PAGE_ROWS);
  readonly labels: (Labels | undefined)[] = new Array(PAGE_ROWS).fill(undefined);
}

export class SeriesTable {
  readonly pages: SeriesPage[] = [];
  /** Slots in use, removed ones included until `renumber`. */
  length = 0;
  lastRef = 0;
  #keys = new KeyArena();
  #index = new HashIndex();
  readonly #hashOf = (slot: number) => this.pages[slot >>> PAGE_BITS].hashes[slot & PAGE_MASK];
  readonly #seed: number;
  /** For each page of references their slots plus one. */
  readonly #slotsOfRefs: (Int32Array | undefined)[] = [];
  readonly #aliases = new Map<number, number>();

  constructor(hashSeed: number) {
    this.#seed = hashSeed;
  }

  hash(key: Uint8Array, start: number, end: number): number {
    return hashBytes(key, start, end, this.#seed);
  }

  /** The slot of the series with this key, or -1. */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const index = this.#index.table(hash);
    const mask = index.length - 1;
    for (let at = hash & mask; index[at] !== 0; at = (at + 1) & mask) {
      const slot = index[at] - 1;
      if (this.pages[slot >>> PAGE_BITS].hashes[slot & PAGE_MASK] !== hash) continue;
      if (this.hasKey(slot, key, start, end)) return slot;
    }
    return -1;
  }

  hasKey(slot: number, key: Uint8Array, start: number, end: number): boolean {
    const keys = this.#keys;
    const handle = this.pages[slot >>> PAGE_BITS].keys[slot & PAGE_MASK];
    const length = end - start;
    return (
      keys.byteLength(handle) === length &&
      equalBytes(keys.slab(handle), keys.start(handle), key, start, length)
    );
  }

  /** Adds a series that is not there yet. `ref` only where a log says it; it must be above all others, or free. */
  add(key: Uint8Array, start: number, end: number, hash: number, ref = this.lastRef + 1): number {
    const slot = this.length++;
    if (slot >>> PAGE_BITS === this.pages.length) this.pages.push(new SeriesPage());
    const page = this.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    page.refs[row] = ref;
    page.keys[row] = this.#keys.add(key, start, end);
    page.hashes[row] = hash;
    page.labels[row] = undefined;
    resetXorRow(page.words, row);
    page.floats[row * ROW_FLOATS + F_LAST_TIME] = -Infinity;
    page.words[row * ROW_WORDS + W_OWNER_A] = NO_PIECE;
    page.words[row * ROW_WORDS + W_OWNER_B] = 0;
    page.words[row * ROW_WORDS + W_OWNER_C] = NO_CHUNK;
    if (ref > this.lastRef) this.lastRef = ref;
    this.#setSlotOfRef(ref, slot);
    this.#index.add(slot, hash, this.#hashOf);
    return slot;
  }

  /** The slot of a reference, or -1. */
  slotOf(ref: number): number {
    const page = this.#slotsOfRefs[Math.floor(ref / PAGE_ROWS)];
    const slot = page === undefined ? -1 : page[ref & PAGE_MASK] - 1;
    if (slot >= 0 || this.#aliases.size === 0) return slot;
    const aliased = this.#aliases.get(ref);
    return aliased === undefined ? -1 : this.slotOf(aliased);
  }

  /** Makes `ref` mean the series of `target`: a log may know one series under two references. */
  alias(ref: number, target: number): void {
    this.#aliases.set(ref, target);
    if (ref > this.lastRef) this.lastRef = ref;
  }

  refOf(slot: number): number {
    return this.pages[slot >>> PAGE_BITS].refs[slot & PAGE_MASK];
  }

  /** The key's bytes, not a copy. */
  keyOf(slot: number): Uint8Array {
    const handle = this.pages[slot >>> PAGE_BITS].keys[slot & PAGE_MASK];
    const start = this.#keys.start(handle);
    return this.#keys.slab(handle).subarray(start, start + this.#keys.byteLength(handle));
  }

  /**
   * Removes the series whose `moved` is -1 and moves the others down. `moved[slot]` is filled by the caller with
   * any value >= 0 for series that stay, and comes back with their new slots.
   */
  renumber(moved: Int32Array): void {
    const keys = new KeyArena();
    const oldKeys = this.#keys;
    let next = 0;
    for (let slot = 0; slot < this.length; slot++) {
      const from = this.pages[slot >>> PAGE_BITS];
      const fromRow = slot & PAGE_MASK;
      if (moved[slot] < 0) {
        this.#forgetRef(from.refs[fromRow]);
        continue;
      }
      const to = this.pages[next >>> PAGE_BITS];
      const toRow = next & PAGE_MASK;
      const handle = from.keys[fromRow];
      const start = oldKeys.start(handle);
      to.keys[toRow] = keys.add(oldKeys.slab(handle), start, start + oldKeys.byteLength(handle));
      if (next !== slot) {
        to.words.set(from.words.subarray(fromRow * ROW_WORDS, (fromRow + 1) * ROW_WORDS), toRow * ROW_WORDS);
        to.refs[toRow] = from.refs[fromRow];
        to.hashes[toRow] = from.hashes[fromRow];
        to.labels[toRow] = from.labels[fromRow];
        this.#setSlotOfRef(to.refs[toRow], next);
      }
      moved[slot] = next++;
    }
    this.#keys = keys;
    this.length = next;
    this.pages.length = Math.ceil(next / PAGE_ROWS);
    const last = this.pages[this.pages.length - 1];
    last?.labels.fill(undefined, next & PAGE_MASK || PAGE_ROWS);
    this.#index = new HashIndex();
    for (let slot = 0; slot < next; slot++) this.#index.add(slot, this.#hashOf(slot), this.#hashOf);
  }

  /** Bytes of memory held, labels that were asked for not counted. */
  get heldBytes(): number {
    return (
      this.pages.length * PAGE_ROWS * (ROW_WORDS * 4 + 24) + this.#keys.heldBytes + this.#index.heldBytes
    );
  }

  #setSlotOfRef(ref: number, slot: number): void {
    const index = Math.floor(ref / PAGE_ROWS);
    const page = (this.#slotsOfRefs[index] ??= new Int32Array(PAGE_ROWS));
    page[ref & PAGE_MASK] = slot + 1;
  }

  #forgetRef(ref: number): void {
    const index = Math.floor(ref / PAGE_ROWS);
    const page = this.#slotsOfRefs[index];
    if (page === undefined) return;
    page[ref & PAGE_MASK] = 0;
    const isDone = Math.floor(this.lastRef / PAGE_ROWS) > index;
    if (isDone && page.every((slot) => slot === 0)) this.#slotsOfRefs[index] = undefined;
  }
}
