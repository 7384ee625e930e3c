/** The result of an operator on vectors: series of equal labels are one, step by step. */
import type { EvaluationContext } from "../evaluation-context.ts";
import type { QueryError } from "../query-error.ts";
import { hasDuplicates, mergeDuplicates, type StepSeries } from "../step-series.ts";

/**
 * Joins outputs of equal labels where they have no step in common. For one step with delayed name removal they stay
 * apart: the end of the query looks at them again.
 */
export async function combineOutputs(
  outputs: StepSeries[],
  { grid, run }: EvaluationContext,
  duplicate: () => QueryError,
): Promise<StepSeries[]> {
  if (!grid.isInstant) return mergeDuplicates(outputs, grid, run);
  if (!run.delayedNameRemoval && (await hasDuplicates(outputs, run))) throw duplicate();
  return outputs;
}
