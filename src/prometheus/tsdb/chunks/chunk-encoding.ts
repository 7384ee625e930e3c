/**
 * The encodings of chunks (`tsdb/chunkenc/chunk.go`). We write the first three; the others are what Prometheus writes
 * behind feature flags: a newer one for floats, and histograms with start times.
 */

export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;
export const CHUNK_XOR2 = 4;
export const CHUNK_HISTOGRAM_ST = 5;
export const CHUNK_FLOAT_HISTOGRAM_ST = 6;

export type ChunkEncoding = 1 | 2 | 3 | 4 | 5 | 6;

export function isChunkEncoding(value: number): value is ChunkEncoding {
  return value >= CHUNK_XOR && value <= CHUNK_FLOAT_HISTOGRAM_ST;
}

export function isFloatEncoding(encoding: ChunkEncoding): boolean {
  return encoding === CHUNK_XOR || encoding === CHUNK_XOR2;
}

/** Samples of a chunk, without reading them. The histograms with start times have flags in the two highest bits. */
export function chunkSampleCount(chunk: Uint8Array, encoding: ChunkEncoding): number {
  const count = (chunk[0] << 8) | chunk[1];
  return encoding === CHUNK_HISTOGRAM_ST || encoding === CHUNK_FLOAT_HISTOGRAM_ST ? count & 0x3fff : count;
}
