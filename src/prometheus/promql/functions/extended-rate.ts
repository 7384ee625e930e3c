/**
 * `rate`, `increase` and `delta` of `anchored` and `smoothed` ranges, whose ends are taken from the samples around
 * them instead of by extrapolation (`extendedRate`, `extendedHistogramRate` upstream).
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { usesCustomBuckets } from "../../../model/histogram.ts";
import {
  addHistograms,
  divideHistogram,
  IncompatibleSchemasError,
  isReset,
  multiplyHistogram,
  subtractHistograms,
} from "../../../model/histogram-arithmetic.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import { MIXED_FLOATS_HISTOGRAMS } from "../annotations.ts";
import { quoteString } from "../parser/lexer.ts";
import type { Columns, RangeCall, RangeInput, WindowResult } from "../range-function.ts";
import {
  beganAnew,
  type CounterEnd,
  CounterWindow,
  counterEndsOf,
  type Ends,
  type ExtendedRange,
  endsOf,
  endValues,
  type WindowFloats,
} from "./extended-ends.ts";
import {
  noted,
  notedAt,
  type RateSubject,
  type Remarks,
  warnMixedSchemas,
  warnNotCounter,
  warnUnlessGauge,
} from "./histogram-rate.ts";
import type { RateKind } from "./rate-kind.ts";
import { perWindow, type Window } from "./series-over-time.ts";

export function extendedRate(kind: RateKind, input: RangeInput, call: RangeCall): Columns | undefined {
  return perWindow((_, window) => rateOfWindow(kind, { input, call }, window))(input, call);
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
  return hasFloats ? floatRate(kind, subject, window) : histogramRate(kind, subject, window);
}

function rangeAt({ call }: RateSubject, step: number): ExtendedRange {
  return {
    startMs: call.rangeStartAt(step),
    endMs: call.rangeEndAt(step),
    isSmoothed: call.extension === "smoothed",
  };
}

function floatRate(kind: RateKind, subject: RateSubject, window: Window): WindowResult {
  const range = rangeAt(subject, window.step);
  const { call, input } = subject;
  // A window's own columns, so that no sample outside of it is the neighbour of one inside.
  const part = (column: Float64Array) => column.subarray(window.from, window.to);
  const floats: WindowFloats = {
    timestamps: part(input.floats.timestamps),
    values: part(input.floats.values),
  };
  if (kind.isCounter && call.run.startTimestamps && input.floats.startTimestamps !== undefined) {
    floats.starts = part(input.floats.startTimestamps);
  }
  const change = kind.isCounter ? counterIncrease(floats, range, call) : difference(floats, range);
  if (change === undefined) return undefined;
  return kind.isPerSecond ? change / (call.rangeMs / 1000) : change;
}

function difference(floats: WindowFloats, range: ExtendedRange): number | undefined {
  const ends = endsOf(floats.timestamps, range);
  if (ends === undefined) return undefined;
  const { left, right } = endValues(floats, ends, range.isSmoothed);
  return right - left;
}

function counterIncrease(
  floats: WindowFloats,
  range: ExtendedRange,
  { run: { lookbackMs } }: RangeCall,
): number | undefined {
  const ends = counterEndsOf(floats, range, lookbackMs);
  if (ends === undefined) return undefined;
  const { timestamps } = floats;
  const window = new CounterWindow(floats, ends, range.isSmoothed, lookbackMs);
  const left = window.left();
  const right = window.right();
  // Added up apart from the difference, as upstream has it.
  let correction = 0;
  let previous = left;
  const continueWith = (current: CounterEnd) => {
    if (current.value < previous.value || beganAnew(previous, current)) correction += previous.value;
    previous = current;
  };
  const from = timestamps[ends.first] <= range.startMs ? ends.first + 1 : ends.first;
  const to = timestamps[ends.last] >= range.endMs ? ends.last - 1 : ends.last;
  for (let i = from; i <= to; i++) continueWith(window.sampleAt(i));
  continueWith(right);
  return right.value - left.value + correction;
}

function histogramRate(kind: RateKind, subject: RateSubject, window: Window): WindowResult {
  const range = rangeAt(subject, window.step);
  const timestamps = subject.input.histograms.timestamps.subarray(window.histogramFrom, window.histogramTo);
  const values = subject.input.histograms.values.slice(window.histogramFrom, window.histogramTo);
  const ends = endsOf(timestamps, range);
  if (ends === undefined || !isConsistent(values.slice(ends.first, ends.last + 1), kind, subject))
    return undefined;
  try {
    return histogramResult(kind, subject, timestamps, values, ends);
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    warnMixedSchemas(subject);
    return undefined;
  }
}

function isConsistent(
  values: readonly FloatHistogram[],
  { isCounter }: RateKind,
  subject: RateSubject,
): boolean {
  for (const histogram of values) {
    if (usesCustomBuckets(histogram) !== usesCustomBuckets(values[0])) {
      warnMixedSchemas(subject);
      return false;
    }
    if (isCounter && histogram.counterResetHint === "gauge") warnNotCounter(subject);
  }
  return true;
}

function histogramResult(
  { isCounter, isPerSecond }: RateKind,
  subject: RateSubject,
  timestamps: Float64Array,
  values: FloatHistogram[],
  { first, last, startMs, endMs }: Ends,
): FloatHistogram {
  const isSmoothed = subject.call.extension === "smoothed";
  const remarks = { annotations: subject.call.annotations, position: subject.call.positionOf(0) };
  const isLeftBetween = isSmoothed && timestamps[first] < startMs;
  const isRightBetween = isSmoothed && last > 0 && timestamps[last] > endMs;
  const between = (index: number, timeMs: number) =>
    interpolateHistograms(timestamps, values, index, timeMs, isCounter, remarks);
  const left = isLeftBetween ? between(first, startMs) : values[first];
  const right = isRightBetween ? between(last - 1, endMs) : values[last];
  if (!isCounter) warnUnlessGauge([left, right], subject);
  let result = noted(subtractHistograms(right, left), "subtraction", subject);
  if (isCounter) {
    let previous = left;
    let next = first + 1;
    if (isLeftBetween && isReset(values[next], values[first])) {
      // Already made up for by the interpolation.
      previous = values[next];
      next++;
    }
    if (next <= last) {
      let correction: FloatHistogram | undefined;
      for (const histogram of [...values.slice(next, last), right]) {
        if (isReset(histogram, previous)) {
          correction =
            correction === undefined
              ? previous
              : noted(addHistograms(correction, previous), "addition", subject);
        }
        previous = histogram;
      }
      if (correction !== undefined) result = noted(addHistograms(result, correction), "addition", subject);
    }
  }
  if (isPerSecond) result = divideHistogram(result, subject.call.rangeMs / 1000);
  return compacted({ ...result, counterResetHint: "gauge" });
}

/** The histogram at a time between two. */
export function interpolateHistograms(
  timestamps: Float64Array,
  values: readonly FloatHistogram[],
  index: number,
  timeMs: number,
  isCounter: boolean,
  remarks: Remarks,
): FloatHistogram {
  const [before, after] = [values[index], values[index + 1]];
  const [startMs, endMs] = [timestamps[index], timestamps[index + 1]];
  if (timeMs === startMs) return before;
  if (timeMs === endMs) return after;
  const fraction = (timeMs - startMs) / (endMs - startMs);
  if (isCounter && isReset(after, before)) return multiplyHistogram(after, fraction);
  const difference = notedAt(subtractHistograms(after, before), "subtraction", remarks);
  return notedAt(addHistograms(multiplyHistogram(difference, fraction), before), "addition", remarks);
}
