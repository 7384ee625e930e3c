/** Checks what is appended, and takes batches into the log and then into the head. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { histogramProblem } from "../../../model/histogram-problem.ts";
import { METRIC_NAME } from "../../../model/labels.ts";
import {
  AppendError,
  type AppendErrorReason,
  DuplicateSampleError,
  type Exemplar,
  InvalidHistogramError,
  type MetricMetadata,
} from "../../storage.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { isStaleHistogram } from "../chunks/histogram-chunk.ts";
import { equalHistograms } from "../chunks/histogram-shape.ts";
import { ROW_WORDS, W_VALUE_HIGH, W_VALUE_LOW } from "../chunks/xor-chunk.ts";
import type { StoreWork, TsdbCounters } from "../tsdb-options.ts";
import { type BatchPart, batchParts } from "../wal/batch-parts.ts";
import { PendingSamples } from "../wal/pending-samples.ts";
import {
  type HistogramOfSeries,
  histogramRecordType,
  writeHistograms,
} from "../wal/wal-histogram-records.ts";
import {
  writeExemplars,
  writeMetadata,
  writeSamples,
  writeSeries,
  writeTombstones,
} from "../wal/wal-records.ts";
import type { WalWriter } from "../wal/wal-writer.ts";
import type { ExemplarStorage } from "./exemplars.ts";
import type { Head } from "./head.ts";
import type { HeadBatch } from "./head-batch.ts";
import { PAGE_BITS, PAGE_MASK } from "./series-table.ts";

/** Samples per record: a batch that is larger takes several. */
const SAMPLES_PER_RECORD = 100_000;
/** Samples whose chunks are fetched from memory before the first of them is appended. */
const FETCHED_AHEAD = 256;
/** Columns that are kept for the next batches, and how large they may be. */
const MAX_SPARE_BUFFERS = 8;
const MAX_SPARE_SAMPLES = 1 << 17;

export interface HeadWriterParts {
  head: Head;
  /** Undefined in a store that is only read. */
  wal: WalWriter | undefined;
  exemplars: ExemplarStorage;
  metadata: Map<string, MetricMetadata>;
  counters: TsdbCounters;
  outOfOrderTimeWindowMs: number;
  /** Told of late samples. */
  observe: (work: StoreWork, seconds: number) => void;
}

export class HeadWriter {
  readonly head: Head;
  readonly openAppenders = new Set<HeadBatch>();
  outOfOrderTimeWindowMs: number;
  readonly #wal: WalWriter | undefined;
  /** The log of samples that came out of order. */
  #wbl: WalWriter | undefined;
  readonly #exemplars: ExemplarStorage;
  readonly #metadata: Map<string, MetricMetadata>;
  readonly #counters: TsdbCounters;
  readonly #observe: HeadWriterParts["observe"];
  readonly #buffers: ByteWriter[] = [];
  readonly #spare: PendingSamples[] = [];
  #waiting: (() => void)[] = [];

  constructor(parts: HeadWriterParts) {
    this.head = parts.head;
    this.#wal = parts.wal;
    this.#exemplars = parts.exemplars;
    this.#metadata = parts.metadata;
    this.#counters = parts.counters;
    this.#observe = parts.observe;
    this.outOfOrderTimeWindowMs = parts.outOfOrderTimeWindowMs;
  }

  /** From now on late samples are logged there. */
  setOutOfOrderLog(wbl: WalWriter): void {
    this.#wbl = wbl;
  }

  /** Empty columns for a batch, from an earlier one where there is. */
  takeBuffer(): PendingSamples {
    return this.#spare.pop() ?? new PendingSamples();
  }

  giveBuffer(buffer: PendingSamples): void {
    buffer.length = 0;
    buffer.generation = -1;
    const isKept = this.#spare.length < MAX_SPARE_BUFFERS && buffer.refs.length <= MAX_SPARE_SAMPLES;
    if (isKept) this.#spare.push(buffer);
  }

