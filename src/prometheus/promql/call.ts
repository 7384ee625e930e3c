/** Function calls: finds out what kind of function it is and hands it its arguments. */

import type { FloatHistogram } from "../../model/histogram.ts";
import { sizeInSamples } from "../../model/histogram-buckets.ts";
import type { SeriesSamples } from "../storage.ts";
import { type EvaluationContext, evaluateScalar } from "./evaluation-context.ts";
import type { RangeImplementation, VectorCall } from "./functions/function-implementation.ts";
import { FUNCTIONS } from "./functions/table.ts";
import { Grid } from "./grid.ts";
import type { Call, Expression, MatrixSelector, Subquery } from "./parser/ast.ts";
import { FUNCTION_SIGNATURES } from "./parser/function-signatures.ts";
import { duplicateLabelSet, executionError } from "./query-error.ts";
import type { QueryRun } from "./query-run.ts";
import type { RangeCall, RangeInput } from "./range-function.ts";
import { SampleCounts } from "./sample-counts.ts";
import { ColumnBuilder, hasDuplicates, mergeDuplicates, StepSeries } from "./step-series.ts";
import { type SplitSamples, splitSamples, WindowPlanner, type WindowTimes } from "./window.ts";

export async function evaluateCall(node: Call, context: EvaluationContext): Promise<StepSeries[]> {
  const implementation = FUNCTIONS.get(node.name)!;
  switch (implementation.kind) {
    case "floats":
      return mapFloats(node, implementation.map, context);
    case "range":
      return evaluateRangeFunction(node, implementation, context);
    case "vector": {
      const types = FUNCTION_SIGNATURES.get(node.name)!.arguments;
      const vectors: StepSeries[][] = [];
      const scalars: Float64Array[] = [];
      for (let i = 0; i < node.arguments.length; i++) {
        const type = types[Math.min(i, types.length - 1)];
        if (type === "vector" && !implementation.evaluatesItself) {
          vectors[i] = await context.operands.evaluate(node.arguments[i], context);
        } else if (type === "scalar") scalars[i] = await evaluateScalar(node.arguments[i], context);
      }
      const result = await implementation.evaluate({ ...callOf(node, context), vectors, scalars });
      return finishVector(result, context);
    }
  }
}

function callOf(node: Call, context: EvaluationContext): Omit<VectorCall, "vectors" | "scalars"> {
  return { ...context, context, call: node, annotations: context.run.annotations };
}

/** Functions that turn each float into another: `abs`, `clamp`, … Histograms go. */
async function mapFloats(
  node: Call,
  map: (scalars: readonly Float64Array[]) => ((value: number, step: number) => number) | undefined,
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const { run, grid } = context;
  const input = await context.operands.evaluate(node.arguments[0], context);
  const scalars: Float64Array[] = [];
  for (const argument of node.arguments.slice(1)) scalars.push(await evaluateScalar(argument, context));
  const compute = map(scalars);
  if (compute === undefined) return [];
  const out: StepSeries[] = [];
  for (const series of input) {
    const columns =
      series.histograms === undefined ? mapAll(series, compute) : mapSome(series, compute, grid);
    if (columns !== undefined) out.push(series.derived(columns, run.delayedNameRemoval));
    if (run.isDue) await run.pause();
  }
  return finishVector(out, context);
}

function mapAll({ values, present }: StepSeries, compute: (value: number, step: number) => number) {
  const out = new Float64Array(values.length);
  for (let step = 0; step < out.length; step++) out[step] = compute(values[step], step);
  return { values: out, present };
}

function mapSome(series: StepSeries, compute: (value: number, step: number) => number, grid: Grid) {
  const columns = new ColumnBuilder(grid);
  for (let step = 0; step < grid.count; step++) {
    if (series.present[step] === 0 || series.histograms?.[step] !== undefined) continue;
    columns.setFloat(step, compute(series.values[step], step));
  }
  return columns.isEmpty ? undefined : columns.finish();
}

