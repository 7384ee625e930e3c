/** The functions of formulas (expr-lang/expr `builtin`). */
import { BIT_FUNCTIONS } from "./expression-bit-functions.ts";
import { ExpressionError } from "./expression-lexer.ts";
import { LIST_FUNCTIONS } from "./expression-list-functions.ts";
import {
  argumentType,
  isNumberType,
  type Node,
  runtimeType,
  type Scope,
  spend,
  type TypedValue,
  type Value,
  type ValueType,
} from "./expression-node.ts";

/** What the type of a result is, and which element it has where it is a list. */
export type Result = Pick<Node, "type" | "element" | "isAny" | "computes">;

export interface Builtin {
  /** How many arguments; none given: one or more. */
  arity?: number;
  /** Why the arguments don't fit, or what comes of them. */
  check: (args: readonly Node[], position: number) => Result;
  apply: (args: Value[], nodes: readonly Node[], position: number) => Value;
}

const ANY: Result = { type: "unknown", isAny: true };
const isNumberOrText = (type: ValueType) => isNumberType(type) || type === "string";

function invalid(name: string, type: string, position: number): ExpressionError {
  return new ExpressionError(`invalid argument for ${name} (type ${type})`, position);
}

/** Each argument is of a type that `takes` takes. */
function checkEach(name: string, takes: (type: ValueType) => boolean, result: Result): Builtin["check"] {
  return (args, position) => {
    const wrong = args.find(({ type }) => !takes(type));
    if (wrong !== undefined) throw invalid(name, argumentType(wrong), position);
    return result;
  };
}

const ofNumber = (name: string, compute: (value: number) => number, result?: Result): [string, Builtin] => [
  name,
  {
    arity: 1,
    check: (args, position) => {
      const { type, isAny } = args[0];
      return checkEach(name, isNumberType, result ?? { type, isAny })(args, position);
    },
    apply: ([value], [node], position) => {
      if (typeof value !== "number") throw invalid(name, runtimeType(value, node), position);
      return compute(value);
    },
  },
];

/** Takes numbers, and lists of numbers. Of a list anything may come; else it is foreseen to be as the first argument. */
const ofNumbers = (
  name: string,
  compute: (values: number[]) => number,
  computes?: ValueType,
): [string, Builtin] => [
  name,
  {
    check: (args, position) => {
      for (const arg of args) {
        if (arg.type === "array" || arg.type === "unknown") return { ...ANY, computes };
        if (!isNumberType(arg.type)) throw invalid(name, argumentType(arg), position);
      }
      return { type: args[0].type, computes };
    },
    apply: (args, nodes, position) => {
      const isChoice = name === "max" || name === "min";
      // One argument that is no list is the answer, whatever it is.
      if (args.length === 1 && !Array.isArray(args[0]) && isChoice) return args[0];
      const given = args.flatMap((value, i) => numbersIn(value, nodes[i], name, position));
      return given.length === 0 && isChoice ? null : compute(given);
    },
  },
];

function numbersIn(value: Value, node: TypedValue, name: string, position: number): number[] {
  if (Array.isArray(value))
    return value.flatMap((item) => numbersIn(item, { type: node.element ?? "unknown" }, name, position));
  if (typeof value !== "number") throw invalid(name, runtimeType(value, node), position);
  return [value];
}

/** A number of a number or of a text. */
const conversion = (name: "int" | "float", round: (value: number) => number): [string, Builtin] => [
  name,
  {
    arity: 1,
    check: checkEach(name, isNumberOrText, { type: name === "int" ? "int" : "float64" }),
    apply: ([value], _, position) => {
      if (typeof value === "number") return round(value);
      const number =
        typeof value === "string" && value.trim() === value && value !== "" ? Number(value) : Number.NaN;
      if (!Number.isNaN(number)) return round(number);
      // Upstream stumbles over a nil here.
      if (value === null && name === "int") {
        throw new ExpressionError("reflect: call of reflect.Value.Type on zero Value", position);
      }
      throw new ExpressionError(`invalid operation: ${name}(${value === null ? "<nil>" : value})`, position);
    },
  },
];

/** `%v` of Go. */
function goText(value: Value): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "number") return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  // %v of a float64 is %g with exponents from 21 on.
  return Math.abs(value) < 1e21 && (Math.abs(value) >= 1e-4 || value === 0)
    ? String(value)
    : value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const FLOAT: Result = { type: "float64" };

/** The first or the last element; nil where there is none. */
const endOf = (name: "first" | "last"): [string, Builtin] => [
  name,
  {
    arity: 1,
    check: ([arg], position) => {
      if (arg.type === "array" || arg.type === "unknown") return ANY;
      throw new ExpressionError(`cannot get ${name} element from ${argumentType(arg)}`, position);
    },
    apply: ([value]) => (Array.isArray(value) ? (value.at(name === "first" ? 0 : -1) ?? null) : null),
  },
];

const FUNCTIONS = new Map<string, Builtin>([
  ofNumber("abs", Math.abs),
  ofNumber("ceil", Math.ceil, FLOAT),
  ofNumber("floor", Math.floor, FLOAT),
  // Halves go away from zero, as Go rounds.
  ofNumber("round", (value) => Math.sign(value) * Math.round(Math.abs(value)), FLOAT),
  conversion("float", (value) => value),
  conversion("int", Math.trunc),
  ofNumbers("max", (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)),
  ofNumbers("min", (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)),
  ofNumbers("mean", (values) => (values.length === 0 ? 0 : sum(values) / values.length), "float64"),
  ofNumbers(
    "median",
    (values) => {
      if (values.length === 0) return 0;
      const sorted = [...values].sort((a, b) => a - b);
      const middle = sorted.length >> 1;
      return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    },
    "float64",
  ),
  ["string", { arity: 1, check: () => ({ type: "string" }), apply: ([value]) => goText(value) }],
  [
    "len",
    {
      arity: 1,
      check: checkEach("len", (type) => ["array", "string", "unknown"].includes(type), { type: "int" }),
      apply: ([value], [node], position) => {
        if (typeof value === "string") return [...value].length;
        if (Array.isArray(value)) return value.length;
        throw invalid("len", runtimeType(value, node), position);
      },
    },
  ],
  endOf("first"),
  endOf("last"),
  ...LIST_FUNCTIONS,
  ...BIT_FUNCTIONS,
]);

export const isFunction = (name: string) => FUNCTIONS.has(name);

/** A call. @throws ExpressionError when the arguments don't fit */
export function callNode(name: string, args: Node[], position: number): Node {
  const { arity, check, apply } = FUNCTIONS.get(name)!;
  if (arity !== undefined && args.length !== arity) {
    const problem = `invalid number of arguments (expected ${arity}, got ${args.length})`;
    throw new ExpressionError(problem, position);
  }
  if (args.length === 0 && arity === undefined && name !== "concat") {
    throw new ExpressionError(`not enough arguments to call ${name}`, position);
  }
  const result = check(args, position);
  const run = (scope: Scope) => {
    const values = args.map((arg) => arg.run(scope));
    const value = apply(values, args, position);
    // A list that grows costs as much as it has elements.
    return spend(scope, value, Array.isArray(value) ? value.length + 1 : 1);
  };
  return { ...result, position, run };
}
