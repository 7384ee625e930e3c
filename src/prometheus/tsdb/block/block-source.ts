/** The content of blocks, merged, as that of a new one: compaction, and rewriting without what was deleted. */
import type { Clock } from "../../../base/clock.ts";
import { compareLabels, type Labels } from "../../../model/labels.ts";
import type { TimeRange } from "../../storage.ts";
import type { BlockChunk, BlockSeries, BlockSource } from "../chunks/block-series.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeColumns, encodeRest } from "../chunks/chunk-encoder.ts";
import { chunkSampleCount } from "../chunks/chunk-encoding.ts";
import { ChunkCursor } from "../chunks/chunk-segment-reader.ts";
import { equalBytes } from "../index/label-key.ts";
import { type Interval, isDeletedIn } from "../tombstones.ts";
import type { Block, BlockEntry } from "./block.ts";

const SERIES_PER_BATCH = 64;
const ALL: TimeRange = { minMs: Number.NEGATIVE_INFINITY, maxMs: Number.POSITIVE_INFINITY };

/** @param blocks in order of time, held open by the caller */
export function blocksSource(blocks: Block[], clock: Pick<Clock, "monotonic" | "sleep">): BlockSource {
  return {
    async *symbols() {
      for (const block of blocks) yield* block.index.symbols();
    },
    async *series() {
      const walks: BlockWalk[] = [];
      for (const block of blocks) walks.push(new BlockWalk(block, await block.entries([], ALL, clock)));
      let batch: BlockSeries[] = [];
      for (let labels = firstOf(walks); labels !== undefined; labels = firstOf(walks)) {
        const parts: BlockChunk[][] = [];
        for (const walk of walks) {
          if (walk.labels !== undefined && compareLabels(walk.labels, labels) === 0)
            parts.push(await walk.take());
        }
        const chunks = mergeChunks(parts);
        if (chunks.length > 0) batch.push({ labels, chunks });
        if (batch.length >= SERIES_PER_BATCH) {
          yield batch;
          batch = [];
        }
      }
      yield batch;
    },
  };
}

function firstOf(walks: BlockWalk[]): Labels | undefined {
  let first: Labels | undefined;
  for (const { labels } of walks) {
    if (labels !== undefined && (first === undefined || compareLabels(labels, first) < 0)) first = labels;
  }
  return first;
}

/** Chunks stay as they are, but for those that overlap: they become others (`compactChunkIterator`). */
function mergeChunks(parts: BlockChunk[][]): BlockChunk[] {
  const chunks = parts.flat();
  if (chunks.every((chunk, i) => i === 0 || chunk.minMs > chunks[i - 1].maxMs)) return chunks;
  // Stable: of chunks for one time those of later blocks come last, and win.
  chunks.sort((a, b) => a.minMs - b.minMs);
  const merged: BlockChunk[] = [];
  for (let from = 0, to = 0; from < chunks.length; from = to) {
    let { maxMs } = chunks[from];
    for (to = from + 1; to < chunks.length && chunks[to].minMs <= maxMs; to++)
      maxMs = Math.max(maxMs, chunks[to].maxMs);
    merged.push(...(to === from + 1 ? [chunks[from]] : mergeOverlapping(chunks.slice(from, to))));
  }
  return merged;
}

function mergeOverlapping(chunks: BlockChunk[]): BlockChunk[] {
  const different = chunks.filter((chunk, i) => i === 0 || !isSameChunk(chunk, chunks[i - 1]));
  if (different.length === 1) return different;
  const columns = new SeriesColumns();
  for (const chunk of different) addChunk(columns, chunk);
  columns.normalize();
  return encodeColumns(columns);
}

function isSameChunk(a: BlockChunk, b: BlockChunk): boolean {
  return (
    a.minMs === b.minMs &&
    a.maxMs === b.maxMs &&
    a.bytes.length === b.bytes.length &&
    equalBytes(a.bytes, 0, b.bytes, 0, a.bytes.length)
  );
}

/** As decoders read a few bytes more. */
const PADDING_BYTES = 32;

function addChunk(columns: SeriesColumns, { encoding, bytes }: BlockChunk, deleted?: Interval[]): void {
  const padded = new Uint8Array(bytes.length + PADDING_BYTES);
  padded.set(bytes);
  columns.addChunk(encoding, new DataView(padded.buffer), 0, bytes.length, ALL.minMs, ALL.maxMs, deleted);
}

/** All series of a block, one after another. */
class BlockWalk {
  readonly #block: Block;
  readonly #entries: BlockEntry[];
  readonly #cursor: ChunkCursor;
  #next = 0;

  constructor(block: Block, entries: BlockEntry[]) {
    this.#block = block;
    this.#entries = entries;
    this.#cursor = new ChunkCursor(
      block.segments,
      entries.flatMap((entry) => entry.chunks.map((chunk) => chunk.reference)),
    );
  }

  get labels(): Labels | undefined {
    return this.#entries[this.#next]?.labels;
  }

  /** Without what was deleted. */
  async take(): Promise<BlockChunk[]> {
    const entry = this.#entries[this.#next++];
    const deleted = this.#block.tombstones.get(entry.number);
    const chunks: BlockChunk[] = [];
    for (const { minMs, maxMs } of entry.chunks) {
      const loading = this.#cursor.prepare();
      if (loading !== undefined) await loading;
      const { encoding, bytes, start, byteLength } = this.#cursor.take();
      const data = bytes.slice(start, start + byteLength);
      const chunk = { minMs, maxMs, encoding, bytes: data, samples: chunkSampleCount(data, encoding) };
      if (!isDeletedIn(deleted, minMs, maxMs)) chunks.push(chunk);
      else {
        const columns = new SeriesColumns();
        addChunk(columns, chunk, deleted);
        chunks.push(...encodeRest(columns));
      }
    }
    return chunks;
  }
}