/** Results of equal labels: one series where they have no step in common, else an error. */
export async function finishVector(
  series: StepSeries[],
  { grid, run }: EvaluationContext,
): Promise<StepSeries[]> {
  if (run.delayedNameRemoval) return series;
  if (!grid.isInstant) return mergeDuplicates(series, grid, run);
  if (await hasDuplicates(series, run)) throw duplicateLabelSet();
  return series;
}

/** What work with a histogram costs beside work with a float. */
const HISTOGRAM_AS_SAMPLES = 64;
const EMPTY_COLUMN = new Float64Array();
const NO_FLOATS = { timestamps: EMPTY_COLUMN, values: EMPTY_COLUMN, startTimestamps: undefined };
const NO_HISTOGRAMS = { timestamps: EMPTY_COLUMN, values: [], startTimestamps: undefined };

/** A series that a range function sees. */
interface RangeSource {
  series: SeriesSamples;
  dropsName: boolean;
}

async function evaluateRangeFunction(
  node: Call,
  implementation: RangeImplementation,
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const { run } = context;
  const before = run.samples;
  const out: StepSeries[] = [];
  const { range, call } = await eachRangeResult(node, implementation, context, (series) => out.push(series));
  run.samples = before;
  if (implementation.finish !== undefined) return implementation.finish(out, call);
  if (!run.delayedNameRemoval && !isNameFixed(range) && (await hasDuplicates(out, run)))
    throw duplicateLabelSet();
  return out;
}

/** Computes the function for one series after the other. `run.samples` is left to the caller. */
async function eachRangeResult(
  node: Call,
  implementation: RangeImplementation,
  context: EvaluationContext,
  visit: (series: StepSeries) => void,
): Promise<{ range: MatrixSelector | Subquery; call: RangeCall }> {
  const { run, grid } = context;
  const rangeAt = node.arguments.findIndex(isRange);
  const range = node.arguments[rangeAt] as Expression & (MatrixSelector | Subquery);
  const scalars: (Float64Array | undefined)[] = [];
  const sources = await rangeSources(range, context);
  for (let i = 0; i < node.arguments.length; i++) {
    scalars[i] = i === rangeAt ? undefined : await evaluateScalar(node.arguments[i], context);
  }
  checkExtension(node, range);
  const call = rangeCall(node, range, scalars, context);
  const options = implementation.keepsName
    ? { dropsName: false, isNameless: false }
    : { dropsName: true, isNameless: !run.delayedNameRemoval };
  const held = run.samples;
  let produced = 0;
  for (const { series, dropsName } of sources) {
    const input = rangeInput(series, splitSamples(series), call.planner);
    run.samples = held + produced + input.floatPlan.widest + input.histogramPlan.widest;
    countWindows(input, range, run);
    const columns = implementation.compute(input, call);
    if (columns !== undefined) {
      visit(new StepSeries(series.labels, columns, dropsName ? { ...options, dropsName } : options));
      produced += grid.count;
      implementation.afterSeries?.(input, columns, call);
    }
    if (run.isDueAfter(grid.count + input.floatPlan.total + input.histogramPlan.total * HISTOGRAM_AS_SAMPLES))
      await run.pause();
  }
  return { range, call };
}

/**
 * As evaluation of the call, but hands each series over as soon as there is one. Undefined where that can't be: where
 * all series have to be there before one is known to be right.
 */
export function rangeStream(
  node: Call,
  { run, selection }: EvaluationContext,
): ((context: EvaluationContext, visit: (series: StepSeries) => void) => Promise<unknown>) | undefined {
  const implementation = FUNCTIONS.get(node.name)!;
  if (implementation.kind !== "range" || implementation.finish !== undefined) return undefined;
  const range = node.arguments.find(isRange);
  if (range?.kind !== "matrix-selector" || run.delayedNameRemoval || !isNameFixed(range)) return undefined;
  if (!hasFloatsOnly(selection.get(range.vector)!)) return undefined;
  return (context, visit) => eachRangeResult(node, implementation, context, visit);
}

