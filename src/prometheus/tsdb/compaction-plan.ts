/** Which blocks to compact next, and which to give up (`LeveledCompactor` of `tsdb/compact.go`, `tsdb/db.go`). */
import { classOf } from "./block/block-meta.ts";
import type { BlockMeta } from "./tsdb-options.ts";

/** Upstream's: each level is three times the one before, ten levels. */
const LEVEL_FACTOR = 3;
const LEVELS = 10;
/** A large block is rewritten when more than this share of its series has tombstones. */
const TOMBSTONE_SHARE = 0.05;

/** The lengths of blocks by level. */
export function blockRanges(minMs: number, maxMs: number): number[] {
  const ranges: number[] = [];
  for (
    let range = minMs;
    ranges.length < LEVELS && (range <= maxMs || ranges.length === 0);
    range *= LEVEL_FACTOR
  ) {
    ranges.push(range);
  }
  return ranges;
}

/** @returns blocks to make one of; one alone is to be rewritten; none when there is nothing to do */
export function planCompaction(metas: BlockMeta[], ranges: number[]): BlockMeta[] {
  const classes = Map.groupBy(metas, classOf);
  for (const name of [...classes.keys()].sort()) {
    const planned = planClass(classes.get(name)!, ranges);
    if (planned.length > 0) return planned;
  }
  return [];
}

function planClass(metas: BlockMeta[], ranges: number[]): BlockMeta[] {
  const sorted = [...metas].sort((a, b) => a.minTime - b.minTime);
  const overlapping = overlappingBlocks(sorted);
  if (overlapping.length > 0) return overlapping;
  // The newest block is left alone for a while, so that it can be backed up.
  const older = sorted.slice(0, -1);
  const level = levelBlocks(older, ranges);
  return level.length > 0 ? level : manyTombstones(older, ranges);
}

/** The first group of blocks that overlap. */
function overlappingBlocks(sorted: BlockMeta[]): BlockMeta[] {
  const found: BlockMeta[] = [];
  let maxTime = sorted[0].maxTime;
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i].minTime < maxTime) {
      if (found.length === 0) found.push(sorted[i - 1]);
      found.push(sorted[i]);
    } else if (found.length > 0) {
      break;
    }
    maxTime = Math.max(maxTime, sorted[i].maxTime);
  }
  return found;
}

/** Blocks that fill a range of a level, or that nothing more can join. */
function levelBlocks(sorted: BlockMeta[], ranges: number[]): BlockMeta[] {
  if (ranges.length < 2 || sorted.length === 0) return [];
  const highTime = sorted[sorted.length - 1].minTime;
  for (const range of ranges.slice(1)) {
    for (const group of groupByRange(sorted, range)) {
      if (group.length < 2 || group.some((meta) => meta.compaction.failed)) continue;
      const maxTime = group[group.length - 1].maxTime;
      if (maxTime - group[0].minTime === range || maxTime <= highTime) return group;
    }
  }
  return [];
}

/** Blocks by the aligned range of a length that they lie in. */
export function groupByRange(sorted: BlockMeta[], rangeMs: number): BlockMeta[][] {
  const groups = new Map<number, BlockMeta[]>();
  for (const meta of sorted) {
    const start = Math.floor(meta.minTime / rangeMs) * rangeMs;
    if (meta.maxTime > start + rangeMs) continue;
    const group = groups.get(start);
    if (group === undefined) groups.set(start, [meta]);
    else group.push(meta);
  }
  return [...groups.values()];
}

function manyTombstones(sorted: BlockMeta[], ranges: number[]): BlockMeta[] {
  for (const meta of sorted.toReversed()) {
    const tombstones = meta.stats?.numTombstones ?? 0;
    const series = meta.stats?.numSeries ?? 0;
    if (meta.maxTime - meta.minTime < ranges[Math.floor(ranges.length / 2)]) {
      return tombstones > 0 && tombstones >= series ? [meta] : [];
    }
    if (tombstones / (series + 1) > TOMBSTONE_SHARE) return [meta];
  }
  return [];
}

/** Blocks that ended the retention or more before the newest one did. */
export function beyondTimeRetention<T extends { meta: BlockMeta }>(
  blocks: readonly T[],
  retentionMs: number,
): T[] {
  if (retentionMs <= 0 || blocks.length === 0) return [];
  const newest = Math.max(...blocks.map((block) => block.meta.maxTime));
  return blocks.filter((block) => newest - block.meta.maxTime >= retentionMs);
}

/**
 * The oldest blocks that no longer fit.
 *
 * @param used bytes of log and head
 */
export function beyondSizeRetention<T extends { meta: BlockMeta; size: number }>(
  blocks: readonly T[],
  used: number,
  limitBytes: number,
): T[] {
  if (limitBytes <= 0) return [];
  let total = used;
  const newestFirst = [...blocks].sort((a, b) => b.meta.maxTime - a.meta.maxTime);
  const index = newestFirst.findIndex((block) => {
    total += block.size;
    return total > limitBytes;
  });
  return index < 0 ? [] : newestFirst.slice(index);
}
