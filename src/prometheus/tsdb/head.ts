/**
 * The head: the newest samples of all series, in memory (`tsdb/head.go`, `head_append.go`). It is what is appended to
 * and what blocks are cut from. Where upstream has an object per series and maps chunks from disk, here are rows of
 * typed arrays and pooled memory.
 */
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import type { BlockChunk } from "./block-series.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { SeriesColumns } from "./chunk-decoder.ts";
import { CHUNK_XOR } from "./chunk-encoding.ts";
import { ChunkPool, NO_PIECE } from "./chunk-pool.ts";
import { ChunkTable } from "./chunk-table.ts";
import { HistogramSeries } from "./histogram-series.ts";
import { equalBytes, MAX_LABEL_SET_BYTES, skipString, writeLabelKey } from "./label-key.ts";
import { OutOfOrderSamples } from "./out-of-order.ts";
import { Postings } from "./postings.ts";
import type { SampleColumns } from "./sample-columns.ts";
import {
  F_CHUNK_MIN,
  F_NEXT_CUT,
  NO_CHUNK,
  PAGE_BITS,
  PAGE_MASK,
  type SeriesPage,
  SeriesTable,
  W_CAPACITY,
  W_CLOSED,
  W_PIECE,
} from "./series-table.ts";
import { type Interval, isDeleted, Tombstones } from "./tombstones.ts";
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
  W_VALUE_HIGH,
  W_VALUE_LOW,
} from "./xor-chunk.ts";

/** Upstream's `DefaultSamplesPerChunk`. */
export const SAMPLES_PER_CHUNK = 120;
/** A float chunk that is larger is closed (`MaxBytesPerXORChunkBeforeAppend`). */
const MAX_CHUNK_BYTES = 1024 - MAX_SAMPLE_BYTES;
const FIRST_CHUNK_BYTES = 64;
/** An open chunk never needs more. */
const LARGEST_CHUNK_BYTES = MAX_CHUNK_BYTES + 2 * MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES;

export class Head {
  table: SeriesTable;
  readonly pool = new ChunkPool();
  readonly chunks = new ChunkTable();
  postings: Postings;
  /** Of the series that have native histograms, by slot. */
  readonly histograms = new Map<number, HistogramSeries>();
  readonly outOfOrder = new OutOfOrderSamples();
  /** What was deleted, by slot. */
  readonly tombstones = new Tombstones();
  readonly chunkRangeMs: number;
  /** Of the samples in the head; Infinity and -Infinity while it is empty. */
  minMs = Number.POSITIVE_INFINITY;
  maxMs = Number.NEGATIVE_INFINITY;
  /** Of the samples appended since a truncation began. */
  appendedMinMs = Number.POSITIVE_INFINITY;
  /** Samples before it are in blocks or gone, and no longer taken. */
  minValidMs = Number.NEGATIVE_INFINITY;
  openChunks = 0;
  chunksCreated = 0;
  chunksRemoved = 0;
  /** Grows when slots are given new numbers: whoever kept slots must look them up again. */
  generation = 0;
  /** Grows when samples were given up: whoever kept decoded ones, or slots, must look again. */
  truncations = 0;
  /** Series that no log knows yet. */
  readonly unlogged: number[] = [];
  readonly #key = new ByteWriter();
  /** The series made last: the label pairs that the next one has in common with it need not be looked up. */
  #last = new KeyPairs();
  #spare = new KeyPairs();

  constructor(chunkRangeMs: number, hashSeed: number) {
    this.chunkRangeMs = chunkRangeMs;
    this.table = new SeriesTable(hashSeed);
    this.postings = new Postings(hashSeed);
  }

  /** Whether there may be samples in the range, late ones included. */
  overlaps(minMs: number, maxMs: number): boolean {
    const { outOfOrder } = this;
    return (
      (this.minMs <= maxMs && this.maxMs >= minMs) || (outOfOrder.minMs <= maxMs && outOfOrder.maxMs >= minMs)
    );
  }

