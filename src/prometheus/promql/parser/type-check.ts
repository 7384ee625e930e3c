/** Whether operators and functions get what they take (`checkAST` in `promql/parser/parse.go`). */
import {
  type Aggregation,
  type BinaryExpression,
  type Call,
  type Expression,
  isComparison,
  isSetOperator,
  type Position,
  type ValueType,
  type VectorSelector,
} from "./ast.ts";
import { FUNCTION_SIGNATURES } from "./function-signatures.ts";
import { quoteString } from "./lexer.ts";
import { ParseError } from "./parse-error.ts";

/** The type of an expression's value. */
export function typeOf(expression: Expression): ValueType {
  switch (expression.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vector-selector":
    case "aggregation":
      return "vector";
    case "matrix-selector":
    case "subquery":
      return "matrix";
    case "parenthesis":
    case "unary":
    case "step-invariant":
      return typeOf(expression.expression);
    case "binary":
      return typeOf(expression.left) === "scalar" && typeOf(expression.right) === "scalar"
        ? "scalar"
        : "vector";
    case "call":
      return FUNCTION_SIGNATURES.get(expression.name)!.returns;
  }
}

/** The name of a type in documentation and messages. */
export function documentedType(type: ValueType): string {
  if (type === "vector") return "instant vector";
  return type === "matrix" ? "range vector" : type;
}

/**
 * Checks a whole tree and completes it: set operators become many-to-many, matching is dropped beside scalars.
 *
 * @throws ParseError
 */
export function checkTypes(query: string, expression: Expression): ValueType {
  return new TypeChecker(query).check(expression);
}

