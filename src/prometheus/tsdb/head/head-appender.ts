/** One batch of samples on its way into the log and the head (`tsdb/head_append.go`). */
import { type FloatHistogram, zeroHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import {
  AppendError,
  type Exemplar,
  type MetricMetadata,
  type SeriesRef,
  STALE_HIGH,
  STALE_LOW,
} from "../../storage.ts";
import { staleHistogram } from "../chunks/histogram-chunk.ts";
import { MAX_LABEL_SET_BYTES } from "../index/label-key.ts";
import type { TsdbAppender } from "../tsdb-options.ts";
import { PendingSamples } from "../wal/pending-samples.ts";
import type { HistogramOfSeries } from "../wal/wal-histogram-records.ts";
import type { ExemplarOfSeries } from "../wal/wal-records.ts";
import type { HeadBatch } from "./head-batch.ts";
import type { HeadWriter } from "./head-writer.ts";

/** What a processor sets in a NaN, and so in a stale marker, that passes through it. */
const QUIET_BIT = 0x80000;

/** Of a batch that has ended. */
const EMPTY = new PendingSamples();

export class HeadAppender implements TsdbAppender, HeadBatch {
  readonly #writer: HeadWriter;
  samples: PendingSamples;
  readonly histograms: HistogramOfSeries[] = [];
  readonly exemplars: ExemplarOfSeries[] = [];
  readonly metadata = new Map<string, MetricMetadata>();
  #scratch = new Float64Array(1);
  #halves = new Int32Array(this.#scratch.buffer);
  #isOpen = false;
  #refusesLate = false;
  /** Samples before it count as late. */
  minValidMs = 0;

  constructor(writer: HeadWriter) {
    this.#writer = writer;
    this.samples = writer.takeBuffer();
  }

  append(ref: SeriesRef, labels: Labels, timestampMs: number, value: number): SeriesRef {
    this.#scratch[0] = value;
    return this.#append(ref, labels, timestampMs, this.#halves[0], this.#halves[1]);
  }

  refuseLate(): void {
    this.#refusesLate = true;
  }

  appendStale(ref: SeriesRef, labels: Labels, timestampMs: number, refusesLate = false): SeriesRef {
    const before = this.#refusesLate;
    this.#refusesLate ||= refusesLate;
    try {
      return this.#append(ref, labels, timestampMs, STALE_LOW, STALE_HIGH);
    } finally {
      this.#refusesLate = before;
    }
  }

  appendKnown(ref: SeriesRef, timestampMs: number, value: number): boolean {
    this.#scratch[0] = value;
    return this.appendKnownBits(ref, timestampMs, this.#halves[0], this.#halves[1]);
  }

  appendKnownBits(ref: SeriesRef, timestampMs: number, low: number, high: number): boolean {
    const { head } = this.#writer;
    const slot = head.table.slotOf(ref);
    if (slot < 0) return false;
    this.#open(timestampMs);
    if (low === STALE_LOW && (high & ~QUIET_BIT) === STALE_HIGH) {
      if (head.chunks.isHistogram(slot)) {
        this.appendHistogram(ref, Labels.empty, timestampMs, staleHistogram());
        return true;
      }
      this.#writer.checkFloat(slot, timestampMs, low, STALE_HIGH, this.minValidMs, this.#refusesLate);
      this.samples.push(ref, slot, timestampMs, low, STALE_HIGH);
      return true;
    }
    this.#writer.checkFloat(slot, timestampMs, low, high, this.minValidMs, this.#refusesLate);
    this.samples.push(ref, slot, timestampMs, low, high);
    return true;
  }

  appendKey(
    key: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    low: number,
    high: number,
  ): SeriesRef {
    const { head } = this.#writer;
    const slot = end - start > MAX_LABEL_SET_BYTES ? -1 : head.slotOfKey(key, start, end);
    const found = head.table.refOf(checkedSlot(slot));
    this.appendKnownBits(found, timestampMs, low, high);
    return found;
  }

  appendHistogram(ref: SeriesRef, labels: Labels, timestampMs: number, histogram: FloatHistogram): SeriesRef {
    this.#open(timestampMs);
    let slot = this.#writer.head.table.slotOf(ref);
    if (slot < 0) slot = this.#slotOf(labels);
    this.#writer.checkHistogram(slot, timestampMs, histogram, this.minValidMs, this.#refusesLate);
    const found = this.#writer.head.table.refOf(slot);
    this.histograms.push({ ref: found, timestampMs, histogram });
    return found;
  }

  /** As `appendHistogram` for a series that the store knows: false when it does not. */
  appendKnownHistogram(ref: SeriesRef, timestampMs: number, histogram: FloatHistogram): boolean {
    if (this.#writer.head.table.slotOf(ref) < 0) return false;
    this.appendHistogram(ref, Labels.empty, timestampMs, histogram);
    return true;
  }

  appendStart(
    ref: SeriesRef,
    labels: Labels,
    startMs: number,
    timestampMs: number,
    histogram?: FloatHistogram,
  ): SeriesRef {
    this.#open(timestampMs);
    const { head } = this.#writer;
    let slot = head.table.slotOf(ref);
    if (slot < 0) slot = this.#slotOf(labels);
    const found = head.table.refOf(slot);
    // The same start comes with each sample, so most of them are older than the series' last one.
    const isDue = startMs < timestampMs && startMs >= this.minValidMs && startMs > head.lastTimeOf(slot);
    if (!isDue) return 0;
    if (histogram === undefined) this.appendKnown(found, startMs, 0);
    else this.appendHistogram(found, labels, startMs, zeroHistogram(histogram));
    return found;
  }

  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef {
    let slot = this.#writer.head.table.slotOf(ref);
    if (slot < 0) slot = this.#slotOf(labels);
    const found = this.#writer.head.table.refOf(slot);
    if (!this.#writer.checkExemplar(found, exemplar)) return found;
    this.#open(exemplar.timestampMs);
    this.exemplars.push({ ref: found, exemplar });
    return found;
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.metadata.set(metric, metadata);
  }

  async commit(): Promise<void> {
    try {
      await this.#writer.commit(this);
    } finally {
      this.#close();
    }
  }

  rollback(): void {
    this.#close();
  }

  #append(ref: SeriesRef, labels: Labels, timestampMs: number, low: number, high: number): SeriesRef {
    if (ref !== 0 && this.appendKnownBits(ref, timestampMs, low, high)) return ref;
    const found = this.#writer.head.table.refOf(this.#slotOf(labels));
    this.appendKnownBits(found, timestampMs, low, high);
    return found;
  }

  #slotOf(labels: Labels): number {
    if (labels.size === 0) throw new AppendError("invalid label set", "empty labelset");
    return checkedSlot(this.#writer.head.slotOfLabels(labels));
  }

  /** From now on what the batch refers to must stay: the series, and the time range of the head. */
  #open(timestampMs: number): void {
    if (this.#isOpen) return;
    if (this.samples === EMPTY) this.samples = this.#writer.takeBuffer();
    this.#isOpen = true;
    this.samples.generation = this.#writer.head.generation;
    this.minValidMs = this.#writer.minValidMs(timestampMs);
    this.#writer.openAppenders.add(this);
  }

  #close(): void {
    this.#isOpen = false;
    this.#writer.giveBuffer(this.samples);
    this.samples = EMPTY;
    this.histograms.length = 0;
    this.exemplars.length = 0;
    this.metadata.clear();
    this.#writer.close(this);
  }
}

/** @throws AppendError when there is no slot, since the labels take too many bytes */
function checkedSlot(slot: number): number {
  if (slot < 0) throw new AppendError("invalid label set", `more than ${MAX_LABEL_SET_BYTES} bytes`);
  return slot;
}
