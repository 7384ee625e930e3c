/**
 * From the bytes by which a sender names a series (a time series' labels in remote write, the text before the value
 * in an exposition) to the store's reference, without decoding them. Senders repeat themselves in the same order, so
 * the series that followed last time is tried first: comparing bytes is all that is left to do.
 */
import type { SeriesRef } from "../../storage.ts";
import { HashIndex } from "../index/hash-index.ts";
import { KeyArena } from "../index/key-arena.ts";
import { hashBytes } from "../index/label-key.ts";
import { storeMemory } from "../index/store-memory.ts";

/** Names that are kept, and their bytes in all; beyond that the cache starts again from nothing. */
export const MAX_CACHED_SERIES = 4_000_000;
export const MAX_CACHED_BYTES = 512 * 1024 * 1024;
/** Longer names are not kept. */
const MAX_NAME_BYTES = 64 * 1024;
const PAGE_BITS = 12;
const PAGE_ROWS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ROWS - 1;

/** What is known of `PAGE_ROWS` names. Larger columns would be copied in one go when they grow. */
class NamePage {
  readonly refs = new Float64Array(storeMemory(8 * PAGE_ROWS));
  readonly handles = new Int32Array(storeMemory(4 * PAGE_ROWS));
  readonly hashes = new Int32Array(storeMemory(4 * PAGE_ROWS));
  /** Which entry followed an entry last time. */
  readonly next = new Int32Array(storeMemory(4 * PAGE_ROWS));
}

export interface SeriesCacheOptions {
  /** Any number that senders can't know, so that they can't choose names that collide. */
  hashSeed: number;
  /** @default 4 million */
  maxSeries?: number;
  /** @default 512 MiB */
  maxBytes?: number;
}

