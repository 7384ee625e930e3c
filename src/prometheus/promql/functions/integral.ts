/** `integral`: the area under the samples of a range, in units of the metric times seconds (Prometheus 3.16). */

import { formatG } from "../../../model/number-format.ts";
import { informMixedRange } from "../annotations.ts";
import { nextCompensation } from "../kahan.ts";
import type { RangeCall, RangeInput } from "../range-function.ts";
import { perWindow, type Window } from "./series-over-time.ts";

/** How high the area between two samples is taken to be, by the number that the second argument gives. */
const STRATEGIES = ["left", "right", "middle"] as const;
type Strategy = (typeof STRATEGIES)[number];

export const integral = perWindow((input, window, call) => {
  if (window.to === window.from) return undefined;
  if (window.histogramTo > window.histogramFrom) {
    informMixedRange(call.annotations, input.labels.get("__name__"), call.positionOf(0));
  }
  return areaOf(input, window, strategyAt(window.step, call));
});

function strategyAt(step: number, { scalars, annotations, positionOf }: RangeCall): Strategy {
  const wanted = scalars[1]?.[step];
  if (wanted === undefined) return "middle";
  const strategy = STRATEGIES[wanted];
  if (strategy !== undefined) return strategy;
  annotations.warn(`strategy should be 0, 1, or 2 (default), using 2, got ${formatG(wanted)}`, positionOf(1));
  return "middle";
}

/** NaN counts as zero. The sum is compensated, also within the means of two samples. */
function areaOf({ floats }: RangeInput, { from, to }: Window, strategy: Strategy): number {
  const { timestamps, values } = floats;
  let sum = 0;
  let compensation = 0;
  for (let i = from + 1; i < to; i++) {
    const seconds = (timestamps[i] - timestamps[i - 1]) / 1000;
    const { height, lost } = heightOf(values[i - 1] || 0, values[i] || 0, strategy);
    if (height === 0 && lost === 0) continue;
    const area = height * seconds;
    const total = sum + area;
    compensation = nextCompensation(sum, area, total, compensation + lost * seconds);
    sum = total;
  }
  return Number.isFinite(sum) || Number.isNaN(sum) ? sum + compensation : sum;
}

/** The height of the area between two samples, and what rounding has taken off it. */
function heightOf(left: number, right: number, strategy: Strategy): { height: number; lost: number } {
  if (strategy === "left") return { height: left, lost: 0 };
  if (strategy === "right") return { height: right, lost: 0 };
  const total = left + right;
  if (!Number.isFinite(total) && Number.isFinite(left) && Number.isFinite(right)) {
    const half = left / 2 + right / 2;
    return { height: half, lost: nextCompensation(left / 2, right / 2, half, 0) };
  }
  return { height: total / 2, lost: nextCompensation(left, right, total, 0) / 2 };
}
