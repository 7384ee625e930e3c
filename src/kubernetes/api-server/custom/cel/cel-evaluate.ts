/** The value of an expression of the Common Expression Language. */
import { CEL_FUNCTIONS, CEL_METHODS, checkedInt } from "./cel-functions.ts";
import { CEL_LIBRARY_FUNCTIONS, CEL_NAMESPACES } from "./cel-libraries.ts";
import type { CelNode } from "./cel-syntax.ts";
import {
  CelDuration,
  CelError,
  type CelMap,
  CelObject,
  CelOptional,
  CelTimestamp,
  CelType,
  type CelValue,
  celCompare,
  celEqual,
  noOverload,
} from "./cel-value.ts";

/** Steps of one evaluation, so that a rule never holds up the server (upstream has a budget of cost). */
export const MAX_CEL_STEPS = 1_000_000;

type Variables = ReadonlyMap<string, CelValue>;

const TYPES = ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "type"];

/** Names that CEL can't have are written so (`apiserver/schema/cel/model.Escape`). */
const ESCAPED = /__(underscores|dot|dash|slash|\w+?)__/g;
const ESCAPES: Record<string, string> = { underscores: "__", dot: ".", dash: "-", slash: "/" };

/** @throws CelError when there is none: a key that is missing, operands that do not fit */
export function evaluateCel(node: CelNode, variables: Record<string, CelValue>): CelValue {
  try {
    return new Evaluation().value(node, new Map(Object.entries(variables)));
  } catch (error) {
    // Numbers and times that are out of range, quantities that are none.
    if (error instanceof RangeError) throw new CelError(error.message);
    throw error;
  }
}

class Evaluation {
  #steps = 0;

  value(node: CelNode, scope: Variables): CelValue {
    if (++this.#steps > MAX_CEL_STEPS) throw new CelError("operation cancelled: actual cost limit exceeded");
    switch (node.kind) {
      case "literal":
        return node.value;
      case "name":
        return nameValue(node.name, scope);
      case "select":
        return this.#select(node, scope);
      case "index":
        return this.#index(node, scope);
      case "list":
        return node.items.map((item) => this.value(item, scope));
      case "map":
        return new Map(
          node.entries.map(([key, value]) => [this.value(key, scope), this.value(value, scope)]),
        );
      case "unary":
        return negated(node.operator, this.value(node.of, scope));
      case "binary":
        return this.#binary(node, scope);
      case "condition":
        return this.#test(node.test, scope)
          ? this.value(node.then, scope)
          : this.value(node.otherwise, scope);
      case "call":
        return this.#call(node, scope);
    }
  }

  #test(node: CelNode, scope: Variables): boolean {
    const value = this.value(node, scope);
    if (typeof value !== "boolean") throw noOverload();
    return value;
  }

