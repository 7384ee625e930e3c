/** Fills the head from a write-ahead log (`tsdb/head_wal.go`). */
import { METRIC_NAME } from "../../../model/labels.ts";
import type { MetricMetadata } from "../../storage.ts";
import type { Pacer } from "../pacer.ts";
import { readHistograms } from "../wal/wal-histogram-records.ts";
import type { WalRecord } from "../wal/wal-reader.ts";
import {
  RECORD_CUSTOM_FLOAT_HISTOGRAMS,
  RECORD_CUSTOM_HISTOGRAMS,
  RECORD_EXEMPLARS,
  RECORD_FLOAT_HISTOGRAMS,
  RECORD_FLOAT_HISTOGRAMS_V2,
  RECORD_HISTOGRAMS,
  RECORD_HISTOGRAMS_V2,
  RECORD_METADATA,
  RECORD_MMAP_MARKERS,
  RECORD_SAMPLES,
  RECORD_SAMPLES_V2,
  RECORD_SERIES,
  RECORD_TOMBSTONES,
  readExemplars,
  readMetadata,
  readSamples,
  readSeries,
  readTombstones,
} from "../wal/wal-records.ts";
import type { ExemplarStorage } from "./exemplars.ts";
import type { Head } from "./head.ts";

export interface ReplayTarget {
  head: Head;
  exemplars: ExemplarStorage;
  metadata: Map<string, MetricMetadata>;
  /** The log is the one of samples that came out of order. */
  isOutOfOrder: boolean;
  deleteInHead(ref: number, minMs: number, maxMs: number): void;
  /** A mark of upstream's: late samples before it are in chunks of the head too. */
  takeChunkMark(): void;
}

/** What a replay could not use, as upstream reports it at its end. */
export interface ReplayResult {
  records: number;
  /** Samples, exemplars, … of series that no record introduced. */
  unknownRefs: number;
}

/** @throws CorruptionError at the first damaged record */
export async function replayWal(
  batches: AsyncIterable<WalRecord[]>,
  target: ReplayTarget,
  pacer: Pacer,
): Promise<ReplayResult> {
  const replay = new Replay(target);
  for await (const batch of batches) {
    for (const { data } of batch) {
      replay.take(data);
      if (pacer.isDue()) await pacer.pause();
    }
  }
  return replay.result;
}

class Replay {
  readonly result: ReplayResult = { records: 0, unknownRefs: 0 };
  readonly #target: ReplayTarget;

  constructor(target: ReplayTarget) {
    this.#target = target;
  }

  take(record: Uint8Array): void {
    this.result.records++;
    const { head } = this.#target;
    switch (record[0]) {
      case RECORD_SERIES:
        readSeries(record, (ref, key, start, end) => head.restoreSeries(ref, key, start, end));
        break;
      case RECORD_SAMPLES:
      case RECORD_SAMPLES_V2:
        this.#samples(record);
        break;
      case RECORD_HISTOGRAMS:
      case RECORD_FLOAT_HISTOGRAMS:
      case RECORD_CUSTOM_HISTOGRAMS:
      case RECORD_CUSTOM_FLOAT_HISTOGRAMS:
      case RECORD_HISTOGRAMS_V2:
      case RECORD_FLOAT_HISTOGRAMS_V2:
        this.#histograms(record);
        break;
      case RECORD_TOMBSTONES:
        readTombstones(record, (ref, minMs, maxMs) => this.#target.deleteInHead(ref, minMs, maxMs));
        break;
      case RECORD_EXEMPLARS:
        this.#exemplars(record);
        break;
      case RECORD_METADATA:
        this.#metadata(record);
        break;
      case RECORD_MMAP_MARKERS:
        this.#target.takeChunkMark();
        break;
    }
  }

  /** A series that is made later must not take the number, and with it what the log has of the lost one. */
  #unknown(ref: number): void {
    const { table } = this.#target.head;
    if (ref > table.lastRef) table.lastRef = ref;
    this.result.unknownRefs++;
  }

  #samples(record: Uint8Array): void {
    const { head, isOutOfOrder } = this.#target;
    if (isOutOfOrder) {
      this.#lateSamples(record);
      return;
    }
    readSamples(record, (ref, timestampMs, low, high) => {
      if (timestampMs < head.minValidMs) return;
      const slot = head.table.slotOf(ref);
      if (slot < 0) this.#unknown(ref);
      else if (timestampMs > head.lastTimeOf(slot)) head.appendFloat(slot, timestampMs, low, high);
    });
  }

  #lateSamples(record: Uint8Array): void {
    const { head } = this.#target;
    readSamples(record, (ref, timestampMs, low, high) => {
      const slot = head.table.slotOf(ref);
      if (slot < 0) this.#unknown(ref);
      else head.outOfOrder.addFloat(slot, timestampMs, low, high);
    });
  }

  #histograms(record: Uint8Array): void {
    const { head, isOutOfOrder } = this.#target;
    readHistograms(record, (ref, timestampMs, histogram) => {
      if (timestampMs < head.minValidMs && !isOutOfOrder) return;
      const slot = head.table.slotOf(ref);
      if (slot < 0) this.#unknown(ref);
      else if (isOutOfOrder) head.outOfOrder.addHistogram(slot, timestampMs, histogram);
      else if (timestampMs > head.lastTimeOf(slot)) head.appendHistogram(slot, timestampMs, histogram);
    });
  }

  #exemplars(record: Uint8Array): void {
    const { head, exemplars } = this.#target;
    readExemplars(record, (ref, exemplar) => {
      const slot = head.table.slotOf(ref);
      if (slot < 0) this.#unknown(ref);
      else if (exemplar.timestampMs >= head.minValidMs) exemplars.add(head.labelsOf(slot), exemplar);
    });
  }

  #metadata(record: Uint8Array): void {
    const { head, metadata } = this.#target;
    readMetadata(record, (ref, entry) => {
      const slot = head.table.slotOf(ref);
      if (slot < 0) this.#unknown(ref);
      else metadata.set(head.labelsOf(slot).get(METRIC_NAME), entry);
    });
  }
}
