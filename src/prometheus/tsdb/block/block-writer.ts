/** Writes a block (`tsdb/compact.go`): next to its place first, so that a crash leaves no half of one. */
import type { Disk } from "../../../base/disk.ts";
import { compareStrings } from "../../../model/labels.ts";
import { CHUNKS_DIRECTORY, CREATION_SUFFIX, INDEX_FILE } from "../bytes/block-format.ts";
import type { BlockSeries, BlockSource } from "../chunks/block-series.ts";
import { isFloatEncoding } from "../chunks/chunk-encoding.ts";
import { ChunkSegmentWriter } from "../chunks/chunk-segment-writer.ts";
import { type ChunkReference, IndexWriter } from "../index/index-writer.ts";
import type { Pacer } from "../pacer.ts";
import { sortInSlices } from "../sliced-sort.ts";
import { Tombstones, writeTombstoneFile } from "../tombstones.ts";
import type { BlockMeta } from "../tsdb-options.ts";
import { writeBlockMeta } from "./block-meta.ts";

export interface BlockWriterParts {
  disk: Disk;
  /** Blocks stand in it. */
  directory: string;
  pacer: Pacer;
  /** @default 512 MiB */
  chunkSegmentBytes?: number;
}

/**
 * Writes all series of `source` as the block `meta.ulid`, durable when this resolves.
 *
 * @returns the description with its figures, or undefined when there were no samples and so no block was left
 */
export async function writeBlock(
  parts: BlockWriterParts,
  source: BlockSource,
  meta: BlockMeta,
): Promise<BlockMeta | undefined> {
  const { disk } = parts;
  const final = `${parts.directory}/${meta.ulid}`;
  const temporary = `${final}${CREATION_SUFFIX}`;
  await disk.remove(temporary);
  await disk.makeDirectory(`${temporary}/${CHUNKS_DIRECTORY}`);
  try {
    const stats = await writeSeries(parts, temporary, source);
    if (stats.numSeries === 0) {
      await disk.remove(temporary);
      return undefined;
    }
    const written = { ...meta, stats };
    await writeTombstoneFile(disk, temporary, new Tombstones());
    await writeBlockMeta(disk, temporary, written);
    await disk.syncDirectory(`${temporary}/${CHUNKS_DIRECTORY}`);
    await disk.syncDirectory(temporary);
    await disk.rename(temporary, final);
    return written;
  } catch (error) {
    await disk.remove(temporary);
    throw error;
  }
}

const SYMBOLS_PER_CHECK = 1024;

interface Stats {
  numSamples: number;
  numFloatSamples?: number;
  numHistogramSamples?: number;
  numSeries: number;
  numChunks: number;
}

async function writeSeries(parts: BlockWriterParts, directory: string, source: BlockSource): Promise<Stats> {
  const { disk, pacer } = parts;
  const symbols = await collectSymbols(source, pacer);
  const index = await IndexWriter.create(disk, `${directory}/${INDEX_FILE}`, symbols, pacer);
  const chunks = new ChunkSegmentWriter(disk, `${directory}/${CHUNKS_DIRECTORY}`, parts.chunkSegmentBytes);
  let samples = 0;
  let histograms = 0;
  const counts = { numSeries: 0, numChunks: 0 };
  try {
    for await (const batch of source.series()) {
      for (const series of batch) {
        const byteLength = bytesNeeded(series);
        if (chunks.needsPreparation(byteLength)) await chunks.prepare(byteLength);
        if (index.needsFlush()) await index.flush();
        const references: ChunkReference[] = [];
        for (const chunk of series.chunks) {
          references.push({ minMs: chunk.minMs, maxMs: chunk.maxMs, reference: chunks.add(chunk) });
          samples += chunk.samples;
          if (!isFloatEncoding(chunk.encoding)) histograms += chunk.samples;
        }
        index.addSeries(series.labels, references);
        counts.numSeries++;
        counts.numChunks += references.length;
        if (pacer.isDue()) await pacer.pause();
      }
    }
    await chunks.finish();
    await index.finish();
  } catch (error) {
    await chunks.abandon();
    await index.abandon();
    throw error;
  }
  return {
    numSamples: samples,
    ...(samples > histograms && { numFloatSamples: samples - histograms }),
    ...(histograms > 0 && { numHistogramSamples: histograms }),
    ...counts,
  };
}

/** Unique and sorted. Not in a set, which blocks for long when it grows with millions in it. */
async function collectSymbols(source: BlockSource, pacer: Pacer): Promise<string[]> {
  const found: string[] = [];
  for await (const symbol of source.symbols()) {
    found.push(symbol);
    if (found.length % SYMBOLS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  const sorted = await sortInSlices(found, compareStrings, pacer);
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (count === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i];
    if (i % SYMBOLS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  sorted.length = count;
  return sorted;
}

/** What a series' chunks take at most in a segment. */
function bytesNeeded(series: BlockSeries): number {
  return series.chunks.reduce((sum, chunk) => sum + chunk.bytes.length + 16, 0);
}
