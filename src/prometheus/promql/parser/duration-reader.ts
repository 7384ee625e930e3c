/** Ranges, steps and offsets: plain durations, and durations that are computed (`[5m + step()]`). */
import type { SyntaxNode } from "@lezer/common";
import type { DurationExpression, NumberLiteral } from "./ast.ts";
import { isDurationOutOfRange, parseNumber } from "./number.ts";
import { ParseError, type Position } from "./parse-error.ts";

type Duration = NumberLiteral | DurationExpression;

/** Rounded to whole nanoseconds, as upstream holds it, in milliseconds. 0 for what is yet to be computed. */
export function durationMs(duration: Duration): number {
  return duration.kind === "number" ? Math.trunc(Math.round(duration.value * 1e9) / 1e6) : 0;
}

/** Reads durations. Positions are upstream's: of two operands from the first one on, without what closes behind the last. */
export class DurationReader {
  readonly #query: string;
  readonly #numberEnds: ReadonlyMap<number, number>;
  readonly #allowsExpressions: boolean;

  constructor(query: string, numberEnds: ReadonlyMap<number, number>, allowsExpressions: boolean) {
    this.#query = query;
    this.#numberEnds = numberEnds;
    this.#allowsExpressions = allowsExpressions;
  }

  /** The duration of a range or step. */
  positive(node: SyntaxNode): Duration {
    const duration = this.#read(node);
    if (duration.kind === "number" && !(duration.value > 0)) {
      this.#fail(duration.position, "duration must be greater than 0");
    }
    return duration;
  }

  offset(node: SyntaxNode): Duration {
    return this.#read(node);
  }

  #read(node: SyntaxNode): Duration {
    switch (node.name) {
      case "DurationExpr":
      case "OffsetDurationExpr":
        return this.#expression(node);
      case "NumberDurationLiteralInDurationContext":
        return this.#literal(node);
    }
    throw new Error(`BUG: unhandled grammar node ${node.name}`);
  }

  #literal(node: SyntaxNode): NumberLiteral {
    const position = { start: node.from, end: this.#numberEnds.get(node.from) ?? node.to };
    const { value, isDuration } = parseNumber(this.#query, position);
    if (isDurationOutOfRange(value)) this.#fail(position, "duration out of range");
    return { kind: "number", value, isDuration, position };
  }

  #expression(node: SyntaxNode): Duration {
    const children: SyntaxNode[] = [];
    for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
    const position = { start: node.from, end: node.to };
    const [first, second, third] = children;
    switch (first.name) {
      case "DurationStep":
      case "DurationRange":
        this.#experimental(position);
        return operation(first.name === "DurationStep" ? "step" : "range", undefined, undefined, position);
      case "DurationMinOf":
      case "DurationMaxOf": {
        const operator = first.name === "DurationMinOf" ? "min_of" : "max_of";
        const [left, right] = [this.#read(second), this.#read(third)];
        const between = { start: left.position.start, end: right.position.end };
        this.#experimental(between);
        return operation(operator, left, right, between);
      }
      case "UnaryOp":
        return this.#signed(this.#query[first.from] as "+" | "-", this.#read(second), node.from);
    }
    if (children.length === 1) {
      return this.#query[node.from] === "(" && first.from > node.from
        ? this.#parenthesized(this.#read(first), position)
        : this.#read(first);
    }
    return this.#binary(first, second, third);
  }

  #binary(leftNode: SyntaxNode, operatorNode: SyntaxNode, rightNode: SyntaxNode): DurationExpression {
    const operator = this.#query.slice(operatorNode.from, operatorNode.to) as DurationExpression["operator"];
    const left = this.#read(leftNode);
    const right = this.#read(rightNode);
    this.#experimental(left.position);
    if ((operator === "/" || operator === "%") && right.kind === "number" && right.value === 0) {
      const at = { start: operatorNode.from, end: operatorNode.to };
      this.#fail(at, operator === "/" ? "division by zero" : "modulo by zero");
    }
    return operation(operator, left, right, { start: left.position.start, end: right.position.end });
  }

  #parenthesized(inner: Duration, position: Position): DurationExpression {
    this.#experimental(inner.position);
    if (inner.kind === "duration") return { ...inner, isParenthesized: true };
    const upToInner = { start: position.start, end: inner.position.end };
    return { ...operation("+", undefined, inner, upToInner), isParenthesized: true };
  }

  #signed(sign: "+" | "-", inner: Duration, start: number): Duration {
    const position = { start, end: inner.position.end };
    if (inner.kind === "duration") return sign === "-" ? operation("-", undefined, inner, position) : inner;
    const value = sign === "-" ? -inner.value : inner.value;
    if (isDurationOutOfRange(value)) this.#fail({ start, end: start + 1 }, "duration out of range");
    return { ...inner, value, position };
  }

  #experimental(position: Position): void {
    if (!this.#allowsExpressions) this.#fail(position, "experimental duration expression is not enabled");
  }

  #fail(position: Position, message: string): never {
    throw new ParseError(this.#query, position, message);
  }
}

function operation(
  operator: DurationExpression["operator"],
  left: Duration | undefined,
  right: Duration | undefined,
  position: Position,
): DurationExpression {
  return { kind: "duration", operator, left, right, isParenthesized: false, position };
}
