/** Syntax trees as `/api/v1/parse_query` shows them (`web/api/v1/translate_ast.go`), keys in the order of the alphabet. */
import { formatFloat } from "../../model/number-format.ts";
import type { Matcher } from "../matcher.ts";
import type {
  AtModifier,
  DurationExpression,
  Expression,
  NumberLiteral,
  VectorMatching,
} from "../promql/parser/ast.ts";
import { FUNCTION_SIGNATURES } from "../promql/parser/function-signatures.ts";

/** One node and all below it. */
export function expressionJson(node: Expression): object {
  switch (node.kind) {
    case "number":
      return { type: "numberLiteral", val: formatFloat(node.value) };
    case "string":
      return { type: "stringLiteral", val: node.value };
    case "vector-selector":
      return {
        anchored: node.extension === "anchored",
        matchers: node.matchers.map(matcherJson),
        name: node.name,
        ...shiftJson(node),
        smoothed: node.extension === "smoothed",
        startOrEnd: startOrEnd(node.at),
        timestamp: timestamp(node.at),
        type: "vectorSelector",
      };
    case "matrix-selector":
      return {
        anchored: node.vector.extension === "anchored",
        matchers: node.vector.matchers.map(matcherJson),
        name: node.vector.name,
        ...shiftJson(node.vector),
        range: node.rangeMs,
        rangeExpr: durationJson(node.rangeExpression),
        smoothed: node.vector.extension === "smoothed",
        startOrEnd: startOrEnd(node.vector.at),
        timestamp: timestamp(node.vector.at),
        type: "matrixSelector",
      };
    case "subquery":
      return {
        expr: expressionJson(node.expression),
        ...shiftJson(node),
        range: node.rangeMs,
        rangeExpr: durationJson(node.rangeExpression),
        startOrEnd: startOrEnd(node.at),
        step: node.stepMs,
        stepExpr: durationJson(node.stepExpression),
        timestamp: timestamp(node.at),
        type: "subquery",
      };
    case "parenthesis":
      return { expr: expressionJson(node.expression), type: "parenExpr" };
    case "unary":
      return { expr: expressionJson(node.expression), op: node.operator, type: "unaryExpr" };
    case "binary":
      return {
        bool: node.returnsBool,
        lhs: expressionJson(node.left),
        matching: node.matching === undefined ? null : matchingJson(node.matching),
        op: node.operator,
        rhs: expressionJson(node.right),
        type: "binaryExpr",
      };
    case "aggregation":
      return {
        expr: expressionJson(node.expression),
        grouping: node.grouping,
        op: node.operator,
        param: node.parameter === undefined ? null : expressionJson(node.parameter),
        type: "aggregation",
        without: node.isWithout,
      };
    case "call":
      return { args: node.arguments.map(expressionJson), func: functionJson(node.name), type: "call" };
    case "step-invariant":
      return expressionJson(node.expression);
  }
}

function functionJson(name: string): object {
  const { arguments: argTypes, variadic, returns } = FUNCTION_SIGNATURES.get(name)!;
  return { argTypes, name, returnType: returns, variadic };
}

function matcherJson({ name, operator, value }: Matcher): object {
  return { name, type: operator, value };
}

function shiftJson({
  offsetMs,
  offsetExpression,
}: {
  offsetMs: number;
  offsetExpression: DurationExpression | undefined;
}): object {
  return { offset: offsetMs, offsetExpr: durationJson(offsetExpression) };
}

function timestamp(at: AtModifier | undefined): number | null {
  return typeof at === "number" ? at : null;
}

function startOrEnd(at: AtModifier | undefined): string | null {
  return typeof at === "string" ? at : null;
}

function matchingJson({ cardinality, isOn, labels, include, fillLeft, fillRight }: VectorMatching): object {
  const fillValues = { lhs: fillLeft ?? null, rhs: fillRight ?? null };
  return { card: cardinality, fillValues, include, labels, on: isOn };
}

function durationJson(node: DurationExpression | NumberLiteral | undefined): object | null {
  if (node === undefined) return null;
  if (node.kind === "number") {
    return { duration: node.isDuration, type: "numberLiteral", val: formatFloat(node.value) };
  }
  return {
    lhs: durationJson(node.left),
    op: node.operator,
    rhs: durationJson(node.right),
    type: "durationExpr",
    wrapped: node.isParenthesized,
  };
}
