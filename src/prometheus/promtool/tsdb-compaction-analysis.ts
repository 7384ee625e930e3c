/** How well the chunks of a block are filled: `promtool tsdb analyze --extended`. */
import type { Block, BlockEntry } from "../tsdb/block/block.ts";
import { chunkSampleCount, isFloatEncoding } from "../tsdb/chunks/chunk-encoding.ts";
import { ChunkCursor } from "../tsdb/chunks/chunk-segment-reader.ts";
import { decodeHistogramChunk, type HistogramSamples } from "../tsdb/chunks/histogram-chunk.ts";

/** Bars are drawn from buckets at least so wide. */
const SMALLEST_STEP = 10;
const LARGEST_STEP = 10_000;

export async function compactionAnalysis(block: Block, entries: readonly BlockEntry[]): Promise<string> {
  const floats = { samples: [] as number[], bytes: [] as number[] };
  const histograms = { samples: [] as number[], bytes: [] as number[], buckets: [] as number[] };
  const references = entries.flatMap(({ chunks }) => chunks.map(({ reference }) => reference));
  const cursor = new ChunkCursor(block.segments, references);
  for (let i = 0; i < references.length; i++) {
    await cursor.prepare();
    const { encoding, bytes: window, start, byteLength } = cursor.take();
    const bytes = window.subarray(start, start + byteLength);
    const kind = isFloatEncoding(encoding) ? floats : histograms;
    kind.samples.push(chunkSampleCount(bytes, encoding));
    kind.bytes.push(byteLength);
    if (isFloatEncoding(encoding)) continue;
    const decoded: HistogramSamples = { timestamps: [], histograms: [] };
    decodeHistogramChunk(bytes, encoding, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, decoded);
    histograms.buckets.push(bucketCount(decoded.histograms));
  }
  const total = references.length;
  return [
    "\nCompaction analysis:\n\n",
    bars("samples per float chunk", floats.samples, total),
    bars("bytes per float chunk", floats.bytes, total),
    bars("samples per histogram chunk", histograms.samples, total),
    bars("bytes per histogram chunk", histograms.bytes, total),
    bars("buckets per histogram chunk", histograms.buckets, total),
  ].join("");
}

function bucketCount(
  histograms: readonly { positiveBuckets: ArrayLike<number>; negativeBuckets: ArrayLike<number> }[],
): number {
  return histograms.reduce((sum, each) => sum + each.positiveBuckets.length + each.negativeBuckets.length, 0);
}

/** A histogram in text: a `#` for each percent of all chunks. */
export function bars(title: string, unsorted: readonly number[], total: number): string {
  if (unsorted.length === 0) return `${title}: N/A\n\n`;
  const values = [...unsorted].sort((a, b) => a - b);
  const [low, high] = [values[0], values[values.length - 1]];
  let step = SMALLEST_STEP;
  while (step < Math.trunc((high - low) / 10) && step <= LARGEST_STEP) step *= 10;
  const start = low - (low % step);
  const end = high - (high % step) + step;
  const counts = new Array<number>(Math.trunc((end - start) / step) + 1).fill(0);
  for (const value of values) counts[Math.trunc((value - start) / step)]++;
  const mean = Math.trunc(values.reduce((sum, value) => sum + value, 0) / values.length);
  const widths = [end, end + step, Math.max(...counts)].map((value) => String(value).length);
  const lines = counts.map((count, i) => {
    const from = String(i * step + start + 1).padStart(widths[0]);
    const to = String((i + 1) * step + start).padStart(widths[1]);
    const bar = "#".repeat(Math.trunc((100 * count) / total));
    return `[${from}, ${to}]: ${String(count).padStart(widths[2])} ${bar}\n`;
  });
  return `${title} (min/avg/max): ${low}/${mean}/${high}\n${lines.join("")}\n`;
}
