import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { compareLabels, Labels } from "../../../model/labels.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { Pacer } from "../pacer.ts";
import { compareKeys, writeLabelKey } from "./label-key.ts";
import { intersect, Postings, union, without } from "./postings.ts";

function randomList(random: ReturnType<typeof seededRandom>, below: number): Int32Array {
  const size = randomInteger(random, 2 ** (1 + randomInteger(random, 9)));
  const values = new Set(Array.from({ length: size }, () => randomInteger(random, below)));
  return Int32Array.from(values).sort();
}

test("intersect(), without() and union() do as sets do (seed 8)", async () => {
  const random = seededRandom(8);
  const pacer = new Pacer(systemClock);
  for (let round = 0; round < 1000; round++) {
    // Close together, or far apart.
    const below = round % 2 === 0 ? 1000 : 1_000_000;
    const lists = Array.from({ length: 1 + randomInteger(random, 4) }, () => randomList(random, below));
    const a = lists[0];
    const b = randomList(random, 1000);
    assert.deepEqual(
      [...intersect(a, b)],
      [...a].filter((slot) => b.includes(slot)),
    );
    assert.deepEqual(
      [...without(a, b)],
      [...a].filter((slot) => !b.includes(slot)),
    );
    assert.deepEqual(
      [...(await union(lists, pacer))],
      [...new Set(lists.flatMap((list) => [...list]))].sort((x, y) => x - y),
    );
  }
});

test("Postings finds the series of pairs, and keeps order when series go (seed 3)", async () => {
  const random = seededRandom(3);
  let postings = new Postings(5);
  let all = Array.from({ length: 3000 }, (_, i) =>
    Labels.of({ id: `${i}`, zone: `z${randomInteger(random, 7)}`, host: `h${randomInteger(random, 900)}` }),
  );
  const key = new ByteWriter();
  for (const [slot, labels] of all.entries()) {
    for (const [name, value] of labels) {
      key.clear();
      writeLabelKey(key, Labels.of([[name, value]]));
      postings.add(key.bytes, 0, key.length, slot);
    }
  }
  const pacer = new Pacer(systemClock);
  const checkWhere = async () => {
    for (const wanted of [undefined, (value: string) => value.endsWith("3")]) {
      for (const [from, to] of [
        [0, all.length],
        [100, 900],
        [7, 7],
      ]) {
        const expected = [...all.keys()].filter(
          (slot) => slot >= from && slot < to && (wanted?.(all[slot].get("host")) ?? true),
        );
        assert.deepEqual([...(await postings.slotsWhere("host", wanted, { from, to }, pacer))], expected);
      }
    }
    assert.deepEqual([...(await postings.slotsWhere("none", undefined, { from: 0, to: 9 }, pacer))], []);
  };
  const check = () => {
    for (const [name, values] of [
      ["zone", ["z0", "z6", "none"]],
      ["host", ["h1", "h2", "h899"]],
      ["id", ["7"]],
    ] as const) {
      for (const value of values) {
        const expected = all.flatMap((labels, slot) => (labels.get(name) === value ? [slot] : []));
        assert.deepEqual([...postings.get(name, value)], expected, `${name}=${value}`);
      }
      assert.equal(postings.valueCount(name), new Set(all.map((labels) => labels.get(name))).size);
    }
    assert.equal(
      postings.pairCount,
      new Set(all.flatMap((labels) => [...labels].map((pair) => pair.join()))).size,
    );
  };
  check();
  await checkWhere();
  const moved = new Int32Array(all.length);
  let next = 0;
  const kept: Labels[] = [];
  for (let slot = 0; slot < all.length; slot++) {
    const isKept = random.float() < 0.4;
    moved[slot] = isKept ? next++ : -1;
    if (isKept) kept.push(all[slot]);
  }
  postings = await postings.renumbered(moved, pacer);
  all = kept;
  check();
  await checkWhere();
});

test("compareKeys() orders as compareLabels() (seed 4)", () => {
  const random = seededRandom(4);
  const word = () =>
    ["", "a", "b", "ab", "é", "x".repeat(200), "\u{1f600}", "\uffff"][randomInteger(random, 8)];
  for (let round = 0; round < 3000; round++) {
    const [a, b] = [0, 1].map(() =>
      Labels.of(Array.from({ length: 3 }, () => [word() || "n", word()] as const)),
    );
    const [x, y] = [a, b].map((labels) => {
      const out = new ByteWriter();
      writeLabelKey(out, labels);
      return out.written();
    });
    const order = compareKeys(x, 0, x.length, y, 0, y.length);
    assert.equal(Math.sign(order), Math.sign(compareLabels(a, b)), `${a} ${b}`);
  }
});
