/** Functions of the Common Expression Language, and those that Kubernetes adds (`apiserver/pkg/cel/library`). */
import { formatQuantity, parseQuantity } from "../../../../model/quantity.ts";
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
  parseDuration,
  parseTimestamp,
  typeName,
} from "./cel-value.ts";

type Function = (...values: CelValue[]) => CelValue;

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

export function checkedInt(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw new CelError("integer overflow");
  return value;
}

function text(value: CelValue): string {
  if (typeof value !== "string") throw noOverload();
  return value;
}

function int(value: CelValue): number {
  if (typeof value !== "bigint") throw noOverload();
  return Number(value);
}

function list(value: CelValue): CelValue[] {
  if (!Array.isArray(value)) throw noOverload();
  return value;
}

function optional(value: CelValue): CelOptional {
  if (!(value instanceof CelOptional)) throw noOverload();
  return value;
}

/** Patterns are written by the cluster's administrator. */
function pattern(value: CelValue, flags = "u"): RegExp {
  try {
    return new RegExp(text(value), flags);
  } catch (error) {
    throw new CelError((error as Error).message);
  }
}

export function sizeOf(value: CelValue): bigint {
  if (typeof value === "string") return BigInt([...value].length);
  if (value instanceof Uint8Array || Array.isArray(value)) return BigInt(value.length);
  if (value instanceof Map) return BigInt(value.size);
  throw noOverload();
}

/** By name; called as `name(…)` or, where they have a receiver, as `x.name(…)`. */
export const CEL_FUNCTIONS: Readonly<Record<string, Function>> = {
  size: (value) => sizeOf(value),
  type: (value) => new CelType(typeName(value)),
  dyn: (value) => value,
  int: toInt,
  uint: toInt,
  double: toDouble,
  string: toText,
  bool(value) {
    if (typeof value === "boolean") return value;
    if (["1", "t", "T", "TRUE", "true", "True"].includes(text(value))) return true;
    if (["0", "f", "F", "FALSE", "false", "False"].includes(text(value))) return false;
    throw new CelError("type conversion error from 'string' to 'bool'");
  },
  bytes: (value) => (value instanceof Uint8Array ? value : new TextEncoder().encode(text(value))),
  duration: (value) =>
    value instanceof CelDuration ? value : (parseDuration(text(value)) ?? conversionError("duration")),
  timestamp: (value) =>
    value instanceof CelTimestamp ? value : (parseTimestamp(text(value)) ?? conversionError("timestamp")),
  quantity(value) {
    parseQuantity(text(value));
    return new Map<CelValue, CelValue>([["quantity", text(value)]]);
  },
  isQuantity: (value) => succeeds(() => parseQuantity(text(value))),
};

function conversionError(to: string): never {
  throw new CelError(`type conversion error from 'string' to '${to}'`);
}

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

function toInt(value: CelValue): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new CelError("integer overflow");
    return checkedInt(BigInt(Math.trunc(value)));
  }
  if (value instanceof CelTimestamp) return value.nanos / 1_000_000_000n;
  if (!/^[+-]?\d+$/.test(text(value))) throw new CelError("type conversion error from 'string' to 'int'");
  return checkedInt(BigInt(text(value)));
}

function toDouble(value: CelValue): number {
  if (typeof value === "bigint" || typeof value === "number") return Number(value);
  const number = Number(text(value));
  if (text(value).trim() === "" || Number.isNaN(number))
    throw new CelError("type conversion error from 'string' to 'double'");
  return number;
}

