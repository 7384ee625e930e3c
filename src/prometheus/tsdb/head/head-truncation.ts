/** Gives up what the head holds from before a time (`gc` of `tsdb/head.go`). */

import { pairsOfKey } from "../index/label-key.ts";
import type { Pacer } from "../pacer.ts";
import type { ReadGate } from "../read-gate.ts";
import type { Head } from "./head.ts";
import type { HeadWriter } from "./head-writer.ts";
import { SeriesTable } from "./series-table.ts";

const SLOTS_PER_CHECK = 256;

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
  head.appendedMinMs = Number.POSITIVE_INFINITY;
  head.minMs = minMs;
  head.tombstones.truncate(Math.min(minMs, head.outOfOrder.minMs));
  const empty: number[] = [];
  let firstMs = Number.POSITIVE_INFINITY;
  for (let slot = 0; slot < head.seriesCount; slot++) {
    if (head.chunks.truncate(slot, minMs)) {
      if (!head.outOfOrder.has(slot)) empty.push(slot);
    } else {
      firstMs = Math.min(firstMs, head.chunks.firstTimeOf(slot));
    }
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  head.truncations++;
  head.minMs = Math.min(firstMs, head.appendedMinMs);
  return empty.length === 0 ? 0 : removeSeries(head, writer, gate, pacer, empty, minMs);
}

/**
 * Removes those of the series that are still empty and that no open batch refers to. Everything else moves to new
 * tables, which are made while the old ones are in use; only the change from one to the other is in one go.
 */
async function removeSeries(
  head: Head,
  writer: HeadWriter,
  gate: ReadGate,
  pacer: Pacer,
  candidates: number[],
  minMs: number,
): Promise<number> {
  const old = head.table;
  const known = old.length;
  const moved = new Int32Array(known);
  for (const slot of candidates) moved[slot] = -1;
  const table = new SeriesTable(old.seed);
  for (let slot = 0; slot < known; slot++) {
    if (moved[slot] >= 0) moved[slot] = table.adopt(old, slot);
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  const postings = await head.postings.renumbered(moved, pacer);
  return gate.exclusive(() => {
    const pending = new Set<number>();
    for (const ref of writer.pendingRefs()) pending.add(old.slotOf(ref));
    const all = new Int32Array(old.length).fill(-1);
    all.set(moved);
    // What has come, or come back to life, meanwhile. All of them are looked at in one go: hardly any needs more than
    // one look.
    const { chunks, outOfOrder } = head;
    const isBack = (slot: number) =>
      (pending.size > 0 && pending.has(slot)) ||
      (chunks.hasAny(slot) && !chunks.truncate(slot, minMs)) ||
      (!outOfOrder.isEmpty && outOfOrder.has(slot));
    const added = candidates.filter(isBack);
    for (let slot = known; slot < old.length; slot++) added.push(slot);
    for (const slot of added) {
      all[slot] = table.adopt(old, slot);
      for (const [start, end] of pairsOfKey(old.keyOf(slot)))
        postings.add(old.keyOf(slot), start, end, all[slot]);
    }
    head.moveTo(table, postings, all);
    return candidates.length - (added.length - (old.length - known));
  });
}
