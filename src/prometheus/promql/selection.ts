/** Fetches what a query's selectors need from the store, all at once, before evaluation starts. */
import type { NewestSamples, SelectHints, SeriesSamples, TimeRange } from "../storage.ts";
import type { Grid } from "./grid.ts";
import { withStatsOnly } from "./histogram-stats.ts";
import { type Aggregation, type Expression, type VectorSelector, walk } from "./parser/ast.ts";
import { QueryError } from "./query-error.ts";
import type { QueryRun } from "./query-run.ts";

/** What was selected, by selector. */
export interface Selection {
  /** Undefined for those that are in `newest`. */
  get(selector: VectorSelector): SeriesSamples[] | undefined;
  /** The newest samples for an aggregation that looks at one after the other. */
  newest(selector: VectorSelector): NewestSamples | undefined;
}

/**
 * Selects for every selector of a preprocessed expression.
 *
 * @throws QueryError when the store fails.
 */
export async function selectAll(run: QueryRun, root: Expression, grid: Grid): Promise<Selection> {
  const wanted: Wanted[] = [];
  walk(root, (node, ancestors) => {
    if (node.kind !== "vector-selector" || isInfoSelector(node, ancestors)) return;
    const range = rangeOf(node, ancestors, grid, run.lookbackMs);
    const newestOnly = isReadOnce(node, ancestors, grid);
    const aggregation = newestOnly ? runningAggregationAround(ancestors) : undefined;
    const hints: SelectHints = {
      function: functionAround(ancestors),
      newestOnly,
      withoutLabels: aggregation !== undefined && isOfAll(aggregation),
      signal: run.signal,
    };
    wanted.push({ selector: node, range, hints, isStreamed: aggregation !== undefined });
  });
  const series = new Map<VectorSelector, SeriesSamples[]>();
  const newest = new Map<VectorSelector, NewestSamples>();
  const fetch = async ({ selector, range, hints, isStreamed }: Wanted) => {
    const { queryable } = run;
    const found = isStreamed ? await queryable.newest?.(selector.matchers, range, hints) : undefined;
    if (found !== undefined) return void newest.set(selector, found);
    const selected = await queryable.select(selector.matchers, range, hints);
    series.set(selector, selector.histogramStatsOnly ? selected.map(withStatsOnly) : selected);
  };
  try {
    await Promise.all(wanted.map(fetch));
  } catch (error) {
    throw failedSelection(run, error);
  }
  return { get: (selector) => series.get(selector), newest: (selector) => newest.get(selector) };
}

interface Wanted {
  selector: VectorSelector;
  range: TimeRange;
  hints: SelectHints;
  isStreamed: boolean;
}

/** The aggregation that takes a selector's series one after the other (`streamedAggregation`). */
function runningAggregationAround(ancestors: readonly Expression[]): Aggregation | undefined {
  const parent = ancestors.findLast(({ kind }) => kind !== "parenthesis");
  return parent?.kind === "aggregation" && parent.parameter === undefined ? parent : undefined;
}

/** Whether all series are one group. */
function isOfAll({ grouping, isWithout }: Aggregation): boolean {
  return grouping.length === 0 && !isWithout;
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
