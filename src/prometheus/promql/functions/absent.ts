/** `absent` and `absent_over_time`: 1 where there is nothing. */
import { Labels, METADATA_LABELS } from "../../../model/labels.ts";
import type { Grid } from "../grid.ts";
import type { Expression } from "../parser/ast.ts";
import type { RangeCall } from "../range-function.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

export function absent({ grid, call, vectors }: VectorCall): StepSeries[] {
  return whereNone(vectors[0], call.arguments[0], grid, false);
}

export function absentOverTime(series: StepSeries[], { grid, call }: RangeCall): StepSeries[] {
  return whereNone(series, call.arguments[0], grid, true);
}

function whereNone(
  series: readonly StepSeries[],
  argument: Expression,
  grid: Grid,
  dropsName: boolean,
): StepSeries[] {
  const columns = new ColumnBuilder(grid);
  for (let step = 0; step < grid.count; step++) {
    if (series.every(({ present }) => present[step] === 0)) columns.setFloat(step, 1);
  }
  if (columns.isEmpty) return [];
  return [new StepSeries(labelsAskedFor(argument), columns.finish(), { dropsName })];
}

/** What the selector says by `=` about the series that is missing. A label asked for twice says nothing. */
function labelsAskedFor(argument: Expression): Labels {
  const expression = argument.kind === "step-invariant" ? argument.expression : argument;
  const selector = expression.kind === "matrix-selector" ? expression.vector : expression;
  if (selector.kind !== "vector-selector") return Labels.empty;
  const labels = new Map<string, string>();
  for (const { name, operator, value } of selector.matchers) {
    if (METADATA_LABELS.has(name)) continue;
    labels.set(name, operator === "=" && !labels.has(name) ? value : "");
  }
  return Labels.of(labels);
}
