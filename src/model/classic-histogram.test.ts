import assert from "node:assert/strict";
import { test } from "node:test";
import { ClassicHistogram, histogramPartOf } from "./classic-histogram.ts";

function of(buckets: [upperBound: number, count: number][], count?: number): ClassicHistogram {
  const histogram = new ClassicHistogram();
  for (const [upperBound, cumulative] of buckets) histogram.setBucketCount(upperBound, cumulative);
  if (count !== undefined) histogram.setCount(count);
  return histogram;
}

test("ClassicHistogram puts bounds in order and adds the last bucket", () => {
  const { customValues, positiveBuckets, count } = of(
    [
      [5, 4],
      [1, 1],
      [2, 3],
      [2, 9],
    ],
    6,
  ).toHistogram();
  assert.deepEqual(
    { customValues, positiveBuckets, count },
    {
      customValues: [1, 2, 5],
      positiveBuckets: [1, 2, 1, 2],
      count: 6,
    },
  );
  assert.equal(
    of([
      [1, 2],
      [Number.POSITIVE_INFINITY, 5],
    ]).toHistogram().count,
    5,
  );
});

test("ClassicHistogram keeps up to two empty buckets between others, in whole numbers only", () => {
  const spansOf = (buckets: [number, number][]) => of(buckets).toHistogram().positiveSpans;
  const gap = (count: number, step = 1): [number, number][] => [
    [0, step],
    ...Array.from({ length: count }, (_, i): [number, number] => [i + 1, step]),
    [count + 1, 2 * step],
  ];
  assert.deepEqual(spansOf(gap(2)), [{ offset: 0, length: 4 }]);
  assert.deepEqual(spansOf(gap(3)), [
    { offset: 0, length: 1 },
    { offset: 3, length: 1 },
  ]);
  assert.deepEqual(spansOf(gap(2, 0.5)), [
    { offset: 0, length: 1 },
    { offset: 2, length: 1 },
  ]);
});

test("ClassicHistogram refuses counts that are none", () => {
  const cases: [ClassicHistogram, RegExp][] = [
    [of([[Number.NaN, 1]]), /bucket boundary must not be NaN/],
    [of([[1, -1]]), /bucket count must be non-negative: le=1, count=-1/],
    [
      of([
        [1, 2],
        [2, 1],
      ]),
      /count is not cumulative: 1 < 2/,
    ],
    [
      of([
        [2, 1],
        [1, 2],
      ]),
      /count is not cumulative: 2 > 1/,
    ],
    [of([], -1), /count must be non-negative: count=-1/],
    [of([[Number.POSITIVE_INFINITY, 3]], 4), /count mismatch: count=4 != le=\+Inf count=3/],
  ];
  for (const [histogram, message] of cases) assert.throws(() => histogram.toHistogram(), message);
});

test("histogramPartOf() splits a metric's name", () => {
  assert.deepEqual(histogramPartOf("a_bucket"), { part: "bucket", name: "a" });
  assert.deepEqual(histogramPartOf("a_sum_count"), { part: "count", name: "a_sum" });
  assert.deepEqual(histogramPartOf("a_created"), { part: undefined, name: "a_created" });
});