class TypeChecker {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  check(expression: Expression): ValueType {
    switch (expression.kind) {
      case "aggregation":
        this.#aggregation(expression);
        return "vector";
      case "binary":
        return this.#binary(expression);
      case "call":
        return this.#call(expression);
      case "parenthesis":
        return this.check(expression.expression);
      case "unary": {
        const type = this.check(expression.expression);
        if (type !== "scalar" && type !== "vector") {
          const got = quoteString(documentedType(type));
          this.#fail(
            expression.position,
            `unary expression only allowed on expressions of type scalar or instant vector, got ${got}`,
          );
        }
        return type;
      }
      case "subquery": {
        const type = this.check(expression.expression);
        if (type !== "vector") {
          this.#fail(expression.position, `subquery is only allowed on instant vector, got ${type} instead`);
        }
        return "matrix";
      }
      case "matrix-selector":
        this.check(expression.vector);
        return "matrix";
      case "vector-selector":
        this.#vectorSelector(expression);
        return "vector";
      default:
        return typeOf(expression);
    }
  }

  #fail(position: Position, message: string): never {
    throw new ParseError(this.#query, position, message);
  }

  #expect(expression: Expression, wanted: ValueType, context: string): void {
    const got = this.check(expression);
    if (got === wanted) return;
    const message = `expected type ${documentedType(wanted)} in ${context}, got ${documentedType(got)}`;
    this.#fail(expression.position, message);
  }

  #aggregation(node: Aggregation): void {
    this.#expect(node.expression, "vector", "aggregation expression");
    if (node.parameter === undefined) return;
    const wanted = node.operator === "count_values" ? "string" : "scalar";
    this.#expect(node.parameter, wanted, "aggregation parameter");
  }

  #binary(node: BinaryExpression): ValueType {
    const left = this.check(node.left);
    const right = this.check(node.right);
    const matching = node.matching!;
    const isSet = isSetOperator(node.operator);
    if (node.returnsBool && !isComparison(node.operator)) {
      this.#fail(this.#operatorPosition(node), "bool modifier can only be used on comparison operators");
    }
    if (isComparison(node.operator) && !node.returnsBool && left === "scalar" && right === "scalar") {
      this.#fail(this.#operatorPosition(node), "comparisons between scalars must use BOOL modifier");
    }
    if (isSet && matching.cardinality === "one-to-one") matching.cardinality = "many-to-many";
    const repeated = matching.isOn && matching.labels.find((label) => matching.include.includes(label));
    if (repeated) {
      const message = `label ${quoteString(repeated)} must not occur in ON and GROUP clause at once`;
      this.#fail(this.#operatorPosition(node), message);
    }
    for (const [side, type] of [
      [node.left, left],
      [node.right, right],
    ] as const) {
      if (type === "scalar" || type === "vector") continue;
      this.#fail(side.position, "binary expression must contain only scalar and instant vector types");
    }
    if (left === "vector" && right === "vector") {
      if (isSet) this.#setOperator(node);
      return "vector";
    }
    this.#besideScalar(node);
    return left === "vector" || right === "vector" ? "vector" : "scalar";
  }

  #setOperator({ operator, matching, position }: BinaryExpression): void {
    const { cardinality, fillLeft, fillRight } = matching!;
    if (cardinality !== "many-to-many") {
      this.#fail(position, `no grouping allowed for ${quoteString(operator)} operation`);
    }
    if (fillLeft !== undefined || fillRight !== undefined) {
      this.#fail(position, "filling in missing series not allowed for set operators");
    }
  }

  #besideScalar(node: BinaryExpression): void {
    const { labels, fillLeft, fillRight } = node.matching!;
    if (labels.length > 0) this.#fail(node.position, "vector matching only allowed between instant vectors");
    if (fillLeft !== undefined || fillRight !== undefined) {
      this.#fail(node.position, "filling in missing series only allowed between instant vectors");
    }
    node.matching = undefined;
    if (isSetOperator(node.operator)) {
      const operator = quoteString(node.operator);
      this.#fail(node.position, `set operator ${operator} not allowed in binary scalar expression`);
    }
  }

  /** From the operator to the last modifier. */
  #operatorPosition({ left, right }: BinaryExpression): Position {
    const between = this.#query.slice(left.position.end, right.position.start);
    const start = left.position.end + (between.length - between.trimStart().length);
    return { start, end: left.position.end + between.trimEnd().length };
  }

  #call(node: Call): ValueType {
    const signature = FUNCTION_SIGNATURES.get(node.name)!;
    this.#argumentCount(node);
    if (node.name === "info" && node.arguments.length > 1) this.#infoSelector(node);
    const types = signature.arguments;
    node.arguments.forEach((argument, i) => {
      const wanted = types[Math.min(i, types.length - 1)];
      this.#expect(argument, wanted, `call to function ${quoteString(node.name)}`);
    });
    return signature.returns;
  }

  #argumentCount({ name, arguments: args, position }: Call): void {
    const { arguments: types, variadic } = FUNCTION_SIGNATURES.get(name)!;
    const call = `argument(s) in call to ${quoteString(name)}, got ${args.length}`;
    if (variadic === 0) {
      if (types.length !== args.length) this.#fail(position, `expected ${types.length} ${call}`);
      return;
    }
    const minimum = types.length - 1;
    if (args.length < minimum) this.#fail(position, `expected at least ${minimum} ${call}`);
    const maximum = minimum + variadic;
    if (variadic > 0 && args.length > maximum) this.#fail(position, `expected at most ${maximum} ${call}`);
  }

  #infoSelector({ arguments: [, selector], position }: Call): void {
    const type = typeOf(selector);
    if (type !== "vector") {
      this.#fail(
        position,
        `expected type instant vector in call to function "info", got ${documentedType(type)}`,
      );
    }
    if (selector.kind !== "vector-selector") this.#fail(selector.position, "expected label selectors only");
    if (selector.name !== "") {
      this.#fail(selector.position, "expected label selectors only, got vector selector instead");
    }
    selector.allowsEmptyMatchers = true;
  }

  #vectorSelector({ name, matchers, position, allowsEmptyMatchers }: VectorSelector): void {
    if (name !== "") {
      const twice = matchers.slice(0, -1).find((matcher) => matcher.name === "__name__");
      if (twice === undefined) return;
      const names = `${quoteString(name)} or ${quoteString(twice.value)}`;
      this.#fail(position, `metric name must not be set twice: ${names}`);
    }
    if (!allowsEmptyMatchers && matchers.every((matcher) => matcher.matches(""))) {
      this.#fail(position, "vector selector must contain at least one non-empty matcher");
    }
  }
}
