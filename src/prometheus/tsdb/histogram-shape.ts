/** What the store asks of native histograms. */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from "../../model/histogram.ts";

/** Whether all counts are whole numbers, so that the histogram can be written in the smaller integer form. */
export function isIntegerHistogram(histogram: FloatHistogram): boolean {
  return (
    isCount(histogram.count) &&
    isCount(histogram.zeroCount) &&
    histogram.positiveBuckets.every(isCount) &&
    histogram.negativeBuckets.every(isCount)
  );
}

function isCount(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}

/** Whether both have the same value in every field but the counter reset hint. NaN equals NaN. */
export function equalHistograms(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    equalSpans(a.positiveSpans, b.positiveSpans) &&
    equalSpans(a.negativeSpans, b.negativeSpans) &&
    equalNumbers(a.positiveBuckets, b.positiveBuckets) &&
    equalNumbers(a.negativeBuckets, b.negativeBuckets) &&
    equalNumbers(a.customValues, b.customValues)
  );
}

export function equalSpans(a: Span[], b: Span[]): boolean {
  return (
    a.length === b.length && a.every((span, i) => span.offset === b[i].offset && span.length === b[i].length)
  );
}

export function equalNumbers(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

/**
 * What is wrong with a histogram, in upstream's words (`model/histogram/float_histogram.go`), or undefined.
 */
export function histogramProblem(histogram: FloatHistogram): string | undefined {
  const { schema, positiveSpans, negativeSpans, positiveBuckets, negativeBuckets } = histogram;
  if (schema === CUSTOM_BUCKETS_SCHEMA) {
    if (histogram.zeroCount !== 0) return "custom buckets: must have zero count of 0";
    if (negativeSpans.length > 0 || negativeBuckets.length > 0) {
      return "custom buckets: must not have negative spans";
    }
  } else if (schema < -4 || schema > 8) {
    return `schema ${schema} is not supported`;
  }
  for (const [side, spans, buckets] of [
    ["positive", positiveSpans, positiveBuckets],
    ["negative", negativeSpans, negativeBuckets],
  ] as const) {
    const problem = spansProblem(spans, buckets.length);
    if (problem !== undefined) return `${side} side: ${problem}`;
    if (buckets.some((count) => count < 0))
      return `${side} side: histogram has a bucket whose observation count is negative`;
  }
  if (histogram.zeroCount < 0) return "zero bucket has observation count of less than zero";
  if (histogram.count < 0) return "count is less than zero";
  return undefined;
}

function spansProblem(spans: Span[], buckets: number): string | undefined {
  let covered = 0;
  for (const [i, { offset, length }] of spans.entries()) {
    if (i > 0 && offset < 0)
      return `span number ${i + 1} with offset ${offset}: histogram has a span whose offset is negative`;
    covered += length;
  }
  return covered === buckets
    ? undefined
    : `spans need ${covered} buckets, have ${buckets} buckets: histogram spans specify different number of buckets than provided`;
}
