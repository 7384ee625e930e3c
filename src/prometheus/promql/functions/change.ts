/** Functions of the steps from sample to sample: `changes`, `resets`, `irate`, `idelta`. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import {
  areHistogramsEqual,
  divideHistogram,
  IncompatibleSchemasError,
  isReset,
  subtractHistograms,
} from "../../../model/histogram-arithmetic.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import { MIXED_FLOATS_HISTOGRAMS } from "../annotations.ts";
import { firstIndex } from "../classic-histogram.ts";
import { quoteString } from "../parser/lexer.ts";
import type { Columns, RangeCall, RangeFunction, RangeInput, WindowResult } from "../range-function.ts";
import {
  noted,
  type RateSubject,
  warnMixedSchemas,
  warnNotCounter,
  warnUnlessGauge,
} from "./histogram-rate.ts";
import { floatsOverTime } from "./over-time.ts";
import { perWindow, type Window } from "./series-over-time.ts";
import { isStartReset } from "./start-time.ts";

/** A sample of either kind. */
interface Point {
  timestampMs: number;
  startMs: number | undefined;
  value: number;
  histogram: FloatHistogram | undefined;
}

export const changes = counting(
  (values, from, to) => {
    let count = 0;
    for (let i = from + 1; i < to; i++) {
      const [previous, value] = [values[i - 1], values[i]];
      if (value !== previous && !(Number.isNaN(value) && Number.isNaN(previous))) count++;
    }
    return count;
  },
  (previous, current) => {
    if (previous.histogram !== undefined && current.histogram !== undefined) {
      return !areHistogramsEqual(previous.histogram, current.histogram);
    }
    if (previous.histogram !== current.histogram) return true;
    const bothNaN = Number.isNaN(previous.value) && Number.isNaN(current.value);
    return previous.value !== current.value && !bothNaN;
  },
);

export const resets = counting(
  (values, from, to) => {
    let count = 0;
    for (let i = from + 1; i < to; i++) if (values[i] < values[i - 1]) count++;
    return count;
  },
  (previous, current) => {
    if ((previous.histogram === undefined) !== (current.histogram === undefined)) return true;
    if (isStartReset(previous, current)) return true;
    return current.histogram === undefined
      ? current.value < previous.value
      : isReset(current.histogram, previous.histogram!);
  },
);

/** Counts the steps within a window for which something holds. */
function counting(
  ofFloats: (values: Float64Array, from: number, to: number) => number,
  isCounted: (previous: Point, current: Point) => boolean,
): RangeFunction {
  const simple = floatsOverTime(ofFloats);
  const general = perWindow((input, window, call) => {
    const points = pointsOf(input, anchored(input, window, call), call);
    if (points.length === 0) return undefined;
    let count = 0;
    for (let i = 1; i < points.length; i++) if (isCounted(points[i - 1], points[i])) count++;
    return count;
  });
  return (input, call) => (isPlain(input, call) ? simple(input, call) : general(input, call));
}

/** Whether there are only floats to look at, and only their values. */
function isPlain({ hasHistograms, floats }: RangeInput, { extension, run }: RangeCall): boolean {
  return !hasHistograms && extension === undefined && !(run.startTimestamps && floats.startTimestamps);
}

/** An anchored window begins with the last sample at or before its start; nothing is left without one inside. */
function anchored({ floats, histograms }: RangeInput, window: Window, call: RangeCall): Window {
  if (call.extension !== "anchored") return window;
  const startMs = call.rangeStartAt(window.step);
  const after = (timestamps: Float64Array, from: number, to: number) =>
    from + firstIndex(to - from, (i) => timestamps[from + i] > startMs);
  const float = after(floats.timestamps, window.from, window.to);
  const histogram = after(histograms.timestamps, window.histogramFrom, window.histogramTo);
  if (float === window.to && histogram === window.histogramTo) {
    return { ...window, from: float, histogramFrom: histogram };
  }
  const lastFloatMs = float > window.from ? floats.timestamps[float - 1] : Number.NEGATIVE_INFINITY;
  const lastHistogramMs =
    histogram > window.histogramFrom ? histograms.timestamps[histogram - 1] : Number.NEGATIVE_INFINITY;
  const isNone = lastFloatMs === lastHistogramMs && lastFloatMs === Number.NEGATIVE_INFINITY;
  const isFloat = !isNone && lastFloatMs >= lastHistogramMs;
  return {
    ...window,
    from: isFloat ? float - 1 : float,
    histogramFrom: isNone || isFloat ? histogram : histogram - 1,
  };
}