function toText(value: CelValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint" || typeof value === "boolean" || typeof value === "number")
    return String(value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return `${Number(value.nanos) / 1e9}s`;
  if (value instanceof CelObject) return value.key;
  throw noOverload();
}

function timestampText({ nanos }: CelTimestamp): string {
  const iso = new Date(Number(nanos / 1_000_000n)).toISOString();
  return nanos % 1_000_000_000n === 0n ? iso.replace(/\.\d+Z$/, "Z") : iso;
}

const dateOf = (value: CelValue) => {
  if (!(value instanceof CelTimestamp)) throw noOverload();
  return new Date(Number(value.nanos / 1_000_000n));
};
const inUnits = (value: CelValue, unit: bigint, ofDate: (date: Date) => number) =>
  value instanceof CelDuration ? value.nanos / unit : BigInt(ofDate(dateOf(value)));

function quantityOf(value: CelValue): number {
  const found = value instanceof Map ? value.get("quantity") : undefined;
  if (typeof found !== "string") throw noOverload();
  return parseQuantity(found);
}

function addToQuantity(a: CelValue, b: CelValue, sign: number): CelMap {
  const other = typeof b === "bigint" ? Number(b) : quantityOf(b);
  return new Map([["quantity", formatQuantity(quantityOf(a) + sign * other)]]);
}

function fold(values: CelValue[], sign: number): CelValue {
  if (values.length === 0)
    throw new CelError(sign < 0 ? "min called on empty list" : "max called on empty list");
  return values.reduce((best, value) => (Math.sign(celCompare(value, best) ?? 0) === sign ? value : best));
}

function sum(values: CelValue[]): CelValue {
  if (values.every((value) => typeof value === "bigint"))
    return checkedInt((values as bigint[]).reduce((total, value) => total + value, 0n));
  return values.reduce<number>((total, value) => total + toDouble(value), 0);
}

function indexIn(items: CelValue[], wanted: CelValue): bigint {
  return BigInt(items.findIndex((item) => celEqual(item, wanted)));
}

function substring(value: string, from: number, to?: number): string {
  const letters = [...value];
  if (from < 0 || from > letters.length || (to !== undefined && (to < from || to > letters.length)))
    throw new CelError(`index out of range: ${to ?? from}`);
  return letters.slice(from, to).join("");
}

/** `'%s has %d'.format(['a', 1])` (cel-go `ext/formatting.go`). */
function formatted(pattern: string, values: CelValue[]): string {
  let next = 0;
  return pattern.replace(
    /%(?:\.(\d+))?([%sdfexXob])/g,
    (_all, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= values.length) throw new CelError(`index ${next} out of range`);
      const value = values[next++];
      const digits = Number(precision ?? 6);
      switch (verb) {
        case "s":
          return shownText(value);
        case "d":
          if (typeof value === "bigint") return String(value);
          throw new CelError("decimal clause can only be used on integers");
        case "f":
          return toDouble(value).toFixed(digits);
        case "e":
          return toDouble(value)
            .toExponential(digits)
            .replace(/e([+-])(\d)$/, "e$10$2");
        default:
          return inBase(value, verb);
      }
    },
  );
}

function inBase(value: CelValue, verb: string): string {
  const base = { x: 16, X: 16, o: 8, b: 2 }[verb]!;
  if (typeof value === "string") return Buffer.from(value).toString("hex");
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "bigint") throw noOverload();
  return verb === "X" ? value.toString(base).toUpperCase() : value.toString(base);
}

