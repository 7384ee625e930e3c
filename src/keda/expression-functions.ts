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
  // Foreseen as an int for ints, and computed as a float.
  ofNumbers("mean", numbers, (values) => (values.length === 0 ? 0 : sum(values) / values.length)),
  ofNumbers("median", numbers, (values) => {
    if (values.length === 0) return 0;
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }),
  ["string", { arity: 1, takes: () => true, type: () => "string", apply: ([value]) => goText(value) }],
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

/** Asks the predicate about an element. */
type Ask = (element: Value, index: number) => Value;
/** `holds` is `ask` where only true and false count. */
type ApplyPredicate = (
  items: Value[],
  ask: Ask,
  holds: (element: Value, index: number) => boolean,
  position: number,
) => Value;

/** No more elements are asked about than the answer needs. */
const PREDICATES = new Map<string, { type: ValueType; apply: ApplyPredicate }>([
  ["all", { type: "bool", apply: (items, _, holds) => items.every(holds) }],
  ["any", { type: "bool", apply: (items, _, holds) => items.some(holds) }],
  ["none", { type: "bool", apply: (items, _, holds) => !items.some(holds) }],
  ["one", { type: "bool", apply: (items, _, holds) => items.filter(holds).length === 1 }],
  ["count", { type: "int", apply: (items, _, holds) => items.filter(holds).length }],
  ["filter", { type: "array", apply: (items, _, holds) => items.filter(holds) }],
  ["map", { type: "array", apply: (items, ask) => items.map(ask) }],
  ["sum", { type: "unknown", apply: (items, ask, _, at) => total(items, ask, at) }],
]);

function total(items: Value[], ask: Ask, position: number): number {
  let result = 0;
  for (const [index, item] of items.entries()) {
    const value = ask(item, index);
    if (typeof value !== "number") {
      // It begins with a whole 0.
      const so = index === 0 ? "int" : "float64";
      throw new ExpressionError(`invalid operation: ${runtimeType(value, "float64")} + ${so}`, position);
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
    const ask = (element: Value, index: number) =>
      predicate === undefined ? element : spend(scope, predicate.run({ ...scope, element, index }));
    return apply(items, ask, (element, index) => truth(ask(element, index), position), position);
  };
  return { type, position, run };
}

function checkPredicate({ type, position }: Node): void {
  if (type === "bool" || type === "unknown") return;
  throw new ExpressionError(`predicate should return boolean (got ${typeName(type)})`, position);
}
