/** The encodings of chunks that we read and write (`tsdb/chunkenc/chunk.go`). */

export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;

export type ChunkEncoding = typeof CHUNK_XOR | typeof CHUNK_HISTOGRAM | typeof CHUNK_FLOAT_HISTOGRAM;

export function isChunkEncoding(value: number): value is ChunkEncoding {
  return value === CHUNK_XOR || value === CHUNK_HISTOGRAM || value === CHUNK_FLOAT_HISTOGRAM;
}
