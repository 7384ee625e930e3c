/**
 * How many samples a query looks at, in all and, where that is asked for, step by step (`util/stats/query_stats.go`).
 * Histograms count by their size.
 */
import { sizeInSamples } from "../../model/histogram-buckets.ts";
import { countPresent, type Grid } from "./grid.ts";
import type { StepSeries } from "./step-series.ts";
import type { WindowPlan } from "./window.ts";

/** Per step of the query. */
export interface StepCounts {
  /** As the totals of the same names. */
  queried: Float64Array;
  read: Float64Array;
}

/** Where the samples of a subquery are looked at: in windows of its range, so much earlier than the step. */
export interface OuterWindows {
  grid: Grid;
  rangeMs: number;
  offsetMs: number;
}

export class SampleCounts {
  /** Those that selectors and ranges have found, step by step. */
  queried = 0;
  /** Different ones among them. */
  read = 0;
  readonly steps: StepCounts | undefined;

  /** @param stepCount how many steps are counted one by one; none by default */
  constructor(stepCount?: number) {
    if (stepCount !== undefined)
      this.steps = { queried: new Float64Array(stepCount), read: new Float64Array(stepCount) };
  }

  /** Samples of the one step of an instant query, all different. */
  add(count: number): void {
    this.queried += count;
    this.read += count;
    if (this.steps === undefined) return;
    this.steps.queried[0] += count;
    this.steps.read[0] += count;
  }

  /** What the one step of an instant query has found of what a subquery has read. */
  addQueried(count: number): void {
    this.queried += count;
    if (this.steps !== undefined) this.steps.queried[0] += count;
  }

  /** What an instant selector has found of a series. */
  addSeries({ present, histograms }: Pick<StepSeries, "present"> & Partial<StepSeries>): void {
    let count = countPresent(present);
    for (const histogram of histograms ?? [])
      if (histogram !== undefined) count += sizeInSamples(histogram) - 1;
    this.queried += count;
    this.read += count;
    if (this.steps === undefined) return;
    for (let step = 0; step < present.length; step++) {
      if (present[step] !== 1) continue;
      const histogram = histograms?.[step];
      const size = histogram === undefined ? 1 : sizeInSamples(histogram);
      this.steps.queried[step] += size;
      this.steps.read[step] += size;
    }
  }

  /**
   * What windows have found of a series.
   *
   * @param size of each sample
   * @param isRead whether it was read for them, and not by a subquery, which counts itself
   */
  addWindows({ from, to, total, distinct }: WindowPlan, size: number, isRead: boolean): void {
    this.queried += total * size;
    if (isRead) this.read += distinct * size;
    if (this.steps === undefined) return;
    let seen = 0;
    for (let step = 0; step < from.length; step++) {
      this.steps.queried[step] += (to[step] - from[step]) * size;
      if (isRead) this.steps.read[step] += (to[step] - Math.max(from[step], Math.min(seen, to[step]))) * size;
      seen = to[step];
    }
  }

  /** As if each of the steps had found what the first one has: nothing is read for the others. */
  repeat(stepCount: number, queried: number): void {
    this.queried += queried * Math.max(0, stepCount - 1);
    if (this.steps !== undefined)
      for (let step = 1; step < stepCount; step++) this.steps.queried[step] += queried;
  }

  /**
   * What a subquery has read: each of its steps counts for the first step of the query whose window has it, and those
   * between windows for none. What it found is not added, as the function over it counts its result.
   */
  addSubquery(inner: SampleCounts, innerGrid: Grid, { grid, rangeMs, offsetMs }: OuterWindows): void {
    const { read } = inner.steps!;
    const isOneStep = grid.count <= 1;
    for (let k = 0; k < read.length; k++) {
      const timeMs = innerGrid.timeAt(k) + offsetMs;
      const late = isOneStep ? 0 : Math.max(0, Math.ceil((timeMs - grid.startMs) / grid.stepMs));
      const step = Math.min(late, Math.max(0, grid.count - 1));
      if (!isOneStep && timeMs <= grid.timeAt(step) - rangeMs) continue;
      this.read += read[k];
      if (this.steps !== undefined) this.steps.read[step] += read[k];
    }
  }
}
