/**
 * What happens to a syntax tree between parsing and evaluation (`PreprocessExpr` in `promql/engine.go`): everything
 * that depends on the query's times alone becomes a constant, and what does not depend on the step is marked.
 */
import { calculateDuration } from "./durations.ts";
import { sharedReference } from "./info-reference.ts";
import { type Call, type Expression, type Subquery, type VectorSelector, walk } from "./parser/ast.ts";
import type { QueryTimes } from "./query-times.ts";

/** Functions whose result changes with the evaluation time even where their arguments don't. */
export const STEP_DEPENDENT_FUNCTIONS: ReadonlySet<string> = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "end",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "range",
  "start",
  "step",
  "time",
  "timestamp",
]);

/** Resolves `start()`, `end()`, `step()`, `range()`, computed durations and `@` in place; answers the new root. */
export function preprocess(query: string, expression: Expression, times: QueryTimes): Expression {
  const folded = foldTimes(expression, times);
  walk(folded, (node, ancestors) => {
    resolveDurations(query, node, times);
    if (node.kind === "vector-selector" || node.kind === "subquery") resolveAt(node, times);
    if (node.kind === "vector-selector") node.histogramStatsOnly = needsStatsOnly(ancestors);
  });
  const { isInvariant, isWrapped } = markInvariant(folded);
  return isInvariant && isWrapped ? invariant(folded) : folded;
}

function foldTimes(expression: Expression, times: QueryTimes): Expression {
  if (expression.kind === "call") {
    const value = timeConstant(expression, times);
    if (value !== undefined)
      return { kind: "number", value, isDuration: false, position: expression.position };
  }
  replaceChildren(expression, (child) => foldTimes(child, times));
  return expression;
}

function timeConstant({ name }: Call, { startMs, endMs, stepMs }: QueryTimes): number | undefined {
  switch (name) {
    case "start":
      return startMs / 1000;
    case "end":
      return endMs / 1000;
    case "range":
      return (endMs - startMs) / 1000;
    case "step":
      return startMs === endMs ? 0 : stepMs / 1000;
  }
  return undefined;
}

const STATS_FUNCTIONS = new Set(["histogram_count", "histogram_sum", "histogram_avg"]);
const BUCKET_FUNCTIONS = new Set([
  "changes",
  "histogram_fraction",
  "histogram_quantile",
  "histogram_quantiles",
  "histogram_stddev",
  "histogram_stdvar",
]);
const BUCKET_OPERATORS = new Set(["</", ">/", "==", "!="]);

/**
 * Whether only count and sum of a selector's histograms are asked for. What trims or compares them needs the buckets,
 * and so do resets within subqueries.
 */
function needsStatsOnly(ancestors: readonly Expression[]): boolean {
  let isStats = false;
  for (const node of ancestors.toReversed()) {
    if (node.kind === "subquery") return false;
    if (node.kind === "binary" && BUCKET_OPERATORS.has(node.operator)) return false;
    if (node.kind === "aggregation" && node.operator === "count_values") return false;
    if (node.kind !== "call") continue;
    if (BUCKET_FUNCTIONS.has(node.name)) return false;
    if (STATS_FUNCTIONS.has(node.name)) isStats = true;
  }
  return isStats;
}

function replaceChildren(node: Expression, replace: (child: Expression) => Expression): void {
  switch (node.kind) {
    case "subquery":
    case "parenthesis":
    case "unary":
    case "step-invariant":
      node.expression = replace(node.expression);
      break;
    case "binary":
      node.left = replace(node.left);
      node.right = replace(node.right);
      break;
    case "aggregation":
      node.expression = replace(node.expression);
      if (node.parameter !== undefined) node.parameter = replace(node.parameter);
      break;
    case "call":
      node.arguments = node.arguments.map(replace);
      break;
  }
}

