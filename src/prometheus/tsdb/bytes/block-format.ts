/** Names, magic numbers and sizes of a block's files (`tsdb/docs/format/{index,chunks,tombstones}.md`). */

export const META_FILE = "meta.json";
export const INDEX_FILE = "index";
export const TOMBSTONES_FILE = "tombstones";
export const CHUNKS_DIRECTORY = "chunks";

/** A directory that is being written, or removed: what is found of them at a start goes away. */
export const CREATION_SUFFIX = ".tmp-for-creation";
export const DELETION_SUFFIX = ".tmp-for-deletion";

export const INDEX_MAGIC = 0xbaaad700;
export const INDEX_VERSION = 2;
export const INDEX_HEADER_BYTES = 5;
export const TOC_BYTES = 52;
export const SERIES_ALIGNMENT = 16;

export const CHUNKS_MAGIC = 0x85bd40dd;
export const CHUNKS_VERSION = 1;
export const CHUNKS_HEADER_BYTES = 8;
/** Upstream's `DefaultChunkSegmentSize`. */
export const CHUNK_SEGMENT_BYTES = 512 * 1024 * 1024;

export const TOMBSTONES_MAGIC = 0x0130ba30;
export const TOMBSTONES_VERSION = 1;

export function chunkSegmentName(index: number): string {
  return String(index + 1).padStart(6, "0");
}
