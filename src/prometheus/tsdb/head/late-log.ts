/** The log of late samples (`wbl`), where it has to be written anew. */
import type { Disk } from "../../../base/disk.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { PendingSamples } from "../wal/pending-samples.ts";
import { segmentIndexes, segmentName } from "../wal/wal-format.ts";
import {
  type HistogramOfSeries,
  histogramRecordType,
  writeHistograms,
} from "../wal/wal-histogram-records.ts";
import { writeSamples } from "../wal/wal-records.ts";
import type { WalWriter } from "../wal/wal-writer.ts";
import type { Head } from "./head.ts";

/** Samples of so many are gathered before they are written. */
const SAMPLES_PER_WRITE = 100_000;

/**
 * Writes all late samples into new segments and gives up the old ones. To be done where the log has marks of upstream's
 * ("what is before this is in a chunk of its own"): this store takes the samples from the log and keeps no such
 * chunks, and upstream would look for them there.
 */
export async function rewriteLateLog(head: Head, wbl: WalWriter, disk: Disk): Promise<void> {
  await wbl.nextSegment();
  const first = wbl.segmentIndex;
  const { outOfOrder, table } = head;
  outOfOrder.freeze();
  try {
    let batch = new LateBatch();
    for (const slot of outOfOrder.frozenSlots()) {
      const columns = new SeriesColumns();
      outOfOrder.readFrozen(slot, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, columns);
      batch.add(table.refOf(slot), columns);
      if (batch.length < SAMPLES_PER_WRITE) continue;
      await wbl.whenReady();
      wbl.log(batch.records());
      batch = new LateBatch();
    }
    await wbl.whenReady();
    wbl.log(batch.records());
  } finally {
    outOfOrder.thaw();
  }
  // The new ones are to be durable before the old ones go.
  await wbl.nextSegment();
  await removeSegmentsBefore(wbl, first, disk);
}

/** Gives up the segments of a log that are older than one. */
export async function removeSegmentsBefore(log: WalWriter, first: number, disk: Disk): Promise<void> {
  for (const index of segmentIndexes(await disk.list(log.directory))) {
    if (index < first) await disk.remove(`${log.directory}/${segmentName(index)}`);
  }
}

class LateBatch {
  readonly #floats = new PendingSamples();
  readonly #histograms: HistogramOfSeries[] = [];

  get length(): number {
    return this.#floats.length + this.#histograms.length;
  }

  add(ref: number, { floats, histograms }: SeriesColumns): void {
    const { timestamps, words, length } = floats;
    for (let i = 0; i < length; i++)
      this.#floats.push(ref, -1, timestamps[i], words[2 * i], words[2 * i + 1]);
    for (const [i, timestampMs] of histograms.timestamps.entries())
      this.#histograms.push({ ref, timestampMs, histogram: histograms.histograms[i] });
  }

  records(): Uint8Array[] {
    const records: Uint8Array[] = [];
    const write = (fill: (out: ByteWriter) => void) => {
      const out = new ByteWriter();
      fill(out);
      records.push(out.written());
    };
    if (this.#floats.length > 0) write((out) => writeSamples(out, this.#floats, 0, this.#floats.length));
    const byType = Map.groupBy(this.#histograms, ({ histogram }) => histogramRecordType(histogram));
    for (const [type, samples] of byType) write((out) => writeHistograms(out, type, samples));
    return records;
  }
}
