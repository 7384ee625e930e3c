/** Reads the chunks of the head's series, open ones included. */
import type { BlockChunk } from "../chunks/block-series.ts";
import type { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { CHUNK_XOR } from "../chunks/chunk-encoding.ts";
import type { HistogramSeries } from "../chunks/histogram-series.ts";
import {
  F_LAST_TIME,
  ROW_FLOATS,
  ROW_WORDS,
  W_BIT_LENGTH,
  W_SAMPLES,
  writeXorCount,
} from "../chunks/xor-chunk.ts";
import { type Interval, isDeleted } from "../tombstones.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import type { ChunkTable } from "./chunk-table.ts";
import type { HeadChunks } from "./head-chunks.ts";
import { F_CHUNK_MIN, NO_CHUNK, PAGE_BITS, PAGE_MASK, W_CLOSED, W_PIECE } from "./series-table.ts";

/**
 * Appends a series' samples from `minMs` to `maxMs` to `out`, oldest first.
 *
 * @param deleted what is left out
 */
export function readChunks(
  head: HeadChunks,
  slot: number,
  minMs: number,
  maxMs: number,
  out: SeriesColumns,
  deleted?: Interval[],
): void {
  const { words, floats } = head.table.pages[slot >>> PAGE_BITS];
  const row = slot & PAGE_MASK;
  const w = row * ROW_WORDS;
  const { closed, pool } = head;
  for (const chunk of closedIn(closed, words[w + W_CLOSED], minMs, maxMs)) {
    const piece = closed.piece(chunk);
    const byteLength = closed.byteLength(chunk);
    out.addChunk(
      closed.encoding(chunk),
      pool.view(piece),
      pool.offset(piece),
      byteLength,
      minMs,
      maxMs,
      deleted,
    );
  }
  const piece = words[w + W_PIECE];
  if (piece !== NO_PIECE) {
    const byteLength = (words[w + W_BIT_LENGTH] + 7) >>> 3;
    if (floats[row * ROW_FLOATS + F_CHUNK_MIN] > maxMs) return;
    if (floats[row * ROW_FLOATS + F_LAST_TIME] < minMs) return;
    writeXorCount(words, row, pool.view(piece), pool.offset(piece));
    out.addChunk(CHUNK_XOR, pool.view(piece), pool.offset(piece), byteLength, minMs, maxMs, deleted);
  } else if (head.histograms.size > 0) {
    const series = head.histograms.get(slot);
    if (series !== undefined) readOpenHistograms(series, minMs, maxMs, out, deleted);
  }
}

/** Whether a chunk of the series overlaps the range. */
export function hasChunks(head: HeadChunks, slot: number, minMs: number, maxMs: number): boolean {
  const { words, floats } = head.table.pages[slot >>> PAGE_BITS];
  const row = slot & PAGE_MASK;
  const lastMs = floats[row * ROW_FLOATS + F_LAST_TIME];
  if (lastMs < minMs) return false;
  if (words[row * ROW_WORDS + W_PIECE] !== NO_PIECE && floats[row * ROW_FLOATS + F_CHUNK_MIN] <= maxMs) {
    return true;
  }
  const open = head.histograms.get(slot);
  if (open !== undefined && open.timestamps.length > 0 && open.timestamps[0] <= maxMs) return true;
  let chunk = words[row * ROW_WORDS + W_CLOSED];
  while (chunk !== NO_CHUNK && head.closed.maxMs(chunk) >= minMs) {
    if (head.closed.minMs(chunk) <= maxMs) return true;
    chunk = head.closed.older(chunk);
  }
  return false;
}

/** A series' open chunk when it overlaps the range. Its bytes are valid within this turn. */
export function openChunk(
  head: HeadChunks,
  slot: number,
  minMs: number,
  maxMs: number,
): BlockChunk | undefined {
  const { words, floats } = head.table.pages[slot >>> PAGE_BITS];
  const row = slot & PAGE_MASK;
  const w = row * ROW_WORDS;
  const { pool } = head;
  const piece = words[w + W_PIECE];
  if (piece === NO_PIECE) {
    const open = head.histograms.size > 0 ? head.histograms.get(slot)?.encode() : undefined;
    return open !== undefined && open.minMs <= maxMs && open.maxMs >= minMs ? open : undefined;
  }
  const first = floats[row * ROW_FLOATS + F_CHUNK_MIN];
  const last = floats[row * ROW_FLOATS + F_LAST_TIME];
  if (first > maxMs || last < minMs) return undefined;
  writeXorCount(words, row, pool.view(piece), pool.offset(piece));
  const bytes = pool.bytes(piece, (words[w + W_BIT_LENGTH] + 7) >>> 3);
  return { minMs: first, maxMs: last, encoding: CHUNK_XOR, bytes, samples: words[w + W_SAMPLES] };
}

/** Oldest first. */
function closedIn(chunks: ChunkTable, newest: number, minMs: number, maxMs: number): number[] {
  const wanted: number[] = [];
  for (let chunk = newest; chunk !== NO_CHUNK; chunk = chunks.older(chunk)) {
    if (chunks.maxMs(chunk) < minMs) break;
    if (chunks.minMs(chunk) <= maxMs) wanted.push(chunk);
  }
  return wanted.reverse();
}

function readOpenHistograms(
  series: HistogramSeries,
  minMs: number,
  maxMs: number,
  out: SeriesColumns,
  deleted?: Interval[],
): void {
  for (const [i, timestampMs] of series.timestamps.entries()) {
    if (timestampMs < minMs || timestampMs > maxMs) continue;
    if (deleted !== undefined && isDeleted(deleted, timestampMs)) continue;
    out.addHistogram(timestampMs, series.histogramAt(i));
  }
}
