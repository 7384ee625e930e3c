/** What operators do to two floats. */
import { arcTangent2 } from "../../../base/go-math/inverse-trigonometry.ts";
import { power } from "../../../base/go-math/power.ts";
import type { BinaryOperator } from "../parser/ast.ts";

/** Operators that give a new value. */
export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
/** Operators that choose. */
export type ComparisonOperator = "==" | "!=" | ">" | "<" | ">=" | "<=";

const ARITHMETIC: Record<ArithmeticOperator, (left: number, right: number) => number> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "%": (left, right) => left % right,
  "^": power,
  atan2: arcTangent2,
};

const COMPARISONS: Record<ComparisonOperator, (left: number, right: number) => boolean> = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  ">": (left, right) => left > right,
  "<": (left, right) => left < right,
  ">=": (left, right) => left >= right,
  "<=": (left, right) => left <= right,
};

export function isArithmetic(operator: BinaryOperator): operator is ArithmeticOperator {
  return Object.hasOwn(ARITHMETIC, operator);
}

export function arithmetic(operator: ArithmeticOperator): (left: number, right: number) => number {
  return ARITHMETIC[operator];
}

export function comparison(operator: ComparisonOperator): (left: number, right: number) => boolean {
  return COMPARISONS[operator];
}
