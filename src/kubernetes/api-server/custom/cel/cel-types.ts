/**
 * What a schema says of a rule before there is a value: fields that nobody has, operands that do not fit together, and
 * what the rule comes to (cel-go's checker, as far as types are plain). What is not known is taken to fit.
 */
import type { JsonSchema } from "../json-schema.ts";
import { celProblem, pointedOut } from "./cel-check.ts";
import { type CelNode, childrenOf, parseCel } from "./cel-syntax.ts";

export interface Type {
  /** As messages name it. Absent where anything may be. */
  name?: string;
  schema?: JsonSchema;
}

export const ANYTHING: Type = {};
const BOOL: Type = { name: "bool" };
const NUMBERS = new Set(["int", "uint", "double"]);
const PLAIN = new Set([...NUMBERS, "string", "bool"]);
const LOGICAL = new Set(["&&", "||", "in"]);
const COMPARING = new Set(["==", "!=", "<", "<=", ">", ">="]);

const CALLS: Record<string, string> = {
  size: "int",
  all: "bool",
  contains: "bool",
  endsWith: "bool",
  exists: "bool",
  exists_one: "bool",
  has: "bool",
  matches: "bool",
  startsWith: "bool",
  int: "int",
  double: "double",
  string: "string",
  lowerAscii: "string",
  upperAscii: "string",
  trim: "string",
};

/** Types do not fit together. */
export class Mismatch extends Error {}

/** Why an expression about values of the schema is none that could be used, in the words of upstream's compiler. */
export function ruleProblem(
  text: string,
  schema: JsonSchema,
  wanted: "bool" | "string",
  isOldOptional = false,
): string | undefined {
  const problem = celProblem(text, ["self", "oldSelf"]);
  if (problem !== undefined) return problem;
  const self = typeOfSchema(schema);
  const scope = { self, oldSelf: isOldOptional ? ANYTHING : self };
  try {
    const { name } = new Checker(text).typeOf(parseCel(text), scope);
    if (name === undefined || name === wanted) return undefined;
    return wanted === "bool"
      ? "cel expression must evaluate to a bool"
      : "messageExpression must evaluate to a string";
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return `compilation failed: ${pointedOut(text, error.message)}`;
  }
}

export function typeOfSchema(schema: JsonSchema): Type {
  if (schema["x-kubernetes-int-or-string"] || schema["x-kubernetes-preserve-unknown-fields"]) return ANYTHING;
  switch (schema.type) {
    case "integer":
      return { name: "int" };
    case "number":
      return { name: "double" };
    case "boolean":
      return BOOL;
    case "string":
      return schema.format === undefined || !SPECIAL_FORMATS.has(schema.format)
        ? { name: "string", schema }
        : ANYTHING;
    case "array":
      return { name: "list", schema };
    case "object":
      return schema.properties !== undefined || schema["x-kubernetes-embedded-resource"]
        ? { name: "object", schema }
        : { name: "map", schema };
    default:
      return ANYTHING;
  }
}

/** Texts that are values of another kind in expressions. */
const SPECIAL_FORMATS = new Set(["byte", "date", "date-time", "datetime", "duration"]);
const ALWAYS_THERE = new Set(["apiVersion", "kind", "metadata"]);

export type Scope = Record<string, Type>;

/** Finds types; throws where they do not fit. */
export class Checker {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  typeOf(node: CelNode, scope: Scope): Type {
    switch (node.kind) {
      case "literal":
        return literalType(node.value);
      case "name":
        return scope[node.name] ?? ANYTHING;
      case "select":
        return this.#field(this.typeOf(node.of, scope), node.field, node.isOptional);
      case "index":
        this.typeOf(node.at, scope);
        return node.isOptional ? ANYTHING : itemOf(this.typeOf(node.of, scope));
      case "unary":
        return this.#unary(this.typeOf(node.of, scope), node.operator);
      case "binary":
        return this.#binary(node, scope);
      case "condition": {
        this.typeOf(node.test, scope);
        const [then, otherwise] = [this.typeOf(node.then, scope), this.typeOf(node.otherwise, scope)];
        return then.name === otherwise.name ? then : ANYTHING;
      }
      case "call":
        return this.#call(node, scope);
      default:
        for (const child of childrenOf(node)) this.typeOf(child, scope);
        return ANYTHING;
    }
  }

