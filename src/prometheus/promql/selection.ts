/** Fetches what a query's selectors need from the store, all at once, before evaluation starts. */
import type { SelectHints, SeriesSamples, TimeRange } from "../storage.ts";
import type { Grid } from "./grid.ts";
import { withStatsOnly } from "./histogram-stats.ts";
import { type Expression, type VectorSelector, walk } from "./parser/ast.ts";
import { QueryError } from "./query-error.ts";
import type { QueryRun } from "./query-run.ts";

export type Selection = ReadonlyMap<VectorSelector, SeriesSamples[]>;

/**
 * Selects for every selector of a preprocessed expression.
 *
 * @throws QueryError when the store fails.
 */
export async function selectAll(run: QueryRun, root: Expression, grid: Grid): Promise<Selection> {
  const wanted: { selector: VectorSelector; range: TimeRange; hints: SelectHints }[] = [];
  walk(root, (node, ancestors) => {
    if (node.kind !== "vector-selector" || isInfoSelector(node, ancestors)) return;
    const range = rangeOf(node, ancestors, grid, run.lookbackMs);
    const hints: SelectHints = {
      function: functionAround(ancestors),
      newestOnly: isReadOnce(node, ancestors, grid),
      signal: run.signal,
    };
    wanted.push({ selector: node, range, hints });
  });
  try {
    const series = await Promise.all(
      wanted.map(({ selector, range, hints }) => run.queryable.select(selector.matchers, range, hints)),
    );
    return new Map(
      wanted.map(({ selector }, i) => [
        selector,
        selector.histogramStatsOnly ? series[i].map(withStatsOnly) : series[i],
      ]),
    );
  } catch (error) {
    throw failedSelection(run, error);
  }
}

/**
 * What a failure of the store is to the query.
 *
 * @throws QueryError when the query was canceled or its time is over
 */
export function failedSelection(run: QueryRun, error: unknown): QueryError {
  run.check();
  if (error instanceof QueryError) return error;
  return new QueryError("execution", `expanding series: ${(error as Error).message}`, { cause: error });
}

/** The second argument of `info()` only lends its matchers. */
function isInfoSelector(selector: VectorSelector, ancestors: readonly Expression[]): boolean {
  const parent = ancestors.at(-1);
  return parent?.kind === "call" && parent.name === "info" && parent.arguments[1] === selector;
}

/** Whether a selector is evaluated at one time only, and needs no more than the newest sample then. */
function isReadOnce(selector: VectorSelector, ancestors: readonly Expression[], grid: Grid): boolean {
  if (grid.startMs !== grid.endMs || selector.extension !== undefined) return false;
  return !ancestors.some((node) => node.kind === "subquery" || node.kind === "matrix-selector");
}

/** The function or aggregation that a selector's samples go to first. */
function functionAround(ancestors: readonly Expression[]): string | undefined {
  for (const node of ancestors.toReversed()) {
    if (node.kind === "aggregation") return node.operator;
    if (node.kind === "call") return node.name;
    if (node.kind === "binary") return undefined;
  }
  return undefined;
}

/** The times whose samples a selector can have a use for (`getTimeRangesForSelector` upstream). */
export function rangeOf(
  selector: VectorSelector,
  ancestors: readonly Expression[],
  grid: Grid,
  lookbackMs: number,
): TimeRange {
  let minMs = grid.startMs;
  let maxMs = grid.endMs;
  for (const node of ancestors) {
    if (node.kind !== "subquery") continue;
    if (typeof node.at === "number") {
      minMs = node.at;
      maxMs = node.at;
    }
    minMs -= node.offsetMs + node.rangeMs;
    maxMs -= node.offsetMs;
  }
  if (typeof selector.at === "number") {
    minMs = selector.at;
    maxMs = selector.at;
  }
  const parent = ancestors.at(-1);
  const windowMs = parent?.kind === "matrix-selector" ? parent.rangeMs : 0;
  const reachMs = windowMs === 0 || selector.extension !== undefined ? windowMs + lookbackMs : windowMs;
  return {
    minMs: minMs - selector.offsetMs - reachMs + 1,
    maxMs: maxMs - selector.offsetMs + (selector.extension === "smoothed" ? lookbackMs : 0),
  };
}
