/** What functions of templates are, and those that Go has of its own (`text/template/funcs.go`). */
import { compareStrings } from "../../../model/labels.ts";
import { shown, sprint } from "./format.ts";
import { GoNamedNumber } from "./go-time.ts";
import { sprintf } from "./printf.ts";
import type { TemplateData } from "./template-data.ts";
import { TemplateError } from "./template-error.ts";
import { escapeHtml, escapeJs, queryEscape } from "./text.ts";
import { ArgumentMap, GoHtml, isLabelMap, isTruthy, typeName, type Value } from "./values.ts";

export interface TemplateFunction {
  /** Types of the arguments that there have to be. */
  parameters: readonly string[];
  /** The type of any number of others behind them; missing: there may be none. */
  rest?: string;
  /** @throws Error: what is wrong with the arguments */
  call: (args: Value[], data: TemplateData) => Value | Promise<Value>;
}

/** Of any type, nil included. */
const ANY = "reflect.Value";
export const INTERFACE = "interface {}";

type Kind = "bool" | "int" | "float" | "string" | undefined;

function kindOf(value: Value): Kind {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint" || value instanceof GoNamedNumber) return "int";
  if (typeof value === "number") return "float";
  return typeof value === "string" || value instanceof GoHtml ? "string" : undefined;
}

function plain(value: Value): Value {
  if (value instanceof GoHtml) return value.text;
  return value instanceof GoNamedNumber ? value.number : value;
}

function incompatible(a: Value, b: Value): TemplateError {
  return new TemplateError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}

function equal(a: Value, b: Value): boolean {
  if (kindOf(a) === kindOf(b)) return plain(a) === plain(b);
  if (a !== undefined && b !== undefined) throw incompatible(a, b);
  return false;
}

function isLess(a: Value, b: Value): boolean {
  const [x, y] = [kindOf(a), kindOf(b)];
  if (x === undefined || y === undefined) throw new TemplateError("invalid type for comparison");
  if (x !== y) throw incompatible(a, b);
  if (x === "bool") throw new TemplateError("invalid type for comparison");
  if (x === "string") return compareStrings(plain(a) as string, plain(b) as string) < 0;
  return (plain(a) as number) < (plain(b) as number);
}

function isLessOrEqual(a: Value, b: Value): boolean {
  return isLess(a, b) || equal(a, b);
}

function comparison(holds: (a: Value, b: Value) => boolean): TemplateFunction {
  return { parameters: [ANY, ANY], call: ([a, b]) => holds(a, b) };
}

function listLength(given: Value): number | undefined {
  const item = plain(given);
  if (typeof item === "string") return Buffer.byteLength(item);
  return Array.isArray(item) ? item.length : undefined;
}

function position(index: Value, length: number): number {
  if (index === undefined) throw new TemplateError("cannot index slice/array with nil");
  const number = plain(index);
  if (typeof number !== "bigint")
    throw new TemplateError(`cannot index slice/array with type ${typeName(index)}`);
  if (number < 0n || number > BigInt(length)) throw new TemplateError(`index out of range: ${number}`);
  return Number(number);
}

function indexed(given: Value, index: Value): Value {
  const item = plain(given);
  const length = listLength(item);
  if (length !== undefined) {
    const at = position(index, length);
    if (at === length)
      throw new TemplateError(
        typeof item === "string" ? "reflect: string index out of range" : "reflect: slice index out of range",
      );
    return typeof item === "string" ? BigInt(Buffer.from(item)[at]) : (item as Value[])[at];
  }
  if (!(item instanceof ArgumentMap) && !isLabelMap(item))
    throw new TemplateError(`can't index item of type ${typeName(item).replace(/^\*/, "")}`);
  if (index === undefined) throw new TemplateError("value is nil; should be of type string");
  if (typeof index !== "string")
    throw new TemplateError(`value has type ${typeName(index)}; should be string`);
  if (item instanceof ArgumentMap) return item.get(index);
  return Object.hasOwn(item, index) ? item[index] : "";
}

