/** What the evaluation of an expression works on. */
import type { Grid } from "./grid.ts";
import type { Expression } from "./parser/ast.ts";
import type { QueryRun } from "./query-run.ts";
import type { Selection } from "./selection.ts";
import type { StepSeries } from "./step-series.ts";

/** What evaluation of a sub-expression needs to know. */
export interface EvaluationContext {
  run: QueryRun;
  grid: Grid;
  selection: Selection;
  operands: Operands;
  /** By how much times given by `@` are off: see `subqueryContext`. */
  atShiftMs: number;
}

/**
 * How a node gets the values of the expressions below it. Those can be of any kind, of which it needs to know none: only
 * the evaluator knows all, and it is handed down in the context.
 */
export interface Operands {
  /** The series of a vector; for a scalar one series that has a value at every step. */
  evaluate(node: Expression, context: EvaluationContext): Promise<StepSeries[]>;
  /**
   * Evaluates an expression whose series come one after the other, and hands each to `visit` in columns that are used
   * again for the next one. Counts as if all had been there at once.
   *
   * @returns false where the expression is to be evaluated as a whole
   */
  evaluateEach(
    node: Expression,
    context: EvaluationContext,
    visit: (series: StepSeries) => void,
  ): Promise<boolean>;
}

/** A scalar expression's value at each step. */
export async function evaluateScalar(node: Expression, context: EvaluationContext): Promise<Float64Array> {
  const [series] = await context.operands.evaluate(node, context);
  return series.values;
}
