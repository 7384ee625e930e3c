/** One sample on each side of an operator (`vectorElemBinop` in upstream's `promql/engine.go`). */
import type { FloatHistogram } from "../../../model/histogram.ts";
import {
  addHistograms,
  areHistogramsEqual,
  divideHistogram,
  IncompatibleSchemasError,
  multiplyHistogram,
  subtractHistograms,
} from "../../../model/histogram-arithmetic.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import { trimHistogram } from "../../../model/histogram-trim.ts";
import { type Annotations, informReconciledBounds, warnCounterResetCollision } from "../annotations.ts";
import type { BinaryExpression } from "../parser/ast.ts";
import { arithmetic, type ComparisonOperator, comparison, isArithmetic } from "./arithmetic.ts";

/** A float, or a histogram. */
interface Element {
  float: number;
  histogram: FloatHistogram | undefined;
}

export interface ElementResult extends Element {
  /** False where a comparison does not hold. */
  isKept: boolean;
}

/** The result for one pair; undefined where the operator has none for these types, which is remarked on. */
export type ElementOperation = (
  leftFloat: number,
  leftHistogram: FloatHistogram | undefined,
  rightFloat: number,
  rightHistogram: FloatHistogram | undefined,
) => ElementResult | undefined;

export function elementOperation(node: BinaryExpression, annotations: Annotations): ElementOperation {
  const ofFloats = floatOperation(node, annotations);
  return (leftFloat, left, rightFloat, right) => {
    if (left === undefined) {
      return right === undefined
        ? ofFloats(leftFloat, rightFloat)
        : floatWithHistogram(node, leftFloat, right, annotations);
    }
    return right === undefined
      ? histogramWithFloat(node, left, rightFloat, annotations)
      : histogramWithHistogram(node, left, right, annotations);
  };
}

function floatOperation(
  node: BinaryExpression,
  annotations: Annotations,
): (left: number, right: number) => ElementResult | undefined {
  const { operator } = node;
  if (isArithmetic(operator)) {
    const compute = arithmetic(operator);
    return (left, right) => ({ float: compute(left, right), histogram: undefined, isKept: true });
  }
  if (operator === "</" || operator === ">/") {
    return () => informIncompatible(node, "float", "float", annotations);
  }
  const holds = comparison(operator as ComparisonOperator);
  return (left, right) => ({ float: left, histogram: undefined, isKept: holds(left, right) });
}

function floatWithHistogram(
  node: BinaryExpression,
  left: number,
  right: FloatHistogram,
  annotations: Annotations,
): ElementResult | undefined {
  if (node.operator === "*") return kept(compacted(multiplyHistogram(right, left)));
  return informIncompatible(node, "float", "histogram", annotations);
}

function histogramWithFloat(
  node: BinaryExpression,
  left: FloatHistogram,
  right: number,
  annotations: Annotations,
): ElementResult | undefined {
  switch (node.operator) {
    case "*":
      return kept(compacted(multiplyHistogram(left, right)));
    case "/":
      return kept(compacted(divideHistogram(left, right)));
    case "</":
      return kept(trimHistogram(left, right, "upper"));
    case ">/":
      return kept(trimHistogram(left, right, "lower"));
  }
  return informIncompatible(node, "histogram", "float", annotations);
}

function histogramWithHistogram(
  node: BinaryExpression,
  left: FloatHistogram,
  right: FloatHistogram,
  annotations: Annotations,
): ElementResult | undefined {
  switch (node.operator) {
    case "+":
    case "-":
      return sumOrDifference(node, left, right, annotations);
    case "==":
      return { float: 0, histogram: left, isKept: areHistogramsEqual(left, right) };
    case "!=":
      return { float: 0, histogram: left, isKept: !areHistogramsEqual(left, right) };
  }
  return informIncompatible(node, "histogram", "histogram", annotations);
}

function sumOrDifference(
  { operator, position }: BinaryExpression,
  left: FloatHistogram,
  right: FloatHistogram,
  annotations: Annotations,
): ElementResult | undefined {
  const isSum = operator === "+";
  try {
    const result = isSum ? addHistograms(left, right) : subtractHistograms(left, right);
    const operation = isSum ? "addition" : "subtraction";
    if (result.areBoundsReconciled) informReconciledBounds(annotations, operation, position);
    if (result.isResetContradictory) {
      warnCounterResetCollision(annotations, operation, position);
      return undefined;
    }
    // The difference of two counters may well fall.
    return kept(isSum ? result.histogram : { ...result.histogram, counterResetHint: "gauge" });
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    annotations.warn(`incompatible bucket layout encountered for binary operator ${operator}`, position);
    return undefined;
  }
}

function kept(histogram: FloatHistogram): ElementResult {
  return { float: 0, histogram, isKept: true };
}

function informIncompatible(
  { operator, position }: BinaryExpression,
  left: "float" | "histogram",
  right: "float" | "histogram",
  annotations: Annotations,
): undefined {
  const types = `"${operator}": ${left} ${operator} ${right}`;
  annotations.inform(`incompatible sample types encountered for binary operator ${types}`, position);
}
