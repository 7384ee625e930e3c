/** Encodes columns of samples into chunks, for what does not come from the head's own chunks. */
import type { BlockChunk } from "./block-series.ts";
import type { SeriesColumns } from "./chunk-decoder.ts";
import { CHUNK_XOR } from "./chunk-encoding.ts";
import { HistogramSeries } from "./histogram-series.ts";
import type { SampleColumns } from "./sample-columns.ts";
import {
  appendXor,
  CHUNK_SLACK_BYTES,
  MAX_SAMPLE_BYTES,
  ROW_FLOATS,
  resetXorRow,
  writeXorCount,
  xorByteLength,
} from "./xor-chunk.ts";

/** Upstream's `DefaultSamplesPerChunk`. */
export const SAMPLES_PER_CHUNK = 120;

/**
 * What is left of one chunk, in one: upstream does not cut again what it writes without what was deleted
 * (`populateWithDelChunkSeriesIterator`).
 */
export function encodeRest(columns: SeriesColumns): BlockChunk[] {
  return encodeColumns(columns, Number.POSITIVE_INFINITY);
}

/**
 * Chunks of all samples, in order of time; none overlaps another.
 *
 * @param perChunk samples in a chunk at most
 */
export function encodeColumns(columns: SeriesColumns, perChunk = SAMPLES_PER_CHUNK): BlockChunk[] {
  const { floats, histograms } = columns;
  if (histograms.timestamps.length === 0) return encodeFloats(floats, 0, floats.length, perChunk);
  const chunks: BlockChunk[] = [];
  const series = new HistogramSeries();
  let nextFloat = 0;
  // A run of histograms ends where a float comes, and the other way round.
  const takeFloatsBefore = (timestampMs: number) => {
    const from = nextFloat;
    while (nextFloat < floats.length && floats.timestamps[nextFloat] < timestampMs) nextFloat++;
    if (nextFloat === from) return;
    const closed = series.endRun();
    if (closed !== undefined) chunks.push(closed);
    chunks.push(...encodeFloats(floats, from, nextFloat, perChunk));
  };
  for (const [i, timestampMs] of histograms.timestamps.entries()) {
    takeFloatsBefore(timestampMs);
    const full = series.timestamps.length >= perChunk ? series.endRun() : undefined;
    if (full !== undefined) chunks.push(full);
    const closed = series.append(timestampMs, histograms.histograms[i], Number.POSITIVE_INFINITY);
    if (closed !== undefined) chunks.push(closed);
  }
  const last = series.close();
  if (last !== undefined) chunks.push(last);
  return [...chunks, ...encodeFloats(floats, nextFloat, floats.length, perChunk)];
}

const floats = new Float64Array(ROW_FLOATS);
const words = new Int32Array(floats.buffer);
let scratch = scratchFor(SAMPLES_PER_CHUNK);

function scratchFor(samples: number): DataView<ArrayBuffer> {
  return new DataView(new ArrayBuffer((samples + 1) * MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES));
}

/** The samples from `from` to `to` (excluded) in chunks of 120, or of `perChunk`. */
export function encodeFloats(
  columns: SampleColumns,
  from: number,
  to: number,
  perChunk = SAMPLES_PER_CHUNK,
): BlockChunk[] {
  const chunks: BlockChunk[] = [];
  for (let start = from; start < to; start += perChunk) {
    const end = Math.min(start + perChunk, to);
    if (scratch.byteLength < (end - start + 1) * MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES)
      scratch = scratchFor(end - start);
    resetXorRow(words, 0);
    for (let i = start; i < end; i++) {
      const low = columns.words[2 * i] | 0;
      appendXor(words, floats, 0, scratch, 0, columns.timestamps[i], low, columns.words[2 * i + 1] | 0);
    }
    writeXorCount(words, 0, scratch, 0);
    chunks.push({
      minMs: columns.timestamps[start],
      maxMs: columns.timestamps[end - 1],
      encoding: CHUNK_XOR,
      bytes: new Uint8Array(scratch.buffer).slice(0, xorByteLength(words, 0)),
      samples: end - start,
    });
  }
  return chunks;
}
