/**
 * `rate`, `increase` and `delta` window by window: for series with native histograms, and for those whose start
 * timestamps count (`extrapolatedRate` in upstream's `promql/functions.go`).
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import {
  addHistograms,
  IncompatibleSchemasError,
  multiplyHistogram,
} from "../../../model/histogram-arithmetic.ts";
import { MIXED_FLOATS_HISTOGRAMS } from "../annotations.ts";
import { quoteString } from "../parser/lexer.ts";
import type { Columns, RangeCall, RangeInput, WindowResult } from "../range-function.ts";
import type { FloatColumn, HistogramColumn } from "../window.ts";
import {
  type HistogramPoint,
  histogramIncrease,
  noted,
  type RateSubject,
  warnMixedSchemas,
} from "./histogram-rate.ts";
import { type RateKind, THRESHOLD_INTERVALS } from "./rate-kind.ts";
import { perWindow, type Window } from "./series-over-time.ts";
import { hasStartOverlap, isStartReset, warnStartOverlap } from "./start-time.ts";

export function generalRate(kind: RateKind, input: RangeInput, call: RangeCall): Columns | undefined {
  return perWindow((_, window) => rateOfWindow(kind, { input, call }, window))(input, call);
}

/** What extrapolation works on: the increase between the samples, and where they lie. */
interface Increase {
  float: number;
  histogram: FloatHistogram | undefined;
  /** The first sample, or its count: where the counter can't have been below zero. */
  firstValue: number;
  firstMs: number;
  lastMs: number;
  /** Samples less one. */
  intervals: number;
  /** Since when the first sample counts; 0 when unknown. */
  startMs: number;
}

function rateOfWindow(kind: RateKind, subject: RateSubject, window: Window): WindowResult {
  const { input, call } = subject;
  const hasFloats = window.to > window.from;
  const hasHistograms = window.histogramTo > window.histogramFrom;
  if (hasFloats && hasHistograms) {
    const name = quoteString(input.labels.get("__name__"));
    call.annotations.warn(`${MIXED_FLOATS_HISTOGRAMS} metric name ${name}`, call.positionOf(0));
    return undefined;
  }
  const increase = hasFloats
    ? floatIncrease(kind, subject, window)
    : histogramIncreaseOf(kind, subject, window);
  return increase && extrapolated(kind, subject, window, increase);
}

function floatIncrease({ isCounter }: RateKind, subject: RateSubject, { from, to }: Window): Increase {
  const { floats } = subject.input;
  const { timestamps, values } = floats;
  const starts = isCounter ? startsOf(floats, subject.call) : undefined;
  let float = values[to - 1] - values[from];
  if (isCounter) {
    let overlaps = false;
    for (let i = from + 1; i < to; i++) {
      const previous = { timestampMs: timestamps[i - 1], startMs: starts?.[i - 1] };
      const current = { timestampMs: timestamps[i], startMs: starts?.[i] };
      overlaps ||= hasStartOverlap(previous, current);
      if (values[i] < values[i - 1] || isStartReset(previous, current)) float += values[i - 1];
    }
    if (overlaps) warnStartOverlap(subject);
  }
  return {
    float,
    histogram: undefined,
    firstValue: values[from],
    firstMs: timestamps[from],
    lastMs: timestamps[to - 1],
    intervals: to - from - 1,
    startMs: starts?.[from] ?? 0,
  };
}

function histogramIncreaseOf(
  { isCounter }: RateKind,
  subject: RateSubject,
  { histogramFrom, histogramTo }: Window,
): Increase | undefined {
  const points = histogramPoints(subject, histogramFrom, histogramTo);
  const histogram = points.length > 1 ? histogramIncrease(points, isCounter, subject) : undefined;
  if (points.length > 1 && histogram === undefined) return undefined;
  return {
    float: 0,
    histogram,
    firstValue: points[0].histogram.count,
    firstMs: points[0].timestampMs,
    lastMs: points.at(-1)!.timestampMs,
    intervals: points.length - 1,
    startMs: (isCounter && points[0].startMs) || 0,
  };
}

export function histogramPoints({ input, call }: RateSubject, from: number, to: number): HistogramPoint[] {
  const { timestamps, values } = input.histograms;
  const starts = startsOf(input.histograms, call);
  return values.slice(from, to).map((histogram, i) => ({
    histogram,
    timestampMs: timestamps[from + i],
    startMs: starts?.[from + i],
  }));
}

function startsOf(column: FloatColumn | HistogramColumn, { run }: RangeCall): Float64Array | undefined {
  return run.startTimestamps ? column.startTimestamps : undefined;
}

function extrapolated(
  kind: RateKind,
  subject: RateSubject,
  window: Window,
  increase: Increase,
): WindowResult {
  const { call } = subject;
  const { firstMs, lastMs, intervals, startMs } = increase;
  const rangeStart = call.rangeStartAt(window.step);
  let sampled = (lastMs - firstMs) / 1000;
  const average = intervals > 0 ? sampled / intervals : 0;
  const threshold = average * THRESHOLD_INTERVALS;
  let toStart = (firstMs - rangeStart) / 1000;
  let toEnd = (call.rangeEndAt(window.step) - lastMs) / 1000;
  let { float, histogram } = increase;
  if (kind.isCounter && startMs !== 0 && startMs > rangeStart && startMs < firstMs) {
    // The counter began within the range, at zero: nothing to extrapolate to the left.
    toStart = 0;
    sampled = (lastMs - startMs) / 1000;
    float += increase.firstValue;
    if (window.histogramTo > window.histogramFrom) {
      const first = subject.input.histograms.values[window.histogramFrom];
      histogram = histogram === undefined ? first : sum(histogram, first, subject);
      if (histogram === undefined) return undefined;
    }
  } else if (intervals === 0) {
    return undefined;
  } else {
    if (toStart >= threshold) toStart = average / 2;
    const risen = histogram === undefined ? float : histogram.count;
    if (kind.isCounter && risen > 0 && increase.firstValue >= 0) {
      toStart = Math.min(toStart, sampled * (increase.firstValue / risen));
    }
  }
  if (toEnd >= threshold) toEnd = average / 2;
  let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
  if (kind.isPerSecond) factor /= call.rangeMs / 1000;
  return histogram === undefined ? float * factor : multiplyHistogram(histogram, factor);
}

function sum(a: FloatHistogram, b: FloatHistogram, subject: RateSubject): FloatHistogram | undefined {
  try {
    return noted(addHistograms(a, b), "addition", subject);
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    warnMixedSchemas(subject);
    return undefined;
  }
}
