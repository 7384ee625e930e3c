/**
 * The chunks of the head's series (`memSeries` of `tsdb/head.go`): one open, which samples are encoded into, and closed
 * ones behind it, newest first. What is read of them is in `head-chunk-reader.ts`.
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import type { BlockChunk } from "../chunks/block-series.ts";
import { SAMPLES_PER_CHUNK } from "../chunks/chunk-encoder.ts";
import { CHUNK_XOR } from "../chunks/chunk-encoding.ts";
import { chunkEnd, rangeEnd } from "../chunks/chunk-range.ts";
import { HistogramSeries } from "../chunks/histogram-series.ts";
import {
  appendXor,
  CHUNK_SLACK_BYTES,
  F_LAST_TIME,
  MAX_SAMPLE_BYTES,
  ROW_FLOATS,
  ROW_WORDS,
  resetXorRow,
  W_BIT_LENGTH,
  W_SAMPLES,
  writeXorCount,
} from "../chunks/xor-chunk.ts";
import { ChunkPool, NO_PIECE } from "./chunk-pool.ts";
import { ChunkTable } from "./chunk-table.ts";
import {
  F_CHUNK_MIN,
  F_NEXT_CUT,
  NO_CHUNK,
  PAGE_BITS,
  PAGE_MASK,
  type SeriesPage,
  type SeriesTable,
  W_CAPACITY,
  W_CLOSED,
  W_PIECE,
} from "./series-table.ts";

/** A float chunk that is larger is closed (`MaxBytesPerXORChunkBeforeAppend`). */
const MAX_CHUNK_BYTES = 1024 - MAX_SAMPLE_BYTES;
const FIRST_CHUNK_BYTES = 64;
/** An open chunk never needs more. */
const LARGEST_CHUNK_BYTES = MAX_CHUNK_BYTES + 2 * MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES;

export class HeadChunks {
  /** The rows of the series, by slot. */
  table: SeriesTable;
  readonly rangeMs: number;
  readonly pool = new ChunkPool();
  readonly closed = new ChunkTable();
  /** Of the series that have native histograms, by slot. */
  readonly histograms = new Map<number, HistogramSeries>();
  created = 0;
  removed = 0;
  /** What `fetchEnds` has read: of no use, but a read whose result goes nowhere is left out by the compiler. */
  fetched = 0;
  /** Rows of `closed` that are no series', see frozen-head.ts. */
  held = 0;
  #open = 0;

  constructor(table: SeriesTable, rangeMs: number) {
    this.table = table;
    this.rangeMs = rangeMs;
  }

  get count(): number {
    return this.closed.count - this.held + this.#open;
  }

  /** Adds a sample that is newer than the series' last one. */
  appendFloat(slot: number, timestampMs: number, low: number, high: number): void {
    const page = this.table.pages[slot >>> PAGE_BITS];
    const { words, floats } = page;
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const f = row * ROW_FLOATS;
    let piece = words[w + W_PIECE];
    if (piece !== NO_PIECE) {
      const samples = words[w + W_SAMPLES];
      const byteLength = (words[w + W_BIT_LENGTH] + 7) >>> 3;
      if (samples === SAMPLES_PER_CHUNK / 4) {
        floats[f + F_NEXT_CUT] = chunkEnd(
          floats[f + F_CHUNK_MIN],
          floats[f + F_LAST_TIME],
          floats[f + F_NEXT_CUT],
          4,
        );
      }
      if (
        timestampMs >= floats[f + F_NEXT_CUT] ||
        samples >= 2 * SAMPLES_PER_CHUNK ||
        byteLength > MAX_CHUNK_BYTES
      ) {
        this.#close(page, row);
        piece = this.#openChunk(page, row, timestampMs);
      } else if (byteLength + MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES > words[w + W_CAPACITY]) {
        piece = this.#growChunk(words, w, byteLength);
      }
    } else {
      if (this.histograms.size > 0) this.#closeHistograms(slot, page, row);
      piece = this.#openChunk(page, row, timestampMs);
    }
    appendXor(words, floats, row, this.pool.view(piece), this.pool.offset(piece), timestampMs, low, high);
  }

