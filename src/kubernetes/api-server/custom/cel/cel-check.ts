/** What can be said of an expression before it is evaluated: names that nobody declared, and what it comes to. */
import { CEL_FUNCTIONS } from "./cel-functions.ts";
import { CEL_LIBRARY_FUNCTIONS, CEL_NAMESPACES } from "./cel-libraries.ts";
import { type CelNode, CelSyntaxError, childrenOf, parseCel } from "./cel-syntax.ts";

const TYPES = ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type"];
/** Calls whose first argument is a name of their own making. */
const MACROS = new Set(["all", "exists", "exists_one", "existsOne", "filter", "map", "optMap", "optFlatMap"]);
const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]);

/**
 * Why an expression is none that could be used, in the words of upstream's compiler.
 *
 * @param declared the variables that there are
 * @param wanted the types that it may have, where that can be told beforehand
 * @param variables what `variables` has; absent where nothing is known of it
 */
export function celProblem(
  text: string,
  declared: readonly string[],
  wanted?: "bool" | "string" | readonly string[],
  variables?: readonly string[],
): string | undefined {
  let tree: CelNode;
  try {
    tree = parseCel(text);
  } catch (error) {
    if (error instanceof CelSyntaxError) return `compilation failed: ${pointedOut(text, error.message)}`;
    throw error;
  }
  const unknown = undeclaredName(tree, new Set(declared));
  if (unknown !== undefined) {
    const at = new RegExp(`(?<![\\w.])${unknown}\\b`).exec(text)?.index ?? 0;
    const problem = `ERROR: <input>:1:${at + 1}: undeclared reference to '${unknown}' (in container '')`;
    return `compilation failed: ${pointedOut(text, problem)}`;
  }
  const problem =
    unknownFunction(tree, text) ?? unknownVariable(tree, text, variables) ?? mismatch(tree, text);
  if (problem !== undefined) return `compilation failed: ${pointedOut(text, `ERROR: <input>:${problem}`)}`;
  const type = typeOf(tree);
  if (wanted === undefined || type === undefined || type === wanted) return undefined;
  if (typeof wanted === "string") return `must evaluate to ${wanted} but got ${type}`;
  return wanted.includes(type) ? undefined : `must evaluate to one of [${wanted.join(" ")}] but got ${type}`;
}

/** The first node, in the order of the text, of which something can be said. */
function firstProblem(node: CelNode, problemOf: (node: CelNode) => string | undefined): string | undefined {
  return problemOf(node) ?? firstOf(childrenOf(node), (child) => firstProblem(child, problemOf));
}

/** A call of a function that there is not; the mark stands under its parenthesis. */
function unknownFunction(tree: CelNode, text: string): string | undefined {
  return firstProblem(tree, (node) => {
    if (node.kind !== "call" || node.receiver !== undefined || node.name === "has") return undefined;
    if (Object.hasOwn(CEL_FUNCTIONS, node.name) || Object.hasOwn(CEL_LIBRARY_FUNCTIONS, node.name))
      return undefined;
    const at = new RegExp(`(?<![\\w.])${node.name}\\s*\\(`).exec(text);
    const column = at === null ? 1 : at.index + at[0].length;
    return `1:${column}: undeclared reference to '${node.name}' (in container '')`;
  });
}

function unknownVariable(
  tree: CelNode,
  text: string,
  variables: readonly string[] | undefined,
): string | undefined {
  if (variables === undefined) return undefined;
  return firstProblem(tree, (node) => {
    if (node.kind !== "select" || node.of.kind !== "name" || node.of.name !== "variables") return undefined;
    if (variables.includes(node.field)) return undefined;
    const at = text.search(new RegExp(`\\.\\s*${node.field}\\b`));
    return `1:${at + 1}: undefined field '${node.field}'`;
  });
}

const OPERATORS = new Set(["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!="]);

/** Two literals that no operator takes together: numbers are not made into texts. */
function mismatch(tree: CelNode, text: string): string | undefined {
  return firstProblem(tree, (node) => {
    if (node.kind !== "binary" || !OPERATORS.has(node.operator)) return undefined;
    if (node.left.kind !== "literal" || node.right.kind !== "literal") return undefined;
    const types = [node.left, node.right].map(({ value }) => literalType(value));
    if (types[0] === types[1] || types.includes("null_type")) return undefined;
    const at = text.indexOf(node.operator);
    return `1:${at + 1}: found no matching overload for '_${node.operator}_' applied to '(${types.join(", ")})'`;
  });
}

/** The message with the line that it is about and a mark under the place. */
export function pointedOut(text: string, message: string): string {
  const column = Number(/<input>:1:(\d+)/.exec(message)?.[1] ?? 1);
  return message.includes("\n") ? message : `${message}\n | ${text}\n | ${".".repeat(column - 1)}^`;
}

function undeclaredName(node: CelNode, declared: ReadonlySet<string>): string | undefined {
  if (node.kind === "name")
    return declared.has(node.name) || TYPES.includes(node.name) ? undefined : node.name;
  if (node.kind !== "call" || node.receiver === undefined)
    return firstOf(childrenOf(node), (child) => undeclaredName(child, declared));
  const { receiver, name, arguments: given } = node;
  const isNamespace =
    receiver.kind === "name" && CEL_NAMESPACES.has(receiver.name) && !declared.has(receiver.name);
  const found = isNamespace ? undefined : undeclaredName(receiver, declared);
  if (found !== undefined) return found;
  if (!MACROS.has(name) || given.length < 2 || given[0].kind !== "name")
    return firstOf(given, (child) => undeclaredName(child, declared));
  const isDouble = given.length >= 3 && given[1].kind === "name" && name !== "map";
  const names = given.slice(0, isDouble ? 2 : 1).map((each) => (each.kind === "name" ? each.name : ""));
  const inner = new Set([...declared, ...names]);
  return firstOf(given.slice(names.length), (child) => undeclaredName(child, inner));
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The type of an expression that has one whatever the variables are. */
function typeOf(node: CelNode): string | undefined {
  switch (node.kind) {
    case "literal":
      return literalType(node.value);
    case "list":
      return "list(dyn)";
    case "map":
      return "map(dyn, dyn)";
    case "unary":
      return node.operator === "!" ? "bool" : typeOf(node.of);
    case "binary": {
      if (COMPARISONS.has(node.operator)) return "bool";
      const [left, right] = [typeOf(node.left), typeOf(node.right)];
      return left === right ? left : undefined;
    }
    case "condition": {
      const [then, otherwise] = [typeOf(node.then), typeOf(node.otherwise)];
      return then === otherwise ? then : undefined;
    }
    case "select":
    case "index":
      return typeOf(node.of);
    case "name":
      return DYNAMIC.has(node.name) ? "dyn" : undefined;
    case "call":
      return CALL_TYPES[node.name];
    default:
      return undefined;
  }
}

/** Variables that have no type. */
const DYNAMIC = new Set(["object", "oldObject", "params"]);

const CALL_TYPES: Record<string, string> = {
  all: "bool",
  exists: "bool",
  has: "bool",
  matches: "bool",
  startsWith: "bool",
  endsWith: "bool",
  string: "string",
  int: "int",
  double: "double",
};

function literalType(value: unknown): string {
  if (value === null) return "null_type";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "double";
  if (typeof value === "boolean") return "bool";
  return typeof value === "string" ? "string" : "bytes";
}