/** The samples of a window in order of time. */
function pointsOf({ floats, histograms }: RangeInput, window: Window, { run }: RangeCall): Point[] {
  const points: Point[] = [];
  const starts = (column: { startTimestamps: Float64Array | undefined }, i: number) =>
    run.startTimestamps ? column.startTimestamps?.[i] : undefined;
  let { from, histogramFrom } = window;
  while (from < window.to || histogramFrom < window.histogramTo) {
    const isFloat =
      from < window.to &&
      (histogramFrom >= window.histogramTo || floats.timestamps[from] < histograms.timestamps[histogramFrom]);
    if (isFloat) {
      points.push({
        timestampMs: floats.timestamps[from],
        startMs: starts(floats, from),
        value: floats.values[from],
        histogram: undefined,
      });
      from++;
    } else {
      points.push({
        timestampMs: histograms.timestamps[histogramFrom],
        startMs: starts(histograms, histogramFrom),
        value: Number.NaN,
        histogram: histograms.values[histogramFrom],
      });
      histogramFrom++;
    }
  }
  return points;
}

/** Between the last two samples of each window. */
export function instantChange({ isRate }: { isRate: boolean }): RangeFunction {
  const general = perWindow((input, window, call) => {
    const lastTwo = {
      ...window,
      from: Math.max(window.from, window.to - 2),
      histogramFrom: Math.max(window.histogramFrom, window.histogramTo - 2),
    };
    const points = pointsOf(input, lastTwo, call).slice(-2);
    return points.length < 2 ? undefined : change(points[0], points[1], isRate, { input, call });
  });
  return (input, call) => (isPlain(input, call) ? lastChange(input, call, isRate) : general(input, call));
}

function change(previous: Point, current: Point, isRate: boolean, subject: RateSubject): WindowResult {
  const seconds = (current.timestampMs - previous.timestampMs) / 1000;
  if (seconds === 0) return undefined;
  if (current.histogram !== undefined && previous.histogram !== undefined) {
    const isNew =
      isRate && (isStartReset(previous, current) || isReset(current.histogram, previous.histogram));
    const result = histogramChange(previous.histogram, current.histogram, { isRate, isNew }, subject);
    return result && (isRate ? divideHistogram(result, seconds) : result);
  }
  if (current.histogram !== undefined || previous.histogram !== undefined) {
    const name = quoteString(subject.input.labels.get("__name__"));
    const { call } = subject;
    call.annotations.warn(`${MIXED_FLOATS_HISTOGRAMS} metric name ${name}`, call.positionOf(0));
    return undefined;
  }
  const isNew = isRate && (current.value < previous.value || isStartReset(previous, current));
  const difference = isNew ? current.value : current.value - previous.value;
  return isRate ? difference / seconds : difference;
}

function histogramChange(
  previous: FloatHistogram,
  current: FloatHistogram,
  { isRate, isNew }: { isRate: boolean; isNew: boolean },
  subject: RateSubject,
): FloatHistogram | undefined {
  const isGauge = [previous, current].some(({ counterResetHint }) => counterResetHint === "gauge");
  if (isRate && isGauge) warnNotCounter(subject);
  if (!isRate) warnUnlessGauge([previous, current], subject);
  try {
    const result = isNew ? current : noted(subtractHistograms(current, previous), "subtraction", subject);
    return compacted({ ...result, counterResetHint: "gauge" });
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    warnMixedSchemas(subject);
    return undefined;
  }
}

function lastChange(
  { floats, floatPlan }: RangeInput,
  { grid }: RangeCall,
  isRate: boolean,
): Columns | undefined {
  const { from, to } = floatPlan;
  const values = new Float64Array(grid.count);
  const present = new Uint8Array(grid.count);
  let found = 0;
  for (let step = 0; step < values.length; step++) {
    const last = to[step] - 1;
    if (last <= from[step]) continue;
    const seconds = (floats.timestamps[last] - floats.timestamps[last - 1]) / 1000;
    const [previous, value] = [floats.values[last - 1], floats.values[last]];
    const difference = isRate && value < previous ? value : value - previous;
    values[step] = isRate ? difference / seconds : difference;
    present[step] = 1;
    found++;
  }
  if (found === 0) return undefined;
  return { values, present: found === grid.count ? grid.all : present };
}
