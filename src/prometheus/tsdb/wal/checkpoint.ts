/** Checkpoints of the write-ahead log (`tsdb/wlog/checkpoint.go`): what is still needed of its oldest segments. */
import type { Disk } from "../../../base/disk.ts";
import type { Exemplar } from "../../storage.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import type { Pacer } from "../pacer.ts";
import { CHECKPOINT_PREFIX, lastCheckpoint, segmentIndexes, segmentName } from "./wal-format.ts";
import { type HistogramOfSeries, readHistograms, writeHistograms } from "./wal-histogram-records.ts";
import { readWal, type WalRecord } from "./wal-reader.ts";
import {
  RECORD_CUSTOM_FLOAT_HISTOGRAMS,
  RECORD_CUSTOM_HISTOGRAMS,
  RECORD_EXEMPLARS,
  RECORD_FLOAT_HISTOGRAMS,
  RECORD_FLOAT_HISTOGRAMS_V2,
  RECORD_HISTOGRAMS,
  RECORD_HISTOGRAMS_V2,
  RECORD_METADATA,
  RECORD_SAMPLES,
  RECORD_SAMPLES_V2,
  RECORD_SERIES,
  RECORD_TOMBSTONES,
  readExemplars,
  readMetadata,
  readSamples,
  readSeries,
  readTombstones,
  writeExemplars,
  writeMetadata,
  writeSamples,
  writeSeries,
  writeTombstones,
} from "./wal-records.ts";
import { WalWriter } from "./wal-writer.ts";

const TEMPORARY_SUFFIX = ".tmp";

export interface CheckpointParts {
  directory: string;
  disk: Disk;
  pacer: Pacer;
  /** Samples before it are no longer needed. */
  minMs: number;
  /** Whether a series is still in the head. */
  isKept: (ref: number) => boolean;
  compression: "none" | "snappy";
}

/**
 * Writes `checkpoint.<last>` from the checkpoint before it and the segments up to `last`, then removes those.
 *
 * @throws CorruptionError when one of them is damaged
 */
export async function writeCheckpoint(parts: CheckpointParts, last: number): Promise<void> {
  const { directory, disk, pacer } = parts;
  const name = `${CHECKPOINT_PREFIX}${segmentName(last)}`;
  const temporary = `${directory}/${name}${TEMPORARY_SUFFIX}`;
  await disk.remove(temporary);
  const names = await disk.list(directory);
  const before = lastCheckpoint(names);
  const segments = segmentIndexes(names).filter((index) => index <= last && index > (before?.index ?? -1));
  const out = await WalWriter.open({ directory: temporary, disk, compression: parts.compression });
  try {
    const filter = new RecordFilter(parts);
    if (before !== undefined) {
      const path = `${directory}/${before.name}`;
      await copy(readWal(disk, path, segmentIndexes(await disk.list(path))), filter, out, pacer);
    }
    await copy(readWal(disk, directory, segments), filter, out, pacer);
    const metadata = filter.metadataRecord();
    if (metadata !== undefined) out.log([metadata]);
  } finally {
    await out.close();
  }
  await disk.syncDirectory(temporary);
  await disk.rename(temporary, `${directory}/${name}`);
  for (const index of segmentIndexes(names)) {
    if (index <= last) await disk.remove(`${directory}/${segmentName(index)}`);
  }
  for (const old of await disk.list(directory)) {
    const isOld = old.startsWith(CHECKPOINT_PREFIX) && old !== name;
    if (isOld) await disk.remove(`${directory}/${old}`);
  }
  await disk.syncDirectory(directory);
}

async function copy(
  batches: AsyncIterable<WalRecord[]>,
  filter: RecordFilter,
  out: WalWriter,
  pacer: Pacer,
): Promise<void> {
  for await (const batch of batches) {
    for (const { data } of batch) {
      const kept = filter.take(data);
      if (kept !== undefined) out.log([kept]);
      if (pacer.isDue()) await pacer.pause();
    }
  }
}

/** What stays of a record. */
class RecordFilter {
  readonly #minMs: number;
  readonly #isKept: (ref: number) => boolean;
  readonly #out = new ByteWriter();
  /** The newest by series, written once at the end. */
  readonly #metadata = new Map<number, Parameters<Parameters<typeof readMetadata>[1]>[1]>();

  constructor({ minMs, isKept }: Pick<CheckpointParts, "minMs" | "isKept">) {
    this.#minMs = minMs;
    this.#isKept = isKept;
  }

  /** Valid until the next call; undefined when nothing stays. */
  take(record: Uint8Array): Uint8Array | undefined {
    const out = this.#out;
    out.clear();
    switch (record[0]) {
      case RECORD_SERIES:
        readSeries(record, (ref, key, start, end) => {
          if (this.#isKept(ref)) writeSeries(out, ref, key.subarray(start, end));
        });
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
        this.#tombstones(record);
        break;
      case RECORD_EXEMPLARS:
        this.#exemplars(record);
        break;
      case RECORD_METADATA:
        readMetadata(record, (ref, metadata) => this.#metadata.set(ref, metadata));
        break;
    }
    return out.length > 0 ? out.written() : undefined;
  }

  metadataRecord(): Uint8Array | undefined {
    const entries = [...this.#metadata]
      .filter(([ref]) => this.#isKept(ref))
      .map(([ref, metadata]) => ({ ref, metadata }));
    if (entries.length === 0) return undefined;
    this.#out.clear();
    writeMetadata(this.#out, entries);
    return this.#out.written();
  }

  #samples(record: Uint8Array): void {
    const refs: number[] = [];
    const timestamps: number[] = [];
    const words: number[] = [];
    readSamples(record, (ref, timestampMs, low, high) => {
      if (timestampMs < this.#minMs) return;
      refs.push(ref);
      timestamps.push(timestampMs);
      words.push(low, high);
    });
    if (refs.length === 0) return;
    const batch = {
      length: refs.length,
      refs: Float64Array.from(refs),
      timestamps: Float64Array.from(timestamps),
      words: Int32Array.from(words),
    };
    writeSamples(this.#out, batch, 0, batch.length);
  }

  #histograms(record: Uint8Array): void {
    const kept: HistogramOfSeries[] = [];
    readHistograms(record, (ref, timestampMs, histogram) => {
      if (timestampMs >= this.#minMs) kept.push({ ref, timestampMs, histogram });
    });
    if (kept.length > 0) writeHistograms(this.#out, withoutStartTimes(record[0]), kept);
  }

  #tombstones(record: Uint8Array): void {
    const kept: { ref: number; minMs: number; maxMs: number }[] = [];
    readTombstones(record, (ref, minMs, maxMs) => {
      if (maxMs >= this.#minMs) kept.push({ ref, minMs, maxMs });
    });
    if (kept.length > 0) writeTombstones(this.#out, kept);
  }

  #exemplars(record: Uint8Array): void {
    const kept: { ref: number; exemplar: Exemplar }[] = [];
    readExemplars(record, (ref, exemplar) => {
      if (exemplar.timestampMs >= this.#minMs) kept.push({ ref, exemplar });
    });
    if (kept.length > 0) writeExemplars(this.#out, kept);
  }
}

/** We keep no start times, so their records become the ones without. */
function withoutStartTimes(type: number): number {
  if (type === RECORD_HISTOGRAMS_V2) return RECORD_CUSTOM_HISTOGRAMS;
  return type === RECORD_FLOAT_HISTOGRAMS_V2 ? RECORD_CUSTOM_FLOAT_HISTOGRAMS : type;
}
