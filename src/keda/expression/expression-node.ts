/**
 * Values and their types, and what operators do with them (expr-lang/expr `checker`, `vm/runtime`). A trigger's number
 * is a float64, a literal without a point an int: `%` and `..` take ints only, and that is found out before anything
 * is computed.
 */
import { ExpressionError } from "./expression-lexer.ts";

export type Value = number | string | boolean | null | Value[];
/** `unknown` is not known before it is computed; `nil` is the literal. */
export type ValueType = "int" | "float64" | "bool" | "string" | "array" | "nil" | "unknown";

export interface Scope {
  environment: ReadonlyMap<string, number | null>;
  locals: ReadonlyMap<string, Value>;
  /** What `#` is. */
  element?: Value;
  index?: number;
  /** What `#acc` is. */
  accumulator?: Value;
  steps: { left: number };
}

export interface Node {
  type: ValueType;
  /** Of a list: what each element is, where all are the same. */
  element?: ValueType;
  /** Not known, and shown as `interface {}`: an element of a list of several types. */
  isAny?: boolean;
  /** What comes out is of this type, whatever was foreseen. */
  computes?: ValueType;
  /** Where errors about it point. */
  position: number;
  run: (scope: Scope) => Value;
}

/** What is foreseen of a value. */
export type TypedValue = Pick<Node, "type" | "element" | "computes">;

/** Steps that one evaluation may take. */
export const MAX_STEPS = 100_000;

/** Counts a step, or several. */
export function spend<T>(scope: Scope, value: T, steps = 1): T {
  scope.steps.left -= steps;
  if (scope.steps.left < 0) throw new ExpressionError(`formula takes more than ${MAX_STEPS} steps`);
  return value;
}

/** As Go prints the type. */
export function typeName(type: ValueType): string {
  if (type === "array") return "[]interface {}";
  return type === "nil" ? "unknown" : type;
}

/** Of a node, as Go prints it. */
export function nodeTypeName({ type, isAny }: Node): string {
  return isAny ? "interface {}" : typeName(type);
}

/** The type of what was computed; numbers are of the type that was foreseen. */
export function runtimeType(value: Value, { type, computes = type }: TypedValue): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "number") return computes === "int" ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}

/** The same by Go's kinds. */
export function kindName(value: Value, foreseen: TypedValue): string {
  if (value === null) return "invalid";
  return Array.isArray(value) ? "slice" : runtimeType(value, foreseen);
}

/** As the type of an argument that does not fit is shown. */
export const argumentType = ({ type }: TypedValue) => (type === "nil" ? "%!s(<nil>)" : typeName(type));

export const isNumberType = (type: ValueType) => type === "int" || type === "float64" || type === "unknown";
const isOf = (type: ValueType, ...wanted: ValueType[]) => type === "unknown" || wanted.includes(type);

const LOGICAL = new Set(["&&", "and", "||", "or"]);
const COMPARISONS = new Set(["<", ">", "<=", ">="]);

/** The operator with its operands. @throws ExpressionError when their types don't fit */
export function binaryNode(operator: string, left: Node, right: Node, position: number): Node {
  if (operator === "in" && right.type === "array" && !isComparable(left.type, right.element ?? "unknown")) {
    const problem = `cannot use ${nodeTypeName(left)} as type ${typeName(right.element!)} in array`;
    throw new ExpressionError(problem, position);
  }
  const type = binaryType(operator, left.type, right.type);
  if (type === undefined) {
    const types = `${nodeTypeName(left)} and ${nodeTypeName(right)}`;
    throw new ExpressionError(`invalid operation: ${operator} (mismatched types ${types})`, position);
  }
  return { type, position, run: binaryRun(operator, left, right, position) };
}

/** Undefined when the operator does not take the two. */
function binaryType(operator: string, left: ValueType, right: ValueType): ValueType | undefined {
  const both = (...types: ValueType[]) => isOf(left, ...types) && isOf(right, ...types);
  const numbers = both("int", "float64");
  const wider =
    left === "int" && right === "int"
      ? "int"
      : left === "unknown" || right === "unknown"
        ? "unknown"
        : "float64";
  if (LOGICAL.has(operator)) return both("bool") ? "bool" : undefined;
  if (COMPARISONS.has(operator)) return numbers || both("string") ? "bool" : undefined;
  switch (operator) {
    case "==":
    case "!=":
      return isComparable(left, right) ? "bool" : undefined;
    case "in":
      return isOf(right, "array") || (left === "unknown" && right === "string") ? "bool" : undefined;
    case "..":
      return both("int") ? "array" : undefined;
    case "%":
      return both("int") ? "int" : undefined;
    case "/":
    case "**":
    case "^":
      return numbers ? "float64" : undefined;
    case "??":
      if (left === "nil") return right;
      return right === "nil" || left === right ? left : "unknown";
    case "+":
      if (left === "string" && right === "string") return "string";
      return numbers ? wider : both("string") ? "unknown" : undefined;
    default:
      return numbers ? wider : undefined;
  }
}

function isComparable(left: ValueType, right: ValueType): boolean {
  const isAny = (type: ValueType) => type === "unknown" || type === "nil";
  return isAny(left) || isAny(right) || left === right || (isNumberType(left) && isNumberType(right));
}

