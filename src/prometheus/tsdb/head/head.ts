/**
 * The head: the newest samples of all series, in memory (`tsdb/head.go`, `head_append.go`). It is what is appended to
 * and what blocks are cut from. Where upstream has an object per series and maps chunks from disk, here are rows of
 * typed arrays and pooled memory.
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import type { TimeRange } from "../../storage.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import type { SeriesColumns } from "../chunks/chunk-decoder.ts";
import type { SampleColumns } from "../chunks/sample-columns.ts";
import { F_LAST_TIME, ROW_FLOATS, ROW_WORDS, W_VALUE_HIGH, W_VALUE_LOW } from "../chunks/xor-chunk.ts";
import { MAX_LABEL_SET_BYTES, skipString, writeLabelKey } from "../index/label-key.ts";
import { Postings } from "../index/postings.ts";
import { Tombstones } from "../tombstones.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import { hasChunks, readChunks } from "./head-chunk-reader.ts";
import { HeadChunks } from "./head-chunks.ts";
import { KeyPairs } from "./key-pairs.ts";
import { OutOfOrderSamples } from "./out-of-order.ts";
import { PAGE_BITS, PAGE_MASK, SeriesTable, W_PIECE } from "./series-table.ts";
import type { TouchedSlots } from "./touched-slots.ts";

export class Head {
  table: SeriesTable;
  readonly chunks: HeadChunks;
  postings: Postings;
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
  /** Grows when slots are given new numbers: whoever kept slots must look them up again. */
  generation = 0;
  /** Grows when samples were given up: whoever kept decoded ones, or slots, must look again. */
  truncations = 0;
  /** Series that get samples are noted here while there is one: while the head is truncated. */
  touched: TouchedSlots | undefined;
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
    this.chunks = new HeadChunks(this.table, chunkRangeMs);
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

  /** A range that all samples of the series are in; the other way round when there are none. */
  timesOf(slot: number): TimeRange {
    const { outOfOrder } = this;
    const isLate = !outOfOrder.isEmpty && outOfOrder.has(slot);
    const hasAny = this.chunks.hasAny(slot);
    return {
      minMs: Math.min(this.chunks.firstTimeOf(slot), isLate ? outOfOrder.minMs : Number.POSITIVE_INFINITY),
      maxMs: Math.max(
        hasAny ? this.lastTimeOf(slot) : Number.NEGATIVE_INFINITY,
        isLate ? outOfOrder.maxMs : Number.NEGATIVE_INFINITY,
      ),
    };
  }

  /** Adds a sample that is newer than the series' last one. */
  appendFloat(slot: number, timestampMs: number, low: number, high: number): void {
    this.chunks.appendFloat(slot, timestampMs, low, high);
    this.touched?.add(slot);
    this.#noteTime(timestampMs);
  }

  /** Adds a histogram that is newer than the series' last sample. */
  appendHistogram(slot: number, timestampMs: number, histogram: FloatHistogram): void {
    this.chunks.appendHistogram(slot, timestampMs, histogram);
    this.touched?.add(slot);
    this.#noteTime(timestampMs);
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
    const deleted = this.tombstones.size > 0 ? this.tombstones.get(slot) : undefined;
    readChunks(this.chunks, slot, minMs, maxMs, out, deleted);
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
    const { outOfOrder, tombstones } = this;
    const { histograms } = this.chunks;
    return (
      (histograms.size > 0 && histograms.has(slot)) ||
      (!outOfOrder.isEmpty && outOfOrder.has(slot)) ||
      (tombstones.size > 0 && tombstones.get(slot) !== undefined)
    );
  }

  /** Whether a chunk of the series, or a late sample, overlaps the range. */
  hasChunksIn(slot: number, minMs: number, maxMs: number): boolean {
    if (!this.outOfOrder.isEmpty && this.outOfOrder.hasIn(slot, minMs, maxMs)) return true;
    return hasChunks(this.chunks, slot, minMs, maxMs);
  }

  /**
   * Goes over to other slots. Nothing may hold slots meanwhile.
   *
   * @param table has the rows as they are now
   * @param moved where each slot is in `table`, or -1 for those that are removed
   * @param postings those of `table`
   */
  moveTo(table: SeriesTable, postings: Postings, moved: Int32Array): void {
    table.takeReferences(this.table);
    this.table = table;
    this.postings = postings;
    this.chunks.moveTo(table, moved);
    this.outOfOrder.renumber(moved);
    this.tombstones.renumber((slot) => (moved[slot] >= 0 ? moved[slot] : undefined));
    const unlogged = this.unlogged.map((slot) => moved[slot]).filter((slot) => slot >= 0);
    this.unlogged.splice(0, this.unlogged.length, ...unlogged);
    this.#last = new KeyPairs();
    this.generation++;
    this.truncations++;
  }

  #noteTime(timestampMs: number): void {
    if (timestampMs > this.maxMs) this.maxMs = timestampMs;
    if (timestampMs < this.minMs) this.minMs = timestampMs;
    if (timestampMs < this.appendedMinMs) this.appendedMinMs = timestampMs;
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
