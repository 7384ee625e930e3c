/** What a function of a range vector works on: one series, all steps. */
import type { FloatHistogram } from "../../model/histogram.ts";
import type { Labels } from "../../model/labels.ts";
import type { Annotations } from "./annotations.ts";
import type { Grid } from "./grid.ts";
import type { Call, MatrixSelector, Position } from "./parser/ast.ts";
import type { QueryRun } from "./query-run.ts";
import type { ColumnBuilder, Histograms } from "./step-series.ts";
import type { FloatColumn, HistogramColumn, WindowPlan, WindowPlanner } from "./window.ts";

/** The samples of one series and which of them each step sees. A kind that the series lacks has empty windows. */
export interface RangeInput {
  labels: Labels;
  floats: FloatColumn;
  histograms: HistogramColumn;
  floatPlan: WindowPlan;
  histogramPlan: WindowPlan;
  hasHistograms: boolean;
}

/** What is the same for all series of one call. */
export interface RangeCall {
  run: QueryRun;
  grid: Grid;
  call: Call;
  annotations: Annotations;
  /** Of the range vector. */
  rangeMs: number;
  /** The window proper, (start, end]; with `anchored` and `smoothed` the input reaches further. */
  rangeStartAt(step: number): number;
  rangeEndAt(step: number): number;
  planner: WindowPlanner;
  extension: "anchored" | "smoothed" | undefined;
  /** The position of an argument in the query. */
  positionOf(argument: number): Position;
  /** Scalar arguments, a value per step; undefined in the place of the range vector. */
  scalars: (Float64Array | undefined)[];
  selector: MatrixSelector | undefined;
  /** The metrics whose names have been looked at, for remarks. */
  checkedNames: Set<string>;
}

export interface Columns {
  values: Float64Array;
  present: Uint8Array;
  histograms?: Histograms;
}

/** Computes one series' result; undefined when it has none at any step. */
export type RangeFunction = (input: RangeInput, call: RangeCall) => Columns | undefined;

/** A sample, or a remark that there is none. */
export type WindowResult = number | FloatHistogram | undefined;

/** Puts the result of one step into place. */
export function store(columns: ColumnBuilder, step: number, result: WindowResult): void {
  if (result === undefined) return;
  if (typeof result === "number") columns.setFloat(step, result);
  else columns.setHistogram(step, result);
}