  /**
   * Reads where the open chunks of the series end. Samples are appended one after the other, each waiting for its chunk
   * to come from memory; these reads do not wait for each other.
   */
  fetchEnds(slots: Int32Array, from: number, to: number): void {
    const { pages } = this.table;
    let read = 0;
    for (let i = from; i < to; i++) {
      const slot = slots[i];
      const { words } = pages[slot >>> PAGE_BITS];
      const w = (slot & PAGE_MASK) * ROW_WORDS;
      const piece = words[w + W_PIECE];
      if (piece !== NO_PIECE)
        read ^= this.pool.view(piece).getUint8(this.pool.offset(piece) + (words[w + W_BIT_LENGTH] >>> 3));
    }
    this.fetched = read;
  }

  /** Whether the series' last sample is a native histogram. */
  isHistogram(slot: number): boolean {
    return this.histograms.size > 0 && this.lastHistogram(slot) !== undefined;
  }

  /** The series' last sample when it is a native histogram. */
  lastHistogram(slot: number): FloatHistogram | undefined {
    const page = this.table.pages[slot >>> PAGE_BITS];
    // A float after the histogram has opened a chunk.
    if (page.words[(slot & PAGE_MASK) * ROW_WORDS + W_PIECE] !== NO_PIECE) return undefined;
    return this.histograms.get(slot)?.last;
  }

  /** Adds a histogram that is newer than the series' last sample. */
  appendHistogram(slot: number, timestampMs: number, histogram: FloatHistogram): void {
    const page = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    this.#close(page, row);
    let series = this.histograms.get(slot);
    if (series === undefined) this.histograms.set(slot, (series = new HistogramSeries()));
    const closed = series.append(timestampMs, histogram, rangeEnd(timestampMs, this.rangeMs));
    if (closed !== undefined) this.#addClosed(page, row, closed);
    if (series.timestamps.length === 1) this.created++;
    page.floats[row * ROW_FLOATS + F_LAST_TIME] = timestampMs;
  }

  /** Whether the series has any samples here. */
  hasAny(slot: number): boolean {
    const { words } = this.table.pages[slot >>> PAGE_BITS];
    const w = (slot & PAGE_MASK) * ROW_WORDS;
    if (words[w + W_PIECE] !== NO_PIECE || words[w + W_CLOSED] !== NO_CHUNK) return true;
    return this.histograms.size > 0 && this.histograms.has(slot);
  }

  /** Gives up chunks that end before `minMs`. @returns whether the series has none left */
  truncate(slot: number, minMs: number): boolean {
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const chunks = this.closed;
    const newest = words[w + W_CLOSED];
    let kept = NO_CHUNK;
    let chunk = newest;
    while (chunk !== NO_CHUNK && chunks.maxMs(chunk) >= minMs) {
      kept = chunk;
      chunk = chunks.older(chunk);
    }
    if (kept === NO_CHUNK) words[w + W_CLOSED] = NO_CHUNK;
    else if (chunk !== NO_CHUNK) chunks.setOlder(kept, NO_CHUNK);
    while (chunk !== NO_CHUNK) {
      const older = chunks.older(chunk);
      this.pool.release(chunks.piece(chunk), chunks.byteLength(chunk));
      chunks.remove(chunk);
      this.removed++;
      chunk = older;
    }
    const lastMs = floats[row * ROW_FLOATS + F_LAST_TIME];
    if (lastMs < minMs) this.#dropOpen(slot, words, w);
    return words[w + W_CLOSED] === NO_CHUNK && lastMs < minMs;
  }

  /** The time of a series' oldest sample, or Infinity. */
  firstTimeOf(slot: number): number {
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    let first = Number.POSITIVE_INFINITY;
    if (words[row * ROW_WORDS + W_PIECE] !== NO_PIECE) first = floats[row * ROW_FLOATS + F_CHUNK_MIN];
    const open = this.histograms.get(slot)?.timestamps[0];
    if (open !== undefined && open < first) first = open;
    for (
      let chunk = words[row * ROW_WORDS + W_CLOSED];
      chunk !== NO_CHUNK;
      chunk = this.closed.older(chunk)
    ) {
      if (this.closed.minMs(chunk) < first) first = this.closed.minMs(chunk);
    }
    return first;
  }

