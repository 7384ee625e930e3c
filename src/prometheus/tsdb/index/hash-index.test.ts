import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { HashIndex, SHARDS } from "./hash-index.ts";

const seed = 20261129;

function fill(count: number, onAdd?: (index: HashIndex, number: number) => void) {
  const random = seededRandom(seed);
  const hashes = Int32Array.from({ length: count }, () => Math.floor(random.float() * 2 ** 32) | 0);
  const index = new HashIndex();
  for (let number = 0; number < count; number++) {
    index.add(number, hashes[number], (other) => hashes[other]);
    onAdd?.(index, number);
  }
  return { index, hashes };
}

/** Which of the numbers with this hash is `number`. */
function isFound(index: HashIndex, hash: number, number: number): boolean {
  const table = index.table(hash);
  const mask = table.length - 1;
  for (let at = hash & mask; table[at] !== 0; at = (at + 1) & mask) if (table[at] === number + 1) return true;
  return false;
}

test("HashIndex finds every number that was added, and no other", () => {
  const { index, hashes } = fill(50_000);
  for (let number = 0; number < hashes.length; number++)
    assert.ok(isFound(index, hashes[number], number), `seed ${seed}, number ${number}`);
  assert.ok(!isFound(index, hashes[0], hashes.length));
});

test("HashIndex takes hashes that are all the same", () => {
  const index = new HashIndex();
  for (let number = 0; number < 100; number++) index.add(number, 7, () => 7);
  for (let number = 0; number < 100; number++) assert.ok(isFound(index, 7, number));
});

test("HashIndex grows its shards one after the other", () => {
  // While the table doubles once, each shard grows: in turns, of which none has many.
  const from = 100_000;
  const turns = 50;
  const grownInTurn = new Int32Array(turns);
  let tables: Int32Array[] = [];
  const tablesOf = (index: HashIndex) =>
    Array.from({ length: SHARDS }, (_, shard) => index.table(Math.imul(shard, 2 ** 32 / SHARDS)));
  fill(2 * from, (index, number) => {
    const turn = Math.floor(((number - from) / from) * turns);
    if (number < from || (number + 1) % (from / turns) !== 0) {
      if (number === from - 1) tables = tablesOf(index);
      return;
    }
    const now = tablesOf(index);
    grownInTurn[turn] = now.filter((table, shard) => table !== tables[shard]).length;
    tables = now;
  });
  const total = grownInTurn.reduce((sum, grown) => sum + grown, 0);
  assert.ok(total >= SHARDS - 2 && total <= SHARDS + 2, `seed ${seed}: ${total} have grown`);
  assert.ok(Math.max(...grownInTurn) <= 8, `seed ${seed}: ${grownInTurn}`);
});