  #select(node: Extract<CelNode, { kind: "select" }>, scope: Variables): CelValue {
    const of = this.value(node.of, scope);
    const held = of instanceof CelOptional ? of.value : of;
    if (node.isOptional || of instanceof CelOptional) {
      return held === undefined ? new CelOptional() : new CelOptional(fieldOf(held, node.field));
    }
    const found = fieldOf(of, node.field);
    if (found === undefined) throw new CelError(`no such key: ${node.field}`);
    return found;
  }

  #index(node: Extract<CelNode, { kind: "index" }>, scope: Variables): CelValue {
    const of = this.value(node.of, scope);
    const at = this.value(node.at, scope);
    const held = of instanceof CelOptional ? of.value : of;
    const found = held === undefined ? undefined : itemOf(held, at);
    if (node.isOptional || of instanceof CelOptional) return new CelOptional(found);
    if (found !== undefined) return found;
    throw new CelError(Array.isArray(of) ? `index out of bounds: ${at}` : `no such key: ${String(at)}`);
  }

  #binary({ operator, left, right }: Extract<CelNode, { kind: "binary" }>, scope: Variables): CelValue {
    if (operator === "&&" || operator === "||") return this.#logic(operator === "||", left, right, scope);
    return calculated(operator, this.value(left, scope), this.value(right, scope));
  }

  /** A side that decides does so even where the other one fails. */
  #logic(decisive: boolean, left: CelNode, right: CelNode, scope: Variables): boolean {
    let failure: unknown;
    try {
      if (this.#test(left, scope) === decisive) return decisive;
    } catch (error) {
      failure = error;
    }
    if (this.#test(right, scope) === decisive) return decisive;
    if (failure !== undefined) throw failure;
    return !decisive;
  }

  #call(node: Extract<CelNode, { kind: "call" }>, scope: Variables): CelValue {
    const { receiver, name } = node;
    if (receiver === undefined) {
      if (name === "has") return this.#has(node.arguments[0], scope);
      const call = Object.hasOwn(CEL_FUNCTIONS, name)
        ? CEL_FUNCTIONS[name]
        : Object.hasOwn(CEL_LIBRARY_FUNCTIONS, name)
          ? CEL_LIBRARY_FUNCTIONS[name]
          : undefined;
      if (call === undefined) throw noOverload();
      return call(...node.arguments.map((each) => this.value(each, scope)));
    }
    if (receiver.kind === "name" && receiver.name === "optional" && !scope.has("optional"))
      return this.#makeOptional(name, node.arguments, scope);
    if (receiver.kind === "name" && CEL_NAMESPACES.has(receiver.name) && !scope.has(receiver.name)) {
      const whole = `${receiver.name}.${name}`;
      if (!Object.hasOwn(CEL_LIBRARY_FUNCTIONS, whole)) throw noOverload();
      return CEL_LIBRARY_FUNCTIONS[whole](...node.arguments.map((each) => this.value(each, scope)));
    }
    const of = this.value(receiver, scope);
    if (of instanceof CelObject) {
      if (!Object.hasOwn(of.methods, name)) throw noOverload();
      return of.methods[name](of, ...node.arguments.map((each) => this.value(each, scope)));
    }
    if (Object.hasOwn(MACROS, name) && node.arguments.length >= 2 && node.arguments[0].kind === "name")
      return MACROS[name](this, of, node.arguments, scope);
    const call = Object.hasOwn(CEL_METHODS, name) ? CEL_METHODS[name] : undefined;
    if (call === undefined) throw noOverload();
    return call(of, ...node.arguments.map((each) => this.value(each, scope)));
  }

  #has(argument: CelNode | undefined, scope: Variables): boolean {
    if (argument?.kind !== "select") throw new CelError("invalid argument to has() macro");
    const of = this.value(argument.of, scope);
    const held = of instanceof CelOptional ? of.value : of;
    return held !== undefined && fieldOf(held, argument.field) !== undefined;
  }

  #makeOptional(name: string, [argument]: CelNode[], scope: Variables): CelValue {
    if (name === "none") return new CelOptional();
    if (argument === undefined) throw noOverload();
    const value = this.value(argument, scope);
    if (name === "of") return new CelOptional(value);
    if (name === "ofNonZeroValue") return isZero(value) ? new CelOptional() : new CelOptional(value);
    throw noOverload();
  }
}

function isZero(value: CelValue): boolean {
  if (value instanceof Map) return value.size === 0;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return value === null || value === false || value === "" || value === 0n || value === 0;
}

function nameValue(name: string, scope: Variables): CelValue {
  const found = scope.get(name);
  if (found !== undefined) return found;
  if (TYPES.includes(name)) return new CelType(name);
  if (name === "null_type") return new CelType(name);
  throw new CelError(`undeclared reference to '${name}'`);
}

function fieldOf(value: CelValue, name: string): CelValue | undefined {
  if (!(value instanceof Map)) throw noOverload();
  if (value.has(name)) return value.get(name);
  return value.get(name.replace(ESCAPED, (_all, word: string) => ESCAPES[word] ?? word));
}

function itemOf(value: CelValue, at: CelValue): CelValue | undefined {
  if (value instanceof Map) return value.get(at);
  if (!Array.isArray(value) || (typeof at !== "bigint" && typeof at !== "number")) throw noOverload();
  return value[Number(at)];
}

type Macro = (evaluation: Evaluation, of: CelValue, given: CelNode[], scope: Variables) => CelValue;

/** The scopes of a macro's body: one for each item of a list, or key of a map. */
function* scopesOf(
  of: CelValue,
  given: CelNode[],
  scope: Variables,
): Generator<[Map<string, CelValue>, CelValue]> {
  if (!Array.isArray(of) && !(of instanceof Map)) throw noOverload();
  const names = given.filter((node) => node.kind === "name").map(({ name }) => name);
  const hasTwo = given.length >= 3 && given[1].kind === "name";
  const entries: Iterable<[CelValue, CelValue]> = Array.isArray(of)
    ? of.map((item, index): [CelValue, CelValue] => [BigInt(index), item])
    : of;
  for (const [key, value] of entries) {
    const item = Array.isArray(of) ? value : key;
    const inner = new Map(scope);
    if (hasTwo) inner.set(names[0], key).set(names[1], value);
    else inner.set(names[0], item);
    yield [inner, item];
  }
}

