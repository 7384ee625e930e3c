/** Functions that make lists of lists (expr-lang/expr `builtin`). */
import type { Builtin } from "./expression-functions.ts";
import { ExpressionError } from "./expression-lexer.ts";
import { argumentType, equal, kindName, runtimeType, type Value } from "./expression-node.ts";

const ofList = (name: string, compute: (items: Value[]) => Value[]): [string, Builtin] => [
  name,
  {
    arity: 1,
    check: ([list], position) => {
      if (list.type === "array" || list.type === "unknown") return { type: "array" };
      throw new ExpressionError(`cannot ${name} ${argumentType(list)}`, position);
    },
    apply: ([value], [node], position) => {
      if (Array.isArray(value)) return compute(value);
      throw new ExpressionError(`cannot ${name} ${kindName(value, node)}`, position);
    },
  },
];

const flat = (items: Value[]): Value[] =>
  items.flatMap((item) => (Array.isArray(item) ? flat(item) : [item]));

const concat: Builtin = {
  check: (lists, position) => {
    if (lists.length === 0) {
      throw new ExpressionError("invalid number of arguments (expected at least 1, got 0)", position);
    }
    const wrong = lists.find(({ type }) => type !== "array" && type !== "unknown");
    if (wrong === undefined) return { type: "array" };
    throw new ExpressionError(`cannot concat ${argumentType(wrong)}`, position);
  },
  apply: (values, nodes, position) =>
    values.flatMap((value, index) => {
      if (Array.isArray(value)) return value;
      throw new ExpressionError(`cannot concat ${kindName(value, nodes[index])}`, position);
    }),
};

const take: Builtin = {
  arity: 2,
  check: ([list, count], position) => {
    if (list.type !== "array" && list.type !== "unknown") {
      throw new ExpressionError(`cannot take from ${argumentType(list)}`, position);
    }
    if (count.type !== "int" && count.type !== "unknown") {
      throw new ExpressionError(`cannot take ${argumentType(count)} elements`, position);
    }
    return { type: "array", element: list.element };
  },
  apply: ([list, count], nodes, position) => {
    if (!Array.isArray(list))
      throw new ExpressionError(`cannot take from ${kindName(list, nodes[0])}`, position);
    if (typeof count !== "number" || !Number.isInteger(count)) {
      throw new ExpressionError(`cannot take ${kindName(count, nodes[1])} elements`, position);
    }
    if (count < 0) throw new ExpressionError("reflect.Value.Slice: slice index out of bounds", position);
    return list.slice(0, count);
  },
};

const uniq = (items: Value[]) =>
  items.filter((item, index) => items.findIndex((other) => equal(other, item)) === index);

/** `sort(list, "desc")` */
const sort: Builtin = {
  check: ([list, order, ...more], position) => {
    if (list.type !== "array" && list.type !== "unknown") {
      const what = list.type === "nil" ? "nil" : argumentType(list);
      const problem = `cannot use ${what} as argument (type []int) to call sort`;
      throw new ExpressionError(list.type === "nil" ? problem : `${problem} `, list.position);
    }
    if (more.length > 0) throw new ExpressionError("too many arguments to call sort", position);
    if (order !== undefined && order.type !== "string" && order.type !== "unknown") {
      const what = order.type === "nil" ? "nil" : argumentType(order);
      const problem = `cannot use ${what} as argument (type string) to call sort`;
      throw new ExpressionError(order.type === "nil" ? problem : `${problem} `, order.position);
    }
    return { type: "array" };
  },
  apply: ([list, order = "asc"], _, position) => {
    if (order !== "asc" && order !== "desc") {
      throw new ExpressionError(`invalid order ${order}, expected asc or desc`, position);
    }
    return sorted(Array.isArray(list) ? list : [], (item) => item, order, position);
  },
};

/** By keys that are numbers, or texts. @throws ExpressionError when two don't compare */
export function sorted(
  items: Value[],
  keyOf: (item: Value, index: number) => Value,
  order: "asc" | "desc",
  position: number,
): Value[] {
  const keyed = items.map((item, index) => ({ item, key: keyOf(item, index) }));
  keyed.sort(({ key: a }, { key: b }) => {
    if (typeof a !== typeof b || (typeof a !== "number" && typeof a !== "string")) {
      const [first, second] = [a, b].map((key) => runtimeType(key, { type: "float64" }));
      throw new ExpressionError(`invalid operation: ${first} < ${second}`, position);
    }
    const compared = a < b! ? -1 : a > b! ? 1 : 0;
    return order === "asc" ? compared : -compared;
  });
  return keyed.map(({ item }) => item);
}

export const LIST_FUNCTIONS: [string, Builtin][] = [
  ofList("reverse", (items) => [...items].reverse()),
  ofList("flatten", flat),
  ofList("uniq", uniq),
  ["concat", concat],
  ["take", take],
  ["sort", sort],
];
