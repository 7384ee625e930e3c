/** One sample on each side of an operator (`vectorElemBinop` in upstream's `promql/engine.go`). */
import type { FloatHistogram } from "../../../model/histogram.ts";
import type { Annotations } from "../annotations.ts";
import type { BinaryExpression } from "../parser/ast.ts";
import { arithmetic, type ComparisonOperator, comparison, isArithmetic } from "./arithmetic.ts";

/** A float, or a histogram. */
export interface Element {
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
  return (leftFloat, leftHistogram, rightFloat, rightHistogram) => {
    void leftHistogram;
    void rightHistogram;
    return ofFloats(leftFloat, rightFloat);
  };
}

function floatOperation(
  { operator, position }: BinaryExpression,
  annotations: Annotations,
): (left: number, right: number) => ElementResult | undefined {
  if (isArithmetic(operator)) {
    const compute = arithmetic(operator);
    return (left, right) => ({ float: compute(left, right), histogram: undefined, isKept: true });
  }
  if (operator === "</" || operator === ">/") {
    return () => {
      informIncompatible(annotations, "float", operator, "float", position);
      return undefined;
    };
  }
  const holds = comparison(operator as ComparisonOperator);
  return (left, right) => ({ float: left, histogram: undefined, isKept: holds(left, right) });
}

export function informIncompatible(
  annotations: Annotations,
  left: "float" | "histogram",
  operator: string,
  right: "float" | "histogram",
  position: BinaryExpression["position"],
): void {
  const types = `"${operator}": ${left} ${operator} ${right}`;
  annotations.inform(`incompatible sample types encountered for binary operator ${types}`, position);
}
