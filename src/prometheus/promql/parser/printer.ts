/** Syntax trees as text, as upstream prints them (`promql/parser/printer.go`). */
import { formatFloat, formatG } from "../../../model/number-format.ts";
import type {
  Aggregation,
  BinaryExpression,
  DurationExpression,
  Expression,
  MatrixSelector,
  NumberLiteral,
  Subquery,
  VectorSelector,
} from "./ast.ts";
import { quoteString } from "./lexer.ts";

/** An expression that parses to the same tree. */
export function printExpression(node: Expression): string {
  switch (node.kind) {
    case "number":
      return printNumber(node);
    case "string":
      return quoteString(node.value);
    case "vector-selector":
      return printSelector(node);
    case "matrix-selector":
      return printMatrix(node);
    case "subquery":
      return printExpression(node.expression) + subquerySuffix(node);
    case "parenthesis":
      return `(${printExpression(node.expression)})`;
    case "unary":
      return node.operator + printExpression(node.expression);
    case "binary":
      return `${printExpression(node.left)} ${binaryOperator(node)} ${printExpression(node.right)}`;
    case "aggregation":
      return printAggregation(node);
    case "call":
      return `${node.name}(${node.arguments.map(printExpression).join(", ")})`;
    case "step-invariant":
      return printExpression(node.expression);
  }
}

function printNumber({ value, isDuration }: NumberLiteral): string {
  if (!isDuration) return formatFloat(value);
  return value < 0 ? `-${formatDuration(-value * 1000)}` : formatDuration(value * 1000);
}

/** `@ …`. */
export function atSuffix({ at }: Pick<VectorSelector, "at">): string {
  if (at === undefined) return "";
  return typeof at === "number" ? ` @ ${(at / 1000).toFixed(3)}` : ` @ ${at}()`;
}

/** `offset …`. */
export function offsetSuffix({
  offsetMs,
  offsetExpression,
}: Pick<VectorSelector, "offsetMs" | "offsetExpression">): string {
  if (offsetExpression !== undefined) return ` offset ${printDuration(offsetExpression)}`;
  if (offsetMs === 0) return "";
  return offsetMs > 0 ? ` offset ${formatDuration(offsetMs)}` : ` offset -${formatDuration(-offsetMs)}`;
}

function extensionSuffix({ extension }: VectorSelector): string {
  return extension === undefined ? "" : ` ${extension}`;
}

function printSelector(node: VectorSelector): string {
  return printSeries(node) + atSuffix(node) + extensionSuffix(node) + offsetSuffix(node);
}

/** The name and the matchers. */
export function printSeries({ name, matchers }: VectorSelector): string {
  const texts = printMatchers(name, matchers);
  return name + (texts.length === 0 ? "" : `{${texts.join(",")}}`);
}

function printMatchers(name: string, matchers: VectorSelector["matchers"]): string[] {
  return matchers
    .filter((matcher) => {
      const isName = matcher.name === "__name__" && matcher.operator === "=" && matcher.value !== "";
      return !(isName && matcher.value === name);
    })
    .map((matcher) => printLabel(matcher.name) + matcher.operator + quoteString(matcher.value))
    .sort();
}

function printMatrix({ vector, rangeMs, rangeExpression }: MatrixSelector): string {
  const range = `[${printRange(rangeMs, rangeExpression)}]`;
  return printSeries(vector) + range + extensionSuffix(vector) + atSuffix(vector) + offsetSuffix(vector);
}

function printRange(rangeMs: number, expression: DurationExpression | undefined): string {
  return expression === undefined ? formatDuration(rangeMs) : printDuration(expression);
}

/** `[5m:1m] @ … offset …`. */
export function subquerySuffix(node: Subquery): string {
  let step = node.stepMs === 0 ? "" : formatDuration(node.stepMs);
  if (node.stepMs === 0 && node.stepExpression !== undefined) step = printDuration(node.stepExpression);
  const range = printRange(node.rangeMs, node.rangeExpression);
  return `[${range}:${step}]${atSuffix(node)}${offsetSuffix(node)}`;
}

/** The operator with its modifiers. */
export function binaryOperator({ operator, returnsBool, matching }: BinaryExpression): string {
  let text = returnsBool ? `${operator} bool` : operator;
  if (matching === undefined) return text;
  const { cardinality, isOn, labels, include, fillLeft, fillRight } = matching;
  const isGrouped = cardinality === "many-to-one" || cardinality === "one-to-many";
  if (labels.length > 0 || isOn || isGrouped) text += ` ${isOn ? "on" : "ignoring"} (${printLabels(labels)})`;
  if (isGrouped)
    text += ` group_${cardinality === "many-to-one" ? "left" : "right"} (${printLabels(include)})`;
  if (fillLeft !== undefined && fillLeft === fillRight) return `${text} fill (${formatG(fillLeft)})`;
  if (fillLeft !== undefined) text += ` fill_left (${formatG(fillLeft)})`;
  if (fillRight !== undefined) text += ` fill_right (${formatG(fillRight)})`;
  return text;
}

/** The operator with its grouping. */
export function aggregationHead({ operator, isWithout, grouping }: Aggregation): string {
  if (isWithout) return `${operator} without (${printLabels(grouping)}) `;
  return grouping.length > 0 ? `${operator} by (${printLabels(grouping)}) ` : operator;
}

function printAggregation(node: Aggregation): string {
  const parameter = node.parameter === undefined ? "" : `${printExpression(node.parameter)}, `;
  return `${aggregationHead(node)}(${parameter}${printExpression(node.expression)})`;
}

function printLabels(labels: readonly string[]): string {
  return labels.map(printLabel).join(", ");
}

function printLabel(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoteString(name);
}

function printDuration(node: DurationExpression | NumberLiteral): string {
  if (node.kind === "number") return printNumber(node);
  const text = bareDuration(node);
  return node.isParenthesized ? `(${text})` : text;
}

function bareDuration({ operator, left, right }: DurationExpression): string {
  if (operator === "step" || operator === "range") return `${operator}()`;
  if (operator === "min_of" || operator === "max_of") {
    return `${operator}(${printDuration(left!)}, ${printDuration(right!)})`;
  }
  if (left === undefined) return (operator === "-" ? "-" : "") + printDuration(right!);
  return `${printDuration(left)} ${operator} ${printDuration(right!)}`;
}

const UNITS: [unit: string, milliseconds: number, isExact: boolean][] = [
  ["y", 365 * 86_400_000, true],
  ["w", 7 * 86_400_000, true],
  ["d", 86_400_000, false],
  ["h", 3_600_000, false],
  ["m", 60_000, false],
  ["s", 1000, false],
  ["ms", 1, false],
];

/** `1h30m`. Years and weeks only where nothing is left over. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.trunc(milliseconds);
  if (rest === 0) return "0s";
  let text = "";
  for (const [unit, size, isExact] of UNITS) {
    if (isExact && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += count + unit;
    rest -= count * size;
  }
  return text;
}
