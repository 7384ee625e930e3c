import assert from "node:assert/strict";
import { test } from "node:test";
import { exponentialBound } from "../../model/histogram-buckets.ts";
import { MAX_NATIVE_BUCKETS, NativeBuckets } from "./native-buckets.ts";

function observed(...values: number[]) {
  const buckets = new NativeBuckets();
  for (const value of values) buckets.observe(value);
  return buckets.exposed();
}

test("a value on a bound is below it, and small gaps are filled", () => {
  const { schema, zeroCount, positive, negative } = observed(1, 1, 1.01, 1.3, 2, 0, -1, Number.NaN);
  assert.equal(schema, 3);
  assert.equal(zeroCount, 1);
  // Bounds are 2^(i/8): 1 is in bucket 0, 1.01 in 1, 1.3 in 4, 2 in 8.
  assert.deepEqual(positive, {
    spans: [
      { offset: 0, length: 5 },
      { offset: 3, length: 1 },
    ],
    deltas: [2, -1, -1, 0, 1, 0],
  });
  assert.deepEqual(negative, { spans: [{ offset: 0, length: 1 }], deltas: [1] });
});

test("without observations there is an empty span", () => {
  assert.deepEqual(observed().positive, { spans: [{ offset: 0, length: 0 }], deltas: [] });
});

test("more buckets than allowed become wider ones, and no observation is lost", () => {
  const bounds = (count: number) => Array.from({ length: count }, (_, i) => exponentialBound(i, 3));
  assert.equal(observed(...bounds(MAX_NATIVE_BUCKETS)).schema, 3);
  const { schema, positive } = observed(...bounds(MAX_NATIVE_BUCKETS + 1));
  assert.equal(schema, 2);
  let count = 0;
  const total = positive.deltas.reduce((sum, delta) => sum + (count += delta), 0);
  assert.equal(total, MAX_NATIVE_BUCKETS + 1);
});

test("the ends of the range have buckets", () => {
  for (const value of [Number.MAX_VALUE, Number.POSITIVE_INFINITY, 2 ** -127])
    assert.equal(observed(value).positive.deltas.length, 1, String(value));
  assert.equal(observed(2 ** -128).zeroCount, 1);
});
