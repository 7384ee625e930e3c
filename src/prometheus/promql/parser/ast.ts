/** PromQL's syntax tree (`promql/parser/ast.go`). Durations are milliseconds, positions offsets into the query. */
import type { Matcher } from "../../matcher.ts";
import type { Position } from "./parse-error.ts";

export type { Position };

export type ValueType = "none" | "scalar" | "vector" | "matrix" | "string";

export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "^"
  | "atan2"
  | "=="
  | "!="
  | ">"
  | "<"
  | ">="
  | "<="
  | "</"
  | ">/"
  | "and"
  | "or"
  | "unless";

export type AggregateOperator =
  | "sum"
  | "avg"
  | "count"
  | "min"
  | "max"
  | "group"
  | "stddev"
  | "stdvar"
  | "topk"
  | "bottomk"
  | "count_values"
  | "quantile"
  | "limitk"
  | "limit_ratio";

export interface NumberLiteral {
  kind: "number";
  value: number;
  /** Written as a duration: `5m`. */
  isDuration: boolean;
  position: Position;
}

export interface StringLiteral {
  kind: "string";
  value: string;
  position: Position;
}

/** `@ 1234.5` in milliseconds, or `@ start()`, `@ end()`. */
export type AtModifier = number | "start" | "end";

/** What selectors and subqueries have in common. */
interface Shifted {
  at: AtModifier | undefined;
  offsetMs: number;
  /** The offset, where it is an expression; `preprocess` turns it into `offsetMs`. */
  offsetExpression: DurationExpression | undefined;
}

export interface VectorSelector extends Shifted {
  kind: "vector-selector";
  /** The metric name when it stands before the braces. */
  name: string;
  matchers: Matcher[];
  /** Samples outside of the range count too (feature flag `promql-extended-range-selectors`). */
  extension: "anchored" | "smoothed" | undefined;
  /** Set for the label selector of `info()`, which may match anything. */
  allowsEmptyMatchers: boolean;
  /** Only count and sum of native histograms are asked for: see `preprocess`. */
  histogramStatsOnly: boolean;
  position: Position;
}

export interface MatrixSelector {
  kind: "matrix-selector";
  vector: VectorSelector;
  rangeMs: number;
  rangeExpression: DurationExpression | undefined;
  position: Position;
}

export interface Subquery extends Shifted {
  kind: "subquery";
  expression: Expression;
  rangeMs: number;
  rangeExpression: DurationExpression | undefined;
  /** 0: the engine's default. */
  stepMs: number;
  stepExpression: DurationExpression | undefined;
  position: Position;
}

/** A duration that is computed: `[5m + step()]`. Its leaves are number literals in seconds. */
export interface DurationExpression {
  kind: "duration";
  operator: "+" | "-" | "*" | "/" | "%" | "^" | "step" | "range" | "min_of" | "max_of";
  /** Missing where `+` and `-` are signs. */
  left: NumberLiteral | DurationExpression | undefined;
  right: NumberLiteral | DurationExpression | undefined;
  isParenthesized: boolean;
  position: Position;
}

export interface Parenthesis {
  kind: "parenthesis";
  expression: Expression;
  position: Position;
}

export interface UnaryExpression {
  kind: "unary";
  operator: "+" | "-";
  expression: Expression;
  position: Position;
}

export type Cardinality = "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";

export interface VectorMatching {
  cardinality: Cardinality;
  /** `on(labels)`, else `ignoring(labels)`. */
  isOn: boolean;
  labels: string[];
  /** Labels of the "one" side that `group_left`/`group_right` bring over. */
  include: string[];
  /** What stands for a missing series on the left or the right. */
  fillLeft: number | undefined;
  fillRight: number | undefined;
}

export interface BinaryExpression {
  kind: "binary";
  operator: BinaryOperator;
  left: Expression;
  right: Expression;
  /** Undefined unless both sides are vectors. */
  matching: VectorMatching | undefined;
  returnsBool: boolean;
  position: Position;
}

export interface Aggregation {
  kind: "aggregation";
  operator: AggregateOperator;
  expression: Expression;
  parameter: Expression | undefined;
  grouping: string[];
  isWithout: boolean;
  position: Position;
}

export interface Call {
  kind: "call";
  name: string;
  arguments: Expression[];
  position: Position;
}

/** Put in by `preprocess`: does not depend on the step, so it is evaluated once. */
export interface StepInvariant {
  kind: "step-invariant";
  expression: Expression;
  position: Position;
}

export type Expression =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Parenthesis
  | UnaryExpression
  | BinaryExpression
  | Aggregation
  | Call
  | StepInvariant;

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<="]);
const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);
const PARAMETERIZED: ReadonlySet<string> = new Set([
  "topk",
  "bottomk",
  "quantile",
  "count_values",
  "limitk",
  "limit_ratio",
]);

export function isComparison(operator: BinaryOperator): boolean {
  return COMPARISONS.has(operator);
}

export function isSetOperator(operator: BinaryOperator): boolean {
  return SET_OPERATORS.has(operator);
}

/** Whether the aggregation takes an argument before the vector: `topk(3, …)`. */
export function takesParameter(operator: AggregateOperator): boolean {
  return PARAMETERIZED.has(operator);
}

/** The direct sub-expressions, in the order in which they are written. */
export function childrenOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case "matrix-selector":
      return [expression.vector];
    case "subquery":
    case "parenthesis":
    case "unary":
    case "step-invariant":
      return [expression.expression];
    case "binary":
      return [expression.left, expression.right];
    case "aggregation":
      return expression.parameter === undefined
        ? [expression.expression]
        : [expression.expression, expression.parameter];
    case "call":
      return expression.arguments;
    default:
      return [];
  }
}

/** Calls `visit` for every node, parents first, with the chain of its ancestors. */
export function walk(
  expression: Expression,
  visit: (node: Expression, ancestors: readonly Expression[]) => void,
  ancestors: readonly Expression[] = [],
): void {
  visit(expression, ancestors);
  const chain = [...ancestors, expression];
  for (const child of childrenOf(expression)) walk(child, visit, chain);
}
