/** The `*_over_time` functions of float samples. */
import { informMixedRange } from "../annotations.ts";
import { nextCompensation } from "../kahan.ts";
import { quantileOf } from "../quantile.ts";
import type { Columns, RangeCall, RangeFunction, RangeInput } from "../range-function.ts";

/** The samples from `from` up to but not including `to`, never none. */
type FloatReducer = (values: Float64Array, from: number, to: number, timestamps: Float64Array) => number;

/** A function that looks at the floats of each window, where there are any. Histograms beside them are ignored. */
export function floatsOverTime(reduce: FloatReducer): RangeFunction {
  return (input, call) => {
    if (input.hasHistograms) informOfIgnored(input, call);
    return reduceFloats(input, call, reduce);
  };
}

/** Remarks that a window has both floats and histograms, of which the latter don't count. */
function informOfIgnored({ labels, floatPlan, histogramPlan }: RangeInput, call: RangeCall): void {
  for (let step = 0; step < call.grid.count; step++) {
    const hasFloats = floatPlan.to[step] > floatPlan.from[step];
    if (!hasFloats || histogramPlan.to[step] === histogramPlan.from[step]) continue;
    informMixedRange(call.annotations, labels.get("__name__"), call.positionOf(0));
    return;
  }
}

export function reduceFloats(input: RangeInput, call: RangeCall, reduce: FloatReducer): Columns | undefined {
  const { floats, floatPlan } = input;
  const { from, to } = floatPlan;
  const { present, found } = occupied(floatPlan, call);
  if (found === 0) return undefined;
  const values = call.grid.column();
  for (let step = 0; step < values.length; step++) {
    if (to[step] > from[step]) values[step] = reduce(floats.values, from[step], to[step], floats.timestamps);
  }
  return { values, present };
}

/** The steps whose window is not empty. */
function occupied(
  plan: RangeInput["floatPlan"],
  { grid }: RangeCall,
): { present: Uint8Array; found: number } {
  const known = plan.cache.get("occupied") as { present: Uint8Array; found: number } | undefined;
  if (known !== undefined) return known;
  const present = new Uint8Array(grid.count);
  let found = 0;
  for (let step = 0; step < present.length; step++) {
    present[step] = plan.to[step] > plan.from[step] ? 1 : 0;
    found += present[step];
  }
  const answer = { present: found === grid.count ? grid.all : present, found };
  plan.cache.set("occupied", answer);
  return answer;
}

export function sumFloats(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  let compensation = 0;
  for (let i = from; i < to; i++) {
    const total = sum + values[i];
    compensation = nextCompensation(sum, values[i], total, compensation);
    sum = total;
  }
  return Number.isFinite(sum) || Number.isNaN(sum) ? sum + compensation : sum;
}

/** The mean as sum by count; where the sum would overflow, the running mean. */
export function averageFloats(values: Float64Array, from: number, to: number): number {
  let sum = values[from];
  let compensation = 0;
  for (let i = from + 1; i < to; i++) {
    const total = sum + values[i];
    if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) {
      return runningMean(values, from, i, to, sum, compensation);
    }
    compensation = nextCompensation(sum, values[i], total, compensation);
    sum = total;
  }
  const count = to - from;
  return sum / count + compensation / count;
}

function runningMean(
  values: Float64Array,
  from: number,
  next: number,
  to: number,
  sum: number,
  sumCompensation: number,
): number {
  let mean = sum / (next - from);
  let compensation = sumCompensation / (next - from);
  for (let i = next; i < to; i++) {
    const count = i - from + 1;
    const share = (count - 1) / count;
    const [scaled, increment] = [share * mean, values[i] / count];
    const total = scaled + increment;
    compensation = nextCompensation(scaled, increment, total, share * compensation);
    mean = total;
  }
  return mean + compensation;
}

export function minimumFloat(values: Float64Array, from: number, to: number): number {
  let minimum = values[from];
  for (let i = from + 1; i < to; i++) if (values[i] < minimum || Number.isNaN(minimum)) minimum = values[i];
  return minimum;
}

export function maximumFloat(values: Float64Array, from: number, to: number): number {
  let maximum = values[from];
  for (let i = from + 1; i < to; i++) if (values[i] > maximum || Number.isNaN(maximum)) maximum = values[i];
  return maximum;
}

/** In seconds; of equal samples the last one. */
export function timeOfMinimum(
  values: Float64Array,
  from: number,
  to: number,
  timestamps: Float64Array,
): number {
  let at = from;
  for (let i = from; i < to; i++) if (values[i] <= values[at] || Number.isNaN(values[at])) at = i;
  return timestamps[at] / 1000;
}

export function timeOfMaximum(
  values: Float64Array,
  from: number,
  to: number,
  timestamps: Float64Array,
): number {
  let at = from;
  for (let i = from; i < to; i++) if (values[i] >= values[at] || Number.isNaN(values[at])) at = i;
  return timestamps[at] / 1000;
}

/** Welford's algorithm, compensated. */
export function varianceOfFloats(values: Float64Array, from: number, to: number): number {
  let mean = 0;
  let meanCompensation = 0;
  let squares = 0;
  let squaresCompensation = 0;
  for (let i = from; i < to; i++) {
    const delta = values[i] - (mean + meanCompensation);
    const step = delta / (i - from + 1);
    const nextMean = mean + step;
    meanCompensation = nextCompensation(mean, step, nextMean, meanCompensation);
    mean = nextMean;
    const increment = delta * (values[i] - (mean + meanCompensation));
    const total = squares + increment;
    squaresCompensation = nextCompensation(squares, increment, total, squaresCompensation);
    squares = total;
  }
  return (squares + squaresCompensation) / (to - from);
}

/** Median absolute deviation; NaN where a sample is. */
export function medianAbsoluteDeviation(values: Float64Array, from: number, to: number): number {
  const window = values.slice(from, to);
  if (window.some(Number.isNaN)) return Number.NaN;
  const median = quantileOf(0.5, window);
  return quantileOf(
    0.5,
    window.map((value) => Math.abs(value - median)),
  );
}
