/** The head's samples of a time range as the content of a block. */
import type { BlockChunk, BlockSeries, BlockSource } from "../chunks/block-series.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeColumns } from "../chunks/chunk-encoder.ts";
import type { Head } from "./head.ts";
import type { HeadMatcher } from "./head-matcher.ts";

const SERIES_PER_BATCH = 256;

/** @param maxMs included. To be read within the head's read gate. */
export function headSource(head: Head, matcher: HeadMatcher, minMs: number, maxMs: number): BlockSource {
  return {
    async *symbols() {
      for (const name of head.postings.names()) {
        yield name;
        yield* head.postings.values(name);
      }
    },
    async *series() {
      const slots = await matcher.sortedSlots([]);
      for (let i = 0; i < slots.length; i += SERIES_PER_BATCH) {
        const batch: BlockSeries[] = [];
        for (const slot of slots.subarray(i, i + SERIES_PER_BATCH)) {
          const chunks = chunksWithin(head, slot, minMs, maxMs);
          if (chunks.length > 0) batch.push({ labels: head.readLabels(slot), chunks });
        }
        yield batch;
      }
    },
  };
}

/** The samples put aside as out of order that lie in a range. */
export function outOfOrderSource(
  head: Head,
  matcher: HeadMatcher,
  minMs: number,
  maxMs: number,
): BlockSource {
  return {
    symbols: headSource(head, matcher, minMs, maxMs).symbols,
    async *series() {
      const late = new Set(head.outOfOrder.frozenSlots());
      for (const slot of (await matcher.sortedSlots([])).filter((candidate) => late.has(candidate))) {
        const columns = new SeriesColumns();
        head.outOfOrder.readFrozen(slot, minMs, maxMs, columns, head.tombstones.get(slot));
        const chunks = encodeColumns(columns);
        if (chunks.length > 0) yield [{ labels: head.readLabels(slot), chunks }];
      }
    },
  };
}

/** Chunks are taken as they are where they lie within the range and nothing of them was deleted. */
function chunksWithin(head: Head, slot: number, minMs: number, maxMs: number): BlockChunk[] {
  const chunks = head.chunksOf(slot, minMs, maxMs);
  const deleted = head.tombstones.get(slot);
  const isWhole = chunks.every((chunk) => chunk.minMs >= minMs && chunk.maxMs <= maxMs);
  if (isWhole && deleted === undefined) {
    // The head goes on writing to an open chunk while the block is written.
    return chunks.map((chunk) => ({ ...chunk, bytes: chunk.bytes.slice() }));
  }
  const columns = new SeriesColumns();
  head.readInOrder(slot, minMs, maxMs, columns);
  return encodeColumns(columns);
}
