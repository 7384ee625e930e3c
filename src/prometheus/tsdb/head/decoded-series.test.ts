import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../../base/random.ts";
import { createHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import { type SeriesSamples, STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { SeriesBuilder } from "../series-builder.ts";
import { DecodedSeries, MAX_NEWEST } from "./decoded-series.ts";
import { Head } from "./head.ts";

const HOUR_MS = 3_600_000;
const T0 = 2 * HOUR_MS * 245_000;
const STEP_MS = 15_000;

function slotOf(head: Head, name: string): number {
  return head.slotOfLabels(Labels.of({ __name__: name }));
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

function append(head: Head, slot: number, timestampMs: number, value: number): void {
  scratch[0] = value;
  head.appendFloat(slot, timestampMs, words[0], words[1]);
}

/** What the head itself answers. */
function direct(head: Head, slot: number, minMs: number, maxMs: number): SeriesSamples | undefined {
  const columns = new SeriesColumns();
  head.read(slot, minMs, maxMs, columns);
  return new SeriesBuilder().build(head.labelsOf(slot), columns);
}

function bits(values: Float64Array): bigint[] {
  return [...new BigUint64Array(values.slice().buffer)];
}

/** @returns whether the samples were kept */
function compare(head: Head, decoded: DecodedSeries, slot: number, minMs: number, maxMs: number): boolean {
  const kept = decoded.read(slot, minMs, maxMs);
  if (kept === undefined) return false;
  const wanted = direct(head, slot, minMs, maxMs);
  assert.deepEqual([...kept.timestamps], [...(wanted?.timestamps ?? [])]);
  assert.deepEqual(bits(kept.values), bits(wanted?.values ?? new Float64Array(0)));
  assert.equal(wanted?.histograms, undefined);
  if (kept.hasNaN === false) assert.ok(!kept.values.some(Number.isNaN));
  if (kept.falls === false) assert.ok(!kept.values.some((value, i) => value < kept.values[i - 1]));
  return true;
}

/** Series of two targets, with gaps, stale markers, falls and, in one of them, a histogram. */
function scrapeOnce(head: Head, slots: number[], timestampMs: number, random: Random): void {
  for (const [i, slot] of slots.entries()) {
    if (random.float() < 0.05) continue;
    const time = timestampMs + (i % 2) * 1_234 + (random.float() < 0.02 ? 1 : 0);
    const kind = random.float();
    if (kind < 0.01) head.appendFloat(slot, time, STALE_LOW, STALE_HIGH);
    else if (kind < 0.02 && i === 3) head.appendHistogram(slot, time, createHistogram({ count: 1 }));
    else append(head, slot, time, randomInteger(random, 1_000));
  }
}

test("DecodedSeries answers what the head answers, whatever is appended, deleted or given up", () => {
  const seed = Number(process.env.SEED ?? 1);
  const random = seededRandom(seed);
  for (let round = 0; round < 6; round++) {
    const head = new Head(2 * HOUR_MS, 1);
    const decoded = new DecodedSeries(head, round % 2 === 0 ? undefined : 400_000);
    const slots = Array.from({ length: 8 }, (_, i) => slotOf(head, `series_${i}`));
    let kept = 0;
    for (let step = 0; step < 700; step++) {
      const nowMs = T0 + step * STEP_MS;
      scrapeOnce(head, slots, nowMs, random);
      if (step === 300) head.tombstones.add(slots[5], { minMs: T0, maxMs: nowMs - 60_000 });
      if (step === 400) head.outOfOrder.addFloat(slots[6], T0 + 7, 0, 0);
      if (step === 600) {
        for (const slot of slots) head.chunks.truncate(slot, nowMs - HOUR_MS);
        head.truncations++;
      }
      if (random.float() < 0.6) continue;
      decoded.begin();
      const minMs = nowMs - randomInteger(random, 3 * HOUR_MS);
      const maxMs = random.float() < 0.5 ? nowMs + STEP_MS : minMs + randomInteger(random, HOUR_MS);
      for (const slot of slots) if (compare(head, decoded, slot, minMs, maxMs)) kept++;
    }
    assert.ok(kept > 500, `seed ${seed}: only ${kept} answers came from what is kept`);
  }
});

test("DecodedSeries lets series that are scraped together share their timestamps, also later ones", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const decoded = new DecodedSeries(head);
  const [a, b, c] = ["a", "b", "c"].map((name) => slotOf(head, name));
  const timesOf = (slot: number) => decoded.read(slot, T0, T0 + HOUR_MS)!.timestamps;
  for (let step = 0; step < 200; step++) {
    append(head, a, T0 + step * STEP_MS, step);
    if (step !== 150) append(head, c, T0 + step * STEP_MS + 3, step);
    append(head, b, T0 + step * STEP_MS, 1);
    if (step % 3 !== 0 || step < 5) continue;
    decoded.begin();
    assert.equal(timesOf(a), timesOf(b));
    assert.notEqual(timesOf(a), timesOf(c));
  }
  assert.equal(timesOf(a).length, 200);
});

test("DecodedSeries answers an unchanged series with one and the same object", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const decoded = new DecodedSeries(head);
  const slot = slotOf(head, "a");
  for (let step = 0; step < 50; step++) append(head, slot, T0 + step * STEP_MS, step);
  const first = decoded.read(slot, T0, T0 + HOUR_MS);
  assert.equal(decoded.read(slot, T0, T0 + HOUR_MS), first);
  append(head, slot, T0 + 50 * STEP_MS, 50);
  assert.equal(decoded.read(slot, T0, T0 + HOUR_MS)!.values.at(-1), 50);
  assert.equal(first!.values.length, 50);
});

test("DecodedSeries has the newest sample of a series, a stale marker with its bits, and no histogram", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const decoded = new DecodedSeries(head);
  const [a, b] = ["a", "b"].map((name) => slotOf(head, name));
  for (const slot of [a, b]) append(head, slot, T0, 1);
  append(head, a, T0 + 1, 2);
  head.appendFloat(b, T0 + 1, STALE_LOW, STALE_HIGH);
  const first = decoded.newest(a, T0, T0 + 1)!;
  assert.deepEqual([[...first.timestamps], [...first.values]], [[T0 + 1], [2]]);
  assert.equal(decoded.newest(a, T0, T0 + 1), first);
  const stale = decoded.newest(b, T0, T0 + 1)!;
  assert.equal(stale.timestamps, first.timestamps);
  assert.deepEqual(
    [...new Uint32Array(stale.values.buffer, stale.values.byteOffset, 2)],
    [STALE_LOW, STALE_HIGH],
  );
  assert.equal(decoded.newest(a, T0, T0), undefined);
  append(head, a, T0 + 2, 3);
  assert.deepEqual([...decoded.newest(a, T0, T0 + 2)!.values], [3]);
  head.appendHistogram(a, T0 + 3, createHistogram({ count: 1 }));
  assert.equal(decoded.newest(a, T0, T0 + 3), undefined);
});

