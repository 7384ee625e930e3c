/** Two JSON values in one text, what differs in colour: `promtool test rules --diff` (library `nsf/jsondiff`). */
import { compareStrings } from "../../../model/labels.ts";
import { quoteString } from "../../promql/parser/lexer.ts";

export type DiffValue = string | DiffValue[] | { [key: string]: DiffValue };

const ADDED = "\x1b[0;32m";
const REMOVED = "\x1b[0;31m";
const CHANGED = "\x1b[0;33m";
const END = "\x1b[0m";
const INDENT = "    ";

/** @param level how deep the value lies */
export function jsonDiff(expected: DiffValue, got: DiffValue, level = 0): string {
  const isCollection = typeof expected !== "string" && typeof got !== "string";
  if (!isCollection || Array.isArray(expected) !== Array.isArray(got)) {
    if (expected === got) return whole(expected, level);
    return `${CHANGED}${shortened(expected)} => ${shortened(got)}${END}`;
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
  const isList = Array.isArray(expected);
  const sorted = isList ? [...keys] : [...keys].sort(compareStrings);
  const [left, right] = [expected, got] as Record<string, DiffValue>[];
  const items = sorted.map((key) => {
    const name = isList ? "" : `${quoteString(key)}: `;
    if (!Object.hasOwn(right, key)) return coloured(`${name}${whole(left[key], level + 1)}`, REMOVED);
    if (!Object.hasOwn(left, key)) return coloured(`${name}${whole(right[key], level + 1)}`, ADDED);
    return name + jsonDiff(left[key], right[key], level + 1);
  });
  return framed(items, isList, level);
}

function whole(value: DiffValue, level: number): string {
  if (typeof value === "string") return quoteString(value);
  if (Array.isArray(value))
    return framed(
      value.map((each) => whole(each, level + 1)),
      true,
      level,
    );
  const items = Object.keys(value)
    .sort(compareStrings)
    .map((key) => `${quoteString(key)}: ${whole(value[key], level + 1)}`);
  return framed(items, false, level);
}

function shortened(value: DiffValue): string {
  if (typeof value === "string") return quoteString(value);
  return Array.isArray(value) ? "[]" : "{}";
}

function framed(items: readonly string[], isList: boolean, level: number): string {
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (items.length === 0) return open + close;
  const indent = INDENT.repeat(level + 1);
  return `${open}\n${indent}${items.join(`,\n${indent}`)}\n${INDENT.repeat(level)}${close}`;
}

/** Colours end with the line, and begin anew behind the indentation. */
function coloured(text: string, colour: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/^( *)(.*)$/, (_, blank, rest) => `${blank}${colour}${rest}${END}`))
    .join("\n");
}