export class SeriesCache {
  readonly #seed: number;
  readonly #maxSeries: number;
  readonly #maxBytes: number;
  #keys = new KeyArena();
  #index = new HashIndex();
  #pages: NamePage[] = [];
  readonly #hashOf = (entry: number) => this.#pages[entry >>> PAGE_BITS].hashes[entry & PAGE_MASK];
  #count = 0;
  #last = 0;
  /** What `expectedLength` has looked at. */
  #expected = 0;
  /** The name that `find` did not find last, and its hash: `set` is told of it next. */
  #missed: Uint8Array | undefined;
  #missedStart = 0;
  #missedEnd = 0;
  #missedHash = 0;
  #source: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor({ hashSeed, maxSeries, maxBytes }: SeriesCacheOptions) {
    this.#seed = hashSeed;
    this.#maxSeries = maxSeries ?? MAX_CACHED_SERIES;
    this.#maxBytes = maxBytes ?? MAX_CACHED_BYTES;
  }

  get size(): number {
    return this.#count;
  }

  /**
   * The length of the name that followed last time, when the bytes from `start` on begin with it; else 0. Whether the
   * name really ends there is for the caller to see. If so, `takeExpected` answers what `find` would.
   */
  expectedLength(bytes: Uint8Array, start: number, end: number): number {
    if (this.#count === 0) return 0;
    if (bytes !== this.#source) this.#look(bytes);
    this.#expected = this.#nextOf(this.#last);
    const handle = this.#handleOf(this.#expected);
    const length = this.#keys.byteLength(handle);
    return length <= end - start && this.#hasBytes(handle, start, length) ? length : 0;
  }

  takeExpected(): SeriesRef {
    this.#last = this.#expected;
    return this.#refOf(this.#last);
  }

  /** What `set` was told of these bytes, or 0. The store may have dropped that series since: `appendKnown` tells. */
  find(bytes: Uint8Array, start: number, end: number): SeriesRef {
    if (this.#count === 0) return 0;
    if (bytes !== this.#source) this.#look(bytes);
    const predicted = this.#nextOf(this.#last);
    if (this.#has(predicted, start, end - start)) {
      this.#last = predicted;
      return this.#refOf(predicted);
    }
    const hash = hashBytes(bytes, start, end, this.#seed);
    const found = this.#lookUp(start, end, hash);
    if (found < 0) {
      this.#missed = bytes;
      this.#missedStart = start;
      this.#missedEnd = end;
      this.#missedHash = hash;
      return 0;
    }
    this.#follow(found);
    return this.#refOf(found);
  }

  /** Notes, or corrects, the reference for these bytes. */
  set(bytes: Uint8Array, start: number, end: number, ref: SeriesRef): void {
    if (end - start > MAX_NAME_BYTES) return;
    if (bytes !== this.#source) this.#look(bytes);
    const isMissed = bytes === this.#missed && start === this.#missedStart && end === this.#missedEnd;
    const hash = isMissed ? this.#missedHash : hashBytes(bytes, start, end, this.#seed);
    let entry = isMissed || this.#count === 0 ? -1 : this.#lookUp(start, end, hash);
    this.#missed = undefined;
    if (entry < 0) {
      if (this.#count >= this.#maxSeries || this.#keys.heldBytes > this.#maxBytes) this.clear();
      entry = this.#add(bytes, start, end, hash);
    }
    this.#pages[entry >>> PAGE_BITS].refs[entry & PAGE_MASK] = ref;
    this.#follow(entry);
  }

  clear(): void {
    this.#keys = new KeyArena();
    this.#index = new HashIndex();
    this.#pages = [];
    this.#count = 0;
    this.#last = 0;
  }

  #look(bytes: Uint8Array): void {
    this.#source = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #follow(entry: number): void {
    this.#pages[this.#last >>> PAGE_BITS].next[this.#last & PAGE_MASK] = entry;
    this.#last = entry;
  }

  #has(entry: number, start: number, length: number): boolean {
    const handle = this.#handleOf(entry);
    return this.#keys.byteLength(handle) === length && this.#hasBytes(handle, start, length);
  }

  /** Eight bytes at a time, which compiled code compares without making BigInts of them; four times in a turn. */
  #hasBytes(handle: number, start: number, length: number): boolean {
    const keys = this.#keys;
    const key = keys.view(handle);
    const view = this.#view;
    let at = keys.start(handle);
    let i = start;
    for (const last = start + length - 32; i <= last; i += 32, at += 32) {
      if (
        view.getBigInt64(i, true) !== key.getBigInt64(at, true) ||
        view.getBigInt64(i + 8, true) !== key.getBigInt64(at + 8, true) ||
        view.getBigInt64(i + 16, true) !== key.getBigInt64(at + 16, true) ||
        view.getBigInt64(i + 24, true) !== key.getBigInt64(at + 24, true)
      )
        return false;
    }
    for (const last = start + length - 8; i <= last; i += 8, at += 8) {
      if (view.getBigInt64(i, true) !== key.getBigInt64(at, true)) return false;
    }
    for (const end = start + length; i < end; i++, at++) {
      if (view.getUint8(i) !== key.getUint8(at)) return false;
    }
    return true;
  }

  #lookUp(start: number, end: number, hash: number): number {
    const index = this.#index.table(hash);
    const mask = index.length - 1;
    for (let at = hash & mask; index[at] !== 0; at = (at + 1) & mask) {
      const entry = index[at] - 1;
      if (this.#hashOf(entry) === hash && this.#has(entry, start, end - start)) return entry;
    }
    return -1;
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const entry = this.#count++;
    if (entry >>> PAGE_BITS === this.#pages.length) this.#pages.push(new NamePage());
    const page = this.#pages[entry >>> PAGE_BITS];
    page.handles[entry & PAGE_MASK] = this.#keys.add(bytes, start, end);
    page.hashes[entry & PAGE_MASK] = hash;
    this.#index.add(entry, hash, this.#hashOf);
    return entry;
  }

  #nextOf(entry: number): number {
    return this.#pages[entry >>> PAGE_BITS].next[entry & PAGE_MASK];
  }

  #handleOf(entry: number): number {
    return this.#pages[entry >>> PAGE_BITS].handles[entry & PAGE_MASK];
  }

  #refOf(entry: number): SeriesRef {
    return this.#pages[entry >>> PAGE_BITS].refs[entry & PAGE_MASK];
  }
}
