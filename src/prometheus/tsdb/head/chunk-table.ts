/** The closed chunks of the head: rows in typed arrays, chained per series from the newest to the oldest. */
import type { ChunkEncoding } from "../chunks/chunk-encoding.ts";
import { storeMemory } from "../index/store-memory.ts";
import { NO_CHUNK } from "./series-table.ts";

const PAGE_BITS = 12;
const PAGE_ROWS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ROWS - 1;
const ROW_WORDS = 8;
const ROW_FLOATS = 4;
const F_MIN = 0;
const F_MAX = 1;
const W_PIECE = 4;
const W_BYTES = 5;
const W_OLDER = 6;
const W_KIND = 7;

export class ChunkTable {
  readonly #floats: Float64Array[] = [];
  readonly #words: Int32Array[] = [];
  #free = NO_CHUNK;
  #next = 0;
  #count = 0;

  /** Another table's rows, to be read: both hold the same memory. */
  static over(pages: readonly Float64Array[]): ChunkTable {
    const table = new ChunkTable();
    for (const page of pages) table.#addPage(page);
    return table;
  }

  /** The memory of now. */
  get pages(): readonly Float64Array[] {
    return this.#floats.slice();
  }

  /** Chunks in use. */
  get count(): number {
    return this.#count;
  }

  add(
    minMs: number,
    maxMs: number,
    piece: number,
    byteLength: number,
    encoding: ChunkEncoding,
    samples: number,
    older: number,
  ): number {
    let chunk = this.#free;
    if (chunk !== NO_CHUNK) {
      this.#free = this.older(chunk);
    } else {
      chunk = this.#next++;
      if (chunk >>> PAGE_BITS === this.#words.length)
        this.#addPage(new Float64Array(storeMemory(8 * PAGE_ROWS * ROW_FLOATS)));
    }
    const f = (chunk & PAGE_MASK) * ROW_FLOATS;
    const w = (chunk & PAGE_MASK) * ROW_WORDS;
    const floats = this.#floats[chunk >>> PAGE_BITS];
    const words = this.#words[chunk >>> PAGE_BITS];
    floats[f + F_MIN] = minMs;
    floats[f + F_MAX] = maxMs;
    words[w + W_PIECE] = piece;
    words[w + W_BYTES] = byteLength;
    words[w + W_OLDER] = older;
    words[w + W_KIND] = (encoding << 16) | samples;
    this.#count++;
    return chunk;
  }

  /** Gives the row back; the memory of the chunk's bytes is the caller's to release. */
  remove(chunk: number): void {
    this.setOlder(chunk, this.#free);
    this.#free = chunk;
    this.#count--;
  }

  minMs(chunk: number): number {
    return this.#floats[chunk >>> PAGE_BITS][(chunk & PAGE_MASK) * ROW_FLOATS + F_MIN];
  }

  maxMs(chunk: number): number {
    return this.#floats[chunk >>> PAGE_BITS][(chunk & PAGE_MASK) * ROW_FLOATS + F_MAX];
  }

  piece(chunk: number): number {
    return this.#word(chunk, W_PIECE);
  }

  byteLength(chunk: number): number {
    return this.#word(chunk, W_BYTES);
  }

  /** The series' next older chunk, or NO_CHUNK. */
  older(chunk: number): number {
    return this.#word(chunk, W_OLDER);
  }

  setOlder(chunk: number, older: number): void {
    this.#words[chunk >>> PAGE_BITS][(chunk & PAGE_MASK) * ROW_WORDS + W_OLDER] = older;
  }

  encoding(chunk: number): ChunkEncoding {
    return (this.#word(chunk, W_KIND) >>> 16) as ChunkEncoding;
  }

  samples(chunk: number): number {
    return this.#word(chunk, W_KIND) & 0xffff;
  }

  #addPage(page: Float64Array): void {
    this.#floats.push(page);
    this.#words.push(new Int32Array(page.buffer, page.byteOffset, 2 * page.length));
  }

  #word(chunk: number, index: number): number {
    return this.#words[chunk >>> PAGE_BITS][(chunk & PAGE_MASK) * ROW_WORDS + index];
  }
}
