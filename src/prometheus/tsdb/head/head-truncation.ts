/** Gives up what the head holds from before a time (`gc` of `tsdb/head.go`). */

import { pairsOfKey } from "../index/label-key.ts";
import type { Postings } from "../index/postings.ts";
import type { Pacer } from "../pacer.ts";
import type { ReadGate } from "../read-gate.ts";
import type { Head } from "./head.ts";
import type { HeadWriter } from "./head-writer.ts";
import { SeriesTable } from "./series-table.ts";
import { TouchedSlots } from "./touched-slots.ts";

const SLOTS_PER_CHECK = 256;
/** Of series that got samples while others were moved, so many may be left to be copied in one go. */
const TOUCHED_AT_ONCE = 10_000;
/** Samples may come faster than their series are copied. */
const CATCH_UP_ROUNDS = 4;

/**
 * Called when everything before `minMs` is in a block. Series that have nothing left are removed.
 *
 * @returns how many series were removed
 */
export async function truncateHead(
  head: Head,
  writer: HeadWriter,
  gate: ReadGate,
  pacer: Pacer,
  minMs: number,
): Promise<number> {
  head.minValidMs = Math.max(head.minValidMs, minMs);
  // Queries that began before the block was there still read here what is about to go.
  await gate.settled();
  const touched = (head.touched = new TouchedSlots(head.seriesCount));
  try {
    const empty = await giveUpChunks(head, pacer, minMs);
    if (empty.length === 0) return 0;
    return await new SeriesRemoval(head, empty, touched.take(), minMs).run(writer, gate, pacer);
  } finally {
    head.touched = undefined;
  }
}

/** @returns the series of now that have no samples left */
async function giveUpChunks(head: Head, pacer: Pacer, minMs: number): Promise<number[]> {
  head.appendedMinMs = Number.POSITIVE_INFINITY;
  head.minMs = minMs;
  head.tombstones.truncate(Math.min(minMs, head.outOfOrder.minMs));
  const empty: number[] = [];
  const known = head.seriesCount;
  let firstMs = Number.POSITIVE_INFINITY;
  for (let slot = 0; slot < head.seriesCount; slot++) {
    if (head.chunks.truncate(slot, minMs)) {
      if (slot < known && !head.outOfOrder.has(slot)) empty.push(slot);
    } else {
      firstMs = Math.min(firstMs, head.chunks.firstTimeOf(slot));
    }
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  head.truncations++;
  head.minMs = Math.min(firstMs, head.appendedMinMs);
  return empty;
}

/**
 * Removes those of the series that are still empty and that no open batch refers to. Everything else moves to new
 * tables, which are made while the old ones are in use; what has changed meanwhile is moved once more. Only the last of
 * it, and the change from one to the other, is in one go.
 */
class SeriesRemoval {
  readonly #head: Head;
  readonly #old: SeriesTable;
  readonly #table: SeriesTable;
  readonly #touched: TouchedSlots;
  readonly #candidates: number[];
  readonly #minMs: number;
  /** Where each slot has gone. */
  readonly #moved: Int32Array;
  /** Candidates that got samples. */
  readonly #back = new Set<number>();

  /** @param touched what has got samples since the first candidate was found */
  constructor(head: Head, candidates: number[], touched: Int32Array, minMs: number) {
    this.#head = head;
    this.#old = head.table;
    this.#table = new SeriesTable(head.table.seed);
    // Of the series of now: some came while candidates were looked for.
    this.#touched = head.touched = new TouchedSlots(head.table.length);
    this.#candidates = candidates;
    this.#minMs = minMs;
    this.#moved = new Int32Array(head.table.length);
    for (const slot of candidates) this.#moved[slot] = -1;
    for (const slot of touched) if (this.#moved[slot] === -1) this.#back.add(slot);
  }

  async run(writer: HeadWriter, gate: ReadGate, pacer: Pacer): Promise<number> {
    const moved = this.#moved;
    for (let slot = 0; slot < moved.length; slot++) {
      if (moved[slot] >= 0) moved[slot] = this.#table.adopt(this.#old, slot);
      if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    const postings = await this.#head.postings.renumbered(moved, pacer);
    for (let round = 0; round < CATCH_UP_ROUNDS && this.#touched.size > TOUCHED_AT_ONCE; round++) {
      for (const [i, slot] of this.#touched.take().entries()) {
        this.#follow(slot);
        if (i % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
      }
    }
    return gate.exclusive(() => this.#changeOver(postings, writer));
  }

  /** Moves once more what has got samples. */
  #follow(slot: number): void {
    const to = this.#moved[slot];
    if (to === undefined) return;
    if (to >= 0) this.#table.copyRow(this.#old, slot, to);
    else this.#back.add(slot);
  }

  #changeOver(postings: Postings, writer: HeadWriter): number {
    const head = this.#head;
    const old = this.#old;
    const known = this.#moved.length;
    for (const slot of this.#touched.take()) this.#follow(slot);
    const kept = this.#cameBack(writer);
    const all = new Int32Array(old.length).fill(-1, known);
    all.set(this.#moved);
    const added = [...kept];
    for (let slot = known; slot < old.length; slot++) added.push(slot);
    for (const slot of added) {
      all[slot] = this.#table.adopt(old, slot);
      for (const [start, end] of pairsOfKey(old.keyOf(slot)))
        postings.add(old.keyOf(slot), start, end, all[slot]);
    }
    head.moveTo(this.#table, postings, all);
    return this.#candidates.length - kept.length;
  }

  /** The candidates that are needed again: they have samples, or are about to get some. */
  #cameBack(writer: HeadWriter): number[] {
    const { chunks, outOfOrder } = this.#head;
    const kept = new Set<number>();
    for (const slot of this.#back)
      if (chunks.hasAny(slot) && !chunks.truncate(slot, this.#minMs)) kept.add(slot);
    for (const ref of writer.pendingRefs()) kept.add(this.#old.slotOf(ref));
    for (const slot of outOfOrder.slots()) kept.add(slot);
    return [...kept].filter((slot) => this.#moved[slot] === -1);
  }
}
