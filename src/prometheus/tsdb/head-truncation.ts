/** Gives up what the head holds from before a time (`gc` of `tsdb/head.go`). */
import type { Head } from "./head.ts";
import type { HeadWriter } from "./head-writer.ts";
import type { Pacer } from "./pacer.ts";
import type { ReadGate } from "./read-gate.ts";

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
    if (head.truncate(slot, minMs)) {
      if (!head.outOfOrder.has(slot)) empty.push(slot);
    } else {
      firstMs = Math.min(firstMs, head.firstTimeOf(slot));
    }
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  head.minMs = Math.min(firstMs, head.appendedMinMs);
  if (empty.length === 0) return 0;
  return gate.exclusive(() => removeSeries(head, writer, empty, minMs));
}

/** Removes those of the series that are still empty and that no open batch refers to. */
function removeSeries(head: Head, writer: HeadWriter, candidates: number[], minMs: number): number {
  const moved = new Int32Array(head.seriesCount);
  for (const slot of candidates) {
    if (head.truncate(slot, minMs) && !head.outOfOrder.has(slot)) moved[slot] = -1;
  }
  for (const ref of writer.pendingRefs()) {
    const slot = head.table.slotOf(ref);
    if (slot >= 0) moved[slot] = 0;
  }
  const removed = moved.reduce((sum, value) => sum + (value < 0 ? 1 : 0), 0);
  if (removed > 0) head.renumber(moved);
  return removed;
}