  /** Goes over to other slots: `moved` says where each is in `table`, or -1. Its rows are copied by then. */
  moveTo(table: SeriesTable, moved: Int32Array): void {
    this.table = table;
    const histograms = [...this.histograms];
    this.histograms.clear();
    for (const [slot, series] of histograms) if (moved[slot] >= 0) this.histograms.set(moved[slot], series);
  }

  /** Moves the open chunk, where there is one, to the closed ones. */
  #close(page: SeriesPage, row: number): void {
    const { words, floats } = page;
    const w = row * ROW_WORDS;
    const f = row * ROW_FLOATS;
    const piece = words[w + W_PIECE];
    if (piece === NO_PIECE) return;
    const byteLength = (words[w + W_BIT_LENGTH] + 7) >>> 3;
    const trimmed = ChunkPool.capacity(byteLength) < words[w + W_CAPACITY];
    const kept = trimmed ? this.pool.allocate(byteLength) : piece;
    if (trimmed) {
      this.pool.copy(piece, kept, byteLength);
      this.pool.release(piece, words[w + W_CAPACITY]);
    }
    writeXorCount(words, row, this.pool.view(kept), this.pool.offset(kept));
    words[w + W_CLOSED] = this.closed.add(
      floats[f + F_CHUNK_MIN],
      floats[f + F_LAST_TIME],
      kept,
      byteLength,
      CHUNK_XOR,
      words[w + W_SAMPLES],
      words[w + W_CLOSED],
    );
    words[w + W_PIECE] = NO_PIECE;
    resetXorRow(words, row);
    this.#open--;
  }

  #closeHistograms(slot: number, page: SeriesPage, row: number): void {
    const closed = this.histograms.get(slot)?.endRun();
    if (closed !== undefined) this.#addClosed(page, row, closed);
  }

  #addClosed(page: SeriesPage, row: number, closed: BlockChunk): void {
    const w = row * ROW_WORDS;
    const { bytes, minMs, maxMs, encoding, samples } = closed;
    const piece = this.pool.allocate(bytes.length);
    this.pool.bytes(piece, bytes.length).set(bytes);
    page.words[w + W_CLOSED] = this.closed.add(
      minMs,
      maxMs,
      piece,
      bytes.length,
      encoding,
      samples,
      page.words[w + W_CLOSED],
    );
  }

  #openChunk(page: SeriesPage, row: number, timestampMs: number): number {
    const { words, floats } = page;
    const w = row * ROW_WORDS;
    const piece = this.pool.allocate(FIRST_CHUNK_BYTES);
    resetXorRow(words, row);
    words[w + W_PIECE] = piece;
    words[w + W_CAPACITY] = FIRST_CHUNK_BYTES;
    floats[row * ROW_FLOATS + F_CHUNK_MIN] = timestampMs;
    floats[row * ROW_FLOATS + F_NEXT_CUT] = rangeEnd(timestampMs, this.rangeMs);
    this.#open++;
    this.created++;
    return piece;
  }

  #growChunk(words: Int32Array, w: number, byteLength: number): number {
    const capacity = words[w + W_CAPACITY];
    const wanted = capacity < 256 ? capacity + 64 : capacity + (capacity >>> 1);
    const grown = ChunkPool.capacity(Math.min(wanted, LARGEST_CHUNK_BYTES));
    const piece = this.pool.allocate(grown);
    this.pool.copy(words[w + W_PIECE], piece, byteLength);
    this.pool.release(words[w + W_PIECE], capacity);
    words[w + W_PIECE] = piece;
    words[w + W_CAPACITY] = grown;
    return piece;
  }

  #dropOpen(slot: number, words: Int32Array, w: number): void {
    const piece = words[w + W_PIECE];
    if (piece !== NO_PIECE) {
      this.pool.release(piece, words[w + W_CAPACITY]);
      words[w + W_PIECE] = NO_PIECE;
      words[w + W_SAMPLES] = 0;
      this.#open--;
      this.removed++;
    }
    this.histograms.delete(slot);
  }
}