  get seriesCount(): number {
    return this.table.length;
  }

  get chunkCount(): number {
    return this.chunks.count + this.openChunks;
  }

  /** The slot of the series with these labels, made when missing; -1 when they take too many bytes. */
  slotOfLabels(labels: Labels): number {
    this.#key.clear();
    writeLabelKey(this.#key, labels);
    if (this.#key.length > MAX_LABEL_SET_BYTES) return -1;
    return this.slotOfKey(this.#key.bytes, 0, this.#key.length);
  }

  /** As `slotOfLabels`, with the labels as `label-key.ts` writes them. */
  slotOfKey(key: Uint8Array, start: number, end: number): number {
    const hash = this.table.hash(key, start, end);
    const found = this.table.find(key, start, end, hash);
    if (found >= 0) return found;
    const slot = this.#create(key, start, end, hash, this.table.lastRef + 1);
    this.unlogged.push(slot);
    return slot;
  }

  /** A series as a log has it. */
  restoreSeries(ref: number, key: Uint8Array, start: number, end: number): void {
    const hash = this.table.hash(key, start, end);
    const found = this.table.find(key, start, end, hash);
    if (found < 0) this.#create(key, start, end, hash, ref);
    else if (this.table.refOf(found) !== ref) this.table.alias(ref, this.table.refOf(found));
  }

  labelsOf(slot: number): Labels {
    const page = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    return (page.labels[row] ??= this.#readLabels(slot));
  }

  lastTimeOf(slot: number): number {
    return this.table.pages[slot >>> PAGE_BITS].floats[(slot & PAGE_MASK) * ROW_FLOATS + F_LAST_TIME];
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
        this.closeChunk(page, row);
        piece = this.#openChunk(page, row, timestampMs);
      } else if (byteLength + MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES > words[w + W_CAPACITY]) {
        piece = this.#growChunk(words, w, byteLength);
      }
    } else {
      if (this.histograms.size > 0) this.#closeHistograms(slot, page, row);
      piece = this.#openChunk(page, row, timestampMs);
    }
    appendXor(words, floats, row, this.pool.view(piece), this.pool.offset(piece), timestampMs, low, high);
    this.#noteTime(timestampMs);
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
    this.closeChunk(page, row);
    let series = this.histograms.get(slot);
    if (series === undefined) this.histograms.set(slot, (series = new HistogramSeries()));
    const closed = series.append(timestampMs, histogram, rangeEnd(timestampMs, this.chunkRangeMs));
    if (closed !== undefined) this.#addClosed(page, row, closed);
    if (series.timestamps.length === 1) this.chunksCreated++;
    page.floats[row * ROW_FLOATS + F_LAST_TIME] = timestampMs;
    this.#noteTime(timestampMs);
  }

  /** Moves the open chunk, where there is one, to the closed ones. */
  closeChunk(page: SeriesPage, row: number): void {
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
    words[w + W_CLOSED] = this.chunks.add(
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
    this.openChunks--;
  }

  /** Appends a series' samples from `minMs` to `maxMs` to `out`, oldest first. */
  read(slot: number, minMs: number, maxMs: number, out: SeriesColumns): void {
    this.readInOrder(slot, minMs, maxMs, out);
    if (this.outOfOrder.isEmpty || !this.outOfOrder.has(slot)) return;
    this.outOfOrder.read(slot, minMs, maxMs, out, this.tombstones.get(slot));
    out.normalize();
  }

  /** As `read`, without samples that came out of order. */
  readInOrder(slot: number, minMs: number, maxMs: number, out: SeriesColumns): void {
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const deleted = this.tombstones.size > 0 ? this.tombstones.get(slot) : undefined;
    this.#readClosed(words[w + W_CLOSED], minMs, maxMs, out, deleted);
    const piece = words[w + W_PIECE];
    if (piece !== NO_PIECE) {
      const byteLength = (words[w + W_BIT_LENGTH] + 7) >>> 3;
      if (floats[row * ROW_FLOATS + F_CHUNK_MIN] > maxMs) return;
      if (floats[row * ROW_FLOATS + F_LAST_TIME] < minMs) return;
      const start = this.pool.offset(piece);
      out.addChunk(CHUNK_XOR, this.pool.view(piece), start, byteLength, minMs, maxMs, deleted);
    } else if (this.histograms.size > 0) {
      this.#readOpenHistograms(slot, minMs, maxMs, out, deleted);
    }
  }

  /** The series' last sample when it is a float between the two times: answered without decoding. */
  readLastFloat(slot: number, minMs: number, maxMs: number, out: SampleColumns): boolean {
    if (this.tombstones.size > 0 && this.tombstones.get(slot) !== undefined) return false;
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const w = (slot & PAGE_MASK) * ROW_WORDS;
    const lastMs = floats[(slot & PAGE_MASK) * ROW_FLOATS + F_LAST_TIME];
    if (words[w + W_PIECE] === NO_PIECE || lastMs < minMs || lastMs > maxMs) return false;
    out.push(lastMs, words[w + W_VALUE_LOW], words[w + W_VALUE_HIGH]);
    return true;
  }

  /** Whether there is more to the series than floats in order: histograms, late or deleted samples. */
  isMixed(slot: number): boolean {
    const { histograms, outOfOrder, tombstones } = this;
    return (
      (histograms.size > 0 && histograms.has(slot)) ||
      (!outOfOrder.isEmpty && outOfOrder.has(slot)) ||
      (tombstones.size > 0 && tombstones.get(slot) !== undefined)
    );
  }

  /** Whether a chunk of the series overlaps the range. */
  hasChunksIn(slot: number, minMs: number, maxMs: number): boolean {
    if (!this.outOfOrder.isEmpty && this.outOfOrder.hasIn(slot, minMs, maxMs)) return true;
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const lastMs = floats[row * ROW_FLOATS + F_LAST_TIME];
    if (lastMs < minMs) return false;
    if (words[row * ROW_WORDS + W_PIECE] !== NO_PIECE && floats[row * ROW_FLOATS + F_CHUNK_MIN] <= maxMs) {
      return true;
    }
    const open = this.histograms.get(slot);
    if (open !== undefined && open.timestamps.length > 0 && open.timestamps[0] <= maxMs) return true;
    let chunk = words[row * ROW_WORDS + W_CLOSED];
    while (chunk !== NO_CHUNK && this.chunks.maxMs(chunk) >= minMs) {
      if (this.chunks.minMs(chunk) <= maxMs) return true;
      chunk = this.chunks.older(chunk);
    }
    return false;
  }

  /** A series' chunks that overlap the range, oldest first. Their bytes are valid within this turn. */
  chunksOf(slot: number, minMs: number, maxMs: number): BlockChunk[] {
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const { chunks, pool } = this;
    const found: BlockChunk[] = this.#closedIn(words[w + W_CLOSED], minMs, maxMs).map((chunk) => ({
      minMs: chunks.minMs(chunk),
      maxMs: chunks.maxMs(chunk),
      encoding: chunks.encoding(chunk),
      bytes: pool.bytes(chunks.piece(chunk), chunks.byteLength(chunk)),
      samples: chunks.samples(chunk),
    }));
    const piece = words[w + W_PIECE];
    if (piece !== NO_PIECE) {
      const first = floats[row * ROW_FLOATS + F_CHUNK_MIN];
      const last = floats[row * ROW_FLOATS + F_LAST_TIME];
      const bytes = pool.bytes(piece, (words[w + W_BIT_LENGTH] + 7) >>> 3);
      const samples = words[w + W_SAMPLES];
      if (first <= maxMs && last >= minMs) {
        found.push({ minMs: first, maxMs: last, encoding: CHUNK_XOR, bytes, samples });
      }
    }
    const open = this.histograms.get(slot)?.encode();
    if (open !== undefined && open.minMs <= maxMs && open.maxMs >= minMs) found.push(open);
    return found;
  }

