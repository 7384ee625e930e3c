/**
 * The write-ahead log on disk (`tsdb/docs/format/wal.md`): segments `00000000`, `00000001`, … of 32 KiB pages, which
 * hold records in fragments that do not cross pages:
 *
 * ```
 * ┌───────────┬──────────┬────────────┬──────────────┐
 * │ type <1b> │ len <2b> │ CRC32C <4b> │ data <bytes> │
 * └───────────┴──────────┴────────────┴──────────────┘
 * ```
 */

export const PAGE_BYTES = 32 * 1024;
export const FRAGMENT_HEADER_BYTES = 7;
export const DEFAULT_SEGMENT_BYTES = 128 * 1024 * 1024;

/** The rest of the page is zeros. */
export const FRAGMENT_PAGE_END = 0;
export const FRAGMENT_FULL = 1;
export const FRAGMENT_FIRST = 2;
export const FRAGMENT_MIDDLE = 3;
export const FRAGMENT_LAST = 4;
export const FRAGMENT_TYPE_MASK = 7;
export const FRAGMENT_SNAPPY = 8;
export const FRAGMENT_ZSTD = 16;

export type WalCompression = "none" | "snappy";

export function segmentName(index: number): string {
  return String(index).padStart(8, "0");
}

/** The segments' numbers among a directory's names, ascending. */
export function segmentIndexes(names: string[]): number[] {
  return names
    .filter((name) => /^\d{8,}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export const CHECKPOINT_PREFIX = "checkpoint.";

/** The newest checkpoint among a WAL directory's names. */
export function lastCheckpoint(names: string[]): { name: string; index: number } | undefined {
  const found = names
    .filter((name) => /^checkpoint\.\d+$/.test(name))
    .map((name) => ({ name, index: Number(name.slice(CHECKPOINT_PREFIX.length)) }))
    .sort((a, b) => b.index - a.index);
  return found[0];
}
