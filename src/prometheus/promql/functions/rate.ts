/** `rate`, `increase` and `delta`: `extrapolatedRate` in upstream's `promql/functions.go`. */

import { quoteString } from "../parser/lexer.ts";
import type { Columns, RangeCall, RangeFunction, RangeInput } from "../range-function.ts";
import type { WindowPlan } from "../window.ts";
import { extendedRate } from "./extended-rate.ts";
import { generalRate } from "./general-rate.ts";
import { type RateKind, THRESHOLD_INTERVALS } from "./rate-kind.ts";

/** What extrapolation needs to know of each window's timestamps; values come into it only near zero. */
interface ExtrapolationPlan {
  present: Uint8Array;
  /** In how many windows there are two samples at least. */
  found: number;
  /** Indexes of the first and last sample; of any where there are no two. */
  first: Int32Array;
  last: Int32Array;
  /** From the first to the last sample, in seconds. */
  sampled: Float64Array;
  /** How far to extrapolate to the left and right, in seconds. */
  toStart: Float64Array;
  toEnd: Float64Array;
  /** By how much the increase between first and last sample is to be multiplied where zero isn't near. */
  factor: Float64Array;
  /** A counter whose first value is not below so many times its increase is not near zero; a little too large. */
  nearZero: Float64Array;
}

export function rateFunction(kind: RateKind): RangeFunction {
  return (input, call) => {
    if (call.extension !== undefined) return extendedRate(kind, input, call);
    const startsCount =
      kind.isCounter && call.run.startTimestamps && input.floats.startTimestamps !== undefined;
    return input.hasHistograms || startsCount ? generalRate(kind, input, call) : floatRate(kind, input, call);
  };
}

function floatRate(kind: RateKind, input: RangeInput, call: RangeCall): Columns | undefined {
  const { floats, floatPlan } = input;
  const { from, to } = floatPlan;
  const plan = extrapolationPlan(kind, floatPlan, floats.timestamps, call);
  if (plan.found === 0) return undefined;
  const values = call.grid.column();
  const resets =
    kind.isCounter && floats.falls !== false ? resetIndexes(floats.values, from[0], to.at(-1)!) : NO_RESETS;
  if (resets.length === 0) steadyRate(kind, floats.values, plan, call, values);
  else rateWithResets(kind, floats.values, plan, call, values, resets);
  return { values, present: plan.present };
}

/** What most series are: without a reset. What comes out at steps without samples nobody looks at. */
function steadyRate(
  kind: RateKind,
  source: Float64Array,
  plan: ExtrapolationPlan,
  call: RangeCall,
  out: Float64Array,
): void {
  const { isCounter } = kind;
  const { first, last, factor, nearZero } = plan;
  for (let step = 0; step < out.length; step++) {
    const begin = source[first[step]];
    const increase = source[last[step]] - begin;
    out[step] = increase * factor[step];
    // Not as one expression: the engine would make an object of each number that may come from a call.
    if (isCounter && begin < nearZero[step] * increase)
      out[step] = increase * counterFactor(kind, plan, call, step, begin, increase);
  }
}

function rateWithResets(
  kind: RateKind,
  source: Float64Array,
  plan: ExtrapolationPlan,
  call: RangeCall,
  out: Float64Array,
  resets: number[],
): void {
  const { present, factor, nearZero } = plan;
  let nextReset = 0;
  for (let step = 0; step < out.length; step++) {
    if (present[step] === 0) continue;
    const first = plan.first[step];
    const last = plan.last[step];
    let increase = source[last] - source[first];
    while (nextReset < resets.length && resets[nextReset] <= first) nextReset++;
    for (let i = nextReset; i < resets.length && resets[i] <= last; i++) increase += source[resets[i] - 1];
    out[step] = increase * factor[step];
    if (source[first] < nearZero[step] * increase)
      out[step] = increase * counterFactor(kind, plan, call, step, source[first], increase);
  }
}