  /** Samples of a batch that begins now must not be older: half a block's range before the newest sample. */
  minValidMs(firstSampleMs: number): number {
    const { head } = this;
    const newestMs = head.maxMs === Number.NEGATIVE_INFINITY ? firstSampleMs : head.maxMs;
    return Math.max(newestMs - head.chunkRangeMs / 2, head.minValidMs);
  }

  /**
   * @param refusesLate even where there is a window for late samples
   * @throws AppendError when the sample can't be taken
   */
  checkFloat(
    slot: number,
    timestampMs: number,
    low: number,
    high: number,
    minValidMs: number,
    refusesLate: boolean,
  ): void {
    const lastMs = this.head.lastTimeOf(slot);
    if (timestampMs > lastMs && timestampMs >= minValidMs) return;
    if (timestampMs === lastMs && timestampMs >= minValidMs) {
      const { words } = this.head.table.pages[slot >>> PAGE_BITS];
      const w = (slot & PAGE_MASK) * ROW_WORDS;
      if (
        !this.head.chunks.isHistogram(slot) &&
        words[w + W_VALUE_LOW] === low &&
        words[w + W_VALUE_HIGH] === high
      )
        return;
      const existing = this.head.chunks.isHistogram(slot)
        ? undefined
        : double(words[w + W_VALUE_LOW], words[w + W_VALUE_HIGH]);
      throw new DuplicateSampleError(timestampMs, existing, double(low, high));
    }
    this.#checkLate(slot, timestampMs, minValidMs, refusesLate);
  }

  /** @throws AppendError when the sample can't be taken */
  checkHistogram(
    slot: number,
    timestampMs: number,
    histogram: FloatHistogram,
    minValidMs: number,
    refusesLate: boolean,
  ): void {
    // Whether whole counts add up is looked at where they came in: a sum of histograms need not.
    const problem = histogramProblem(histogram, false);
    if (problem !== undefined && !isStaleHistogram(histogram)) throw new InvalidHistogramError(problem);
    const lastMs = this.head.lastTimeOf(slot);
    if (timestampMs > lastMs && timestampMs >= minValidMs) return;
    if (timestampMs === lastMs && timestampMs >= minValidMs) {
      const last = this.head.chunks.lastHistogram(slot);
      if (last !== undefined && equalHistograms(last, histogram)) return;
      this.#reject("duplicate sample for timestamp", slot, timestampMs);
    }
    this.#checkLate(slot, timestampMs, minValidMs, refusesLate);
  }

  checkExemplar(ref: number, exemplar: Exemplar): boolean {
    return this.#exemplars.check(this.head.labelsOf(this.head.table.slotOf(ref)), exemplar);
  }

  /** Resolves when the batch is in the log and in the head. */
  async commit(batch: HeadBatch): Promise<void> {
    const wal = this.#wal;
    if (wal === undefined) throw new Error("the store was opened read-only");
    const ready = () => wal.whenReady() ?? this.#wbl?.whenReady();
    for (let waiting = ready(); waiting !== undefined; waiting = ready()) await waiting;
    const parts = batchParts(batch.samples, batch.histograms);
    const records = this.#encode(batch, parts);
    if (records.length > 0) wal.log(records);
    const newest = new Map<number, number>();
    for (const part of parts) this.#logLate(part, batch.minValidMs, newest);
    this.head.unlogged.length = 0;
    this.#counters.walBytes = wal.bytesWritten;
    this.#counters.walFsyncs = wal.fsyncs;
    this.#counters.walWritesFailed = wal.writesFailed;
    for (const part of parts) this.#apply(part, batch.minValidMs);
    this.#applyRest(batch);
  }

  /** Resolves when the log has what was deleted. */
  async logTombstones(stones: { ref: number; minMs: number; maxMs: number }[]): Promise<void> {
    const wal = this.#wal;
    if (wal === undefined || stones.length === 0) return;
    for (let ready = wal.whenReady(); ready !== undefined; ready = wal.whenReady()) await ready;
    const out = new ByteWriter();
    writeTombstones(out, stones);
    wal.log([out.written()]);
  }

