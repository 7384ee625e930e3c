/**
 * A store's housekeeping (`Compact`, `reloadBlocks` of `tsdb/db.go`): cuts blocks from the head, compacts blocks,
 * removes old ones, deletes and copies. One piece of work at a time.
 */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Threads } from "../../base/threads.ts";
import type { Block } from "./block/block.ts";
import {
  FROM_OUT_OF_ORDER,
  headBlockMeta,
  mergedMeta,
  rewrittenMeta,
  writeBlockMeta,
} from "./block/block-meta.ts";
import { type BlockSet, directorySize } from "./block/block-set.ts";
import { blocksSource } from "./block/block-source.ts";
import { writeBlock } from "./block/block-writer.ts";
import { type BlockOrder, isLarge, makeBlock, makeBlockInThread } from "./block-making.ts";
import { rangeEnd } from "./chunks/chunk-range.ts";
import { beyondSizeRetention, beyondTimeRetention, blockRanges, planCompaction } from "./compaction-plan.ts";
import { type Freezing, freezeHead, freezeLate } from "./head/frozen-head.ts";
import type { Head } from "./head/head.ts";
import { truncateHead } from "./head/head-truncation.ts";
import type { HeadWriter } from "./head/head-writer.ts";
import { removeSegmentsBefore } from "./head/late-log.ts";
import { Pacer } from "./pacer.ts";
import type { ReadGate } from "./read-gate.ts";
import type { BlockMeta, StoreWork, TsdbCounters } from "./tsdb-options.ts";
import { createUlid } from "./ulid.ts";
import { writeCheckpoint } from "./wal/checkpoint.ts";
import { segmentIndexes } from "./wal/wal-format.ts";
import type { WalWriter } from "./wal/wal-writer.ts";

/** What is kept; 0 is no limit. */
export interface Retention {
  timeMs: number;
  /** Of blocks and logs. */
  bytes: number;
}

export interface CompactorParts {
  directory: string;
  disk: Disk;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Where large blocks are made. @default in this one */
  threads: Threads | undefined;
  head: Head;
  writer: HeadWriter;
  wal: WalWriter;
  /** The log of samples that came out of order, once there is one. */
  wbl: () => WalWriter | undefined;
  gate: ReadGate;
  blocks: BlockSet;
  counters: TsdbCounters;
  maxBlockDurationMs: number;
  retention: Retention;
  walCompression: "none" | "snappy";
  /** Told what took how many seconds. */
  observe: (work: StoreWork, seconds: number) => void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  #working: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #checkpointedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  /** Everything that is due. */
  compact(): Promise<void> {
    return this.exclusive(async () => {
      const { counters } = this.#parts;
      counters.compactionsTriggered++;
      try {
        // First, and with every block that comes: who is interrupted again and again shall not pile up old ones.
        await this.#applyRetention();
        await this.#cutBlocks();
        await this.#compactBlocks();
      } catch (error) {
        counters.compactionsFailed++;
        throw error;
      }
    });
  }

