/** What block writing takes and reading gives: series with their chunks, in the order of their labels. */
import type { Labels } from "../../../model/labels.ts";
import type { ChunkEncoding } from "./chunk-encoding.ts";

export interface BlockChunk {
  /** Times of the first and the last sample. */
  minMs: number;
  maxMs: number;
  encoding: ChunkEncoding;
  /** Without length, encoding and checksum. */
  bytes: Uint8Array;
  samples: number;
}

export interface BlockSeries {
  labels: Labels;
  /** In order of time, not overlapping, at least one. */
  chunks: BlockChunk[];
}

/** Where a block's content comes from. */
export interface BlockSource {
  /** At least every name and value of the labels, in any order, repetitions allowed. */
  symbols(): Iterable<string> | AsyncIterable<string>;
  /** Sorted by labels, none twice. In batches, so that there is no promise per series. */
  series(): AsyncIterable<BlockSeries[]>;
}
