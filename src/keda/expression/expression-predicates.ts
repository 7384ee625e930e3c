/** The functions of formulas that ask a predicate about the elements of a list (expr-lang/expr `checker`, `compiler`). */
import { ExpressionError } from "./expression-lexer.ts";
import { sorted } from "./expression-list-functions.ts";
import {
  type Node,
  nodeTypeName,
  runtimeType,
  type Scope,
  spend,
  truth,
  type Value,
  type ValueType,
} from "./expression-node.ts";

interface Asked {
  items: Value[];
  /** Asks the predicate about an element. */
  ask: (element: Value, index: number, accumulator?: Value) => Value;
  /** The same where only true and false count. */
  holds: (element: Value, index: number) => boolean;
  /** After the predicate. */
  last?: Value;
  position: number;
}

/** The type of the result; of `element` and `predicate` that of the list's elements or of what the predicate gives. */
type ResultType = ValueType | "element" | "predicate";

interface PredicateFunction {
  type: ResultType;
  /** Of a result that is a list: what its elements are. */
  element?: "element" | "predicate";
  /** The predicate answers true or false. @default true */
  isCondition?: boolean;
  /** May be called without a predicate. @default false */
  isOptional?: boolean;
  /** What may come after the predicate. @default nothing */
  takesMore?: boolean;
  /** What the predicate may ask for beside the element. @default nothing */
  pointers?: readonly string[];
  apply: (asked: Asked) => Value;
}

/** No more elements are asked about than the answer needs. */
const FUNCTIONS: Record<string, PredicateFunction> = {
  all: { type: "bool", apply: ({ items, holds }) => items.every(holds) },
  any: { type: "bool", apply: ({ items, holds }) => items.some(holds) },
  none: { type: "bool", apply: ({ items, holds }) => !items.some(holds) },
  one: { type: "bool", apply: ({ items, holds }) => items.filter(holds).length === 1 },
  count: { type: "int", isOptional: true, apply: ({ items, holds }) => items.filter(holds).length },
  filter: { type: "array", element: "element", apply: ({ items, holds }) => items.filter(holds) },
  find: { type: "element", apply: ({ items, holds }) => items.find(holds) ?? null },
  findLast: { type: "element", apply: ({ items, holds }) => lastThat(items, holds)?.item ?? null },
  findIndex: { type: "int", apply: ({ items, holds }) => found(items.findIndex(holds)) },
  findLastIndex: { type: "int", apply: ({ items, holds }) => lastThat(items, holds)?.index ?? null },
  map: {
    type: "array",
    element: "predicate",
    isCondition: false,
    pointers: ["index"],
    apply: ({ items, ask }) => items.map((item, index) => ask(item, index)),
  },
  sum: { type: "predicate", isCondition: false, isOptional: true, apply: total },
  sortBy: { type: "array", element: "element", isCondition: false, takesMore: true, apply: sortedBy },
  reduce: {
    type: "predicate",
    isCondition: false,
    takesMore: true,
    pointers: ["index", "acc"],
    apply: reduced,
  },
};

const found = (index: number) => (index === -1 ? null : index);

function lastThat(items: Value[], holds: Asked["holds"]): { item: Value; index: number } | undefined {
  for (let index = items.length - 1; index >= 0; index--) {
    if (holds(items[index], index)) return { item: items[index], index };
  }
  return undefined;
}

function total({ items, ask, position }: Asked): number {
  let result = 0;
  for (const [index, item] of items.entries()) {
    const value = ask(item, index);
    if (typeof value !== "number") {
      // It begins with a whole 0.
      const so = index === 0 ? "int" : "float64";
      const problem = `invalid operation: ${runtimeType(value, { type: "float64" })} + ${so}`;
      throw new ExpressionError(problem, position);
    }
    result += value;
  }
  return result;
}

function sortedBy({ items, ask, last: order = "asc", position }: Asked): Value[] {
  if (order === "asc" || order === "desc") return sorted(items, ask, order, position);
  throw new ExpressionError(`unknown order, use asc or desc`, position);
}

/** Without a start the first element is it. */
function reduced({ items, ask, last, position }: Asked): Value {
  const from = last === undefined ? 1 : 0;
  if (items.length < from) {
    throw new ExpressionError("reduce of empty array with no initial value", position);
  }
  let result = last === undefined ? items[0] : last;
  for (let index = from; index < items.length; index++) result = ask(items[index], index, result);
  return result;
}

export const isPredicateFunction = (name: string) => Object.hasOwn(FUNCTIONS, name);
export const isPredicateOptional = (name: string) => FUNCTIONS[name].isOptional === true;
/** What the predicate may ask for beside the element. */
export const pointersOf = (name: string): readonly string[] => FUNCTIONS[name].pointers ?? [];
export const takesMore = (name: string) => FUNCTIONS[name].takesMore === true;

/** @throws ExpressionError when it is no list: found before the predicate is looked at */
export function checkCollection(name: string, list: Node): void {
  if (list.type === "array" || list.type === "unknown") return;
  const problem = `builtin ${name} takes only array (got ${nodeTypeName(list)})`;
  throw new ExpressionError(problem, list.position);
}

/** `count(list, predicate)`. @throws ExpressionError when the predicate does not fit */
export function predicateCallNode(
  name: string,
  list: Node,
  predicate: Node | undefined,
  last: Node | undefined,
  position: number,
): Node {
  const { apply, isCondition = true } = FUNCTIONS[name];
  if (predicate !== undefined && isCondition) checkPredicate(predicate);
  if (name === "sortBy" && last !== undefined && last.type !== "string" && last.type !== "unknown") {
    const problem = `sortBy order argument must be a string (got ${nodeTypeName(last)})`;
    throw new ExpressionError(problem, last.position);
  }
  const run = (scope: Scope) => {
    const items = list.run(scope);
    if (!Array.isArray(items)) {
      throw new ExpressionError(`invalid argument for ${name} (type ${runtimeType(items, list)})`, position);
    }
    const ask: Asked["ask"] = (element, index, accumulator) =>
      predicate === undefined
        ? element
        : spend(scope, predicate.run({ ...scope, element, index, accumulator }));
    const holds = (element: Value, index: number) => truth(ask(element, index), position);
    return apply({ items, ask, holds, last: last?.run(scope), position });
  };
  return { ...resultOf(FUNCTIONS[name], list, predicate), position, run };
}

function resultOf(
  { type, element }: PredicateFunction,
  list: Node,
  predicate: Node | undefined,
): Pick<Node, "type" | "element" | "isAny"> {
  const known = {
    element: list.element ?? "unknown",
    predicate: predicate?.type ?? list.element ?? "unknown",
  };
  const typeOf = (of: "element" | "predicate") => (known[of] === "nil" ? "unknown" : known[of]);
  if (type !== "element" && type !== "predicate") {
    return { type, ...(element && { element: typeOf(element) }) };
  }
  const isElement = type === "element" || predicate === undefined;
  const isAny = isElement ? list.type === "array" : predicate.isAny;
  return { type: typeOf(type), isAny: typeOf(type) === "unknown" && isAny };
}

function checkPredicate(predicate: Node): void {
  if (predicate.type === "bool" || predicate.type === "unknown") return;
  const problem = `predicate should return boolean (got ${nodeTypeName(predicate)})`;
  throw new ExpressionError(problem, predicate.position);
}