  /** Runs `work` when nothing else of this kind is under way. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working.then(work);
    this.#working = result.catch(() => {});
    return result;
  }

  /** No new work is begun; resolves when the present one has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#working;
  }

  /** Rewrites every block that has tombstones without what was deleted. */
  cleanTombstones(): Promise<void> {
    return this.exclusive(() =>
      this.#timed("tombstone cleanup", async () => {
        for (const block of [...this.#parts.blocks.all]) {
          if (block.tombstones.size > 0) await this.#replace([block], rewrittenMeta);
        }
      }),
    );
  }

  /** Does something and tells how long it took, unless it fails. */
  async #timed<T>(work: StoreWork, run: () => Promise<T>): Promise<T> {
    const { clock, observe, counters } = this.#parts;
    const startedMs = clock.monotonic();
    if (work === "compaction") counters.populatingBlock = 1;
    const result = await run().finally(() => {
      counters.populatingBlock = 0;
    });
    observe(work, (clock.monotonic() - startedMs) / 1000);
    return result;
  }

  /** Blocks and, unless `skipHead`, the head as a block, as copies in `directory`. */
  snapshot(directory: string, skipHead: boolean): Promise<void> {
    return this.exclusive(async () => {
      const { disk, clock, head, blocks } = this.#parts;
      await disk.makeDirectory(directory);
      for (const block of blocks.all) {
        await copyDirectory(disk, block.directory, `${directory}/${block.meta.ulid}`, new Pacer(clock));
      }
      if (skipHead || head.minMs > head.maxMs) return;
      await this.#writeHeadBlock(directory, head.minMs, head.maxMs + 1);
    });
  }

  /** Cuts a block from the head for every range that is complete, half a range after it has ended. */
  async #cutBlocks(): Promise<void> {
    const { head, writer, blocks, log, clock } = this.#parts;
    let cutMs = Number.NEGATIVE_INFINITY;
    while (!this.#isStopped && head.maxMs - head.minMs > 1.5 * head.chunkRangeMs) {
      const minMs = head.minMs;
      const maxMs = rangeEnd(minMs, head.chunkRangeMs);
      // Batches that began earlier may still hold samples of the range.
      await writer.whenClosed();
      const startMs = clock.monotonic();
      const meta = await this.#writeHeadBlock(this.#parts.directory, minMs, maxMs);
      if (meta !== undefined) {
        await blocks.add(meta.ulid);
        log.info("write block", {
          mint: minMs,
          maxt: maxMs,
          ulid: meta.ulid,
          duration: duration(clock, startMs),
        });
        await this.#applyRetention();
      }
      await this.#truncate(maxMs);
      cutMs = maxMs;
    }
    if (cutMs > this.#checkpointedMs) {
      await this.#checkpoint(cutMs);
      await this.#cutOutOfOrder();
    }
  }

  /** Blocks of the samples that came out of order, which overlap others until they are compacted. */
  async #cutOutOfOrder(): Promise<void> {
    const { head, blocks, clock, random, directory, disk, log } = this.#parts;
    const wbl = this.#parts.wbl();
    if (head.outOfOrder.isEmpty || wbl === undefined) return;
    const { minMs, maxMs } = head.outOfOrder;
    // What comes from here on goes into the next segment; the others are given up below.
    await wbl.nextSegment();
    head.outOfOrder.freeze();
    const rangeMs = head.chunkRangeMs;
    try {
      for (let start = rangeEnd(minMs, rangeMs) - rangeMs; start <= maxMs; start += rangeMs) {
        const meta = headBlockMeta(createUlid(clock.now(), random), start, start + rangeMs, [
          FROM_OUT_OF_ORDER,
        ]);
        const freezing = await freezeLate(head, start, start + rangeMs - 1, new Pacer(clock));
        const written = await this.#makeOf(freezing, directory, meta);
        if (written === undefined) continue;
        await blocks.add(written.ulid);
        log.info("write block", { mint: start, maxt: start + rangeMs, ulid: written.ulid, ooo: true });
      }
    } catch (error) {
      head.outOfOrder.thaw();
      throw error;
    }
    head.outOfOrder.drop();
    await removeSegmentsBefore(wbl, wbl.segmentIndex, disk);
  }

  async #writeHeadBlock(directory: string, minMs: number, maxMs: number): Promise<BlockMeta | undefined> {
    const { clock, random, head, counters } = this.#parts;
    const meta = headBlockMeta(createUlid(clock.now(), random), minMs, maxMs);
    const written = await this.#timed("compaction", async () => {
      const freezing = await freezeHead(head, minMs, maxMs - 1, new Pacer(clock));
      return this.#makeOf(freezing, directory, meta);
    });
    if (written !== undefined) counters.compactions++;
    return written;
  }

  /** The block of what the head was when it was frozen. Series keep their slots: only truncating renumbers them. */
  async #makeOf(
    { head, thaw }: Freezing,
    directory: string,
    meta: BlockMeta,
  ): Promise<BlockMeta | undefined> {
    try {
      const content = { head, minMs: meta.minTime, maxMs: meta.maxTime - 1 };
      return await this.#make({ directory, meta, content }, isLarge(head.newest.length));
    } finally {
      await thaw();
    }
  }

  #make(order: BlockOrder, inThread: boolean): Promise<BlockMeta | undefined> {
    const { disk, clock, threads } = this.#parts;
    return inThread && threads !== undefined
      ? makeBlockInThread(order, disk, threads)
      : makeBlock(order, disk, clock);
  }

  async #truncate(minMs: number): Promise<void> {
    const { head, writer, gate, clock, counters } = this.#parts;
    counters.headTruncations++;
    try {
      counters.seriesRemoved += await this.#timed("head collection", () =>
        truncateHead(head, writer, gate, new Pacer(clock), minMs),
      );
    } catch (error) {
      counters.headTruncationsFailed++;
      throw error;
    }
  }

  /** The lower two thirds of the log's segments become a checkpoint. */
  async #checkpoint(minMs: number): Promise<void> {
    const { wal, disk, log, clock, head, counters, walCompression } = this.#parts;
    const segments = segmentIndexes(await disk.list(wal.directory));
    await wal.nextSegment();
    this.#checkpointedMs = minMs;
    if (segments.length < 2) return;
    const first = segments[0];
    const last = first + Math.floor(((segments[segments.length - 1] - 1 - first) * 2) / 3);
    if (last <= first) return;
    const startMs = clock.monotonic();
    counters.walTruncations++;
    counters.checkpointCreations++;
    try {
      await this.#timed("log truncation", () =>
        writeCheckpoint(
          {
            directory: wal.directory,
            disk,
            pacer: new Pacer(clock),
            minMs,
            isKept: (ref) => head.table.slotOf(ref) >= 0,
            compression: walCompression,
          },
          last,
        ),
      );
    } catch (error) {
      counters.checkpointCreationsFailed++;
      counters.walTruncationsFailed++;
      throw error;
    }
    counters.checkpointDeletions++;
    log.info("WAL checkpoint complete", { first, last, duration: duration(clock, startMs) });
  }

  async #compactBlocks(): Promise<void> {
    const { head, blocks, maxBlockDurationMs } = this.#parts;
    const ranges = blockRanges(head.chunkRangeMs, maxBlockDurationMs);
    while (!this.#isStopped) {
      // Late samples of a time that is still the head's stay apart: a block made of them and of what the head gave up
      // would look, at the next start, as if the head had given up all of its time.
      const settled = blocks.all
        .map(({ meta }) => meta)
        .filter((meta) => meta.maxTime <= head.minMs || !meta.compaction.hints?.includes(FROM_OUT_OF_ORDER));
      const planned = planCompaction(settled, ranges);
      if (planned.length === 0) return;
      await this.#replace(blocks.all.filter((block) => planned.includes(block.meta)));
      await this.#applyRetention();
    }
  }

  /** Makes one block of some, without what was deleted from them. */
  async #replace(
    old: Block[],
    metaOf: (ulid: string, first: BlockMeta) => BlockMeta = (ulid) => mergedMeta(ulid, metasOf(old)),
  ): Promise<void> {
    const { blocks, clock, random, log, counters, disk } = this.#parts;
    const startMs = clock.monotonic();
    const meta = metaOf(createUlid(clock.now(), random), old[0].meta);
    for (const block of old) block.acquire();
    try {
      const written = await this.#timed("compaction", () => this.#merge(old, meta));
      if (written !== undefined) await blocks.add(written.ulid);
      counters.compactions++;
      if (overlap(old)) counters.verticalCompactions++;
      log.info("compact blocks", {
        count: old.length,
        mint: meta.minTime,
        maxt: meta.maxTime,
        ulid: written?.ulid,
        sources: old.map((block) => block.meta.ulid).join(" "),
        duration: duration(clock, startMs),
      });
    } catch (error) {
      log.error("compaction failed", { err: error, sources: old.map((block) => block.meta.ulid).join(" ") });
      for (const block of old) {
        block.meta = { ...block.meta, compaction: { ...block.meta.compaction, failed: true } };
        await writeBlockMeta(disk, block.directory, block.meta);
      }
      throw error;
    } finally {
      for (const block of old) block.release();
    }
    await blocks.remove(old);
  }

  #merge(old: Block[], meta: BlockMeta): Promise<BlockMeta | undefined> {
    const { directory, disk, clock, threads } = this.#parts;
    const sum = (of: "numSeries" | "numChunks") =>
      old.reduce((all, block) => all + (block.meta.stats?.[of] ?? 0), 0);
    if (threads !== undefined && isLarge(sum("numSeries"), sum("numChunks"))) {
      const content = { blocks: old.map((block) => block.directory) };
      return makeBlockInThread({ directory, meta, content }, disk, threads);
    }
    return writeBlock({ directory, disk, pacer: new Pacer(clock) }, blocksSource(old, clock), meta);
  }

  async #applyRetention(): Promise<void> {
    const { blocks, counters, log, retention, directory, disk } = this.#parts;
    const { timeMs: retentionMs, bytes: retentionBytes } = retention;
    const old = beyondTimeRetention(blocks.all, retentionMs);
    if (old.length > 0) {
      counters.timeRetentions++;
      for (const { meta } of old) log.info("Deleting obsolete block", { block: meta.ulid });
      await blocks.remove(old);
    }
    if (retentionBytes <= 0) return;
    const sized: { block: Block; meta: BlockMeta; size: number }[] = [];
    for (const block of blocks.all) sized.push({ block, meta: block.meta, size: await blocks.size(block) });
    const used =
      (await directorySize(disk, `${directory}/wal`)) + (await directorySize(disk, `${directory}/wbl`));
    const large = beyondSizeRetention(sized, used, retentionBytes);
    if (large.length === 0) return;
    counters.sizeRetentions++;
    for (const { meta } of large) log.info("Deleting obsolete block", { block: meta.ulid });
    await blocks.remove(large.map(({ block }) => block));
  }
}

