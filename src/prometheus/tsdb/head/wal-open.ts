/** Opens a store's write-ahead log: replays it, and cuts off what is damaged (`wlog.Repair`). */
import type { Disk } from "../../../base/disk.ts";
import type { Logger } from "../../../base/log.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import type { Pacer } from "../pacer.ts";
import { lastCheckpoint, segmentIndexes, segmentName } from "../wal/wal-format.ts";
import { readWal, WalCorruptionError } from "../wal/wal-reader.ts";
import { type ReplayTarget, replayWal } from "./wal-replay.ts";

export interface WalOpenParts {
  directory: string;
  disk: Disk;
  log: Logger;
  pacer: Pacer;
  target: ReplayTarget;
  /** Leaves damage as it is, and takes a torn end for the writer's being at work. */
  readOnly: boolean;
}

/**
 * Replays the newest checkpoint and the segments after it.
 *
 * @returns how often damage was found and repaired, and which segments were read
 */
export async function openWal(parts: WalOpenParts): Promise<{ corruptions: number; segments: number[] }> {
  const { directory, disk, log } = parts;
  const names = await disk.list(directory);
  const checkpoint = lastCheckpoint(names);
  let corruptions = 0;
  if (checkpoint !== undefined) {
    const path = `${directory}/${checkpoint.name}`;
    corruptions += await replayAndRepair(parts, path, segmentIndexes(await disk.list(path)));
    log.info("WAL checkpoint loaded", { checkpoint: checkpoint.name });
  }
  const lowest = checkpoint === undefined ? 0 : checkpoint.index + 1;
  const found = segmentIndexes(names).filter((index) => index >= lowest);
  // The log of late samples has no checkpoints: its segments are removed when they are done.
  const first = parts.target.isOutOfOrder ? (found[0] ?? 0) : lowest;
  const segments = await withoutGaps(parts, found, first);
  if (found.some((index, i) => index !== first + i)) corruptions++;
  corruptions += await replayAndRepair(parts, directory, segments);
  return { corruptions, segments };
}

/**
 * Segments that are missing are told, and those that follow take their numbers: upstream does not open a log whose
 * segments are not one behind the other.
 *
 * @returns the numbers of the segments that there are
 */
async function withoutGaps(parts: WalOpenParts, found: number[], first: number): Promise<number[]> {
  const { directory, disk, log, readOnly } = parts;
  const isWhole = found.every((index, i) => index === first + i);
  if (isWhole) return found;
  log.warn("WAL segments are not sequential, what was in the missing ones is lost", {
    expected_first: first,
    segments: found.join(" "),
  });
  if (readOnly) return found;
  for (const [i, index] of found.entries()) {
    if (index !== first + i)
      await disk.rename(`${directory}/${segmentName(index)}`, `${directory}/${segmentName(first + i)}`);
  }
  await disk.syncDirectory(directory);
  return found.map((_, i) => first + i);
}

async function replayAndRepair(parts: WalOpenParts, directory: string, segments: number[]): Promise<number> {
  try {
    const { unknownRefs } = await replayWal(
      readWal(parts.disk, directory, segments),
      parts.target,
      parts.pacer,
    );
    if (unknownRefs > 0) parts.log.warn("Unknown series references", { samples: unknownRefs });
    return 0;
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    if (parts.readOnly) {
      parts.log.warn("Encountered WAL read error, reading no further", { err: error });
      return 1;
    }
    parts.log.warn("Encountered WAL read error, attempting repair", { err: error });
    if (error instanceof WalCorruptionError) await repairWal(parts, directory, error);
    return 1;
  }
}

/** Keeps what lies before the damage: the segment is cut there, and the segments after it are removed. */
export async function repairWal(
  parts: Pick<WalOpenParts, "disk" | "log">,
  directory: string,
  damage: WalCorruptionError,
): Promise<void> {
  const { disk, log } = parts;
  log.warn("Starting corruption repair", { segment: damage.segment, offset: damage.offset });
  log.warn("Deleting all segments newer than corrupted segment", { segment: damage.segment });
  for (const index of segmentIndexes(await disk.list(directory))) {
    if (index > damage.segment) await disk.remove(`${directory}/${segmentName(index)}`);
  }
  log.warn("Rewrite corrupted segment", { segment: damage.segment });
  const file = await disk.open(`${directory}/${segmentName(damage.segment)}`, "update");
  try {
    await file.truncate(damage.offset);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(directory);
}
