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

/** Chunks of all samples, in order of time; none overlaps another. */
export function encodeColumns(columns: SeriesColumns): BlockChunk[] {
  const { floats, histograms } = columns;
  if (histograms.timestamps.length === 0) return encodeFloats(floats, 0, floats.length);
  const chunks: BlockChunk[] = [];
  const series = new HistogramSeries();
  let nextFloat = 0;
  // A run of histograms ends where a float comes, and the other way round.
  const takeFloatsBefore = (timestampMs: number) => {
    const from = nextFloat;
    while (nextFloat < floats.length && floats.timestamps[nextFloat] < timestampMs) nextFloat++;
    if (nextFloat === from) return;
    const closed = series.close();
    if (closed !== undefined) chunks.push(closed);
    chunks.push(...encodeFloats(floats, from, nextFloat));
  };
  for (const [i, timestampMs] of histograms.timestamps.entries()) {
    takeFloatsBefore(timestampMs);
    const closed = series.append(timestampMs, histograms.histograms[i], Number.POSITIVE_INFINITY);
    if (closed !== undefined) chunks.push(closed);
  }
  const last = series.close();
  if (last !== undefined) chunks.push(last);
  return [...chunks, ...encodeFloats(floats, nextFloat, floats.length)];
}

const floats = new Float64Array(ROW_FLOATS);
const words = new Int32Array(floats.buffer);
const scratch = new Uint8Array((SAMPLES_PER_CHUNK + 1) * MAX_SAMPLE_BYTES + CHUNK_SLACK_BYTES);
const scratchView = new DataView(scratch.buffer);

/** The samples from `from` to `to` (excluded) in chunks of 120. */
export function encodeFloats(columns: SampleColumns, from: number, to: number): BlockChunk[] {
  const chunks: BlockChunk[] = [];
  for (let start = from; start < to; start += SAMPLES_PER_CHUNK) {
    const end = Math.min(start + SAMPLES_PER_CHUNK, to);
    resetXorRow(words, 0);
    for (let i = start; i < end; i++) {
      const low = columns.words[2 * i] | 0;
      appendXor(words, floats, 0, scratchView, 0, columns.timestamps[i], low, columns.words[2 * i + 1] | 0);
    }
    writeXorCount(words, 0, scratchView, 0);
    chunks.push({
      minMs: columns.timestamps[start],
      maxMs: columns.timestamps[end - 1],
      encoding: CHUNK_XOR,
      bytes: scratch.slice(0, xorByteLength(words, 0)),
      samples: end - start,
    });
  }
  return chunks;
}
