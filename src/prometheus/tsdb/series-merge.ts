/** The series of blocks and head in the order of their labels, each with where its samples are. */
import { compareLabels, type Labels } from "../../model/labels.ts";
import type { TimeRange } from "../storage.ts";
import type { Block, BlockEntry } from "./block/block.ts";
import type { SeriesColumns } from "./chunks/chunk-decoder.ts";
import { ChunkCursor } from "./chunks/chunk-segment-reader.ts";
import type { Head } from "./head/head.ts";

/** Goes from series to series with `next`; the fields then describe the present one. */
export class SeriesMerge {
  labels!: Labels;
  /** In the head, or -1. */
  slot = -1;
  /** The blocks that have it. */
  readonly from: BlockCursor[] = [];
  readonly #cursors: BlockCursor[];
  readonly #head: Head;
  readonly #slots: Int32Array;
  readonly #range: TimeRange;
  #next = 0;

  /** @param slots of the head, sorted by labels */
  constructor(cursors: BlockCursor[], head: Head, slots: Int32Array, range: TimeRange) {
    this.#cursors = cursors;
    this.#head = head;
    this.#slots = slots;
    this.#range = range;
  }

  /** @returns false behind the last series */
  next(): boolean {
    for (const cursor of this.from) cursor.advance();
    this.from.length = 0;
    const slot = this.#peekSlot();
    let labels = slot >= 0 ? this.#head.labelsOf(slot) : undefined;
    this.slot = slot;
    for (const cursor of this.#cursors) {
      const candidate = cursor.labels;
      if (candidate === undefined) continue;
      const order = labels === undefined ? -1 : labels === candidate ? 0 : compareLabels(candidate, labels);
      if (order > 0) continue;
      if (order < 0) {
        labels = candidate;
        this.slot = -1;
        this.from.length = 0;
      }
      this.from.push(cursor);
    }
    if (labels === undefined) return false;
    this.labels = labels;
    if (this.slot >= 0) this.#next++;
    return true;
  }

  #peekSlot(): number {
    const { minMs, maxMs } = this.#range;
    while (this.#next < this.#slots.length) {
      const slot = this.#slots[this.#next];
      if (this.#head.hasChunksIn(slot, minMs, maxMs)) return slot;
      this.#next++;
    }
    return -1;
  }
}

/** A block's selected series, one after another. */
export class BlockCursor {
  readonly #block: Block;
  readonly #entries: BlockEntry[];
  readonly #chunks: ChunkCursor;
  #next = 0;
  #taken = 0;

  constructor(block: Block, entries: BlockEntry[]) {
    this.#block = block;
    this.#entries = entries;
    const references: number[] = [];
    for (const { chunks } of entries) for (const { reference } of chunks) references.push(reference);
    this.#chunks = new ChunkCursor(block.segments, references);
  }

  /** Of the current series; undefined behind the last. */
  get labels(): Labels | undefined {
    return this.#entries[this.#next]?.labels;
  }

  advance(): void {
    this.#next++;
    this.#taken = 0;
  }

  /** Whether the current series has a chunk that was not taken. All of every series are to be taken, or none at all. */
  hasMore(): boolean {
    return this.#taken < this.#entries[this.#next].chunks.length;
  }

  /** Reads what the next chunk needs. Undefined when it is there already. */
  prepare(): Promise<void> | undefined {
    return this.#chunks.prepare();
  }

  /** Adds the next chunk's samples, after `prepare`. */
  take(range: TimeRange, out: SeriesColumns): void {
    this.#taken++;
    const deleted = this.#block.tombstones.get(this.#entries[this.#next].number);
    const { encoding, view, start, byteLength } = this.#chunks.take();
    out.addChunk(encoding, view, start, byteLength, range.minMs, range.maxMs, deleted);
  }
}
