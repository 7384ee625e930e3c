/**
 * Makes blocks, of the head and of other blocks: large ones in a thread, since what a block is made of (label values as
 * strings, chunk after chunk) is so much that the garbage collector would stop the event loop again and again.
 */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Threads } from "../../base/threads.ts";
import { Block } from "./block/block.ts";
import { blocksSource } from "./block/block-source.ts";
import { writeBlock } from "./block/block-writer.ts";
import type { FrozenHead } from "./head/frozen-head.ts";
import { frozenSource } from "./head/frozen-source.ts";
import { Pacer } from "./pacer.ts";
import type { BlockMeta } from "./tsdb-options.ts";

/** A smaller block takes less than the start of a thread does. */
const SERIES_FOR_A_THREAD = 50_000;
const CHUNKS_FOR_A_THREAD = 200_000;

/** Plain data: it may be given to another thread. */
export interface BlockOrder {
  /** Blocks stand in it. */
  directory: string;
  meta: BlockMeta;
  content:
    | { head: FrozenHead; minMs: number; maxMs: number }
    /** Directories of blocks, in order of time. */
    | { blocks: string[] };
}

/**
 * Fills an order in this thread, in slices.
 *
 * @returns the block's description with its figures, or undefined when there were no samples and so no block was left
 */
export async function makeBlock(
  { directory, meta, content }: BlockOrder,
  disk: Disk,
  clock: Pick<Clock, "monotonic" | "sleep">,
): Promise<BlockMeta | undefined> {
  const pacer = new Pacer(clock);
  const parts = { disk, directory, pacer };
  if ("head" in content)
    return writeBlock(parts, frozenSource(content.head, content.minMs, content.maxMs, pacer), meta);
  const blocks: Block[] = [];
  try {
    for (const path of content.blocks) blocks.push(await Block.open(disk, path, pacer));
    return await writeBlock(parts, blocksSource(blocks, clock), meta);
  } finally {
    for (const block of blocks) await block.close();
  }
}

/** As `makeBlock`, in a thread. */
export async function makeBlockInThread(
  order: BlockOrder,
  disk: Disk,
  threads: Threads,
): Promise<BlockMeta | undefined> {
  const { content } = order;
  // The thread's disk is the machine's.
  const moved: BlockOrder = {
    ...order,
    directory: disk.realPath(order.directory),
    content: "head" in content ? content : { blocks: content.blocks.map((path) => disk.realPath(path)) },
  };
  return (await threads.run("blockThread", moved)) as BlockMeta | undefined;
}

/** Whether a block of so many series, or what becomes of so many chunks of blocks, is made in a thread. */
export function isLarge(series: number, chunks = 0): boolean {
  return series >= SERIES_FOR_A_THREAD || chunks >= CHUNKS_FOR_A_THREAD;
}