  /** Gives up chunks that end before `minMs`. @returns whether the series has none left */
  truncate(slot: number, minMs: number): boolean {
    const { words, floats } = this.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const { chunks } = this;
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
      this.chunksRemoved++;
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
      chunk = this.chunks.older(chunk)
    ) {
      if (this.chunks.minMs(chunk) < first) first = this.chunks.minMs(chunk);
    }
    return first;
  }

  /**
   * Goes over to other slots. Nothing may hold slots meanwhile.
   *
   * @param moved where each slot is in `table`, or -1 for those that are removed
   * @param postings those of `table`
   */
  moveTo(table: SeriesTable, postings: Postings, moved: Int32Array): void {
    table.copyRows(this.table, moved);
    this.table = table;
    this.postings = postings;
    const histograms = [...this.histograms];
    this.histograms.clear();
    for (const [slot, series] of histograms) if (moved[slot] >= 0) this.histograms.set(moved[slot], series);
    this.outOfOrder.renumber(moved);
    this.tombstones.renumber((slot) => (moved[slot] >= 0 ? moved[slot] : undefined));
    const unlogged = this.unlogged.map((slot) => moved[slot]).filter((slot) => slot >= 0);
    this.unlogged.splice(0, this.unlogged.length, ...unlogged);
    this.#last = new KeyPairs();
    this.generation++;
    this.truncations++;
  }

  /** As `labelsOf`, without keeping them. */
  readLabels(slot: number): Labels {
    return this.table.pages[slot >>> PAGE_BITS].labels[slot & PAGE_MASK] ?? this.#readLabels(slot);
  }

  #dropOpen(slot: number, words: Int32Array, w: number): void {
    const piece = words[w + W_PIECE];
    if (piece !== NO_PIECE) {
      this.pool.release(piece, words[w + W_CAPACITY]);
      words[w + W_PIECE] = NO_PIECE;
      words[w + W_SAMPLES] = 0;
      this.openChunks--;
      this.chunksRemoved++;
    }
    this.histograms.delete(slot);
  }

  #noteTime(timestampMs: number): void {
    if (timestampMs > this.maxMs) this.maxMs = timestampMs;
    if (timestampMs < this.minMs) this.minMs = timestampMs;
    if (timestampMs < this.appendedMinMs) this.appendedMinMs = timestampMs;
  }

  /** Oldest first. */
  #closedIn(newest: number, minMs: number, maxMs: number): number[] {
    const { chunks } = this;
    const wanted: number[] = [];
    for (let chunk = newest; chunk !== NO_CHUNK; chunk = chunks.older(chunk)) {
      if (chunks.maxMs(chunk) < minMs) break;
      if (chunks.minMs(chunk) <= maxMs) wanted.push(chunk);
    }
    return wanted.reverse();
  }

  #readClosed(newest: number, minMs: number, maxMs: number, out: SeriesColumns, deleted?: Interval[]): void {
    const { chunks, pool } = this;
    for (const chunk of this.#closedIn(newest, minMs, maxMs)) {
      const piece = chunks.piece(chunk);
      const start = pool.offset(piece);
      const byteLength = chunks.byteLength(chunk);
      out.addChunk(chunks.encoding(chunk), pool.view(piece), start, byteLength, minMs, maxMs, deleted);
    }
  }

  #readOpenHistograms(
    slot: number,
    minMs: number,
    maxMs: number,
    out: SeriesColumns,
    deleted?: Interval[],
  ): void {
    const series = this.histograms.get(slot);
    if (series === undefined) return;
    for (const [i, timestampMs] of series.timestamps.entries()) {
      if (timestampMs < minMs || timestampMs > maxMs) continue;
      if (deleted !== undefined && isDeleted(deleted, timestampMs)) continue;
      out.addHistogram(timestampMs, series.histogramAt(i));
    }
  }

  #addClosed(page: SeriesPage, row: number, closed: BlockChunk): void {
    const w = row * ROW_WORDS;
    const { bytes, minMs, maxMs, encoding, samples } = closed;
    const piece = this.pool.allocate(bytes.length);
    this.pool.bytes(piece, bytes.length).set(bytes);
    page.words[w + W_CLOSED] = this.chunks.add(
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
    floats[row * ROW_FLOATS + F_NEXT_CUT] = rangeEnd(timestampMs, this.chunkRangeMs);
    this.openChunks++;
    this.chunksCreated++;
    return piece;
  }

  #closeHistograms(slot: number, page: SeriesPage, row: number): void {
    const closed = this.histograms.get(slot)?.close();
    if (closed !== undefined) this.#addClosed(page, row, closed);
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

  #create(key: Uint8Array, start: number, end: number, hash: number, ref: number): number {
    const { table, postings } = this;
    const slot = table.add(key, start, end, hash, ref);
    const last = this.#last;
    const made = this.#spare;
    made.read(table.keySlab(slot), table.keyStart(slot), end - start);
    const { bytes, starts, pairs } = made;
    for (let i = 0; i < made.count; i++) {
      const pair = last.samePair(i, made);
      if (pair >= 0) {
        postings.push(pair, slot);
        pairs[i] = pair;
      } else pairs[i] = postings.add(bytes, starts[i], starts[i + 1], slot);
    }
    this.#last = made;
    this.#spare = last;
    return slot;
  }

  #readLabels(slot: number): Labels {
    const { table, postings } = this;
    const slab = table.keySlab(slot);
    const start = table.keyStart(slot);
    const flat: string[] = [];
    for (let at = start, end = start + table.keyLength(slot); at < end; ) {
      const pairEnd = skipString(slab, skipString(slab, at));
      postings.appendStrings(flat, slab, at, pairEnd);
      at = pairEnd;
    }
    return flat.length === 0 ? Labels.empty : Labels.fromSorted(flat);
  }
}

