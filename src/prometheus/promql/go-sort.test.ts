import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { goSort } from "./go-sort.ts";

test("goSort() sorts, keeps the order of what is equal, and turns short runs of NaN round", () => {
  const random = seededRandom(5);
  for (const length of [0, 1, 5, 12, 13, 100]) {
    const items = Array.from({ length }, (_, place) => ({ value: randomInteger(random, 7), place }));
    const expected = [...items].sort((a, b) => a.value - b.value || a.place - b.place);
    assert.deepEqual(
      goSort(items, (a, b) => a.value < b.value),
      expected,
    );
  }
  const isBefore = (a: [string, number], b: [string, number]) => Number.isNaN(a[1]) || a[1] < b[1];
  const nans: [string, number][] = [
    ["a", Number.NaN],
    ["b", 2],
    ["c", Number.NaN],
    ["d", 1],
  ];
  assert.equal(
    goSort(nans, isBefore)
      .map(([name]) => name)
      .join(""),
    "cadb",
  );
});
