/** The blocks of a store: which there are, which are open, which are to go (`reloadBlocks` of `tsdb/db.go`). */
import type { Clock } from "../../../base/clock.ts";
import type { Disk } from "../../../base/disk.ts";
import type { Logger } from "../../../base/log.ts";
import type { TimeRange } from "../../storage.ts";
import { CREATION_SUFFIX, DELETION_SUFFIX } from "../bytes/block-format.ts";
import { Pacer } from "../pacer.ts";
import { isUlid } from "../ulid.ts";
import { Block } from "./block.ts";
import { isPartial } from "./block-meta.ts";

/** Of directories that are being written or removed; the last was that of Prometheus before 2.20. */
const LEFTOVER_SUFFIXES = [CREATION_SUFFIX, DELETION_SUFFIX, ".tmp"];

export class BlockSet {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: Logger;
  readonly #clock: Pick<Clock, "monotonic" | "sleep">;
  /** Oldest first. */
  #blocks: Block[] = [];
  /** Bytes on disk by block. */
  readonly #sizes = new Map<Block, number>();

  constructor(disk: Disk, directory: string, log: Logger, clock: Pick<Clock, "monotonic" | "sleep">) {
    this.#clock = clock;
    this.#disk = disk;
    this.#directory = directory;
    this.#log = log;
  }

  get all(): readonly Block[] {
    return this.#blocks;
  }

  /**
   * Opens what is there. A block that can't be opened is left where it is and not used.
   *
   * @param readOnly leaves what a crash left behind
   */
  async load(readOnly: boolean): Promise<void> {
    for (const name of await this.#disk.list(this.#directory)) {
      const isLeftover = LEFTOVER_SUFFIXES.some(
        (suffix) => name.endsWith(suffix) && isUlid(name.slice(0, -suffix.length)),
      );
      if (isLeftover && !readOnly) {
        this.#log.info("Found and deleted tmp block dir", { dir: name });
        await this.#disk.remove(`${this.#directory}/${name}`);
      }
      if (isUlid(name)) await this.#open(name);
    }
    this.#sort();
    // A crash after a compaction leaves what was compacted.
    const replaced = new Set(
      this.#blocks.flatMap((b) => b.meta.compaction.parents?.map((p) => p.ulid) ?? []),
    );
    const gone = this.#blocks.filter(
      (block) => replaced.has(block.meta.ulid) || block.meta.compaction.deletable,
    );
    if (!readOnly) await this.remove(gone);
    else {
      this.#blocks = this.#blocks.filter((block) => !gone.includes(block));
      for (const block of gone) await block.close();
    }
  }

  /** Opens a block that was just written. */
  async add(ulid: string): Promise<Block> {
    const block = await Block.open(this.#disk, `${this.#directory}/${ulid}`, new Pacer(this.#clock));
    this.#blocks.push(block);
    this.#sort();
    return block;
  }

  /** Takes blocks out of use at once, and off the disk when nobody reads them any more. */
  async remove(gone: readonly Block[]): Promise<void> {
    this.#blocks = this.#blocks.filter((block) => !gone.includes(block));
    for (const block of gone) {
      // Renamed first: a directory that is half removed must not look like a block.
      const doomed = `${block.directory}${DELETION_SUFFIX}`;
      await block.close();
      this.#sizes.delete(block);
      await this.#disk.rename(block.directory, doomed);
      await this.#disk.remove(doomed);
    }
  }

  /** Holds the blocks that overlap a range open while `use` runs. */
  async using<T>(range: TimeRange, use: (blocks: Block[]) => Promise<T>): Promise<T> {
    const blocks = this.#blocks.filter((block) => block.overlaps(range));
    for (const block of blocks) block.acquire();
    try {
      return await use(blocks);
    } finally {
      for (const block of blocks) block.release();
    }
  }

  /** Where the blocks' time ends: the head takes nothing before it. Blocks of late samples do not count. */
  get maxTimeMs(): number {
    const inOrder = this.#blocks.filter((block) => !isPartial(block.meta));
    return Math.max(Number.NEGATIVE_INFINITY, ...inOrder.map((block) => block.meta.maxTime));
  }

  /** Bytes on disk. */
  async size(block: Block): Promise<number> {
    const known = this.#sizes.get(block);
    if (known !== undefined) return known;
    const size = await directorySize(this.#disk, block.directory);
    this.#sizes.set(block, size);
    return size;
  }

  /** A block's files have changed. */
  forgetSize(block: Block): void {
    this.#sizes.delete(block);
  }

  async close(): Promise<void> {
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const block of blocks) await block.close();
  }

  async #open(ulid: string): Promise<void> {
    try {
      this.#blocks.push(await Block.open(this.#disk, `${this.#directory}/${ulid}`, new Pacer(this.#clock)));
    } catch (error) {
      this.#log.error("Failed to open block, it is not used", { block: ulid, err: error });
    }
  }

  #sort(): void {
    this.#blocks.sort((a, b) => a.meta.minTime - b.meta.minTime || a.meta.maxTime - b.meta.maxTime);
  }
}

/** Bytes of all files below a directory. */
export async function directorySize(disk: Disk, directory: string): Promise<number> {
  let size = 0;
  for (const name of await disk.list(directory)) {
    const stat = await disk.stat(`${directory}/${name}`);
    size += stat?.isDirectory ? await directorySize(disk, `${directory}/${name}`) : (stat?.size ?? 0);
  }
  return size;
}