function resolveDurations(query: string, node: Expression, times: QueryTimes): void {
  if (node.kind === "matrix-selector" || node.kind === "subquery") {
    if (node.rangeExpression !== undefined) {
      node.rangeMs = calculateDuration(query, node.rangeExpression, times, "positive");
    }
  }
  if (node.kind === "subquery" && node.stepExpression !== undefined) {
    node.stepMs = calculateDuration(query, node.stepExpression, times, "positive");
  }
  if (node.kind === "vector-selector" || node.kind === "subquery") {
    if (node.offsetExpression !== undefined) {
      node.offsetMs = calculateDuration(query, node.offsetExpression, times, "any");
    }
  }
}

function resolveAt(node: VectorSelector | Subquery, { startMs, endMs }: QueryTimes): void {
  if (node.at === "start") node.at = startMs;
  else if (node.at === "end") node.at = endMs;
}

/**
 * Marks the largest sub-expressions that don't depend on the step, and takes parentheses off arguments.
 *
 * `isWrapped` is false for what is never marked itself: range selectors, subqueries and strings.
 */
function markInvariant(node: Expression): { isInvariant: boolean; isWrapped: boolean } {
  switch (node.kind) {
    case "number":
    case "string":
      return { isInvariant: true, isWrapped: true };
    case "vector-selector":
      return { isInvariant: node.at !== undefined, isWrapped: node.at !== undefined };
    case "matrix-selector":
      return { isInvariant: node.vector.at !== undefined, isWrapped: false };
    case "subquery":
      // Evaluated once for all of its own steps where it can be, with or without `@` on the subquery.
      if (markInvariant(node.expression).isInvariant) node.expression = invariant(node.expression);
      return { isInvariant: node.at !== undefined, isWrapped: false };
    case "parenthesis":
    case "unary":
      return markInvariant(node.expression);
    case "step-invariant":
      return { isInvariant: true, isWrapped: false };
    case "aggregation":
      node.expression = unwrapped(node.expression);
      if (node.parameter !== undefined) node.parameter = unwrapped(node.parameter);
      return markInvariant(node.expression);
    case "binary": {
      const left = markInvariant(node.left);
      const right = markInvariant(node.right);
      if (left.isInvariant && right.isInvariant) return { isInvariant: true, isWrapped: true };
      if (left.isWrapped) node.left = invariant(node.left);
      if (right.isWrapped) node.right = invariant(node.right);
      return { isInvariant: false, isWrapped: false };
    }
    case "call":
      return markCall(node);
  }
}

function markCall(node: Call): { isInvariant: boolean; isWrapped: boolean } {
  node.arguments = node.arguments.map(unwrapped);
  const marks = node.arguments.map(markInvariant);
  let allInvariant = marks.every(({ isInvariant }) => isInvariant);
  if (node.name === "info") {
    // The second argument is the spelling of a selector only.
    if (marks.length > 1) marks[1] = { isInvariant: true, isWrapped: false };
    allInvariant = marks[0].isInvariant && sharedReference(node.arguments[0]) !== undefined;
  }
  // `timestamp(metric @ 1)` is the sample's own time; `timestamp(abs(metric @ 1))` is the step's.
  const isTimestampOfSelector =
    node.name === "timestamp" && node.arguments.every(({ kind }) => kind === "vector-selector");
  if (allInvariant && (!STEP_DEPENDENT_FUNCTIONS.has(node.name) || isTimestampOfSelector)) {
    return { isInvariant: true, isWrapped: true };
  }
  node.arguments = node.arguments.map((argument, i) => (marks[i].isWrapped ? invariant(argument) : argument));
  return { isInvariant: false, isWrapped: false };
}

/** Literals are constant anyway. */
function invariant(expression: Expression): Expression {
  if (expression.kind === "number" || expression.kind === "string") return expression;
  return { kind: "step-invariant", expression, position: expression.position };
}

function unwrapped(expression: Expression): Expression {
  let inner = expression;
  while (inner.kind === "parenthesis") inner = inner.expression;
  return inner;
}
