/** The functions of formulas (expr-lang/expr `builtin`). */
import { ExpressionError } from "./expression-lexer.ts";
import {
  isNumberType,
  type Node,
  runtimeType,
  type Scope,
  spend,
  truth,
  typeName,
  type Value,
  type ValueType,
} from "./expression-node.ts";

interface Builtin {
  /** How many arguments; none given: one or more. */
  arity?: number;
  takes: (type: ValueType) => boolean;
  /** Of the result, from those of the arguments. */
  type: (types: ValueType[]) => ValueType;
  apply: (args: Value[], nodes: readonly Node[], position: number) => Value;
}

const isList = (type: ValueType) => type === "array" || type === "unknown";
const isNumberOrText = (type: ValueType) => isNumberType(type) || type === "string";
const isNumberOrList = (type: ValueType) => isNumberType(type) || type === "array";

function invalid(name: string, type: string, position: number): ExpressionError {
  return new ExpressionError(`invalid argument for ${name} (type ${type})`, position);
}

const ofNumber = (
  name: string,
  type: Builtin["type"],
  compute: (value: number) => number,
): [string, Builtin] => [
  name,
  {
    arity: 1,
    takes: isNumberType,
    type,
    apply: ([value], [node], position) => {
      if (typeof value !== "number") throw invalid(name, runtimeType(value, node.type), position);
      return compute(value);
    },
  },
];

/** Takes numbers, and lists of numbers. */
const ofNumbers = (
  name: string,
  type: Builtin["type"],
  compute: (values: number[]) => number,
): [string, Builtin] => [
  name,
  {
    takes: isNumberOrList,
    type,
    apply: (args, nodes, position) => {
      // One argument that is no list is the answer, whatever it is.
      if (args.length === 1 && !Array.isArray(args[0]) && (name === "max" || name === "min")) return args[0];
      const given = args.flatMap((value, i) => numbersIn(value, nodes[i].type, name, position));
      return given.length === 0 && (name === "max" || name === "min") ? null : compute(given);
    },
  },
];

function numbersIn(value: Value, type: ValueType, name: string, position: number): number[] {
  if (Array.isArray(value)) return value.flatMap((item) => numbersIn(item, "unknown", name, position));
  if (typeof value !== "number") throw invalid(name, runtimeType(value, type), position);
  return [value];
}

/** A number of a number or of a text. */
const conversion = (name: "int" | "float", round: (value: number) => number): [string, Builtin] => [
  name,
  {
    arity: 1,
    takes: isNumberOrText,
    type: () => (name === "int" ? "int" : "float64"),
    apply: ([value], _, position) => {
      if (typeof value === "number") return round(value);
      const number =
        typeof value === "string" && value.trim() === value && value !== "" ? Number(value) : Number.NaN;
      if (!Number.isNaN(number)) return round(number);
      throw new ExpressionError(`invalid operation: ${name}(${value === null ? "<nil>" : value})`, position);
    },
  },
];

const ofList = (name: string, type: ValueType, compute: (items: Value[]) => Value): [string, Builtin] => [
  name,
  {
    arity: 1,
    takes: (given) => isList(given) || (name === "len" && given === "string"),
    type: () => type,
    apply: ([value], [node], position) => {
      if (typeof value === "string" && name === "len") return [...value].length;
      if (!Array.isArray(value)) throw invalid(name, runtimeType(value, node.type), position);
      return compute(value);
    },
  },
];

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const same = ([type]: ValueType[]) => type;
const float = (): ValueType => "float64";
const numbers = (types: ValueType[]): ValueType =>
  types.every((type) => type === "int")
    ? "int"
    : types.some((type) => !isNumberType(type))
      ? "unknown"
      : "float64";

const FUNCTIONS = new Map<string, Builtin>([
  ofNumber("abs", same, Math.abs),
  ofNumber("ceil", float, Math.ceil),
  ofNumber("floor", float, Math.floor),
  // Halves go away from zero, as Go rounds.
  ofNumber("round", float, (value) => Math.sign(value) * Math.round(Math.abs(value))),
  conversion("float", (value) => value),
  conversion("int", Math.trunc),
  ofNumbers("max", numbers, (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)),
  ofNumbers("min", numbers, (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)),
  ofNumbers("mean", float, (values) => (values.length === 0 ? 0 : sum(values) / values.length)),
  ofNumbers("median", float, (values) => {
    if (values.length === 0) return 0;
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }),
  ofList("len", "int", (items) => items.length),
  ofList("first", "unknown", (items) => items[0] ?? null),
  ofList("last", "unknown", (items) => items.at(-1) ?? null),
]);