function binaryRun(operator: string, left: Node, right: Node, position: number): Node["run"] {
  switch (operator) {
    case "??":
      return (scope) => left.run(scope) ?? right.run(scope);
    case "||":
    case "or":
      return (scope) => truth(left.run(scope), position) || truth(right.run(scope), position);
    case "&&":
    case "and":
      return (scope) => truth(left.run(scope), position) && truth(right.run(scope), position);
    case "==":
      return (scope) => equal(left.run(scope), right.run(scope));
    case "!=":
      return (scope) => !equal(left.run(scope), right.run(scope));
    case "in":
      return (scope) => {
        const value = left.run(scope);
        const list = right.run(scope);
        return Array.isArray(list) && list.some((item) => equal(item, value));
      };
  }
  return (scope) => {
    const [a, b] = [left.run(scope), right.run(scope)];
    if (typeof a === "string" && typeof b === "string") return ofStrings(operator, a, b);
    if (typeof a !== "number" || typeof b !== "number") {
      throw new ExpressionError(mismatch(operator, runtimeType(a, left), runtimeType(b, right)), position);
    }
    return operator === ".." ? range(a, b, scope) : ARITHMETIC[operator](a, b, position);
  };
}

/** Powers turn their operands into floats first, and say so. */
function mismatch(operator: string, left: string, right: string): string {
  if (operator !== "**" && operator !== "^") return `invalid operation: ${left} ${operator} ${right}`;
  return `invalid operation: float(${left === "<nil>" ? left : right})`;
}

function ofStrings(operator: string, a: string, b: string): Value {
  if (operator === "+") return a + b;
  if (operator === "<") return a < b;
  if (operator === ">") return a > b;
  return operator === "<=" ? a <= b : a >= b;
}

const ARITHMETIC: Record<string, (a: number, b: number, position: number) => Value> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b, position) => {
    if (b === 0) throw new ExpressionError("integer divide by zero", position);
    return a % b;
  },
  "**": (a, b) => a ** b,
  "^": (a, b) => a ** b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

function range(from: number, to: number, scope: Scope): number[] {
  const items: number[] = [];
  for (let value = from; value <= to; value++) items.push(spend(scope, value));
  return items;
}

/** `-`, `+`, `!`, `not`. @throws ExpressionError when the operand does not fit */
export function unaryNode(operator: string, operand: Node, position: number): Node {
  const { type } = operand;
  const isLogical = operator === "!" || operator === "not";
  if (isLogical ? !isOf(type, "bool") : !isNumberType(type)) {
    throw new ExpressionError(`invalid operation: ${operator} (mismatched type ${typeName(type)})`, position);
  }
  if (isLogical) return { type: "bool", position, run: (scope) => !truth(operand.run(scope), position) };
  if (operator === "+") return { type, position, run: operand.run };
  const run = (scope: Scope) => {
    const value = operand.run(scope);
    if (typeof value === "number") return -value;
    throw new ExpressionError(`invalid operation: - ${runtimeType(value, operand)}`, position);
  };
  return { type, position, run };
}

/** `a ? b : c`, of which a was checked. */
export function conditionalNode(condition: Node, yes: Node, no: Node, position: number): Node {
  const type =
    yes.type === "nil" ? no.type : no.type === "nil" || yes.type === no.type ? yes.type : "unknown";
  const run = (scope: Scope) => (truth(condition.run(scope), position) ? yes.run(scope) : no.run(scope));
  return { type, position, run };
}

/** @throws ExpressionError when it can't be true or false */
export function checkCondition({ type, position }: Node): void {
  if (isOf(type, "bool")) return;
  throw new ExpressionError(`non-bool expression (type ${typeName(type)}) used as condition`, position);
}

/** `a[b]`. @throws ExpressionError */
export function indexNode(list: Node, index: Node, position: number): Node {
  if (!isOf(list.type, "array")) {
    throw new ExpressionError(`type ${typeName(list.type)}[${typeName(index.type)}] is undefined`, position);
  }
  if (!isOf(index.type, "int")) {
    const got = typeName(index.type);
    const problem = `array elements can only be selected using an integer (got ${got})`;
    throw new ExpressionError(problem, index.position);
  }
  const run = (scope: Scope) => {
    const items = list.run(scope);
    const at = index.run(scope);
    if (!Array.isArray(items) || typeof at !== "number") {
      throw new ExpressionError(`cannot fetch ${at} from ${runtimeType(items, list)}`, position);
    }
    const item = items[at < 0 ? items.length + at : at];
    if (item !== undefined) return item;
    throw new ExpressionError(`index out of range: ${at} (array length is ${items.length})`, position);
  };
  const { element = "unknown" } = list;
  return { type: element, isAny: element === "unknown" && list.type === "array", position, run };
}

/** `a[b:c]`; either end may be left out, and counts from the end where it is negative. @throws ExpressionError */
export function sliceNode(list: Node, from: Node | undefined, to: Node | undefined, position: number): Node {
  if (!isOf(list.type, "array", "string")) {
    throw new ExpressionError(`cannot slice ${nodeTypeName(list)}`, position);
  }
  const wrong = [from, to].find((end) => end !== undefined && !isOf(end.type, "int"));
  if (wrong !== undefined) {
    throw new ExpressionError(`non-integer slice index ${nodeTypeName(wrong)}`, wrong.position);
  }
  const run = (scope: Scope) => {
    const whole = list.run(scope);
    if (!Array.isArray(whole) && typeof whole !== "string") {
      throw new ExpressionError(`cannot slice ${runtimeType(whole, list)}`, position);
    }
    const [start, end] = [from, to].map((node) => {
      const at = node?.run(scope);
      if (at === undefined || typeof at === "number") return at;
      throw new ExpressionError(`invalid operation: int(${runtimeType(at, node!)})`, position);
    });
    return spend(scope, whole.slice(start, end), whole.length + 1);
  };
  return { type: list.type, element: list.element, isAny: list.isAny, position, run };
}

export function equal(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  return a === b;
}

export function truth(value: Value, position: number): boolean {
  if (typeof value === "boolean") return value;
  const type = value === null ? "nil" : runtimeType(value, { type: "unknown" });
  throw new ExpressionError(`interface conversion: interface {} is ${type}, not bool`, position);
}