  close(batch: HeadBatch): void {
    this.openAppenders.delete(batch);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** The series that open batches have samples for. */
  *pendingRefs(): IterableIterator<number> {
    for (const { samples, histograms, exemplars } of this.openAppenders) {
      yield* samples.refs.subarray(0, samples.length);
      for (const { ref } of histograms) yield ref;
      for (const { ref } of exemplars) yield ref;
    }
  }

  /** Resolves when the batches that are open now have ended. */
  async whenClosed(): Promise<void> {
    const batches = [...this.openAppenders];
    while (batches.some((batch) => this.openAppenders.has(batch))) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #checkLate(slot: number, timestampMs: number, minValidMs: number, refusesLate: boolean): void {
    const windowMs = this.outOfOrderTimeWindowMs;
    const behindMs = this.head.maxMs - timestampMs;
    if (behindMs > 0 && Number.isFinite(behindMs)) this.#observe("late sample", behindMs / 1000);
    if (windowMs > 0 && !refusesLate) {
      if (timestampMs >= this.head.maxMs - windowMs) return;
      this.#counters.tooOldSamples++;
      this.#reject("too old sample", slot, timestampMs);
    }
    if (timestampMs < minValidMs) {
      this.#counters.outOfBoundSamples++;
      this.#reject("out of bounds", slot, timestampMs);
    }
    this.#counters.outOfOrderSamples++;
    this.#reject("out of order sample", slot, timestampMs);
  }

  #reject(reason: AppendErrorReason, slot: number, timestampMs: number): never {
    throw new AppendError(reason, `timestamp ${timestampMs}, series ${this.head.labelsOf(slot)}`);
  }

  /** The records of a batch, series that no log knows yet first. */
  #encode(batch: HeadBatch, parts: BatchPart[]): Uint8Array[] {
    const { head } = this;
    const records: Uint8Array[] = [];
    const next = () => {
      const out = (this.#buffers[records.length] ??= new ByteWriter());
      out.clear();
      return out;
    };
    if (head.unlogged.length > 0) {
      const out = next();
      for (const slot of head.unlogged) writeSeries(out, head.table.refOf(slot), head.table.keyOf(slot));
      records.push(out.written());
    }
    for (const { samples, histograms } of parts) {
      for (let from = 0; from < samples.length; from += SAMPLES_PER_RECORD) {
        const out = next();
        writeSamples(out, samples, from, Math.min(from + SAMPLES_PER_RECORD, samples.length));
        records.push(out.written());
      }
      for (const [type, ofType] of byRecordType(histograms)) {
        const out = next();
        writeHistograms(out, type, ofType);
        records.push(out.written());
      }
    }
    if (batch.exemplars.length > 0) {
      const out = next();
      writeExemplars(out, batch.exemplars);
      records.push(out.written());
    }
    const metadata = this.#newMetadata(batch);
    if (metadata.length > 0) {
      const out = next();
      writeMetadata(out, metadata);
      records.push(out.written());
    }
    return records;
  }

