import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { decodeTombstones, encodeTombstones, isDeleted, Tombstones } from "./tombstones.ts";

test("Tombstones merges intervals that touch and keeps the others apart (seed 2)", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 200; round++) {
    const tombstones = new Tombstones();
    const deleted = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const minMs = randomInteger(random, 100);
      const maxMs = minMs + randomInteger(random, 10);
      tombstones.add(1, { minMs, maxMs });
      for (let t = minMs; t <= maxMs; t++) deleted.add(t);
    }
    const intervals = tombstones.get(1)!;
    for (let t = 0; t < 120; t++) assert.equal(isDeleted(intervals, t), deleted.has(t));
    for (let i = 1; i < intervals.length; i++) assert.ok(intervals[i].minMs > intervals[i - 1].maxMs + 1);
    const back = decodeTombstones(encodeTombstones(tombstones));
    assert.deepEqual(back.get(1), intervals);
  }
});

test("decodeTombstones() refuses what is damaged, with upstream's words", () => {
  const tombstones = new Tombstones();
  tombstones.add(5, { minMs: -10, maxMs: 2 ** 41 });
  const good = encodeTombstones(tombstones);
  const damaged = (change: (bytes: Uint8Array) => void) => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };
  for (const [bytes, message] of [
    [good.subarray(0, 5), /tombstones header: invalid size/],
    [damaged((b) => void (b[0] = 9)), /invalid magic number 9/],
    [damaged((b) => void (b[4] = 2)), /invalid tombstone format 2/],
    [damaged((b) => void (b[6] ^= 1)), /checksum did not match/],
  ] as const) {
    assert.throws(() => decodeTombstones(bytes), message);
  }
});
