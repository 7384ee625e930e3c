import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { formatIndexes, parseIndexes } from "./job-indexes.ts";

test("indexes are written as ranges and read again", () => {
  assert.equal(formatIndexes([5, 0, 1, 2, 7, 8]), "0-2,5,7,8");
  assert.deepEqual([...parseIndexes("0-2,5,7,8", 8)], [0, 1, 2, 5, 7]);
  assert.deepEqual([...parseIndexes("x,3-,1", 10)], [1]);
  assert.deepEqual([...parseIndexes(undefined, 10), formatIndexes([])], [""]);
  const random = seededRandom(11);
  for (let round = 0; round < 200; round++) {
    const indexes = Array.from({ length: 40 }, (_, index) => index).filter(() => random.float() < 0.5);
    assert.deepEqual([...parseIndexes(formatIndexes(indexes), 40)], indexes);
  }
});
