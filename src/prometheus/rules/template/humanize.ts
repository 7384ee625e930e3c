/** Numbers as people read them (`common/helpers/templates`, `template/template.go`). */
import { quoteGo } from "../../../model/go-quote.ts";
import { formatGoFloat } from "../../../wire/exposition/go-float.ts";
import { generalDigits } from "./float-digits.ts";
import { GoDuration, GoNamedNumber, GoTime } from "./go-time.ts";
import { TemplateError } from "./template-error.ts";
import { typeName, type Value } from "./values.ts";

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/;
/** Underscores stand between digits only. */
const SEPARATED = /(?<=[0-9a-fA-F])_(?=[0-9a-fA-F])/g;
const NAMED = /^([+-]?)(inf|infinity|nan)$/i;
const SMALL_PREFIXES = "munpfazy";

/** @throws TemplateError for what is no number */
export function floatOf(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") return parsedFloat(value);
  if (value instanceof GoNamedNumber && value.type === "int64") return Number(value.number);
  if (value instanceof GoDuration && !value.isPointer) return value.ms / 1000;
  throw new TemplateError(`can't convert ${typeName(value)} to float`);
}

function parsedFloat(text: string): number {
  const [, sign, name] = NAMED.exec(text) ?? [];
  if (name !== undefined) {
    if (name.toLowerCase() === "nan" && sign === "") return Number.NaN;
    if (name.toLowerCase() !== "nan")
      return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const fail = (problem: string) =>
    new TemplateError(`strconv.ParseFloat: parsing ${quoteGo(text)}: ${problem}`);
  const digits = text.replace(SEPARATED, "");
  const number = hexadecimalFloat(digits) ?? (FLOAT.test(digits) ? Number(digits) : undefined);
  if (number === undefined) throw fail("invalid syntax");
  if (!Number.isFinite(number)) throw fail("value out of range");
  return number;
}

function hexadecimalFloat(text: string): number | undefined {
  const match = HEXADECIMAL.exec(text);
  if (match === null || match[2] + match[3] === "") return undefined;
  const [, sign, whole, fraction, exponent] = match;
  const value = Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

/** `%.4g`. */
function general(value: number): string {
  return Number.isFinite(value) ? generalDigits(value, 4) : formatGoFloat(value);
}

/** Divides until the number is small enough, and says by what. */
function scaledUp(value: number, base: number, prefixes: readonly string[]): [number, string] {
  let scaled = value;
  let prefix = "";
  for (const next of prefixes) {
    if (Math.abs(scaled) < base) break;
    prefix = next;
    scaled /= base;
  }
  return [scaled, prefix];
}

function scaledDown(value: number): [number, string] {
  let scaled = value;
  let prefix = "";
  for (const next of SMALL_PREFIXES) {
    if (Math.abs(scaled) >= 1) break;
    prefix = next;
    scaled *= 1000;
  }
  return [scaled, prefix];
}

export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return general(value);
  const [scaled, prefix] = Math.abs(value) >= 1 ? scaledUp(value, 1000, [..."kMGTPEZY"]) : scaledDown(value);
  return general(scaled) + prefix;
}

export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return general(value);
  const [scaled, prefix] = scaledUp(value, 1024, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
  return general(scaled) + prefix;
}

export function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return general(seconds);
  if (seconds === 0) return `${general(seconds)}s`;
  if (Math.abs(seconds) < 1) {
    const [scaled, prefix] = scaledDown(seconds);
    return `${general(scaled)}${prefix}s`;
  }
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.trunc(Math.abs(seconds));
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count !== 0);
  if (first >= 3 || first < 0) return `${sign}${general(Math.abs(seconds))}s`;
  return (
    sign +
    parts
      .slice(first)
      .map(([count, unit]) => `${count}${unit}`)
      .join(" ")
  );
}

/** @throws TemplateError where nanoseconds have no room for it, or it is no time */
export function timeOf(seconds: number): GoTime {
  if (!Number.isFinite(seconds)) throw new TemplateError("value is NaN or Inf");
  const nanoseconds = seconds * 1e9;
  if (Math.abs(nanoseconds) > 2 ** 63)
    throw new TemplateError(
      `${formatGoFloat(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64`,
    );
  return new GoTime(Math.trunc(Math.trunc(nanoseconds) / 1e6), true);
}

export function humanizeTimestamp(seconds: number): string {
  return Number.isFinite(seconds) ? timeOf(seconds).toString() : general(seconds);
}

export function humanizePercentage(ratio: number): string {
  return `${general(ratio * 100)}%`;
}
