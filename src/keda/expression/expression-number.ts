/** Numbers in formulas (expr-lang/expr `parser/lexer`, `scanNumber`; `parser`, `parseSecondary`). */
import type { ValueType } from "./expression-node.ts";

/** Digits, by the letter after a leading 0. */
const DIGITS: Record<string, string> = { x: "[0-9a-fA-F_]*", o: "[0-7_]*", b: "[01_]*" };
const BASES: Record<string, string> = { x: "hex", o: "octal", b: "binary" };
const ALPHANUMERIC = /[\p{L}\p{Nd}_$]/u;
const MAX_INT = 2n ** 63n - 1n;

/** What there is of a number from a position on: a point may be its end, two are a range. */
export interface ScannedNumber {
  text: string;
  /** A letter or digit that does not belong to it comes next: the text is all up to it. */
  isBad: boolean;
}

/** Undefined where no number begins. A point before it leaves room for another in it, which is no number then. */
export function scanNumber(source: string, position: number): ScannedNumber | undefined {
  if (!/^\.?\d/.test(source.slice(position, position + 2))) return undefined;
  const letter = source[position] === "0" ? source[position + 1]?.toLowerCase() : undefined;
  const prefix =
    letter !== undefined && Object.hasOwn(DIGITS, letter) ? `0[${letter}${letter.toUpperCase()}]` : "";
  const digits = prefix === "" ? "[0-9_]*" : DIGITS[letter!];
  const pattern = new RegExp(`\\.?${prefix}${digits}(?:\\.(?!\\.)${digits})?(?:[eE][+-]?${digits})?`, "y");
  pattern.lastIndex = position;
  const [text] = pattern.exec(source)!;
  const next = source.codePointAt(position + text.length);
  const character = next === undefined ? "" : String.fromCodePoint(next);
  const isRange = source.startsWith("..", position + text.length);
  if (isRange || !ALPHANUMERIC.test(character)) return { text, isBad: false };
  return { text: text + character, isBad: true };
}

/** What a scanned number is. @throws Error with upstream's text where it is none */
export function readNumber(text: string): { type: ValueType; value: number } {
  const plain = text.replaceAll("_", "");
  const letter = /^0([xob])/i.exec(plain)?.[1].toLowerCase();
  if (letter !== "x" && /[.e]/i.test(plain)) {
    const value = Number(plain);
    if (/\d/.test(plain) && /^[\d.]+(e[+-]?\d+)?$/i.test(plain) && Number.isFinite(value)) {
      return { type: "float64", value };
    }
    const why = Number.isNaN(value) ? "invalid syntax" : "value out of range";
    throw new Error(`invalid float literal: strconv.ParseFloat: parsing ${JSON.stringify(plain)}: ${why}`);
  }
  const isWhole = letter === undefined ? /^\d+$/.test(plain) : /^0[xob][\da-f]+$/i.test(plain);
  const value = isWhole ? BigInt(letter === undefined ? plain : plain.toLowerCase()) : 0n;
  if (isWhole && value <= MAX_INT) return { type: "int", value: Number(value) };
  const kind = letter === undefined ? "integer" : BASES[letter];
  const why = isWhole ? "value out of range" : "invalid syntax";
  throw new Error(`invalid ${kind} literal: strconv.ParseInt: parsing ${JSON.stringify(plain)}: ${why}`);
}
