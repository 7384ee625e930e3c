/**
 * Evaluates a preprocessed expression over a grid of steps, series by series rather than step by step
 * (`evaluator.eval` in upstream's `promql/engine.go`).
 */
import { multiplyHistogram } from "../../model/histogram-arithmetic.ts";
import { sizeInSamples } from "../../model/histogram-buckets.ts";
import type { NewestSamples } from "../storage.ts";
import { aggregate } from "./aggregation/aggregate.ts";
import { scalarOperation, vectorScalarOperation } from "./binary/scalar-operation.ts";
import { setOperation } from "./binary/set-operation.ts";
import { vectorOperation } from "./binary/vector-operation.ts";
import { evaluateCall, hasFloatsOnly, rangeStream } from "./call.ts";
import type { EvaluationContext, Operands } from "./evaluation-context.ts";
import { countPresent, ScratchGrid } from "./grid.ts";
import { LookbackPlanner, lookBack, lookbackTimes } from "./lookback.ts";
import {
  type BinaryExpression,
  type Expression,
  isSetOperator,
  type UnaryExpression,
  type VectorSelector,
} from "./parser/ast.ts";
import { typeOf } from "./parser/type-check.ts";
import { PAUSE_INTERVAL } from "./query-run.ts";
import { evaluateSmoothed } from "./smoothed-selector.ts";
import { mergeDuplicates, StepSeries, scalarSeries } from "./step-series.ts";

/** Expressions of every kind. */
export const EXPRESSIONS: Operands = { evaluate, evaluateEach };

