/** A frozen head's samples of a time range as the content of a block: reads its memory, in whatever thread. */
import { Labels } from "../../../model/labels.ts";
import type { BlockChunk, BlockSeries, BlockSource } from "../chunks/block-series.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeRest } from "../chunks/chunk-encoder.ts";
import { KeyArena } from "../index/key-arena.ts";
import { compareKeys, readString, skipString } from "../index/label-key.ts";
import { PagedColumn } from "../index/paged-column.ts";
import type { Pacer } from "../pacer.ts";
import { sortNumbersInSlices } from "../sliced-sort.ts";
import { type Interval, isDeletedIn } from "../tombstones.ts";
import { ChunkPool } from "./chunk-pool.ts";
import { ChunkTable } from "./chunk-table.ts";
import type { FrozenHead } from "./frozen-head.ts";
import { KeyPairs } from "./key-pairs.ts";
import { NO_CHUNK, PAGE_BITS, PAGE_MASK } from "./series-table.ts";

const SERIES_PER_BATCH = 256;
const SLOTS_PER_CHECK = 4096;

/** @param maxMs included */
export function frozenSource(head: FrozenHead, minMs: number, maxMs: number, pacer: Pacer): BlockSource {
  return {
    symbols: () => symbolsOf(head),
    async *series() {
      const reader = new FrozenReader(head, minMs, maxMs);
      const slots = await reader.sortedSlots(pacer);
      for (let i = 0; i < slots.length; i += SERIES_PER_BATCH) {
        const batch: BlockSeries[] = [];
        for (const slot of slots.subarray(i, i + SERIES_PER_BATCH)) {
          const chunks = reader.chunksWithin(slot);
          if (chunks.length > 0) batch.push({ labels: reader.labelsOf(slot), chunks });
        }
        yield batch;
      }
    },
  };
}

/** Names and values of all label pairs, and the empty string, upstream's pair of all series. */
function* symbolsOf({ pairs }: FrozenHead): IterableIterator<string> {
  const keys = KeyArena.over(pairs.slabs);
  const handles = PagedColumn.over(pairs.handles);
  const names = new Set<string>();
  yield "";
  for (let pair = 0; pair < pairs.count; pair++) {
    const handle = handles.get(pair);
    const slab = keys.slab(handle);
    const start = keys.start(handle);
    const name = readString(slab, start);
    if (!names.has(name)) {
      names.add(name);
      yield name;
    }
    yield readString(slab, skipString(slab, start));
  }
}

class FrozenReader {
  readonly #handles: readonly Int32Array[];
  readonly #keys: KeyArena;
  readonly #newest: Int32Array;
  readonly #chunks: ChunkTable;
  readonly #pool: ChunkPool;
  readonly #deleted: ReadonlyMap<number, Interval[]>;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #labels = new LabelReader();

  constructor(head: FrozenHead, minMs: number, maxMs: number) {
    this.#handles = head.keys.handles;
    this.#keys = KeyArena.over(head.keys.slabs);
    this.#newest = head.newest;
    this.#chunks = ChunkTable.over(head.chunks);
    this.#pool = ChunkPool.over(head.pool);
    this.#deleted = new Map(head.deleted);
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** Of the series that have chunks in the range, sorted by labels. */
  async sortedSlots(pacer: Pacer): Promise<Int32Array> {
    const slots = new Int32Array(this.#newest.length);
    let count = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      if (this.#rowsIn(slot).length > 0) slots[count++] = slot;
      if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    return sortNumbersInSlices(slots.subarray(0, count), (a, b) => this.#compare(a, b), pacer);
  }

  labelsOf(slot: number): Labels {
    const handle = this.#handle(slot);
    return this.#labels.read(
      this.#keys.slab(handle),
      this.#keys.start(handle),
      this.#keys.byteLength(handle),
    );
  }

  /** A chunk is taken as it is where it lies within the range and nothing of it was deleted. */
  chunksWithin(slot: number): BlockChunk[] {
    const deleted = this.#deleted.get(slot);
    const chunks = this.#chunks;
    return this.#rowsIn(slot).flatMap((row) => {
      const [minMs, maxMs] = [chunks.minMs(row), chunks.maxMs(row)];
      const isWhole = minMs >= this.#minMs && maxMs <= this.#maxMs && !isDeletedIn(deleted, minMs, maxMs);
      return isWhole ? [this.#chunk(row)] : this.#restOf(row, deleted);
    });
  }

  /** The chunks that overlap the range, oldest first. */
  #rowsIn(slot: number): number[] {
    const rows: number[] = [];
    const chunks = this.#chunks;
    for (let row = this.#newest[slot]; row !== NO_CHUNK; row = chunks.older(row)) {
      if (chunks.maxMs(row) < this.#minMs) break;
      if (chunks.minMs(row) <= this.#maxMs) rows.push(row);
    }
    return rows.reverse();
  }

  #restOf(row: number, deleted: Interval[] | undefined): BlockChunk[] {
    const chunks = this.#chunks;
    const columns = new SeriesColumns();
    const piece = chunks.piece(row);
    const length = chunks.byteLength(row);
    const view = this.#pool.view(piece);
    const offset = this.#pool.offset(piece);
    columns.addChunk(chunks.encoding(row), view, offset, length, this.#minMs, this.#maxMs, deleted);
    return encodeRest(columns);
  }

  #chunk(row: number): BlockChunk {
    const chunks = this.#chunks;
    return {
      minMs: chunks.minMs(row),
      maxMs: chunks.maxMs(row),
      encoding: chunks.encoding(row),
      bytes: this.#pool.bytes(chunks.piece(row), chunks.byteLength(row)),
      samples: chunks.samples(row),
    };
  }

  #handle(slot: number): number {
    return this.#handles[slot >>> PAGE_BITS][slot & PAGE_MASK];
  }

  #compare(a: number, b: number): number {
    const keys = this.#keys;
    const first = this.#handle(a);
    const second = this.#handle(b);
    const start = keys.start(first);
    const other = keys.start(second);
    return compareKeys(
      keys.slab(first),
      start,
      start + keys.byteLength(first),
      keys.slab(second),
      other,
      other + keys.byteLength(second),
    );
  }
}

/** Makes label sets of keys. What a key has in common with the one before it, it shares. */
class LabelReader {
  #last = new KeyPairs();
  #lastFlat: string[] = [];
  #spare = new KeyPairs();

  read(key: Uint8Array, start: number, length: number): Labels {
    if (length === 0) return Labels.empty;
    const last = this.#last;
    const read = this.#spare;
    read.read(key, start, length);
    const flat: string[] = [];
    for (let i = 0; i < read.count; i++) {
      read.pairs[i] = i;
      if (last.samePair(i, read) >= 0) flat.push(this.#lastFlat[2 * i], this.#lastFlat[2 * i + 1]);
      else {
        const at = read.starts[i];
        flat.push(readString(key, at), readString(key, skipString(key, at)));
      }
    }
    this.#last = read;
    this.#spare = last;
    this.#lastFlat = flat;
    return Labels.fromSorted(flat);
  }
}