/** All and exists go on past failures that a later item makes up for. */
function quantified(decisive: boolean): Macro {
  return (evaluation, of, given, scope) => {
    let failure: unknown;
    for (const [inner] of scopesOf(of, given, scope)) {
      try {
        if (evaluation.value(given.at(-1)!, inner) === decisive) return decisive;
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return !decisive;
  };
}

function filtered(evaluation: Evaluation, of: CelValue, given: CelNode[], scope: Variables): CelValue[] {
  const kept: CelValue[] = [];
  for (const [inner, item] of scopesOf(of, given, scope))
    if (evaluation.value(given.at(-1)!, inner) === true) kept.push(item);
  return kept;
}

const MACROS: Record<string, Macro> = {
  all: quantified(false),
  exists: quantified(true),
  exists_one: (...all) => filtered(...all).length === 1,
  existsOne: (...all) => filtered(...all).length === 1,
  filter: filtered,
  map(evaluation, of, given, scope) {
    const [, second, third] = given;
    const mapped: CelValue[] = [];
    for (const [inner] of scopesOf(of, given.slice(0, 1), scope)) {
      if (third !== undefined && evaluation.value(second, inner) !== true) continue;
      mapped.push(evaluation.value(third ?? second, inner));
    }
    return mapped;
  },
  optMap(evaluation, of, given, scope) {
    if (!(of instanceof CelOptional)) throw noOverload();
    if (of.value === undefined || given[0].kind !== "name") return new CelOptional();
    return new CelOptional(evaluation.value(given[1], new Map(scope).set(given[0].name, of.value)));
  },
};

function negated(operator: string, value: CelValue): CelValue {
  if (operator === "!" && typeof value === "boolean") return !value;
  if (operator === "-" && typeof value === "bigint") return checkedInt(-value);
  if (operator === "-" && typeof value === "number") return -value;
  throw noOverload();
}

function calculated(operator: string, a: CelValue, b: CelValue): CelValue {
  switch (operator) {
    case "==":
      return celEqual(a, b);
    case "!=":
      return !celEqual(a, b);
    case "in":
      if (Array.isArray(b)) return b.some((item) => celEqual(item, a));
      if (b instanceof Map) return b.has(a);
      throw noOverload();
    case "<":
    case "<=":
    case ">":
    case ">=":
      return inOrder(operator, celCompare(a, b));
    case "+":
      return added(a, b);
    default:
      return arithmetic(operator, a, b);
  }
}

function inOrder(operator: string, order: number | undefined): boolean {
  if (order === undefined) return false;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

function added(a: CelValue, b: CelValue): CelValue {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (a instanceof Uint8Array && b instanceof Uint8Array) return new Uint8Array([...a, ...b]);
  return arithmetic("+", a, b);
}

function arithmetic(operator: string, a: CelValue, b: CelValue): CelValue {
  if (typeof a === "number" && typeof b === "number") {
    if (operator === "+") return a + b;
    if (operator === "-") return a - b;
    if (operator === "*") return a * b;
    if (operator === "/") return a / b;
  }
  if (typeof a === "bigint" && typeof b === "bigint") {
    if (operator === "/" && b === 0n) throw new CelError("division by zero");
    if (operator === "%" && b === 0n) throw new CelError("modulus by zero");
    const results = { "+": a + b, "-": a - b, "*": a * b } as Record<string, bigint>;
    return checkedInt(operator === "/" ? a / b : operator === "%" ? a % b : results[operator]);
  }
  return timeArithmetic(operator, a, b);
}

function timeArithmetic(operator: string, a: CelValue, b: CelValue): CelValue {
  const sign = operator === "+" ? 1n : operator === "-" ? -1n : undefined;
  if (sign === undefined) throw noOverload();
  if (a instanceof CelTimestamp && b instanceof CelDuration)
    return new CelTimestamp(a.nanos + sign * b.nanos);
  if (a instanceof CelDuration && b instanceof CelDuration) return new CelDuration(a.nanos + sign * b.nanos);
  if (a instanceof CelDuration && b instanceof CelTimestamp && sign === 1n)
    return new CelTimestamp(a.nanos + b.nanos);
  if (a instanceof CelTimestamp && b instanceof CelTimestamp && sign === -1n)
    return new CelDuration(a.nanos - b.nanos);
  throw noOverload();
}

export type { CelMap };
