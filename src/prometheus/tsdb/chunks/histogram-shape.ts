/** What the store asks of native histograms. */
import type { FloatHistogram, Span } from "../../../model/histogram.ts";

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
