/** Decodes chunks of any encoding into columns of floats and, apart from them, histograms. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { dropDeleted, type Interval, isDeleted } from "../tombstones.ts";
import { CHUNK_XOR, type ChunkEncoding, isFloatEncoding } from "./chunk-encoding.ts";
import { decodeHistogramChunk, type HistogramSamples } from "./histogram-chunk.ts";
import { SampleColumns } from "./sample-columns.ts";
import { decodeXor } from "./xor-decoder.ts";
import { decodeXor2 } from "./xor2-decoder.ts";

/** Samples of one series as they are read, kinds apart. */
export class SeriesColumns {
  readonly floats: SampleColumns;
  histograms: HistogramSamples = { timestamps: [], histograms: [] };

  constructor(capacity?: number) {
    this.floats = new SampleColumns(capacity);
  }

  clear(): void {
    this.floats.clear();
    if (this.histograms.timestamps.length > 0) this.histograms = { timestamps: [], histograms: [] };
  }

  get length(): number {
    return this.floats.length + this.histograms.timestamps.length;
  }

  /** Adds a chunk's samples within the times, but those in `deleted`. @throws CorruptionError */
  addChunk(
    encoding: ChunkEncoding,
    view: DataView,
    start: number,
    byteLength: number,
    minMs: number,
    maxMs: number,
    deleted?: Interval[],
  ): void {
    const floatsBefore = this.floats.length;
    if (isFloatEncoding(encoding)) {
      if (encoding === CHUNK_XOR) decodeXor(view, start, byteLength, minMs, maxMs, this.floats);
      else
        decodeXor2(
          new Uint8Array(view.buffer, view.byteOffset + start, byteLength),
          minMs,
          maxMs,
          this.floats,
        );
      if (deleted !== undefined) dropDeleted(this.floats, floatsBefore, deleted);
      return;
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, byteLength);
    const out: HistogramSamples =
      deleted === undefined ? this.histograms : { timestamps: [], histograms: [] };
    decodeHistogramChunk(bytes, encoding, minMs, maxMs, out);
    if (deleted === undefined) return;
    for (const [i, timestampMs] of out.timestamps.entries()) {
      if (!isDeleted(deleted, timestampMs)) this.addHistogram(timestampMs, out.histograms[i]);
    }
  }

  addHistogram(timestampMs: number, histogram: FloatHistogram): void {
    this.histograms.timestamps.push(timestampMs);
    this.histograms.histograms.push(histogram);
  }

  /** Adds all samples of `other`. */
  addAll(other: SeriesColumns): void {
    const { timestamps, words, length } = other.floats;
    for (let i = 0; i < length; i++) this.floats.push(timestamps[i], words[2 * i], words[2 * i + 1]);
    for (const [i, timestampMs] of other.histograms.timestamps.entries()) {
      this.addHistogram(timestampMs, other.histograms.histograms[i]);
    }
  }

  /**
   * Sorts by time and keeps one sample per time: for chunks that overlap.
   *
   * @param kept which of several was added
   */
  normalize(kept: "first" | "last" = "last"): void {
    if (!isAscending(this.floats.timestamps, this.floats.length)) sortFloats(this.floats, kept);
    const { timestamps, histograms } = this.histograms;
    if (isAscending(timestamps, timestamps.length)) return;
    const byTime = new Map<number, FloatHistogram>();
    for (const [i, timestampMs] of timestamps.entries())
      if (kept === "last" || !byTime.has(timestampMs)) byTime.set(timestampMs, histograms[i]);
    const sorted = [...byTime].sort(([a], [b]) => a - b);
    this.histograms = {
      timestamps: sorted.map(([timestampMs]) => timestampMs),
      histograms: sorted.map(([, histogram]) => histogram),
    };
  }
}

function isAscending(times: ArrayLike<number>, length: number): boolean {
  for (let i = 1; i < length; i++) if (times[i] <= times[i - 1]) return false;
  return true;
}

function sortFloats(columns: SampleColumns, kept: "first" | "last"): void {
  const { timestamps, words, length } = columns;
  const sign = kept === "last" ? 1 : -1;
  const order = Array.from({ length }, (_, i) => i).sort(
    (a, b) => timestamps[a] - timestamps[b] || sign * (a - b),
  );
  const sorted = new SampleColumns();
  for (const [k, i] of order.entries()) {
    const isReplaced = k + 1 < length && timestamps[order[k + 1]] === timestamps[i];
    if (!isReplaced) sorted.push(timestamps[i], words[2 * i], words[2 * i + 1]);
  }
  columns.clear();
  columns.reserve(sorted.length);
  columns.timestamps.set(sorted.timestamps.subarray(0, sorted.length));
  columns.words.set(sorted.words.subarray(0, 2 * sorted.length));
  columns.length = sorted.length;
}