function shownText(value: CelValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map(quotedText).join(", ")}]`;
  if (value instanceof Map)
    return `{${[...value].map(([key, each]) => `${quotedText(key)}: ${quotedText(each)}`).join(", ")}}`;
  return toText(value);
}

const quotedText = (value: CelValue) =>
  typeof value === "string" ? JSON.stringify(value) : shownText(value);

/** Called as `x.name(…)`: the receiver is the first value. */
export const CEL_METHODS: Readonly<Record<string, Function>> = {
  size: (value) => sizeOf(value),
  startsWith: (value, start) => text(value).startsWith(text(start)),
  endsWith: (value, end) => text(value).endsWith(text(end)),
  contains: (value, part) => text(value).includes(text(part)),
  matches: (value, expression) => pattern(expression).test(text(value)),
  lowerAscii: (value) => text(value).replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  upperAscii: (value) => text(value).replace(/[a-z]/g, (letter) => letter.toUpperCase()),
  trim: (value) => text(value).trim(),
  reverse: (value) => (Array.isArray(value) ? value.toReversed() : [...text(value)].reverse().join("")),
  charAt: (value, at) => [...text(value)][int(at)] ?? "",
  indexOf: (value, part) =>
    Array.isArray(value) ? indexIn(value, part) : BigInt(text(value).indexOf(text(part))),
  lastIndexOf(value, part) {
    if (!Array.isArray(value)) return BigInt(text(value).lastIndexOf(text(part)));
    return BigInt(value.findLastIndex((item) => celEqual(item, part)));
  },
  substring: (value, from, to) => substring(text(value), int(from), to === undefined ? undefined : int(to)),
  replace(value, part, other, count) {
    if (count === undefined) return text(value).replaceAll(text(part), text(other));
    let rest = int(count);
    return text(value).replaceAll(text(part), (found) => (rest-- > 0 ? text(other) : found));
  },
  split: (value, separator, count) => {
    const parts = text(value).split(text(separator));
    const limit = count === undefined ? -1 : int(count);
    if (limit < 0 || parts.length <= limit) return parts;
    return limit === 0 ? [] : [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(text(separator))];
  },
  join: (value, separator) =>
    list(value)
      .map(text)
      .join(separator === undefined ? "" : text(separator)),
  format: (value, given) => formatted(text(value), list(given)),
  find: (value, expression) => pattern(expression).exec(text(value))?.[0] ?? "",
  findAll: (value, expression, count) =>
    (text(value).match(pattern(expression, "gu")) ?? []).slice(
      0,
      count === undefined ? undefined : int(count),
    ),
  isSorted: (value) =>
    list(value).every((item, index) => index === 0 || (celCompare(list(value)[index - 1], item) ?? 0) <= 0),
  sum: (value) => sum(list(value)),
  min: (value) => fold(list(value), -1),
  max: (value) => fold(list(value), 1),
  distinct: (value) =>
    list(value).filter((item, index) => list(value).findIndex((other) => celEqual(item, other)) === index),
  slice: (value, from, to) => list(value).slice(int(from), int(to)),
  flatten: (value) => list(value).flat() as CelValue[],
  hasValue: (value) => optional(value).value !== undefined,
  value(value) {
    const found = optional(value).value;
    if (found === undefined) throw new CelError("optional.none() dereference");
    return found;
  },
  orValue: (value, other) => optional(value).value ?? other,
  or: (value, other) => (optional(value).value === undefined ? optional(other) : value),
  getFullYear: (value) => BigInt(dateOf(value).getUTCFullYear()),
  getMonth: (value) => BigInt(dateOf(value).getUTCMonth()),
  getDate: (value) => BigInt(dateOf(value).getUTCDate()),
  getDayOfMonth: (value) => BigInt(dateOf(value).getUTCDate() - 1),
  getDayOfWeek: (value) => BigInt(dateOf(value).getUTCDay()),
  getHours: (value) => inUnits(value, 3_600_000_000_000n, (date) => date.getUTCHours()),
  getMinutes: (value) => inUnits(value, 60_000_000_000n, (date) => date.getUTCMinutes()),
  getSeconds: (value) => inUnits(value, 1_000_000_000n, (date) => date.getUTCSeconds()),
  getMilliseconds: (value) => inUnits(value, 1_000_000n, (date) => date.getUTCMilliseconds()),
  isGreaterThan: (a, b) => quantityOf(a) > quantityOf(b),
  isLessThan: (a, b) => quantityOf(a) < quantityOf(b),
  compareTo: (a, b) => BigInt(Math.sign(quantityOf(a) - quantityOf(b))),
  add: (a, b) => addToQuantity(a, b, 1),
  sub: (a, b) => addToQuantity(a, b, -1),
  sign: (value) => BigInt(Math.sign(quantityOf(value))),
  isInteger: (value) => Number.isInteger(quantityOf(value)),
  asInteger: (value) => BigInt(quantityOf(value)),
  asApproximateFloat: (value) => quantityOf(value),
};
