/** The content of blocks, merged, as that of a new one: compaction, and rewriting without what was deleted. */
import type { Clock } from "../../../base/clock.ts";
import { compareLabels, type Labels } from "../../../model/labels.ts";
import type { TimeRange } from "../../storage.ts";
import type { BlockChunk, BlockSeries, BlockSource } from "../chunks/block-series.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeColumns } from "../chunks/chunk-encoder.ts";
import { chunkSampleCount } from "../chunks/chunk-encoding.ts";
import { ChunkCursor } from "../chunks/chunk-segment-reader.ts";
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
        const parts: SeriesPart[] = [];
        for (const walk of walks) {
          if (walk.labels !== undefined && compareLabels(walk.labels, labels) === 0)
            parts.push(await walk.take());
        }
        const chunks = mergeParts(parts);
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

interface SeriesPart {
  chunks: BlockChunk[];
  /** The chunks as samples where something was deleted. */
  columns: SeriesColumns | undefined;
}

function firstOf(walks: BlockWalk[]): Labels | undefined {
  let first: Labels | undefined;
  for (const { labels } of walks) {
    if (labels !== undefined && (first === undefined || compareLabels(labels, first) < 0)) first = labels;
  }
  return first;
}

/** Chunks stay as they are, unless they overlap or something of them was deleted. */
function mergeParts(parts: SeriesPart[]): BlockChunk[] {
  const chunks = parts.flatMap((part) => part.chunks);
  const isClean = parts.every((part) => part.columns === undefined);
  const isAscending = chunks.every((chunk, i) => i === 0 || chunk.minMs > chunks[i - 1].maxMs);
  if (isClean && isAscending) return chunks;
  const columns = new SeriesColumns();
  for (const part of parts) {
    if (part.columns === undefined) for (const chunk of part.chunks) addChunk(columns, chunk);
    else columns.addAll(part.columns);
  }
  columns.normalize();
  return encodeColumns(columns);
}

function addChunk(columns: SeriesColumns, { encoding, bytes }: BlockChunk): void {
  const padded = new Uint8Array(bytes.length + 32);
  padded.set(bytes);
  columns.addChunk(encoding, new DataView(padded.buffer), 0, bytes.length, ALL.minMs, ALL.maxMs);
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

  async take(): Promise<SeriesPart> {
    const entry = this.#entries[this.#next++];
    const deleted = this.#block.tombstones.get(entry.number);
    const columns = deleted === undefined ? undefined : new SeriesColumns();
    const chunks: BlockChunk[] = [];
    for (const { minMs, maxMs } of entry.chunks) {
      const loading = this.#cursor.prepare();
      if (loading !== undefined) await loading;
      const { encoding, view, bytes, start, byteLength } = this.#cursor.take();
      columns?.addChunk(encoding, view, start, byteLength, ALL.minMs, ALL.maxMs, deleted);
      const data = bytes.slice(start, start + byteLength);
      chunks.push({ minMs, maxMs, encoding, bytes: data, samples: chunkSampleCount(data, encoding) });
    }
    return { chunks, columns };
  }
}
