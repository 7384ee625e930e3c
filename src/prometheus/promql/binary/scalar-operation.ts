/** Operators with a scalar on at least one side. */
import type { EvaluationContext } from "../evaluation-context.ts";
import { type BinaryExpression, isComparison } from "../parser/ast.ts";
import { ColumnBuilder, StepSeries, scalarSeries } from "../step-series.ts";
import { arithmetic, type ComparisonOperator, comparison, isArithmetic } from "./arithmetic.ts";
import { elementOperation } from "./element.ts";

/** Scalar and scalar. */
export function scalarOperation(
  { operator }: BinaryExpression,
  left: Float64Array,
  right: Float64Array,
  { grid }: EvaluationContext,
): StepSeries {
  if (isArithmetic(operator)) {
    const compute = arithmetic(operator);
    return scalarSeries(
      grid,
      left.map((value, step) => compute(value, right[step])),
    );
  }
  const holds = comparison(operator as ComparisonOperator);
  return scalarSeries(
    grid,
    left.map((value, step) => (holds(value, right[step]) ? 1 : 0)),
  );
}

export interface ScalarSide {
  scalar: Float64Array;
  /** Whether the scalar stands on the left. */
  isLeft: boolean;
}

/** Vector and scalar. */
export async function vectorScalarOperation(
  node: BinaryExpression,
  vector: StepSeries[],
  side: ScalarSide,
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const { run } = context;
  const out: StepSeries[] = [];
  for (const series of vector) {
    const result =
      series.histograms === undefined && isArithmetic(node.operator)
        ? floatArithmetic(node, series, side, context)
        : elementWise(node, series, side, context);
    if (result !== undefined) out.push(result);
    if (run.isDue) await run.pause();
  }
  return out;
}

function floatArithmetic(
  { operator }: BinaryExpression,
  series: StepSeries,
  { scalar, isLeft }: ScalarSide,
  { grid, run }: EvaluationContext,
): StepSeries {
  const source = series.values;
  const values = grid.column();
  switch (isLeft ? "other" : operator) {
    case "*":
      for (let step = 0; step < values.length; step++) values[step] = source[step] * scalar[step];
      break;
    case "/":
      for (let step = 0; step < values.length; step++) values[step] = source[step] / scalar[step];
      break;
    default: {
      const compute = arithmetic(operator as Parameters<typeof arithmetic>[0]);
      for (let step = 0; step < values.length; step++) {
        values[step] = isLeft ? compute(scalar[step], source[step]) : compute(source[step], scalar[step]);
      }
    }
  }
  return series.derived({ values, present: series.present }, run.delayedNameRemoval);
}

function elementWise(
  node: BinaryExpression,
  series: StepSeries,
  { scalar, isLeft }: ScalarSide,
  { grid, run }: EvaluationContext,
): StepSeries | undefined {
  const compute = elementOperation(node, run.annotations);
  const columns = new ColumnBuilder(grid);
  const keepsVectorValue = isComparison(node.operator);
  for (let step = 0; step < grid.count; step++) {
    if (series.present[step] === 0) continue;
    const histogram = series.histograms?.[step];
    const value = series.values[step];
    const result = isLeft
      ? compute(scalar[step], undefined, value, histogram)
      : compute(value, histogram, scalar[step], undefined);
    if (result === undefined) continue;
    if (node.returnsBool) columns.setFloat(step, result.isKept ? 1 : 0);
    else if (!result.isKept) continue;
    // A comparison gives the vector's sample, on whichever side it is.
    else if (keepsVectorValue) columns.set(step, value, histogram);
    else columns.set(step, result.float, result.histogram);
  }
  if (columns.isEmpty) return undefined;
  if (isArithmetic(node.operator) || node.returnsBool) {
    return series.derived(columns.finish(), run.delayedNameRemoval);
  }
  return new StepSeries(series.labels, columns.finish(), { dropsName: series.dropsName });
}
