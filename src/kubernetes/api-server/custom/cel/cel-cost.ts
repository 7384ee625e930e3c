/**
 * What an expression costs at most, told from the schema before there is a value (cel-go's `checker.Cost` with the sizes
 * of `apiserver/pkg/cel`). Exact for names, fields, comparisons and loops; of functions only the call itself is counted,
 * so that nothing is refused that upstream takes.
 */
import type { JsonSchema } from "../json-schema.ts";
import type { CelNode } from "./cel-syntax.ts";
import { ANYTHING, Checker, itemOf, type Scope, type Type } from "./cel-types.ts";

/** What a request may measure, in bytes: what is not bounded fills one. */
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
/** In UTF-8. */
const MAX_BYTES_OF_CHARACTER = 4;
/** Of comparing a byte. */
const TRAVERSAL_FACTOR = 0.1;
/** What a turn of a loop costs besides its body. */
const LOOPS: Record<string, number> = { all: 3, exists: 4, exists_one: 4, existsOne: 4, filter: 4, map: 4 };
/** `exists` of nothing is still asked for: the range and what comes out. */
const LOOP_RESULT = 1;

/** How many bytes a value of the schema takes at least. */
export function minSerializedSize({ type, properties, required = [] }: JsonSchema): number {
  switch (type) {
    case "boolean":
      return 4;
    case "integer":
    case "number":
      return 1;
    case "object":
      return required.reduce((sum, name) => {
        const property = properties?.[name];
        return property === undefined ? sum : sum + name.length + 4 + minSerializedSize(property);
      }, 2);
    default:
      return 2;
  }
}

/** As many values of the schema fit into a request. */
export function maxCardinality(schema: JsonSchema): number {
  return Math.floor(MAX_REQUEST_BYTES / (minSerializedSize(schema) + 1));
}

/** How many items, members or bytes a value has at most. */
function maxElements({ name, schema }: Type): number {
  if (schema === undefined) return 0;
  const { items, additionalProperties: members } = schema;
  if (name === "list")
    return schema.maxItems ?? Math.floor((MAX_REQUEST_BYTES - 2) / (minSerializedSize(items ?? {}) + 1));
  if (name !== "map") return 0;
  const size = typeof members === "object" ? minSerializedSize(members) : 2;
  return schema.maxProperties ?? Math.floor((MAX_REQUEST_BYTES - 2) / (size + 6));
}

/** @param scope the types of the variables; the expression is known to fit them */
export function celCost(node: CelNode, scope: Scope, text: string): number {
  const cost = (each: CelNode, inner = scope) => celCost(each, inner, text);
  const sum = (nodes: readonly CelNode[]) => nodes.reduce((total, each) => total + cost(each), 0);
  switch (node.kind) {
    case "literal":
      return 0;
    case "name":
      return 1;
    case "select":
      return 1 + cost(node.of);
    case "index":
      return 1 + cost(node.of) + cost(node.at);
    case "unary":
      return 1 + cost(node.of);
    case "binary":
      return binaryCost(node, scope, text) + cost(node.left) + cost(node.right);
    case "condition":
      return cost(node.test) + Math.max(cost(node.then), cost(node.otherwise));
    case "list":
      return sum(node.items);
    case "map":
      return sum(node.entries.flat());
    case "call": {
      const { receiver, name, arguments: given } = node;
      const [variable, body] = given;
      const turn = LOOPS[name];
      if (receiver === undefined || turn === undefined || given.length !== 2 || variable.kind !== "name")
        return 1 + (receiver === undefined ? 0 : cost(receiver)) + sum(given);
      const range = typeIn(receiver, scope, text);
      const inner = { ...scope, [variable.name]: range.name === "list" ? itemOf(range) : ANYTHING };
      return cost(receiver) + LOOP_RESULT + maxElements(range) * (turn + cost(body, inner));
    }
  }
}

/** Equality costs what is compared, which is nothing for numbers; connectives cost nothing. */
function binaryCost(
  { operator, left, right }: CelNode & { kind: "binary" },
  scope: Scope,
  text: string,
): number {
  if (operator === "&&" || operator === "||") return 0;
  if (operator !== "==" && operator !== "!=") return 1;
  const [a, b] = [left, right].map((node) => lengthOf(node, scope, text));
  return Math.ceil(Math.min(a, b) * TRAVERSAL_FACTOR);
}

function lengthOf(node: CelNode, scope: Scope, text: string): number {
  if (node.kind === "literal") return typeof node.value === "string" ? node.value.length : 0;
  const { name, schema } = typeIn(node, scope, text);
  return name === "string" ? maxTextLength(schema ?? {}) : 0;
}

/** What a text of the schema measures at most. */
function maxTextLength({ maxLength, enum: values }: JsonSchema): number {
  if (maxLength !== undefined) return maxLength * MAX_BYTES_OF_CHARACTER;
  if (values !== undefined) return Math.max(0, ...values.map((value) => String(value).length));
  return MAX_REQUEST_BYTES - 2;
}

function typeIn(node: CelNode, scope: Scope, text: string): Type {
  return new Checker(text).typeOf(node, scope);
}
