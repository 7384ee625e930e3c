/**
 * What a block is made of, held still while the head goes on: series and chunks as they were. Closed chunks do not
 * change and open ones are copied, so that a thread can read them in the head's own memory.
 */
import type { BlockChunk } from "../chunks/block-series.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeColumns } from "../chunks/chunk-encoder.ts";
import { ROW_WORDS } from "../chunks/xor-chunk.ts";
import { storeMemory } from "../index/store-memory.ts";
import type { Pacer } from "../pacer.ts";
import type { Interval } from "../tombstones.ts";
import type { PoolMemory } from "./chunk-pool.ts";
import type { Head } from "./head.ts";
import { openChunk } from "./head-chunk-reader.ts";
import type { HeadChunks } from "./head-chunks.ts";
import { NO_CHUNK, PAGE_BITS, PAGE_MASK, W_CLOSED } from "./series-table.ts";

/** Plain data: it may be given to another thread, for which shared memory is not copied. */
export interface FrozenHead {
  /** Label keys of the series, handles by page of slots. */
  keys: { slabs: readonly Uint8Array[]; handles: readonly Int32Array[] };
  /** The label pairs that there are, as in a label key. */
  pairs: { slabs: readonly Uint8Array[]; handles: readonly Int32Array[]; count: number };
  /** By slot: the newest chunk, or NO_CHUNK. */
  newest: Int32Array;
  /** Rows of `ChunkTable`. */
  chunks: readonly Float64Array[];
  /** The memory of the chunks' bytes. */
  pool: PoolMemory;
  /** What was deleted, by slot. */
  deleted: readonly (readonly [slot: number, intervals: Interval[]])[];
}

/** To be thawed when it was read, or the memory of what was copied stays taken. */
export interface Freezing {
  head: FrozenHead;
  thaw(): Promise<void>;
}

const SLOTS_PER_CHECK = 256;

/**
 * Freezes the samples in order. They must not be truncated, nor the series be renumbered, before `thaw`.
 *
 * @param maxMs included
 */
export async function freezeHead(head: Head, minMs: number, maxMs: number, pacer: Pacer): Promise<Freezing> {
  const held = new HeldChunks(head.chunks);
  const newest = newestColumn(head.seriesCount);
  for (let slot = 0; slot < newest.length; slot++) {
    const { words } = head.table.pages[slot >>> PAGE_BITS];
    const closed = words[(slot & PAGE_MASK) * ROW_WORDS + W_CLOSED];
    const open = openChunk(head.chunks, slot, minMs, maxMs);
    newest[slot] = open === undefined ? closed : held.add(open, closed);
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  const deleted = [...head.tombstones.entries()];
  return { head: frozen(head, newest, deleted), thaw: () => held.release(pacer) };
}

/**
 * Freezes the samples that came out of order and were put aside to be written (`OutOfOrderSamples.freeze`).
 *
 * @param maxMs included
 */
export async function freezeLate(head: Head, minMs: number, maxMs: number, pacer: Pacer): Promise<Freezing> {
  const held = new HeldChunks(head.chunks);
  const newest = newestColumn(head.seriesCount);
  for (const slot of head.outOfOrder.frozenSlots()) {
    const columns = new SeriesColumns();
    head.outOfOrder.readFrozen(slot, minMs, maxMs, columns, head.tombstones.get(slot));
    for (const chunk of encodeColumns(columns)) newest[slot] = held.add(chunk, newest[slot]);
    if (pacer.isDue()) await pacer.pause();
  }
  return { head: frozen(head, newest, []), thaw: () => held.release(pacer) };
}

function newestColumn(length: number): Int32Array {
  return new Int32Array(storeMemory(4 * length)).fill(NO_CHUNK);
}

function frozen(head: Head, newest: Int32Array, deleted: FrozenHead["deleted"]): FrozenHead {
  return {
    keys: head.table.keyMemory,
    pairs: head.postings.keyMemory,
    newest,
    chunks: head.chunks.closed.pages,
    pool: head.chunks.pool.memory,
    deleted,
  };
}

/** Copies of chunks beside the series' own. */
class HeldChunks {
  readonly #chunks: HeadChunks;
  readonly #rows: number[] = [];

  constructor(chunks: HeadChunks) {
    this.#chunks = chunks;
  }

  /** @returns the copy's row */
  add({ minMs, maxMs, encoding, samples, bytes }: BlockChunk, older: number): number {
    const { pool, closed } = this.#chunks;
    const piece = pool.allocate(bytes.length);
    pool.bytes(piece, bytes.length).set(bytes);
    const row = closed.add(minMs, maxMs, piece, bytes.length, encoding, samples, older);
    this.#rows.push(row);
    this.#chunks.held++;
    return row;
  }

  async release(pacer: Pacer): Promise<void> {
    const { pool, closed } = this.#chunks;
    for (let row = this.#rows.pop(); row !== undefined; row = this.#rows.pop()) {
      pool.release(closed.piece(row), closed.byteLength(row));
      closed.remove(row);
      this.#chunks.held--;
      if (this.#rows.length % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
  }
}
