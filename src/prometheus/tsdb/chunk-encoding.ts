/** The encodings of chunks that we read and write (`tsdb/chunkenc/chunk.go`). */

export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;

export type ChunkEncoding = typeof CHUNK_XOR | typeof CHUNK_HISTOGRAM | typeof CHUNK_FLOAT_HISTOGRAM;
