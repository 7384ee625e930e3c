/** What operators do to two floats. */
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
  atan2: Math.atan2,
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

/** As Go's and C's `pow`, which say that 1 to any power and (-1)^±Inf are 1. JavaScript says NaN. */
export function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && (exponent === Number.POSITIVE_INFINITY || exponent === Number.NEGATIVE_INFINITY))
    return 1;
  return base ** exponent;
}