/** Whether no series has native histograms. */
export function hasFloatsOnly(series: readonly SeriesSamples[]): boolean {
  return series.every(({ histograms }) => histograms === undefined);
}

/** A histogram counts by its size; those of one series are taken to be alike. */
function countWindows(
  { floatPlan, histogramPlan, histograms }: RangeInput,
  range: MatrixSelector | Subquery,
  { counts }: QueryRun,
): void {
  const size = histograms.values.length === 0 ? 1 : sizeInSamples(histograms.values[0]);
  const isRead = range.kind === "matrix-selector";
  counts.addWindows(floatPlan, 1, isRead);
  if (histogramPlan.total > 0) counts.addWindows(histogramPlan, size, isRead);
}

function isRange(expression: Expression): boolean {
  return expression.kind === "matrix-selector" || expression.kind === "subquery";
}

/** With the metric name given, series that differ still do without it. */
function isNameFixed(range: MatrixSelector | Subquery): boolean {
  return (
    range.kind === "matrix-selector" &&
    range.vector.matchers.some(({ name, operator }) => name === "__name__" && operator === "=")
  );
}

async function rangeSources(
  range: MatrixSelector | Subquery,
  context: EvaluationContext,
): Promise<RangeSource[]> {
  if (range.kind === "matrix-selector") {
    return context.selection.get(range.vector)!.map((series) => ({ series, dropsName: false }));
  }
  const series = await evaluateSubquery(range, context);
  return series.map(({ samples, dropsName }) => {
    const histograms = samples.histograms?.map(withoutResetHint);
    return { series: { ...samples, histograms }, dropsName };
  });
}

function rangeInput(series: SeriesSamples, split: SplitSamples, planner: WindowPlanner): RangeInput {
  const floats = split.floats ?? NO_FLOATS;
  const histograms = split.histograms ?? NO_HISTOGRAMS;
  return {
    labels: series.labels,
    floats,
    histograms,
    floatPlan: planner.planFor(floats.timestamps),
    histogramPlan: planner.planFor(histograms.timestamps),
    hasHistograms: split.histograms !== undefined,
  };
}

function rangeCall(
  node: Call,
  range: MatrixSelector | Subquery,
  scalars: (Float64Array | undefined)[],
  { run, grid, atShiftMs }: EvaluationContext,
): RangeCall {
  const { at, offsetMs } = range.kind === "subquery" ? range : range.vector;
  const shiftMs = range.kind === "subquery" ? 0 : atShiftMs;
  const extension = range.kind === "subquery" ? undefined : range.vector.extension;
  const { rangeMs } = range;
  const rangeEndAt =
    typeof at === "number" ? () => at + shiftMs - offsetMs : (step: number) => grid.timeAt(step) - offsetMs;
  const rangeStartAt = (step: number) => rangeEndAt(step) - rangeMs;
  const before = extension === undefined ? 0 : run.lookbackMs;
  const after = extension === "smoothed" ? run.lookbackMs : 0;
  const times: WindowTimes = {
    grid,
    startAt: (step) => rangeStartAt(step) - before,
    endAt: (step) => rangeEndAt(step) + after,
  };
  return {
    run,
    grid,
    call: node,
    annotations: run.annotations,
    rangeMs,
    rangeStartAt,
    rangeEndAt,
    planner: new WindowPlanner(times),
    extension,
    // Upstream has replaced a subquery by its result by then, which has no place in the query.
    positionOf: (argument) =>
      node.arguments[argument] === range && range.kind === "subquery"
        ? { start: 0, end: 0 }
        : node.arguments[argument].position,
    scalars,
    checkedNames: new Set(),
    selector: range.kind === "matrix-selector" ? range : undefined,
  };
}

/** The functions that make sense of samples outside of the range. */
const EXTENSIBLE = {
  anchored: ["changes", "delta", "increase", "rate", "resets"],
  smoothed: ["delta", "increase", "rate"],
};

