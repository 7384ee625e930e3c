/** When chunks end, so that each lies in one range of block size (`tsdb/head_append.go`). */

/** `rangeForTimestamp`: where the range of block size that holds `timestampMs` ends. */
export function rangeEnd(timestampMs: number, rangeMs: number): number {
  return (Math.trunc(timestampMs / rangeMs) + 1) * rangeMs;
}

/**
 * `computeChunkEndTime`: when to close a chunk that began at `startMs` and has reached 1/`ratioToFull` of its size at
 * `nowMs`, so that the chunks up to `endMs` come out equally long.
 */
export function chunkEnd(startMs: number, nowMs: number, endMs: number, ratioToFull: number): number {
  const chunks = (endMs - startMs) / ((nowMs - startMs + 1) * ratioToFull);
  return chunks <= 1 ? endMs : Math.trunc(startMs + (endMs - startMs) / Math.floor(chunks));
}