async function evaluate(node: Expression, context: EvaluationContext): Promise<StepSeries[]> {
  const { run } = context;
  if (run.isDue) await run.pause();
  if (context.grid.count === 0) return [];
  // Columns take room for every step, whether there is a sample or not.
  run.checkRoom(context.grid.count);
  const before = run.samples;
  const result = await evaluateNode(node, context);
  const counter = new SampleCounter();
  let samples = before;
  for (let i = 0; i < result.length; i++) {
    samples += counter.count(result[i]);
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  run.samples = samples;
  return result;
}

async function evaluateNode(node: Expression, context: EvaluationContext): Promise<StepSeries[]> {
  switch (node.kind) {
    case "number":
      return [scalarSeries(context.grid, new Float64Array(context.grid.count).fill(node.value))];
    case "vector-selector":
      return node.extension === "smoothed"
        ? evaluateSmoothed(node, context)
        : evaluateSelector(node, context);
    case "parenthesis":
      return evaluate(node.expression, context);
    case "unary":
      return evaluateUnary(node, context);
    case "binary":
      return evaluateBinary(node, context);
    case "aggregation":
      return aggregate(node, context);
    case "call":
      return evaluateCall(node, context);
    case "step-invariant":
      return evaluateInvariant(node.expression, context);
  }
  throw new Error(`BUG: cannot evaluate ${node.kind} by steps`);
}

async function evaluateEach(
  node: Expression,
  context: EvaluationContext,
  visit: (series: StepSeries) => void,
): Promise<boolean> {
  const { run } = context;
  const each = streamOf(node, context);
  if (each === undefined || context.grid.count === 0) return false;
  run.checkRoom(context.grid.count);
  const grid = new ScratchGrid(context.grid);
  const counter = new SampleCounter();
  let samples = run.samples;
  await each({ ...context, grid }, (series) => {
    samples += counter.count(series);
    visit(series);
    grid.reuse();
  });
  run.samples = samples;
  return true;
}

type Stream = (context: EvaluationContext, visit: (series: StepSeries) => void) => Promise<unknown>;

function streamOf(node: Expression, context: EvaluationContext): Stream | undefined {
  switch (node.kind) {
    case "parenthesis":
      return streamOf(node.expression, context);
    case "call":
      return rangeStream(node, context);
    case "vector-selector":
      if (context.selection.newest(node) !== undefined)
        return (scratch, visit) => eachNewest(context.selection.newest(node)!, scratch, visit);
      if (node.extension === "smoothed" || !hasFloatsOnly(context.selection.get(node)!)) return undefined;
      return (scratch, visit) => eachSelected(node, scratch, visit);
    default:
      return undefined;
  }
}

async function evaluateSelector(selector: VectorSelector, context: EvaluationContext): Promise<StepSeries[]> {
  const out: StepSeries[] = [];
  await eachSelected(selector, context, (series) => out.push(series));
  return out;
}

async function eachSelected(
  selector: VectorSelector,
  context: EvaluationContext,
  visit: (series: StepSeries) => void,
): Promise<void> {
  const { run, grid, selection } = context;
  const planner = new LookbackPlanner(lookbackTimes(selector, context));
  const counter = new SampleCounter();
  let samples = run.samples;
  for (const series of selection.get(selector)!) {
    const seen = lookBack(series, planner.planFor(series.timestamps), grid);
    if (seen !== undefined) {
      visit(seen);
      samples += counter.count(seen);
      run.samples = samples;
      run.counts.addSeries(seen);
    }
    if (run.isDueAfter(grid.count)) await run.pause();
  }
}

async function eachNewest(
  { labels, values }: NewestSamples,
  { run, grid }: EvaluationContext,
  visit: (series: StepSeries) => void,
): Promise<void> {
  const before = run.samples;
  for (let i = 0; i < labels.length; i++) {
    const column = grid.column();
    column[0] = values[i];
    visit(new StepSeries(labels[i], { values: column, present: grid.all }));
    run.samples = before + i + 1;
    if (run.isDueAfter(1)) await run.pause();
  }
  run.counts.add(labels.length);
}

async function evaluateUnary(node: UnaryExpression, context: EvaluationContext): Promise<StepSeries[]> {
  const input = await evaluate(node.expression, context);
  if (node.operator === "+") return input;
  const { run, grid } = context;
  const isScalar = typeOf(node) === "scalar";
  const negated = input.map((series) => {
    const values = series.values.map((value) => -value);
    if (isScalar) return scalarSeries(grid, values);
    const histograms = series.histograms?.map((histogram) => histogram && multiplyHistogram(histogram, -1));
    return series.derived({ values, present: series.present, histograms }, run.delayedNameRemoval);
  });
  return run.delayedNameRemoval ? negated : mergeDuplicates(negated, grid, run);
}

async function evaluateBinary(node: BinaryExpression, context: EvaluationContext): Promise<StepSeries[]> {
  const left = await evaluate(node.left, context);
  const right = await evaluate(node.right, context);
  const isLeftScalar = typeOf(node.left) === "scalar";
  const isRightScalar = typeOf(node.right) === "scalar";
  if (isLeftScalar && isRightScalar) return [scalarOperation(node, left[0].values, right[0].values, context)];
  if (isLeftScalar) {
    return vectorScalarOperation(node, right, { scalar: left[0].values, isLeft: true }, context);
  }
  if (isRightScalar) {
    return vectorScalarOperation(node, left, { scalar: right[0].values, isLeft: false }, context);
  }
  return isSetOperator(node.operator)
    ? setOperation(node, left, right, context)
    : vectorOperation(node, left, right, context);
}

/** Evaluates once, and gives every step the result. */
async function evaluateInvariant(node: Expression, context: EvaluationContext): Promise<StepSeries[]> {
  const { grid } = context;
  const { counts } = context.run;
  const before = counts.queried;
  const once = await evaluate(node, { ...context, grid: grid.first() });
  counts.repeat(grid.count, counts.queried - before);
  if (grid.count === 1) return once;
  return once.map((series) => {
    const values = new Float64Array(grid.count).fill(series.values[0]);
    const histogram = series.histograms?.[0];
    const histograms = histogram && new Array(grid.count).fill(histogram);
    return new StepSeries(
      series.labels,
      { values, present: grid.all, histograms },
      { dropsName: series.dropsName },
    );
  });
}

/**
 * How much memory series take, in samples. Histograms count by their size, as upstream has it. A step without sample
 * counts half, since columns have room for it too: that is where we differ from upstream on purpose.
 */
class SampleCounter {
  /** Most series have the same steps as the one before. */
  #present: Uint8Array | undefined;
  #steps = 0;

  count({ present, histograms }: StepSeries): number {
    if (this.#present !== present) {
      this.#present = present;
      this.#steps = Math.max(countPresent(present), present.length / 2);
    }
    if (histograms === undefined) return this.#steps;
    let count = this.#steps;
    for (const histogram of histograms) if (histogram !== undefined) count += sizeInSamples(histogram) - 1;
    return count;
  }
}