function checkExtension(node: Call, range: MatrixSelector | Subquery): void {
  const extension = range.kind === "matrix-selector" ? range.vector.extension : undefined;
  if (extension === undefined || EXTENSIBLE[extension].includes(node.name)) return;
  const allowed = EXTENSIBLE[extension].join(", ");
  throw executionError(`${extension} modifier can only be used with: ${allowed} - not with ${node.name}`);
}

/** The steps of a subquery: multiples of its step, wherever the query starts. */
export function subqueryGrid(subquery: Subquery, { run, grid, atShiftMs }: EvaluationContext): Grid {
  const { at, offsetMs, rangeMs } = subquery;
  const stepMs = subquery.stepMs === 0 ? run.defaultSubqueryStepMs(rangeMs) : subquery.stepMs;
  const [firstMs, lastMs] =
    typeof at === "number" ? [at + atShiftMs, at + atShiftMs] : [grid.startMs, grid.endMs];
  const afterMs = firstMs - offsetMs - rangeMs;
  // The first multiple after the window's open start; Go divides towards zero, which comes to the same.
  let startMs = stepMs * Math.trunc(afterMs / stepMs);
  if (startMs <= afterMs) startMs += stepMs;
  return Grid.between(startMs, lastMs - offsetMs, stepMs);
}

/**
 * What a subquery's expression is evaluated with. Upstream keeps a time given by `@` as an offset from the first step,
 * and computes those offsets again for a subquery, unless that begins at the very step that the expression around it
 * begins with. Then they stay what they were, as if its own offset were still to come.
 */
function subqueryContext(subquery: Subquery, context: EvaluationContext): EvaluationContext {
  const grid = subqueryGrid(subquery, context);
  const { startMs } = context.grid;
  if (grid.startMs !== startMs) return { ...context, grid, atShiftMs: 0 };
  const { at, offsetMs } = subquery;
  const outerShiftMs = typeof at === "number" ? startMs - at : context.atShiftMs;
  return { ...context, grid, atShiftMs: outerShiftMs + offsetMs };
}

/**
 * The result of a subquery as samples. What it has read is counted, not what it has found.
 *
 * @param foundCounts given what it has found, where no function over it counts its result
 */
export async function evaluateSubquery(
  subquery: Subquery,
  context: EvaluationContext,
  foundCounts?: (queried: number) => void,
): Promise<{ samples: SeriesSamples; dropsName: boolean }[]> {
  const inside = subqueryContext(subquery, context);
  const { run, grid } = inside;
  const { counts } = run;
  const inner = new SampleCounts(grid.count);
  run.counts = inner;
  let series: StepSeries[];
  try {
    series = await context.operands.evaluate(subquery.expression, inside);
  } finally {
    run.counts = counts;
  }
  counts.addSubquery(inner, grid, { grid: context.grid, ...subquery });
  foundCounts?.(inner.queried);
  return series.map((one) => ({ samples: toSamples(one, grid), dropsName: one.dropsName }));
}

/** Between the steps of a subquery, samples are left out or come twice, so that hints are of no use. */
function withoutResetHint(histogram: FloatHistogram | undefined): FloatHistogram | undefined {
  return histogram === undefined || histogram.counterResetHint === "gauge"
    ? histogram
    : { ...histogram, counterResetHint: "unknown" };
}

/** The samples of a series with their times. Series of the same steps share one array of timestamps. */
export function toSamples({ labels, values, present, histograms }: StepSeries, grid: Grid): SeriesSamples {
  const timestamps = grid.timesWhere(present);
  if (present === grid.all) return { labels, timestamps, values, histograms: histograms && [...histograms] };
  const kept = new Float64Array(timestamps.length);
  let count = 0;
  for (let step = 0; step < present.length; step++) if (present[step] === 1) kept[count++] = values[step];
  return {
    labels,
    timestamps,
    values: kept,
    histograms: histograms?.filter((_, step) => present[step] === 1),
  };
}