  #field({ name, schema }: Type, field: string, isOptional: boolean): Type {
    if (name === undefined || name === "list" || isOptional) return ANYTHING;
    const at = new RegExp(`\\.\\s*${field.replace(/[^\w]/g, "\\$&")}\\b`).exec(this.#text)?.index ?? 0;
    const place = `ERROR: <input>:1:${at + 1}`;
    if (PLAIN.has(name)) throw new Mismatch(`${place}: type '${name}' does not support field selection`);
    if (name === "map") return itemOf({ name, schema });
    const own = schema?.properties?.[unescaped(field)];
    if (own !== undefined) return typeOfSchema(own);
    // Every object has these where it is one of the API.
    if (ALWAYS_THERE.has(field)) return ANYTHING;
    throw new Mismatch(`${place}: undefined field '${field}'`);
  }

  #unary(of: Type, operator: string): Type {
    return operator === "!" ? BOOL : of;
  }

  #binary({ operator, left, right }: CelNode & { kind: "binary" }, scope: Scope): Type {
    const [a, b] = [this.typeOf(left, scope), this.typeOf(right, scope)];
    if (LOGICAL.has(operator)) return BOOL;
    const known = a.name !== undefined && b.name !== undefined && PLAIN.has(a.name) && PLAIN.has(b.name);
    if (known && family(a.name!) !== family(b.name!)) {
      const at = this.#text.indexOf(operator);
      throw new Mismatch(
        `ERROR: <input>:1:${at + 1}: found no matching overload for '_${operator}_' applied to '(${a.name}, ${b.name})'`,
      );
    }
    if (COMPARING.has(operator)) return BOOL;
    return a.name === b.name ? a : ANYTHING;
  }

  #call({ receiver, name, arguments: given }: CelNode & { kind: "call" }, scope: Scope): Type {
    const on = receiver === undefined ? ANYTHING : this.typeOf(receiver, scope);
    const [variable] = given;
    const inner =
      receiver !== undefined && given.length === 2 && variable.kind === "name" && MACROS.has(name)
        ? { ...scope, [variable.name]: on.name === "list" ? itemOf(on) : ANYTHING }
        : undefined;
    if (inner !== undefined) this.typeOf(given[1], inner);
    else if (!MACROS.has(name)) for (const each of given) this.typeOf(each, scope);
    const result = CALLS[name];
    return result === undefined ? ANYTHING : { name: result };
  }
}

const MACROS = new Set(["all", "exists", "exists_one", "filter", "map", "existsOne", "optMap", "optFlatMap"]);

function literalType(value: unknown): Type {
  if (typeof value === "bigint") return { name: "int" };
  if (typeof value === "number") return { name: "double" };
  if (typeof value === "string") return { name: "string" };
  return typeof value === "boolean" ? BOOL : ANYTHING;
}

export function itemOf({ name, schema }: Type): Type {
  if (name === "list" && schema?.items !== undefined) return typeOfSchema(schema.items);
  if (name === "map" && typeof schema?.additionalProperties === "object")
    return typeOfSchema(schema.additionalProperties);
  return ANYTHING;
}

const family = (name: string) => (NUMBERS.has(name) ? "number" : name);

/** Names that the language could not take are written in another way. */
function unescaped(name: string): string {
  return name.replace(/__(underscores|dot|dash|slash|[a-z]+)__/g, (_, word: string) => {
    const signs: Record<string, string> = { underscores: "__", dot: ".", dash: "-", slash: "/" };
    return signs[word] ?? word;
  });
}
