/** How tightly the operators of formulas bind (expr-lang/expr `parser/operator`). */

/** Higher binds tighter. */
const BINARY: Record<string, number> = {
  "|": 0,
  "||": 10,
  or: 10,
  "&&": 15,
  and: 15,
  "==": 20,
  "!=": 20,
  "<": 20,
  ">": 20,
  "<=": 20,
  ">=": 20,
  in: 20,
  "..": 25,
  "+": 30,
  "-": 30,
  "*": 60,
  "/": 60,
  "%": 60,
  "**": 100,
  "^": 100,
  "??": 500,
};
const UNARY: Record<string, number> = { "-": 90, "+": 90, "!": 50, not: 50 };

/** Undefined for what is no operator between two. */
export function binaryPrecedence(operator: string): number | undefined {
  return Object.hasOwn(BINARY, operator) ? BINARY[operator] : undefined;
}

/** What an operator's right side must at least bind with: `a ** b ** c` is `a ** (b ** c)`. */
export function rightPrecedence(operator: string): number {
  return operator === "**" || operator === "^" ? BINARY[operator] : BINARY[operator] + 1;
}

/** Undefined for what is no operator before one. */
export function unaryPrecedence(operator: string): number | undefined {
  return Object.hasOwn(UNARY, operator) ? UNARY[operator] : undefined;
}
