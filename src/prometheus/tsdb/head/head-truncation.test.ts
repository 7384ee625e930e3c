import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { Labels } from "../../../model/labels.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { Pacer } from "../pacer.ts";
import { ReadGate } from "../read-gate.ts";
import { Head } from "./head.ts";
import { truncateHead } from "./head-truncation.ts";
import type { HeadWriter } from "./head-writer.ts";

const HOUR = 3600_000;
/** More than what is moved in one go at the end. */
const SERIES = 15_000;
const word = new DataView(new ArrayBuffer(8));

test("what comes while the head is truncated is kept, whichever series it is of (seed 21)", async () => {
  const random = seededRandom(21);
  const head = new Head(2 * HOUR, 3);
  const samples = new Map<string, number[]>();
  let nowMs = 0;
  const append = (id: number) => {
    const labels = Labels.of({ __name__: "up", id: String(id) });
    const slot = head.slotOfLabels(labels);
    if (head.lastTimeOf(slot) >= nowMs) return;
    word.setFloat64(0, id + nowMs / 1e9);
    head.appendFloat(slot, nowMs, word.getInt32(4), word.getInt32(0));
    let times = samples.get(labels.key);
    if (times === undefined) samples.set(labels.key, (times = []));
    times.push(nowMs);
  };
  for (let id = 0; id < SERIES; id++) append(id);
  nowMs = 3 * HOUR;
  for (let id = 0; id < SERIES; id++) if (id % 3 === 0) append(id);
  // Of series that are about to get samples, one is open in a batch.
  const pendingRef = head.table.refOf(head.slotOfLabels(Labels.of({ __name__: "up", id: "4" })));
  const writer = { pendingRefs: () => [pendingRef] } as unknown as HeadWriter;
  let pauses = 0;
  let time = 0;
  const pacer = new Pacer({
    monotonic: () => (time += 20),
    async sleep() {
      pauses++;
      nowMs += 10;
      if (pauses === 150) for (let id = 0; id < SERIES; id++) if (id % 5 !== 4) append(id);
      for (let i = 0; i < 20; i++) append(randomInteger(random, SERIES + 500));
    },
  });
  const minMs = 2 * HOUR;
  const before = head.seriesCount;
  const removed = await truncateHead(head, writer, new ReadGate(), pacer, minMs);
  assert.ok(pauses > 150, "more came than is moved in one go");
  assert.ok(removed > 100 && removed < before / 3, `${removed} removed`);
  assert.equal(head.touched, undefined);
  assert.ok(head.table.slotOf(pendingRef) >= 0, "a series that is about to get a sample stays");
  let kept = 0;
  for (let slot = 0; slot < head.seriesCount; slot++) {
    const labels = head.labelsOf(slot);
    const columns = new SeriesColumns();
    head.read(slot, 0, Number.POSITIVE_INFINITY, columns);
    const { timestamps, length } = columns.floats;
    const wanted = (samples.get(labels.key) ?? []).filter((timestampMs) => timestampMs >= minMs);
    assert.deepEqual([...timestamps.subarray(0, length)], wanted, labels.key);
    assert.equal(head.slotOfLabels(labels), slot);
    if (length > 0) kept++;
    assert.ok(head.postings.get("id", labels.get("id")).includes(slot));
  }
  const all = [...head.postings.get("__name__", "up")];
  assert.deepEqual(
    all,
    Array.from({ length: head.seriesCount }, (_, slot) => slot),
  );
  assert.equal(kept, [...samples.values()].filter((times) => times.some((timeMs) => timeMs >= minMs)).length);
});