  /**
   * Late samples go into the log of their own as well; from the other one they are not replayed.
   *
   * @param newest of the batch, by series
   */
  #logLate(part: BatchPart, minValidMs: number, newest: Map<number, number>): void {
    const wbl = this.#wbl;
    if (wbl === undefined || this.outOfOrderTimeWindowMs <= 0) return;
    const { head } = this;
    const isLate = (ref: number, timestampMs: number) => {
      const before = newest.get(ref) ?? Number.NEGATIVE_INFINITY;
      const lastMs = Math.max(before, head.lastTimeOf(head.table.slotOf(ref)));
      // Another sample for that time is not taken (`#isTakenLate`), and a restart must not find it here.
      if (timestampMs === lastMs) return false;
      if (timestampMs < lastMs || timestampMs < minValidMs) return true;
      newest.set(ref, timestampMs);
      return false;
    };
    const floats = new PendingSamples();
    const { refs, timestamps, words, length } = part.samples;
    for (let i = 0; i < length; i++) {
      if (isLate(refs[i], timestamps[i]))
        floats.push(refs[i], -1, timestamps[i], words[2 * i], words[2 * i + 1]);
    }
    const histograms = part.histograms.filter(({ ref, timestampMs }) => isLate(ref, timestampMs));
    const records: Uint8Array[] = [];
    if (floats.length > 0) {
      const out = new ByteWriter();
      writeSamples(out, floats, 0, floats.length);
      records.push(out.written());
    }
    for (const [type, samples] of byRecordType(histograms)) {
      const out = new ByteWriter();
      writeHistograms(out, type, samples);
      records.push(out.written());
    }
    if (records.length > 0) wbl.log(records);
  }

  /** Metadata that changed, with the first series of its metric, since the log knows metadata by series. */
  #newMetadata(batch: HeadBatch): { ref: number; metadata: MetricMetadata }[] {
    const changed: { ref: number; metadata: MetricMetadata }[] = [];
    for (const [metric, metadata] of batch.metadata) {
      const known = this.#metadata.get(metric);
      if (known?.type === metadata.type && known.help === metadata.help && known.unit === metadata.unit)
        continue;
      const [slot] = this.head.postings.get(METRIC_NAME, metric);
      if (slot !== undefined) changed.push({ ref: this.head.table.refOf(slot), metadata });
    }
    return changed;
  }

  #apply({ samples, histograms }: BatchPart, minValidMs: number): void {
    const { head } = this;
    const counters = this.#counters;
    const { refs, slots, timestamps, words, length } = samples;
    const hasSlots = samples.generation === head.generation;
    for (let i = 0; i < length; i++) {
      if (hasSlots && i % FETCHED_AHEAD === 0)
        head.chunks.fetchEnds(slots, i, Math.min(i + FETCHED_AHEAD, length));
      const slot = hasSlots ? slots[i] : head.table.slotOf(refs[i]);
      if (timestamps[i] > head.lastTimeOf(slot) && timestamps[i] >= minValidMs) {
        head.appendFloat(slot, timestamps[i], words[2 * i], words[2 * i + 1]);
      } else if (this.#isTakenLate(slot, timestamps[i])) {
        head.outOfOrder.addFloat(slot, timestamps[i], words[2 * i], words[2 * i + 1]);
      }
    }
    for (const { ref, timestampMs, histogram } of histograms) {
      const slot = head.table.slotOf(ref);
      if (timestampMs > head.lastTimeOf(slot) && timestampMs >= minValidMs) {
        head.appendHistogram(slot, timestampMs, histogram);
      } else if (this.#isTakenLate(slot, timestampMs)) {
        counters.outOfOrderHistograms++;
        head.outOfOrder.addHistogram(slot, timestampMs, histogram);
      }
    }
    counters.samplesAppended += length;
    counters.histogramsAppended += histograms.length;
  }

  #isTakenLate(slot: number, timestampMs: number): boolean {
    const isTaken = this.outOfOrderTimeWindowMs > 0 && timestampMs !== this.head.lastTimeOf(slot);
    if (isTaken) this.#counters.outOfOrderAppended++;
    else this.#counters.outOfOrderSamples++;
    return isTaken;
  }

  #applyRest(batch: HeadBatch): void {
    const { head } = this;
    const counters = this.#counters;
    counters.chunksCreated = head.chunks.created;
    counters.chunksRemoved = head.chunks.removed;
    counters.seriesCreated = head.table.lastRef;
    for (const { ref, exemplar } of batch.exemplars) {
      this.#exemplars.add(head.labelsOf(head.table.slotOf(ref)), exemplar);
    }
    counters.exemplarsAppended = this.#exemplars.appended;
    counters.exemplarsOutOfOrder = this.#exemplars.outOfOrder;
    for (const [metric, metadata] of batch.metadata) this.#metadata.set(metric, metadata);
  }
}

/** The number that two halves of bits are. */
function double(low: number, high: number): number {
  const words = new Int32Array([low, high]);
  return new Float64Array(words.buffer)[0];
}

function byRecordType(samples: HistogramOfSeries[]): Map<number, HistogramOfSeries[]> {
  return Map.groupBy(samples, ({ histogram }) => histogramRecordType(histogram));
}
