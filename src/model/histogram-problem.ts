/** Whether a native histogram is one, in upstream's words (`Validate` in `model/histogram/{,float_}histogram.go`). */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from "./histogram.ts";
import { isExponentialSchema } from "./histogram-buckets.ts";

const NEGATIVE_BUCKET = "histogram has a bucket whose observation count is negative";

/**
 * What is wrong with a histogram, or undefined.
 *
 * @param hasIntegerCounts its counts are whole numbers that have to add up; those of float histograms may be rounded
 */
export function histogramProblem(histogram: FloatHistogram, hasIntegerCounts: boolean): string | undefined {
  const { schema, positiveBuckets, count } = histogram;
  const shape =
    schema === CUSTOM_BUCKETS_SCHEMA
      ? customProblem(histogram)
      : isExponentialSchema(schema)
        ? exponentialProblem(histogram)
        : `histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or ${CUSTOM_BUCKETS_SCHEMA} for custom buckets, got schema ${schema}`;
  if (shape !== undefined) return shape;
  if (count < 0) return `observation count is  ${count}: histogram's observation count is negative`;
  return sideProblem("positive", positiveBuckets) ?? (hasIntegerCounts ? countProblem(histogram) : undefined);
}

function exponentialProblem(histogram: FloatHistogram): string | undefined {
  const { positiveSpans, positiveBuckets, negativeSpans, negativeBuckets, zeroCount, customValues } =
    histogram;
  const spans =
    spansProblem("positive", positiveSpans, positiveBuckets.length) ??
    spansProblem("negative", negativeSpans, negativeBuckets.length) ??
    sideProblem("negative", negativeBuckets);
  if (spans !== undefined) return spans;
  if (zeroCount < 0) return `zero bucket has observation count of ${zeroCount}: ${NEGATIVE_BUCKET}`;
  return customValues.length > 0
    ? "histogram with exponential schema must not have custom bounds"
    : undefined;
}

function customProblem(histogram: FloatHistogram): string | undefined {
  const { customValues, positiveSpans, positiveBuckets, zeroCount, zeroThreshold } = histogram;
  const bounds =
    boundsProblem(customValues) ??
    customSpansProblem(positiveSpans, positiveBuckets.length, customValues.length);
  if (bounds !== undefined) return `custom buckets: ${bounds}`;
  if (zeroCount !== 0) return "custom buckets: must have zero count of 0";
  if (zeroThreshold !== 0) return "custom buckets: must have zero threshold of 0";
  if (histogram.negativeSpans.length > 0) return "custom buckets: must not have negative spans";
  return histogram.negativeBuckets.length > 0 ? "custom buckets: must not have negative buckets" : undefined;
}

function boundsProblem(bounds: readonly number[]): string | undefined {
  for (const [i, bound] of bounds.entries()) {
    if (Number.isNaN(bound)) return "histogram custom bounds must not be NaN";
    if (i > 0 && bound <= bounds[i - 1])
      return `previous bound is ${bounds[i - 1].toFixed(6)} and current is ${bound.toFixed(6)}: histogram custom bounds must be in strictly increasing order`;
  }
  return bounds.at(-1) === Number.POSITIVE_INFINITY
    ? "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite"
    : undefined;
}

function customSpansProblem(spans: readonly Span[], buckets: number, bounds: number): string | undefined {
  let needed = 0;
  let length = 0;
  for (const [i, span] of spans.entries()) {
    if (span.offset < 0) return negativeOffset(i, span);
    needed += span.length;
    length += span.length + span.offset;
  }
  if (needed !== buckets) return mismatch(needed, buckets);
  return bounds + 1 < length
    ? `only ${bounds} custom bounds defined which is insufficient to cover total span length of ${length}: histogram custom bounds are too few`
    : undefined;
}

function spansProblem(side: string, spans: readonly Span[], buckets: number): string | undefined {
  let needed = 0;
  for (const [i, span] of spans.entries()) {
    if (i > 0 && span.offset < 0) return `${side} side: ${negativeOffset(i, span)}`;
    needed += span.length;
  }
  return needed === buckets ? undefined : `${side} side: ${mismatch(needed, buckets)}`;
}

function negativeOffset(index: number, { offset }: Span): string {
  return `span number ${index + 1} with offset ${offset}: histogram has a span whose offset is negative`;
}

function mismatch(needed: number, buckets: number): string {
  return `spans need ${needed} buckets, have ${buckets} buckets: histogram spans specify different number of buckets than provided`;
}

function sideProblem(side: string, buckets: readonly number[]): string | undefined {
  const at = buckets.findIndex((count) => count < 0);
  return at < 0
    ? undefined
    : `${side} side: bucket number ${at + 1} has observation count of ${buckets[at]}: ${NEGATIVE_BUCKET}`;
}

function countProblem({
  positiveBuckets,
  negativeBuckets,
  zeroCount,
  count,
  sum,
}: FloatHistogram): string | undefined {
  let observations = zeroCount;
  for (const each of positiveBuckets) observations += each;
  for (const each of negativeBuckets) observations += each;
  const found = `${observations} observations found in buckets, but the Count field is ${count}`;
  // Observations of NaN are in no bucket.
  if (Number.isNaN(sum))
    return observations > count
      ? `${found}: histogram's observation count should be at least the number of observations found in the buckets`
      : undefined;
  return observations !== count
    ? `${found}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)`
    : undefined;
}