/** A label key taken apart: where its pairs start, with the end of the last, and their numbers in the postings. */
class KeyPairs {
  bytes: Uint8Array = new Uint8Array(0);
  starts = new Int32Array(64);
  pairs = new Int32Array(64);
  count = 0;

  read(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.count = 0;
    this.starts[0] = start;
    for (let at = start; at < start + length; ) {
      at = skipString(bytes, skipString(bytes, at));
      if (++this.count === this.starts.length) {
        this.starts = doubled(this.starts);
        this.pairs = doubled(this.pairs);
      }
      this.starts[this.count] = at;
    }
  }

  /** The number of the pair at `index` of `other` when it is the same here; else -1. */
  samePair(index: number, other: KeyPairs): number {
    if (index >= this.count) return -1;
    const own = this.starts[index];
    const from = other.starts[index];
    const length = other.starts[index + 1] - from;
    if (this.starts[index + 1] - own !== length) return -1;
    return equalBytes(this.bytes, own, other.bytes, from, length) ? this.pairs[index] : -1;
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * array.length);
  grown.set(array);
  return grown;
}

/** `rangeForTimestamp`: where the range of block size that holds `timestampMs` ends. */
export function rangeEnd(timestampMs: number, rangeMs: number): number {
  return (Math.trunc(timestampMs / rangeMs) + 1) * rangeMs;
}

/**
 * `computeChunkEndTime`: when to close a chunk that began at `startMs` and has reached 1/`ratioToFull` of its size at
 * `nowMs`, so that the chunks up to `endMs` come out equally long.
 */
export function chunkEnd(startMs: number, nowMs: number, endMs: number, ratioToFull: number): number {
  const chunks = (endMs - startMs) / ((nowMs - startMs + 1) * ratioToFull);
  return chunks <= 1 ? endMs : Math.trunc(startMs + (endMs - startMs) / Math.floor(chunks));
}
