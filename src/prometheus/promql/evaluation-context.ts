/** What the evaluation of an expression works on. */
import type { Grid } from "./grid.ts";
import type { QueryRun } from "./query-run.ts";
import type { Selection } from "./selection.ts";

/** What evaluation of a sub-expression needs to know. */
export interface EvaluationContext {
  run: QueryRun;
  grid: Grid;
  selection: Selection;
}
