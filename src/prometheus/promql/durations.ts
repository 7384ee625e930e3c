/** Computed durations: `[5m + step()]` (`promql/durations.go`). */
import { maximum, minimum } from "../../base/go-math/extremes.ts";
import { power } from "../../base/go-math/power.ts";
import type { DurationExpression, NumberLiteral } from "./parser/ast.ts";
import { isDurationOutOfRange } from "./parser/number.ts";
import { QueryError } from "./query-error.ts";
import type { QueryTimes } from "./query-times.ts";

/**
 * The value in milliseconds.
 *
 * @throws QueryError when it is not a duration, or not above 0 where it has to be.
 */
export function calculateDuration(
  query: string,
  expression: DurationExpression,
  times: QueryTimes,
  sign: "positive" | "any",
): number {
  const bytesBefore = (offset: number) => Buffer.byteLength(query.slice(0, offset));
  const fail = ({ position }: DurationExpression, message: string): never => {
    throw new QueryError(
      "bad_data",
      `${bytesBefore(position.start)}:${bytesBefore(position.end)}: ${message}`,
    );
  };
  const evaluate = (node: DurationExpression | NumberLiteral | undefined): number => {
    if (node === undefined) return 0;
    if (node.kind === "number") return node.value;
    const left = evaluate(node.left);
    const right = evaluate(node.right);
    switch (node.operator) {
      case "step":
        return times.stepMs / 1000;
      case "range":
        return (times.endMs - times.startMs) / 1000;
      case "min_of":
        return minimum(left, right);
      case "max_of":
        return maximum(left, right);
      case "+":
        return left + right;
      case "-":
        return left - right;
      case "*":
        return left * right;
      case "/":
        return right === 0 ? fail(node, "division by zero") : left / right;
      case "%":
        return right === 0 ? fail(node, "modulo by zero") : left % right;
      case "^":
        return power(left, right);
    }
  };
  const seconds = evaluate(expression);
  if (!Number.isFinite(seconds)) fail(expression, "duration is NaN or infinite");
  if (seconds <= 0 && sign === "positive") fail(expression, "duration must be greater than 0");
  if (isDurationOutOfRange(seconds)) fail(expression, "duration is out of range");
  return Math.trunc(seconds * 1000);
}