function metasOf(blocks: readonly Block[]): BlockMeta[] {
  return blocks.map(({ meta }) => meta);
}

/** Whether some blocks have a time in common. */
function overlap(blocks: readonly Block[]): boolean {
  const metas = blocks.map(({ meta }) => meta).sort((a, b) => a.minTime - b.minTime);
  return metas.some((meta, i) => i > 0 && meta.minTime < metas[i - 1].maxTime);
}

function duration(clock: Clock, startMs: number): string {
  return `${(clock.monotonic() - startMs).toFixed(1)}ms`;
}

const COPY_BYTES = 1 << 20;

/** Copies a directory with everything below it. Durable when this resolves. */
async function copyDirectory(disk: Disk, from: string, to: string, pacer: Pacer): Promise<void> {
  await disk.makeDirectory(to);
  for (const name of await disk.list(from)) {
    const stat = await disk.stat(`${from}/${name}`);
    if (stat?.isDirectory) await copyDirectory(disk, `${from}/${name}`, `${to}/${name}`, pacer);
    else await copyFile(disk, `${from}/${name}`, `${to}/${name}`, pacer);
  }
  await disk.syncDirectory(to);
}

async function copyFile(disk: Disk, from: string, to: string, pacer: Pacer): Promise<void> {
  const source = await disk.open(from, "read");
  try {
    const target = await disk.open(to, "update");
    try {
      for (let position = 0; ; position += COPY_BYTES) {
        const data = await source.read(position, COPY_BYTES);
        if (data.length > 0) await target.write(position, data);
        if (data.length < COPY_BYTES) break;
        if (pacer.isDue()) await pacer.pause();
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
