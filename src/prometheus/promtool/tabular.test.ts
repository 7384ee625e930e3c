import assert from "node:assert/strict";
import { test } from "node:test";
import { readableBytes, tabular } from "./tabular.ts";
import { bars } from "./tsdb-compaction-analysis.ts";

test("tabular() pads all columns but the last", () => {
  const rows = [
    ["A", "LONGER", "Z"],
    ["abcdef", "b", "zzz"],
  ];
  assert.equal(tabular(rows, 6), "A       LONGER  Z\nabcdef  b       zzz\n");
  assert.equal(tabular([["a", "b"]], 4), "a   b\n");
});

test("readableBytes() names every unit that counts", () => {
  assert.deepEqual([0, 1, 1024, 1025, 3 * 1024 ** 2 + 5].map(readableBytes), [
    "0B",
    "1B",
    "1KiB",
    "1KiB1B",
    "3MiB5B",
  ]);
});

test("bars() draws a mark for each percent of all chunks", () => {
  assert.equal(bars("x", [], 3), "x: N/A\n\n");
  const drawn = bars("x", [1, 2, 35], 60);
  assert.match(drawn, /^x \(min\/avg\/max\): 1\/12\/35\n\[ 1, 10\]: 2 ###\n/);
  assert.match(drawn, /\[31, 40\]: 1 #\n/);
});
