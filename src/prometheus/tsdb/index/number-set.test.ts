import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { Pacer } from "../pacer.ts";
import { NumberSet } from "./number-set.ts";

const pacer = new Pacer(systemClock);

test("NumberSet has each number once, in ascending order", async () => {
  const seed = 11;
  const random = seededRandom(seed);
  for (let round = 0; round < 300; round++) {
    const from = randomInteger(random, 1000);
    const size = 1 + randomInteger(random, 300);
    const set = new NumberSet(from, from + size);
    const wanted = new Set<number>();
    for (let i = randomInteger(random, 400); i > 0; i--) {
      const number = from + randomInteger(random, size);
      set.add(number);
      wanted.add(number);
    }
    assert.equal(set.size, wanted.size);
    assert.deepEqual(
      [...(await set.toArray(pacer))],
      [...wanted].sort((a, b) => a - b),
      `seed ${seed}, round ${round}`,
    );
  }
});

test("NumberSet leaves out what is beyond its range", async () => {
  const set = new NumberSet(10, 42);
  for (const number of [9, 10, 41, 42, -1]) set.add(number);
  assert.deepEqual([...(await set.toArray(pacer))], [10, 41]);
  assert.deepEqual([...(await new NumberSet(5, 5).toArray(pacer))], []);
});
