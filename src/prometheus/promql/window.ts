/** Range selectors: for each step the run of samples within the window before it. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import type { Grid } from "./grid.ts";
import { PLANNED_STEPS_LIMIT, wordsOf } from "./lookback.ts";

/** For each step the samples `from[step]` up to but not including `to[step]`. */
export interface WindowPlan {
  from: Int32Array;
  to: Int32Array;
  /** How many samples the widest window has. */
  widest: number;
  /** Samples in all windows, one that is in several counted each time. */
  total: number;
  /** Samples in any window. */
  distinct: number;
  /** Answers that depend on timestamps alone, kept by the functions that work them out. */
  cache: Map<string, unknown>;
}

export interface WindowTimes {
  grid: Grid;
  /** The window of a step is (startAt, endAt]. */
  startAt(step: number): number;
  endAt(step: number): number;
}

/** Plans shared by all series that have one and the same array of timestamps. */
export class WindowPlanner {
  readonly times: WindowTimes;
  readonly #plans = new Map<Float64Array, WindowPlan>();

  constructor(times: WindowTimes) {
    this.times = times;
  }

  planFor(timestamps: Float64Array): WindowPlan {
    let plan = this.#plans.get(timestamps);
    if (plan === undefined) {
      plan = this.#plan(timestamps);
      if (this.#plans.size * plan.from.length > PLANNED_STEPS_LIMIT) this.#plans.clear();
      this.#plans.set(timestamps, plan);
    }
    return plan;
  }

  #plan(timestamps: Float64Array): WindowPlan {
    const { grid } = this.times;
    const from = new Int32Array(grid.count);
    const to = new Int32Array(grid.count);
    let low = 0;
    let high = 0;
    let widest = 0;
    let total = 0;
    let distinct = 0;
    for (let step = 0; step < grid.count; step++) {
      const start = this.times.startAt(step);
      const end = this.times.endAt(step);
      while (high < timestamps.length && timestamps[high] <= end) high++;
      while (low < high && timestamps[low] <= start) low++;
      total += high - low;
      distinct += high - Math.max(low, step === 0 ? 0 : Math.min(to[step - 1], high));
      from[step] = low;
      to[step] = high;
      widest = Math.max(widest, high - low);
    }
    return { from, to, widest, total, distinct, cache: new Map() };
  }
}

export interface FloatColumn {
  timestamps: Float64Array;
  values: Float64Array;
  startTimestamps: Float64Array | undefined;
  /** False where it is known that no value is lower than the one before. */
  falls?: boolean;
}

export interface HistogramColumn {
  timestamps: Float64Array;
  values: FloatHistogram[];
  startTimestamps: Float64Array | undefined;
}

/** A series' samples by kind, stale markers left out. Undefined where there are none of a kind. */
export interface SplitSamples {
  floats: FloatColumn | undefined;
  histograms: HistogramColumn | undefined;
}

const NOTHING: SplitSamples = { floats: undefined, histograms: undefined };

/** Keeps the store's own arrays where nothing has to be left out, so that plans stay shared. */
export function splitSamples(series: SeriesSamples): SplitSamples {
  const { timestamps, values, startTimestamps, falls } = series;
  if (timestamps.length === 0) return NOTHING;
  if (series.histograms === undefined && (series.hasNaN === false || !hasStaleMarker(values))) {
    return { floats: { timestamps, values, startTimestamps, falls }, histograms: undefined };
  }
  return splitMixed(series);
}

function hasStaleMarker(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value) && isStaleMarker(wordsOf(values), i)) return true;
  }
  return false;
}

function splitMixed({ timestamps, values, histograms, startTimestamps }: SeriesSamples): SplitSamples {
  const words = wordsOf(values);
  const floatIndexes: number[] = [];
  const histogramIndexes: number[] = [];
  for (let i = 0; i < timestamps.length; i++) {
    if (histograms?.[i] !== undefined) histogramIndexes.push(i);
    else if (!isStaleMarker(words, i)) floatIndexes.push(i);
  }
  const pick = (column: Float64Array, indexes: number[]) => Float64Array.from(indexes, (i) => column[i]);
  const startsOf = (indexes: number[]) => startTimestamps && pick(startTimestamps, indexes);
  return {
    floats:
      floatIndexes.length === 0
        ? undefined
        : {
            timestamps: pick(timestamps, floatIndexes),
            values: pick(values, floatIndexes),
            startTimestamps: startsOf(floatIndexes),
          },
    histograms:
      histogramIndexes.length === 0
        ? undefined
        : {
            timestamps: pick(timestamps, histogramIndexes),
            values: histogramIndexes.map((i) => histograms![i]!),
            startTimestamps: startsOf(histogramIndexes),
          },
  };
}
