/**
 * The series of the head as columns. A series has a slot, its row in the pages here, and a reference, which goes to
 * callers and into the log and is never given out twice. Removing series means moving the others to a new table.
 */
import type { Labels } from "../../../model/labels.ts";
import { F_LAST_TIME, ROW_FLOATS, ROW_WORDS, resetXorRow } from "../chunks/xor-chunk.ts";
import { HashIndex } from "../index/hash-index.ts";
import { KeyArena } from "../index/key-arena.ts";
import { compareKeys, equalBytes, hashBytes } from "../index/label-key.ts";
import { storeMemory } from "../index/store-memory.ts";
import { NO_PIECE } from "./chunk-pool.ts";

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
} from "../chunks/xor-chunk.ts";

import { W_OWNER_A, W_OWNER_B, W_OWNER_C } from "../chunks/xor-chunk.ts";

export const NO_CHUNK = -1;

/** The rows of `PAGE_ROWS` series. */
export class SeriesPage {
  readonly floats = new Float64Array(storeMemory(8 * PAGE_ROWS * ROW_FLOATS));
  readonly words = new Int32Array(this.floats.buffer);
  readonly refs = new Float64Array(PAGE_ROWS);
  readonly keys = new Int32Array(storeMemory(4 * PAGE_ROWS));
  readonly hashes = new Int32Array(PAGE_ROWS);
  readonly labels: (Labels | undefined)[] = new Array(PAGE_ROWS).fill(undefined);
}

export class SeriesTable {
  readonly pages: SeriesPage[] = [];
  /** Slots in use, removed ones included until `renumber`. */
  length = 0;
  lastRef = 0;
  readonly #keys = new KeyArena();
  readonly #index = new HashIndex();
  readonly #hashOf = (slot: number) => this.pages[slot >>> PAGE_BITS].hashes[slot & PAGE_MASK];
  readonly seed: number;
  /** For each page of references their slots plus one. */
  readonly #slotsOfRefs: (Int32Array | undefined)[] = [];
  readonly #aliases = new Map<number, number>();

  constructor(hashSeed: number) {
    this.seed = hashSeed;
  }

  hash(key: Uint8Array, start: number, end: number): number {
    return hashBytes(key, start, end, this.seed);
  }

  /** Where the keys lie: their memory, and a page of handles for every `PAGE_ROWS` slots. */
  get keyMemory(): { slabs: readonly Uint8Array[]; handles: readonly Int32Array[] } {
    return { slabs: this.#keys.slabs, handles: this.pages.map((page) => page.keys) };
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

  /** The memory in which the key lies, from `keyStart` on. */
  keySlab(slot: number): Uint8Array {
    return this.#keys.slab(this.pages[slot >>> PAGE_BITS].keys[slot & PAGE_MASK]);
  }

  keyStart(slot: number): number {
    return this.#keys.start(this.pages[slot >>> PAGE_BITS].keys[slot & PAGE_MASK]);
  }

  keyLength(slot: number): number {
    return this.#keys.byteLength(this.pages[slot >>> PAGE_BITS].keys[slot & PAGE_MASK]);
  }

  /** Order of two series by their labels. */
  compare(a: number, b: number): number {
    const keys = this.#keys;
    const aHandle = this.pages[a >>> PAGE_BITS].keys[a & PAGE_MASK];
    const bHandle = this.pages[b >>> PAGE_BITS].keys[b & PAGE_MASK];
    const aStart = keys.start(aHandle);
    const bStart = keys.start(bHandle);
    return compareKeys(
      keys.slab(aHandle),
      aStart,
      aStart + keys.byteLength(aHandle),
      keys.slab(bHandle),
      bStart,
      bStart + keys.byteLength(bHandle),
    );
  }

  /** Adds a series of another table, with its reference and its row. @returns its slot here */
  adopt(other: SeriesTable, slot: number): number {
    const from = other.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const handle = from.keys[row];
    const start = other.#keys.start(handle);
    const end = start + other.#keys.byteLength(handle);
    const adopted = this.add(other.#keys.slab(handle), start, end, from.hashes[row], from.refs[row]);
    this.pages[adopted >>> PAGE_BITS].labels[adopted & PAGE_MASK] = from.labels[row];
    this.copyRow(other, slot, adopted);
    return adopted;
  }

  /** Copies one row of another table. */
  copyRow(other: SeriesTable, slot: number, to: number): void {
    const source = other.pages[slot >>> PAGE_BITS].words;
    const target = this.pages[to >>> PAGE_BITS].words;
    const from = (slot & PAGE_MASK) * ROW_WORDS;
    const at = (to & PAGE_MASK) * ROW_WORDS;
    for (let word = 0; word < ROW_WORDS; word++) target[at + word] = source[from + word];
  }

  /** Takes over what other references another table knows. */
  takeReferences(other: SeriesTable): void {
    if (other.lastRef > this.lastRef) this.lastRef = other.lastRef;
    for (const [ref, target] of other.#aliases) if (this.slotOf(target) >= 0) this.#aliases.set(ref, target);
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
}