test("DecodedSeries keeps newest samples up to a limit", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const decoded = new DecodedSeries(head);
  const slots = Array.from({ length: MAX_NEWEST + 1 }, (_, i) => slotOf(head, `series_${i}`));
  for (const slot of slots) append(head, slot, T0, slot);
  const newest = (slot: number) => decoded.newest(slot, T0, T0);
  const first = newest(slots[0]);
  for (const slot of slots.slice(0, MAX_NEWEST)) newest(slot);
  assert.equal(newest(slots[0]), first);
  assert.deepEqual([...newest(slots[MAX_NEWEST])!.values], [slots[MAX_NEWEST]]);
  assert.notEqual(newest(slots[0]), first);
});

/** A slab of 16,384 values, in bytes, and what one series takes besides. */
const SLAB_BYTES = 8 * 16 * 1024;
const SERIES_BYTES = 512;

test("DecodedSeries keeps what fits, and nothing of a selection at the cost of that selection", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const slots = Array.from({ length: 400 }, (_, i) => slotOf(head, `series_${i}`));
  for (const slot of slots)
    for (let step = 0; step < 200; step++) append(head, slot, T0 + step * STEP_MS, step);
  const read = (decoded: DecodedSeries, wanted: number[]) =>
    wanted.filter((slot) => compare(head, decoded, slot, T0, T0 + HOUR_MS)).length;
  // 200 values with room for 33 more: 70 series in a slab.
  for (const [limitBytes, slabs] of [
    [SLAB_BYTES - 1, 0],
    [SLAB_BYTES, 1],
    [2 * SLAB_BYTES, 1],
    [2 * SLAB_BYTES + 70 * SERIES_BYTES + 10_000, 2],
  ]) {
    const decoded = new DecodedSeries(head, limitBytes);
    decoded.begin();
    assert.equal(read(decoded, slots), slabs * 70, `${limitBytes} bytes`);
    assert.ok(decoded.heldBytes <= limitBytes + 70 * SERIES_BYTES + 10_000);
    // The next selection has the room of the last one.
    decoded.begin();
    assert.equal(read(decoded, slots.slice(200, 210)), slabs === 0 ? 0 : 10);
  }
});
