/** Makes blocks of samples that come from elsewhere than scraping (`tsdb.BlockWriter` upstream). */
import type { Machine } from "../../base/machine.ts";
import type { Labels } from "../../model/labels.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { AppendError } from "../storage.ts";
import { openTsdb } from "../tsdb/mod.ts";
import { isUlid } from "../tsdb/ulid.ts";

export interface BlockSample {
  labels: Labels;
  timestampMs: number;
  value: number;
}

/** The span of a block is this, or this times a power of three. */
const SMALLEST_BLOCK_MS = 2 * 3_600_000;
const BLOCK_RANGES = 10;

/** The longest span that compaction knows and that is not longer than wanted. */
export function compatibleBlockMs(wantedMs: number): number {
  let spanMs = SMALLEST_BLOCK_MS;
  for (let i = 1; i < BLOCK_RANGES && spanMs * 3 <= wantedMs; i++) spanMs *= 3;
  return spanMs;
}

/**
 * Writes one block, whose samples may come in any order.
 *
 * @returns its name; undefined when there are no samples.
 * @throws ConfigError for a sample that the store refuses
 */
export async function makeBlock(
  directory: string,
  samples: BlockSample[],
  spanMs: number,
  { disk, clock, random, log }: Machine,
): Promise<string | undefined> {
  if (samples.length === 0) return undefined;
  // A store of its own for each block, of which the snapshot is the block.
  const scratch = `${directory}/.create-blocks-${Buffer.from(random.bytes(4)).toString("hex")}`;
  const tsdb = await openTsdb({
    directory: scratch,
    disk,
    clock,
    random,
    log: { ...log, info: () => {} },
    retentionMs: 0,
    lockFile: false,
    compactInBackground: false,
    outOfOrderTimeWindowMs: spanMs,
  });
  try {
    const appender = tsdb.appender();
    samples.sort((a, b) => a.timestampMs - b.timestampMs);
    for (const { labels, timestampMs, value } of samples) {
      try {
        appender.append(0, labels, timestampMs, value);
      } catch (error) {
        if (!(error instanceof AppendError)) throw error;
        throw new ConfigError(`add sample: ${error.message}`);
      }
    }
    await appender.commit();
    const name = await tsdb.snapshot(false);
    const made = (await disk.list(`${scratch}/snapshots/${name}`)).filter(isUlid);
    for (const ulid of made)
      await disk.rename(`${scratch}/snapshots/${name}/${ulid}`, `${directory}/${ulid}`);
    return made[0];
  } finally {
    await tsdb.close();
    await disk.remove(scratch);
  }
}
