/** Literals in templates: Go's (`strconv.Unquote`, `Tree.newNumber` in `text/template/parse/node.go`). */
import { quoteGo } from "../../../model/go-quote.ts";
import { unquote } from "../../promql/parser/unquote.ts";
import type { NumberNode } from "./nodes.ts";
import { TemplateError } from "./template-error.ts";

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;
const INTEGER = /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[1-9][0-9_]*|0)$/;
const MISPLACED_UNDERSCORE = /__|_$|^[+-]?_/;
const FLOAT = /^[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?$/;

const ESCAPE = String.raw`\\(?:[abfnrtv\\]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3})`;
const STRING = new RegExp(String.raw`^"(?:[^"\\\n]|\\"|${ESCAPE})*"$`);
const CHARACTER = new RegExp(String.raw`^'(?:[^'\\\n]|\\'|${ESCAPE})+'$`, "u");

/** The text of a literal in double or back quotes. @throws TemplateError */
export function stringText(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1).replaceAll("\r", "");
  if (!STRING.test(literal)) throw new TemplateError("invalid syntax");
  return unquote(literal);
}

/** @throws TemplateError */
export function numberNode(text: string, at: number): NumberNode {
  if (text.startsWith("'")) return characterNode(text, at);
  const integer = integerOf(text);
  if (integer !== undefined && integer >= MIN_INT && integer <= MAX_UINT) {
    const fits = integer <= MAX_INT;
    return made(text, at, fits ? integer : undefined, Number(integer), false);
  }
  const float = floatOf(text);
  if (float === undefined || !Number.isFinite(float))
    throw new TemplateError(`illegal number syntax: ${quoteGo(text)}`);
  if (!/[.eEpP]/.test(text)) throw new TemplateError(`integer overflow: ${quoteGo(text)}`);
  const isWhole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return made(text, at, isWhole ? BigInt(float) : undefined, float, true);
}

function made(
  text: string,
  at: number,
  integer: bigint | undefined,
  float: number,
  isIdealFloat: boolean,
): NumberNode {
  return { kind: "number", at, text, integer, float, isIdealFloat };
}

function characterNode(text: string, at: number): NumberNode {
  if (!CHARACTER.test(text)) throw new TemplateError("invalid syntax");
  const character = unquote(text);
  if ([...character].length !== 1) throw new TemplateError(`malformed character constant: ${text}`);
  const code = character.codePointAt(0)!;
  return made(text, at, BigInt(code), code, false);
}

function integerOf(text: string): bigint | undefined {
  if (!INTEGER.test(text) || MISPLACED_UNDERSCORE.test(text)) return undefined;
  const digits = text.replace(/^[+-]/, "").replaceAll("_", "").toLowerCase();
  const isOctal = /^0[0-7]/.test(digits);
  const value = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

function floatOf(text: string): number | undefined {
  return FLOAT.test(text) && !MISPLACED_UNDERSCORE.test(text) ? Number(text.replaceAll("_", "")) : undefined;
}
