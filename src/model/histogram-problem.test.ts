import assert from "node:assert/strict";
import { test } from "node:test";
import { createHistogram, type FloatHistogram } from "./histogram.ts";
import { histogramProblem } from "./histogram-problem.ts";

const good: Partial<FloatHistogram> = {
  count: 6,
  sum: 1,
  zeroCount: 1,
  positiveSpans: [{ offset: 0, length: 2 }],
  positiveBuckets: [1, 1],
  negativeSpans: [{ offset: 0, length: 1 }],
  negativeBuckets: [3],
};
const custom: Partial<FloatHistogram> = {
  schema: -53,
  count: 2,
  positiveSpans: [{ offset: 0, length: 2 }],
  positiveBuckets: [1, 1],
  customValues: [1],
};

test("histogramProblem() finds nothing wrong with what is right", () => {
  assert.equal(histogramProblem(createHistogram(good), true), undefined);
  assert.equal(histogramProblem(createHistogram(custom), true), undefined);
  assert.equal(histogramProblem(createHistogram({ ...good, count: 7 }), false), undefined);
  assert.equal(histogramProblem(createHistogram({ ...good, count: 7, sum: Number.NaN }), true), undefined);
});

test("histogramProblem() tells what is wrong in upstream's words", () => {
  const cases: [fields: Partial<FloatHistogram>, problem: RegExp][] = [
    [{ ...good, count: 7 }, /^6 observations found in buckets, but the Count field is 7: .*should equal/],
    [{ ...good, count: 5, sum: Number.NaN }, /^6 observations .* is 5: .*should be at least/],
    [{ ...good, count: -1 }, /^observation count is {2}-1: histogram's observation count is negative/],
    [{ ...good, schema: 9 }, /invalid schema, which must be between -4 and 8 .*, got schema 9$/],
    [{ ...good, zeroCount: -1 }, /^zero bucket has observation count of -1/],
    [{ ...good, customValues: [1] }, /^histogram with exponential schema must not have custom bounds/],
    [{ ...good, positiveBuckets: [1] }, /^positive side: spans need 2 buckets, have 1 buckets/],
    [{ ...good, negativeBuckets: [-3] }, /^negative side: bucket number 1 has observation count of -3/],
    [
      {
        ...good,
        positiveSpans: [
          { offset: 0, length: 1 },
          { offset: -1, length: 1 },
        ],
      },
      /^positive side: span number 2 with offset -1/,
    ],
    [{ ...custom, customValues: [Number.NaN] }, /^custom buckets: .* must not be NaN/],
    [
      { ...custom, customValues: [2, 1] },
      /^custom buckets: previous bound is 2.000000 and current is 1.000000/,
    ],
    [{ ...custom, customValues: [1, Number.POSITIVE_INFINITY] }, /^custom buckets: last \+Inf bound/],
    [{ ...custom, customValues: [] }, /^custom buckets: only 0 custom bounds defined/],
    [
      { ...custom, positiveSpans: [{ offset: -1, length: 2 }] },
      /^custom buckets: span number 1 with offset -1/,
    ],
    [{ ...custom, zeroCount: 1 }, /^custom buckets: must have zero count of 0/],
    [{ ...custom, zeroThreshold: 1 }, /^custom buckets: must have zero threshold of 0/],
    [
      { ...custom, negativeSpans: [{ offset: 0, length: 0 }] },
      /^custom buckets: must not have negative spans/,
    ],
    [{ ...custom, negativeBuckets: [1] }, /^custom buckets: must not have negative buckets/],
  ];
  for (const [fields, problem] of cases)
    assert.match(histogramProblem(createHistogram(fields), true)!, problem);
});