function index([item, ...indexes]: Value[]): Value {
  if (item === undefined) throw new TemplateError("index of untyped nil");
  return indexes.reduce((inner, each) => {
    if (inner === undefined) throw new TemplateError("index of nil pointer");
    return indexed(inner, each);
  }, item);
}

function slice([given, ...indexes]: Value[]): Value {
  const item = plain(given);
  if (item === undefined) throw new TemplateError("slice of untyped nil");
  if (indexes.length > 3) throw new TemplateError(`too many slice indexes: ${indexes.length}`);
  const length = listLength(item);
  if (length === undefined) throw new TemplateError(`can't slice item of type ${typeName(item)}`);
  if (typeof item === "string" && indexes.length === 3)
    throw new TemplateError("cannot 3-index slice a string");
  const [from = 0, to = length, end] = indexes.map((each) => position(each, length));
  if (from > to) throw new TemplateError(`invalid slice index: ${from} > ${to}`);
  if (end !== undefined && to > end) throw new TemplateError(`invalid slice index: ${to} > ${end}`);
  if (typeof item === "string") return Buffer.from(item).subarray(from, to).toString();
  return (item as Value[]).slice(from, to) as Value;
}

function length([item]: Value[]): Value {
  if (item === undefined) throw new TemplateError("reflect: call of reflect.Value.Type on zero Value");
  const count = listLength(item);
  if (count !== undefined) return BigInt(count);
  if (item instanceof ArgumentMap) return BigInt(item.size);
  if (isLabelMap(item)) return BigInt(Object.keys(item).length);
  throw new TemplateError(`len of type ${typeName(item)}`);
}

/** As the escaping functions take their arguments together. */
function joined(args: Value[]): string {
  return sprint(args.map((each) => (each === undefined ? "<no value>" : each)));
}

export const BUILTINS: Readonly<Record<string, TemplateFunction>> = {
  // `and` and `or` are carried out by the evaluation, which stops at the first that decides.
  and: { parameters: [ANY], rest: ANY, call: (args) => args.at(-1) },
  or: { parameters: [ANY], rest: ANY, call: (args) => args.at(-1) },
  not: { parameters: [ANY], call: ([value]) => !isTruthy(value) },
  call: {
    // There are no functions among values. The evaluation puts the callee's text before the arguments.
    parameters: [ANY],
    rest: ANY,
    call([name, callee]) {
      if (callee === undefined) throw new TemplateError("call of nil");
      throw new TemplateError(`non-function ${name as string} of type ${typeName(callee)}`);
    },
  },
  eq: {
    parameters: [ANY],
    rest: ANY,
    call([first, ...others]) {
      if (others.length === 0) throw new TemplateError("missing argument for comparison");
      return others.some((other) => equal(first, other));
    },
  },
  ne: comparison((a, b) => !equal(a, b)),
  lt: comparison(isLess),
  le: comparison(isLessOrEqual),
  gt: comparison((a, b) => !isLessOrEqual(a, b)),
  ge: comparison((a, b) => !isLess(a, b)),
  index: { parameters: [ANY], rest: ANY, call: index },
  slice: { parameters: [ANY], rest: ANY, call: slice },
  len: { parameters: [ANY], call: length },
  print: { parameters: [], rest: INTERFACE, call: sprint },
  println: { parameters: [], rest: INTERFACE, call: (args) => `${args.map(shown).join(" ")}\n` },
  printf: {
    parameters: ["string"],
    rest: INTERFACE,
    call: ([format, ...args]) => sprintf(format as string, args),
  },
  html: { parameters: [], rest: INTERFACE, call: (args) => escapeHtml(joined(args)) },
  js: { parameters: [], rest: INTERFACE, call: (args) => escapeJs(joined(args)) },
  urlquery: { parameters: [], rest: INTERFACE, call: (args) => queryEscape(joined(args)) },
};
