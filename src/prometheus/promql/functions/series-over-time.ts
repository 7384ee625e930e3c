/** Functions of a range that need more of a series than the floats of one window. */
import { informMixedRange, warnInvalidQuantile } from "../annotations.ts";
import { quantileOf } from "../quantile.ts";
import type { RangeCall, RangeFunction, RangeInput, WindowResult } from "../range-function.ts";
import { store } from "../range-function.ts";
import { ColumnBuilder } from "../step-series.ts";
import { checkFactor, doubleExponentialSmoothing, linearRegression } from "./regression.ts";

/** The samples of one step, `from` inclusive, `to` exclusive, of each kind. */
export interface Window {
  step: number;
  from: number;
  to: number;
  histogramFrom: number;
  histogramTo: number;
}

/** A function of each window that has any samples. */
export function perWindow(
  compute: (input: RangeInput, window: Window, call: RangeCall) => WindowResult,
): RangeFunction {
  return (input, call) => {
    const columns = new ColumnBuilder(call.grid);
    const { floatPlan, histogramPlan } = input;
    for (let step = 0; step < call.grid.count; step++) {
      const window = {
        step,
        from: floatPlan.from[step],
        to: floatPlan.to[step],
        histogramFrom: histogramPlan.from[step],
        histogramTo: histogramPlan.to[step],
      };
      if (window.from === window.to && window.histogramFrom === window.histogramTo) continue;
      store(columns, step, compute(input, window, call));
    }
    return columns.isEmpty ? undefined : columns.finish();
  };
}

export const countOverTime = perWindow(
  (_, { from, to, histogramFrom, histogramTo }) => to - from + histogramTo - histogramFrom,
);

export const presentOverTime = perWindow(() => 1);

export const firstOverTime = perWindow(({ floats, histograms }, { from, to, histogramFrom, histogramTo }) => {
  const isFloat =
    to > from &&
    !(histogramTo > histogramFrom && histograms.timestamps[histogramFrom] <= floats.timestamps[from]);
  return isFloat ? floats.values[from] : histograms.values[histogramFrom];
});

export const lastOverTime = perWindow(({ floats, histograms }, { from, to, histogramFrom, histogramTo }) => {
  const isFloat =
    to > from &&
    !(histogramTo > histogramFrom && histograms.timestamps[histogramTo - 1] >= floats.timestamps[to - 1]);
  return isFloat ? floats.values[to - 1] : histograms.values[histogramTo - 1];
});

export const timeOfFirst = perWindow(({ floats, histograms }, { from, to, histogramFrom, histogramTo }) => {
  const float = to > from ? floats.timestamps[from] : Number.POSITIVE_INFINITY;
  const histogram =
    histogramTo > histogramFrom ? histograms.timestamps[histogramFrom] : Number.POSITIVE_INFINITY;
  return Math.min(float, histogram) / 1000;
});

export const timeOfLast = perWindow(({ floats, histograms }, { from, to, histogramFrom, histogramTo }) => {
  const float = to > from ? floats.timestamps[to - 1] : Number.NEGATIVE_INFINITY;
  const histogram =
    histogramTo > histogramFrom ? histograms.timestamps[histogramTo - 1] : Number.NEGATIVE_INFINITY;
  return Math.max(float, histogram) / 1000;
});

export const quantileOverTime = perWindow((input, window, call) => {
  const { step, from, to } = window;
  if (to === from) return undefined;
  const quantile = call.scalars[0]![step];
  warnInvalidQuantile(call.annotations, quantile, call.positionOf(0));
  informIfMixed(input, window, call);
  return quantileOf(quantile, input.floats.values.slice(from, to));
});

/** A trend needs two floats. */
function trend(
  compute: (floats: RangeInput["floats"], window: Window, call: RangeCall) => number,
): RangeFunction {
  return perWindow((input, window, call) => {
    const count = window.to - window.from;
    if (count > 0) informIfMixed(input, window, call);
    return count < 2 ? undefined : compute(input.floats, window, call);
  });
}

function informIfMixed(
  { labels }: RangeInput,
  { histogramFrom, histogramTo }: Window,
  call: RangeCall,
): void {
  if (histogramTo > histogramFrom)
    informMixedRange(call.annotations, labels.get("__name__"), call.positionOf(0));
}

export const deriv = trend(
  (floats, { from, to }) => linearRegression(floats, from, to, floats.timestamps[from]).slope,
);

export const predictLinear = trend((floats, { step, from, to }, { grid, scalars }) => {
  const { slope, intercept } = linearRegression(floats, from, to, grid.timeAt(step));
  return slope * scalars[1]![step] + intercept;
});

export const smoothing: RangeFunction = (input, call) => {
  for (let step = 0; step < call.grid.count; step++) {
    const { from, to } = input.floatPlan;
    const isEmpty =
      to[step] === from[step] && input.histogramPlan.to[step] === input.histogramPlan.from[step];
    if (isEmpty) continue;
    checkFactor("smoothing", call.scalars[1]![step]);
    checkFactor("trend", call.scalars[2]![step]);
  }
  return smooth(input, call);
};

const smooth = trend((floats, { step, from, to }, { scalars }) =>
  doubleExponentialSmoothing(floats.values, from, to, scalars[1]![step], scalars[2]![step]),
);
