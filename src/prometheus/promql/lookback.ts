/** Instant selectors: for each step the last sample within the lookback period, unless the series has ended. */
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import type { EvaluationContext } from "./evaluation-context.ts";
import type { Grid } from "./grid.ts";
import type { VectorSelector } from "./parser/ast.ts";
import { StepSeries } from "./step-series.ts";

/** For each step the index of a sample in the column of timestamps, or -1. */
export interface LookbackPlan {
  indexes: Int32Array;
  /** No step is without a sample. */
  isComplete: boolean;
  present: Uint8Array;
}

export interface LookbackTimes {
  grid: Grid;
  lookbackMs: number;
  /** The time to look back from, at a step. */
  timeAt(step: number): number;
}

/** Where an instant selector looks at each step. */
export function lookbackTimes(
  { at, offsetMs }: VectorSelector,
  { run, grid, atShiftMs }: EvaluationContext,
): LookbackTimes {
  const timeAt =
    typeof at === "number" ? () => at + atShiftMs - offsetMs : (step: number) => grid.timeAt(step) - offsetMs;
  return { grid, lookbackMs: run.lookbackMs, timeAt };
}

/** How many steps the plans that are kept have in all; beyond that, timestamps seem not to be shared. */
export const PLANNED_STEPS_LIMIT = 2_000_000;

/** Plans shared by all series that have one and the same array of timestamps. */
export class LookbackPlanner {
  readonly #times: LookbackTimes;
  readonly #plans = new Map<Float64Array, LookbackPlan>();

  constructor(times: LookbackTimes) {
    this.#times = times;
  }

  planFor(timestamps: Float64Array): LookbackPlan {
    let plan = this.#plans.get(timestamps);
    if (plan === undefined) {
      plan = this.#plan(timestamps);
      if (this.#plans.size * plan.indexes.length > PLANNED_STEPS_LIMIT) this.#plans.clear();
      this.#plans.set(timestamps, plan);
    }
    return plan;
  }

  #plan(timestamps: Float64Array): LookbackPlan {
    const { grid, lookbackMs } = this.#times;
    const indexes = new Int32Array(grid.count);
    const present = new Uint8Array(grid.count);
    let found = 0;
    let next = 0;
    for (let step = 0; step < grid.count; step++) {
      const time = this.#times.timeAt(step);
      // Steps ascend, and so does where to look.
      while (next < timestamps.length && timestamps[next] <= time) next++;
      const index = next - 1;
      const isFresh = index >= 0 && timestamps[index] > time - lookbackMs;
      indexes[step] = isFresh ? index : -1;
      present[step] = isFresh ? 1 : 0;
      found += present[step];
    }
    const isComplete = found === grid.count;
    return { indexes, isComplete, present: isComplete ? grid.all : present };
  }
}

/** The series at the steps of a grid; undefined when there is no sample at any. */
export function lookBack(series: SeriesSamples, plan: LookbackPlan, grid: Grid): StepSeries | undefined {
  const { indexes } = plan;
  const source = series.values;
  if (isAsIs(series, plan)) return new StepSeries(series.labels, { values: source, present: plan.present });
  const values = grid.column();
  let hasNaN = false;
  if (plan.isComplete) {
    for (let step = 0; step < values.length; step++) {
      const value = source[indexes[step]];
      values[step] = value;
      if (Number.isNaN(value)) hasNaN = true;
    }
  } else {
    for (let step = 0; step < values.length; step++) {
      const index = indexes[step];
      if (index < 0) continue;
      const value = source[index];
      values[step] = value;
      if (Number.isNaN(value)) hasNaN = true;
    }
  }
  const histograms = series.histograms && gather(series.histograms, indexes);
  const present = hasNaN || histograms !== undefined ? withoutStale(series, plan, grid) : plan.present;
  if (present !== grid.all && !present.includes(1)) return undefined;
  return new StepSeries(series.labels, { values, present, histograms });
}

/** Whether the samples are what each step sees, one by one: the newest ones for an instant vector. */
function isAsIs({ values, histograms }: SeriesSamples, { indexes, isComplete }: LookbackPlan): boolean {
  const isOne = indexes.length === 1 && values.length === 1;
  return isOne && isComplete && histograms === undefined && !Number.isNaN(values[0]);
}

function gather<T>(column: readonly (T | undefined)[], indexes: Int32Array): (T | undefined)[] | undefined {
  const out = Array.from(indexes, (index) => (index < 0 ? undefined : column[index]));
  return out.some((entry) => entry !== undefined) ? out : undefined;
}

/** Where the last sample is the stale marker there is none. */
function withoutStale({ values, histograms }: SeriesSamples, plan: LookbackPlan, grid: Grid): Uint8Array {
  const words = wordsOf(values);
  const present = Uint8Array.from(plan.present);
  let found = 0;
  for (let step = 0; step < present.length; step++) {
    const index = plan.indexes[step];
    const isEnd = index >= 0 && histograms?.[index] === undefined && isStaleMarker(words, index);
    if (isEnd) present[step] = 0;
    found += present[step];
  }
  return found === grid.count ? grid.all : present;
}

/** The 32-bit words of a column, for `isStaleMarker`. */
export function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}
