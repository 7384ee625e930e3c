/** The rate of native histograms (`histogramRate` in upstream's `promql/functions.go`). */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { usesCustomBuckets } from "../../../model/histogram.ts";
import {
  addHistograms,
  type Combination,
  emptyLike,
  IncompatibleSchemasError,
  isReset,
  subtractHistograms,
  toSchema,
} from "../../../model/histogram-arithmetic.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import { type Annotations, informReconciledBounds, MIXED_BUCKET_SCHEMAS } from "../annotations.ts";
import type { Position } from "../parser/ast.ts";
import { quoteString } from "../parser/lexer.ts";
import type { RangeCall, RangeInput } from "../range-function.ts";
import { hasStartOverlap, isStartReset, warnStartOverlap } from "./start-time.ts";

/** What remarks are made about: a series, and the call that looks at it. */
export interface RateSubject {
  input: RangeInput;
  call: RangeCall;
}

/** A histogram and when it was taken, and since when it counts. */
export interface HistogramPoint {
  histogram: FloatHistogram;
  timestampMs: number;
  /** 0: unknown. Undefined: nobody asks. */
  startMs: number | undefined;
}

/** How much the histograms went up from first to last, resets made up for. Undefined, with a remark, if they don't fit. */
export function histogramIncrease(
  points: readonly HistogramPoint[],
  isCounter: boolean,
  subject: RateSubject,
): FloatHistogram | undefined {
  const last = points.at(-1)!.histogram;
  if (isCounter) warnUnlessCounter(points, subject);
  const base =
    isCounter && isResetBetween(points[0], points[1]) ? emptyLike(points[1].histogram) : points[0].histogram;
  const inner = isCounter ? points.slice(1, -1).map(({ histogram }) => histogram) : [];
  const involved = [base, ...inner, last];
  if (involved.some((histogram) => usesCustomBuckets(histogram) !== usesCustomBuckets(base))) {
    warnMixedSchemas(subject);
    return undefined;
  }
  const schema = Math.min(...involved.map((histogram) => histogram.schema));
  try {
    let result = noted(subtractHistograms(toSchema(last, schema), base), "subtraction", subject);
    if (isCounter) result = withResets(result, points, base, subject);
    else warnUnlessGauge([points[0].histogram, last], subject);
    return compacted({ ...result, counterResetHint: "gauge" });
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    warnMixedSchemas(subject);
    return undefined;
  }
}

/** Adds what stood in the counter before each reset. */
function withResets(
  increase: FloatHistogram,
  points: readonly HistogramPoint[],
  base: FloatHistogram,
  subject: RateSubject,
): FloatHistogram {
  let result = increase;
  let previous = base;
  let overlaps = false;
  for (let i = 1; i < points.length; i++) {
    const [before, point] = [points[i - 1], points[i]];
    overlaps ||= hasStartOverlap(before, point);
    if (isStartReset(before, point) || isReset(point.histogram, previous)) {
      result = noted(addHistograms(result, previous), "addition", subject);
    }
    previous = point.histogram;
  }
  if (overlaps) warnStartOverlap(subject);
  return result;
}

function isResetBetween(before: HistogramPoint, point: HistogramPoint): boolean {
  return isStartReset(before, point) || isReset(point.histogram, before.histogram);
}

/** The result, its reconciled bounds remarked on. Contradicting hints are looked at by the rate itself. */
export function noted(
  combination: Combination,
  operation: "addition" | "subtraction",
  { call }: RateSubject,
): FloatHistogram {
  return notedAt(combination, operation, { annotations: call.annotations, position: call.positionOf(0) });
}

/** Where remarks go. */
export interface Remarks {
  annotations: Annotations;
  position: Position;
}

export function notedAt(
  { histogram, areBoundsReconciled }: Combination,
  operation: "addition" | "subtraction",
  { annotations, position }: Remarks,
): FloatHistogram {
  if (areBoundsReconciled) informReconciledBounds(annotations, operation, position);
  return histogram;
}

function warnUnlessCounter(points: readonly HistogramPoint[], subject: RateSubject): void {
  if (points.some(({ histogram }) => histogram.counterResetHint === "gauge")) warnNotCounter(subject);
}

export function warnNotCounter({ input, call }: RateSubject): void {
  const name = quoteString(input.labels.get("__name__"));
  call.annotations.warn(`this native histogram metric is not a counter: ${name}`, call.positionOf(0));
}

/** Remarks on histograms that are not all gauges. */
export function warnUnlessGauge(histograms: readonly FloatHistogram[], { input, call }: RateSubject): void {
  if (histograms.every(({ counterResetHint }) => counterResetHint === "gauge")) return;
  const name = quoteString(input.labels.get("__name__"));
  call.annotations.warn(`this native histogram metric is not a gauge: ${name}`, call.positionOf(0));
}

export function warnMixedSchemas({ input, call }: RateSubject): void {
  const name = quoteString(input.labels.get("__name__"));
  call.annotations.warn(`${MIXED_BUCKET_SCHEMAS} ${name}`, call.positionOf(0));
}
