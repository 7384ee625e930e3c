/**
 * A series during evaluation: one column over the steps of a grid. Columns are shared between series and never
 * changed once a series has them.
 */
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels, METADATA_LABELS } from "../../model/labels.ts";
import type { Grid } from "./grid.ts";
import { duplicateLabelSet } from "./query-error.ts";
import { PAUSE_INTERVAL, type QueryRun } from "./query-run.ts";

export type Histograms = readonly (FloatHistogram | undefined)[];

export class StepSeries {
  /** `present[step]` is 1 where there is a sample, else 0. `grid.all` where there always is one. */
  readonly present: Uint8Array;
  readonly values: Float64Array;
  /** Where `histograms[step]` is set the sample is a native histogram and `values[step]` means nothing. */
  readonly histograms: Histograms | undefined;
  /** The name is to be removed when the query ends (delayed name removal). */
  readonly dropsName: boolean;
  /** The labels, or, while `#isNameless` and nobody has asked for them, those from which the name is yet to go. */
  #labels: Labels;
  #isNameless: boolean;

  constructor(
    labels: Labels,
    columns: { values: Float64Array; present: Uint8Array; histograms?: Histograms },
    options: { dropsName?: boolean; isNameless?: boolean } = {},
  ) {
    this.#labels = labels;
    this.#isNameless = options.isNameless ?? false;
    this.dropsName = options.dropsName ?? false;
    this.values = columns.values;
    this.present = columns.present;
    this.histograms = columns.histograms;
  }

  get labels(): Labels {
    if (this.#isNameless) {
      this.#labels = this.#labels.without(METADATA_LABELS);
      this.#isNameless = false;
    }
    return this.#labels;
  }

  /** The labels, with those among them that say what the metric is, whether they are yet to go or not. */
  get sourceLabels(): Labels {
    return this.#labels;
  }

  /** The same samples under other labels. */
  relabelled(labels: Labels, dropsName = this.dropsName): StepSeries {
    return new StepSeries(labels, this, { dropsName });
  }

  /** Other samples, and the name of the metric goes: now, or at the end when removal is delayed. */
  derived(
    columns: { values: Float64Array; present: Uint8Array; histograms?: Histograms },
    isDelayed: boolean,
  ): StepSeries {
    const series = new StepSeries(this.#labels, columns, { dropsName: true, isNameless: !isDelayed });
    return series;
  }

  /** The series as it is once the delayed removal of names has been made up for. */
  cleaned(): StepSeries {
    return this.dropsName ? new StepSeries(this.#labels, this, { isNameless: true }) : this;
  }
}

/** A scalar: no labels, a value at each step. */
export function scalarSeries(grid: Grid, values: Float64Array): StepSeries {
  return new StepSeries(Labels.empty, { values, present: grid.all });
}

/** Whether any two series have equal labels. */
export async function hasDuplicates(series: readonly StepSeries[], run: QueryRun): Promise<boolean> {
  if (series.length < 2) return false;
  if (series.length === 2) return series[0].labels.equals(series[1].labels);
  const keys = new Set<string>();
  for (let i = 0; i < series.length; i++) {
    keys.add(series[i].labels.key);
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  return keys.size < series.length;
}

/**
 * Joins series that have equal labels and no step in common.
 *
 * @throws QueryError when they have a step in common.
 */
export async function mergeDuplicates(
  series: StepSeries[],
  grid: Grid,
  run: QueryRun,
): Promise<StepSeries[]> {
  if (!(await hasDuplicates(series, run))) return series;
  const byLabels = new Map<string, StepSeries[]>();
  for (const one of series) {
    const same = byLabels.get(one.labels.key);
    if (same === undefined) byLabels.set(one.labels.key, [one]);
    else same.push(one);
  }
  return Array.from(byLabels.values(), (same) => (same.length === 1 ? same[0] : merged(same, grid)));
}

function merged(series: StepSeries[], grid: Grid): StepSeries {
  const columns = new ColumnBuilder(grid);
  for (const { present, values, histograms } of series) {
    for (let step = 0; step < grid.count; step++) {
      if (present[step] === 0) continue;
      if (columns.present[step] === 1) throw duplicateLabelSet();
      columns.set(step, values[step], histograms?.[step]);
    }
  }
  return new StepSeries(series[0].labels, columns.finish(), { dropsName: series[0].dropsName });
}

/** Collects the samples of one series, step by step in any order. */
export class ColumnBuilder {
  readonly values: Float64Array;
  readonly present: Uint8Array;
  readonly #grid: Grid;
  #histograms: (FloatHistogram | undefined)[] | undefined;
  #count = 0;

  constructor(grid: Grid) {
    this.#grid = grid;
    this.values = grid.column();
    this.present = new Uint8Array(grid.count);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  setFloat(step: number, value: number): void {
    this.values[step] = value;
    this.#count += 1 - this.present[step];
    this.present[step] = 1;
  }

  setHistogram(step: number, histogram: FloatHistogram): void {
    this.#histograms ??= new Array(this.#grid.count).fill(undefined);
    this.#histograms[step] = histogram;
    this.#count += 1 - this.present[step];
    this.present[step] = 1;
  }

  set(step: number, value: number, histogram: FloatHistogram | undefined): void {
    if (histogram === undefined) this.setFloat(step, value);
    else this.setHistogram(step, histogram);
  }

  finish(): { values: Float64Array; present: Uint8Array; histograms?: Histograms } {
    const present = this.#count === this.#grid.count ? this.#grid.all : this.present;
    return { values: this.values, present, histograms: this.#histograms };
  }
}