export const isFunction = (name: string) => FUNCTIONS.has(name);

/** A call. @throws ExpressionError when the arguments don't fit */
export function callNode(name: string, args: Node[], position: number): Node {
  const { arity, takes, type, apply } = FUNCTIONS.get(name)!;
  if (arity !== undefined && args.length !== arity) {
    const problem = `invalid number of arguments (expected ${arity}, got ${args.length})`;
    throw new ExpressionError(problem, position);
  }
  if (args.length === 0) throw new ExpressionError(`not enough arguments to call ${name}`, position);
  const wrong = args.find((arg) => !takes(arg.type));
  if (wrong !== undefined) {
    const type = wrong.type === "nil" ? "%!s(<nil>)" : typeName(wrong.type);
    if (name !== "first" && name !== "last") throw invalid(name, type, position);
    throw new ExpressionError(`cannot get ${name} element from ${type}`, position);
  }
  const run = (scope: Scope) => {
    const values = args.map((arg) => arg.run(scope));
    return spend(scope, apply(values, args, position));
  };
  return { type: type(args.map((arg) => arg.type)), position, run };
}

type ApplyPredicate = (items: Value[], results: Value[], position: number) => Value;

const PREDICATES = new Map<string, { type: ValueType; apply: ApplyPredicate }>([
  ["all", { type: "bool", apply: (_, results, at) => results.every((result) => truth(result, at)) }],
  ["any", { type: "bool", apply: (_, results, at) => results.some((result) => truth(result, at)) }],
  ["none", { type: "bool", apply: (_, results, at) => !results.some((result) => truth(result, at)) }],
  [
    "one",
    { type: "bool", apply: (_, results, at) => results.filter((result) => truth(result, at)).length === 1 },
  ],
  ["count", { type: "int", apply: (_, results, at) => results.filter((result) => truth(result, at)).length }],
  ["filter", { type: "array", apply: (items, results, at) => items.filter((_, i) => truth(results[i], at)) }],
  ["map", { type: "array", apply: (_, results) => results }],
  ["sum", { type: "unknown", apply: (_, results, at) => total(results, at) }],
]);

function total(values: Value[], position: number): number {
  let result = 0;
  for (const value of values) {
    if (typeof value !== "number") {
      const type = runtimeType(value, "float64");
      throw new ExpressionError(`invalid operation: ${type} + float64`, position);
    }
    result += value;
  }
  return result;
}

export const isPredicateFunction = (name: string) => PREDICATES.has(name);
/** What may be called without a predicate. */
const PLAIN = new Set(["count", "sum"]);

/** `count(list, predicate)`. @throws ExpressionError when the list or the predicate does not fit */
export function predicateCallNode(
  name: string,
  list: Node,
  predicate: Node | undefined,
  position: number,
): Node {
  const { type, apply } = PREDICATES.get(name)!;
  if (predicate === undefined && !PLAIN.has(name)) {
    throw new ExpressionError(`not enough arguments to call ${name}`, position);
  }
  if (!isList(list.type)) {
    const problem = `builtin ${name} takes only array (got ${typeName(list.type)})`;
    throw new ExpressionError(problem, list.position);
  }
  if (predicate !== undefined && name !== "map" && name !== "sum") checkPredicate(predicate);
  const run = (scope: Scope) => {
    const items = list.run(scope);
    if (!Array.isArray(items)) throw invalid(name, runtimeType(items, list.type), position);
    const results = items.map((element, index) =>
      predicate === undefined ? element : spend(scope, predicate.run({ ...scope, element, index })),
    );
    return apply(items, results, position);
  };
  return { type, position, run };
}

function checkPredicate({ type, position }: Node): void {
  if (type === "bool" || type === "unknown") return;
  throw new ExpressionError(`predicate should return boolean (got ${typeName(type)})`, position);
}