/** The factor of a counter, which can't have been below zero before the window's first sample. */
function counterFactor(
  { isPerSecond }: RateKind,
  { sampled, toStart, toEnd, factor }: ExtrapolationPlan,
  { rangeMs }: RangeCall,
  step: number,
  first: number,
  increase: number,
): number {
  if (!(increase > 0 && first >= 0)) return factor[step];
  const toZero = sampled[step] * (first / increase);
  if (!(toZero < toStart[step])) return factor[step];
  const seconds = isPerSecond ? rangeMs / 1000 : 1;
  return (sampled[step] + toZero + toEnd[step]) / sampled[step] / seconds;
}

const NEARLY_ONE = 1 + 1e-9;
const NO_RESETS: number[] = [];

/** The samples, of those from `from` up to `to`, that are lower than the one before. */
function resetIndexes(values: Float64Array, from: number, to: number): number[] {
  let resets = NO_RESETS;
  for (let i = from + 1; i < to; i++) {
    if (values[i] < values[i - 1]) {
      if (resets === NO_RESETS) resets = [];
      resets.push(i);
    }
  }
  return resets;
}

function extrapolationPlan(
  { isPerSecond }: RateKind,
  windows: WindowPlan,
  timestamps: Float64Array,
  call: RangeCall,
): ExtrapolationPlan {
  const key = isPerSecond ? "extrapolation per second" : "extrapolation";
  let plan = windows.cache.get(key) as ExtrapolationPlan | undefined;
  if (plan !== undefined) return plan;
  const { count } = call.grid;
  plan = {
    present: new Uint8Array(count),
    found: 0,
    first: new Int32Array(count),
    last: new Int32Array(count),
    sampled: new Float64Array(count),
    toStart: new Float64Array(count),
    toEnd: new Float64Array(count),
    factor: new Float64Array(count),
    nearZero: new Float64Array(count),
  };
  let found = 0;
  for (let step = 0; step < count; step++) {
    const first = windows.from[step];
    const last = windows.to[step] - 1;
    if (last <= first) continue;
    found++;
    plan.present[step] = 1;
    plan.first[step] = first;
    plan.last[step] = last;
    const sampled = (timestamps[last] - timestamps[first]) / 1000;
    const average = sampled / (last - first);
    const threshold = average * THRESHOLD_INTERVALS;
    let toStart = (timestamps[first] - call.rangeStartAt(step)) / 1000;
    let toEnd = (call.rangeEndAt(step) - timestamps[last]) / 1000;
    if (toStart >= threshold) toStart = average / 2;
    if (toEnd >= threshold) toEnd = average / 2;
    plan.sampled[step] = sampled;
    plan.toStart[step] = toStart;
    plan.toEnd[step] = toEnd;
    const factor = (sampled + toStart + toEnd) / sampled;
    plan.nearZero[step] = (toStart / sampled) * NEARLY_ONE;
    plan.factor[step] = isPerSecond ? factor / (call.rangeMs / 1000) : factor;
  }
  plan.found = found;
  if (found === count) plan.present = call.grid.all;
  windows.cache.set(key, plan);
  return plan;
}

const COUNTER_SUFFIXES = ["_total", "_sum", "_count", "_bucket"];

/** Remarks that a metric's name (or, where those are labels, its type) is not that of a counter. */
export function informNonCounter({ labels }: RangeInput, columns: Columns, call: RangeCall): void {
  const name = labels.get("__name__");
  if (name === "" || columns.histograms !== undefined) return;
  if (!call.run.typeAndUnitLabels) {
    if (call.checkedNames.has(name)) return;
    call.checkedNames.add(name);
  }
  const position = call.positionOf(0);
  if (call.run.typeAndUnitLabels) {
    const type = labels.get("__type__");
    if (type === "counter" || type === "histogram") return;
    const got = `got ${quoteString(type)}: ${quoteString(name)}`;
    call.annotations.inform(
      `metric might not be a counter, __type__ label is not set to "counter" or "histogram", ${got}`,
      position,
    );
  } else if (!COUNTER_SUFFIXES.some((suffix) => name.endsWith(suffix))) {
    call.annotations.inform(
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoteString(name)}`,
      position,
    );
  }
}
