/** `meta.json`: what a block is, and what it was made from. */
import type { Disk } from "../../../base/disk.ts";
import { META_FILE } from "../bytes/block-format.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import type { BlockMeta } from "../tsdb-options.ts";

/** Hint of a block that holds only samples that came out of order. */
export const FROM_OUT_OF_ORDER = "from-out-of-order";
/** Of blocks that Prometheus makes of some of the head's series before their time. */
const FROM_SOME_SERIES = ["from-stale-series", "from-selected-series"];

/** Whether the block says nothing of how far the head has been given up. */
export function isPartial({ compaction }: BlockMeta): boolean {
  return (
    compaction.hints?.some((hint) => hint === FROM_OUT_OF_ORDER || FROM_SOME_SERIES.includes(hint)) ?? false
  );
}

/** Blocks are only merged with others of their class, or what they were made of would be forgotten. */
export function classOf({ compaction }: BlockMeta): string {
  return compaction.hints?.find((hint) => FROM_SOME_SERIES.includes(hint)) ?? "";
}

const META_VERSION = 1;

/** @throws CorruptionError */
export async function readBlockMeta(disk: Disk, directory: string): Promise<BlockMeta> {
  const text = new TextDecoder().decode(await disk.readFile(`${directory}/${META_FILE}`));
  let meta: BlockMeta;
  try {
    meta = JSON.parse(text);
  } catch (error) {
    throw new CorruptionError(`${directory}/${META_FILE}: ${(error as Error).message}`);
  }
  if (meta.version !== META_VERSION) {
    throw new CorruptionError(`${directory}/${META_FILE}: unexpected meta file version ${meta.version}`);
  }
  if (typeof meta.ulid !== "string" || !Number.isFinite(meta.minTime) || !Number.isFinite(meta.maxTime)) {
    throw new CorruptionError(`${directory}/${META_FILE}: ulid, minTime or maxTime missing`);
  }
  return { ...meta, compaction: meta.compaction ?? { level: 1 } };
}

export async function writeBlockMeta(disk: Disk, directory: string, meta: BlockMeta): Promise<void> {
  await disk.writeFile(`${directory}/${META_FILE}`, JSON.stringify(meta, undefined, "\t"));
}

/** The description of a block that is made from others: `CompactBlockMetas`. */
export function mergedMeta(ulid: string, parents: BlockMeta[]): BlockMeta {
  const sources = new Set(parents.flatMap((parent) => parent.compaction.sources ?? []));
  const hints = new Set(parents.flatMap(({ compaction }) => compaction.hints ?? []));
  const isAllOutOfOrder = parents.every((parent) => parent.compaction.hints?.includes(FROM_OUT_OF_ORDER));
  return {
    ulid,
    minTime: Math.min(...parents.map((parent) => parent.minTime)),
    maxTime: Math.max(...parents.map((parent) => parent.maxTime)),
    compaction: {
      level: Math.max(...parents.map((parent) => parent.compaction.level)) + 1,
      sources: [...sources].sort(),
      parents: parents.map(({ ulid, minTime, maxTime }) => ({ ulid, minTime, maxTime })),
      ...hintsOf([...hints].filter((hint) => isAllOutOfOrder || hint !== FROM_OUT_OF_ORDER)),
    },
    version: META_VERSION,
  };
}

/** The description of a block that takes the place of another, without what was deleted (`LeveledCompactor.Write`). */
export function rewrittenMeta(ulid: string, base: BlockMeta): BlockMeta {
  const { minTime, maxTime, compaction } = base;
  return {
    ulid,
    minTime,
    maxTime,
    compaction: {
      level: 1,
      sources: [ulid],
      parents: [{ ulid: base.ulid, minTime, maxTime }],
      ...hintsOf(compaction.hints ?? []),
    },
    version: META_VERSION,
  };
}

function hintsOf(hints: string[]): { hints?: string[] } {
  return hints.length > 0 ? { hints } : {};
}

/** The description of a block that is made from the head. */
export function headBlockMeta(ulid: string, minTime: number, maxTime: number, hints?: string[]): BlockMeta {
  return {
    ulid,
    minTime,
    maxTime,
    compaction: { level: 1, sources: [ulid], ...(hints && { hints }) },
    version: META_VERSION,
  };
}
