import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { addExponential, type ExponentialSum, MAX_BUCKETS } from "./exponential-sum.ts";

const NONE = { offset: 0, counts: [] };

function sumOf(more: Partial<ExponentialSum>): ExponentialSum {
  return { scale: 0, count: 0, zeroCount: 0, zeroThreshold: 0, positive: NONE, negative: NONE, ...more };
}

test("addExponential() joins buckets at the coarser scale, without the empty ones at the ends", () => {
  const fine = sumOf({ scale: 1, count: 6, positive: { offset: -1, counts: [1, 2, 0, 3] } });
  const coarse = sumOf({ scale: 0, count: 1, positive: { offset: 0, counts: [0, 1] } });
  const { scale, count, positive } = addExponential(fine, coarse);
  assert.deepEqual(
    { scale, count, positive },
    { scale: 0, count: 7, positive: { offset: -1, counts: [1, 2, 4] } },
  );
});

test("addExponential() widens the narrower zero bucket to the end of the bucket that it reaches into", () => {
  const wide = sumOf({ zeroThreshold: 3, zeroCount: 1 });
  const narrow = sumOf({
    count: 4,
    positive: { offset: 0, counts: [1, 1, 2] },
    negative: { offset: 3, counts: [5] },
  });
  const { zeroCount, zeroThreshold, positive, negative } = addExponential(narrow, wide);
  assert.ok(Math.abs(zeroThreshold - 4) < 1e-12);
  assert.deepEqual([zeroCount, positive.offset, positive.counts], [3, 2, [2]]);
  assert.deepEqual(negative, { offset: 3, counts: [5] });
  // A power of the base belongs to the bucket below it.
  assert.equal(addExponential(narrow, sumOf({ zeroThreshold: 2 })).zeroCount, 1);
});

test("addExponential() never has more buckets than the limit has room for, and loses no count", () => {
  const random = seededRandom(11);
  const below = (limit: number) => Math.floor(random.float() * limit);
  for (let round = 0; round < 500; round++) {
    const some = () =>
      sumOf({
        scale: below(8) - 3,
        positive: { offset: below(2000) - 1000, counts: Array.from({ length: below(200) }, () => below(3)) },
        negative: { offset: below(20), counts: Array.from({ length: below(5) }, () => below(3)) },
      });
    const [a, b] = [some(), some()];
    const sum = addExponential(a, b);
    const total = ({ positive, negative }: ExponentialSum) =>
      [...positive.counts, ...negative.counts].reduce((left, right) => left + right, 0);
    assert.equal(total(sum), total(a) + total(b), `round ${round}`);
    // As upstream, whose halves are rounded towards zero: a bucket more at either end.
    if (a.positive.counts.length > 0 && b.positive.counts.length > 0)
      assert.ok(sum.positive.counts.length <= MAX_BUCKETS + 2, `round ${round}`);
  }
});
