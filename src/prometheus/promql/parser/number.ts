/** Numbers and durations as PromQL writes them. */
import { quoteString } from "./lexer.ts";
import { ParseError, type Position } from "./parse-error.ts";

const UNIT_SECONDS: Record<string, number> = {
  y: 365 * 86400,
  w: 7 * 86400,
  d: 86400,
  h: 3600,
  m: 60,
  s: 1,
  ms: 0.001,
};

/** The longest duration that upstream's `model.Duration` holds (int64 nanoseconds), in seconds. */
const DURATION_LIMIT_SECONDS = 2 ** 63 / 1e9;

/**
 * The value of a literal without sign, in seconds when it is a duration.
 *
 * @throws ParseError for a number beyond the range of a double, a duration beyond that of int64 nanoseconds.
 */
export function parseNumber(query: string, position: Position): { value: number; isDuration: boolean } {
  const text = query.slice(position.start, position.end);
  const lower = text.toLowerCase();
  if (lower === "inf") return { value: Number.POSITIVE_INFINITY, isDuration: false };
  if (lower === "nan") return { value: Number.NaN, isDuration: false };
  if (/[smhdwy]$/.test(text) && !lower.startsWith("0x"))
    return { value: parseDuration(query, position, text), isDuration: true };
  const value = literalValue(lower);
  if (!Number.isFinite(value)) {
    const problem = Number.isNaN(value) ? "invalid syntax" : "value out of range";
    const message = `error parsing number: strconv.ParseFloat: parsing ${quoteString(text)}: ${problem}`;
    throw new ParseError(query, position, message);
  }
  return { value, isDuration: false };
}

const HEXADECIMAL = /^0x_?[0-9a-f]+(?:_[0-9a-f]+)*$/;
const DECIMAL = /^(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/;

/** As Go reads an integer with base 0, or else a float. Not a number when neither does. */
function literalValue(text: string): number {
  const digits = text.replaceAll("_", "");
  if (text.startsWith("0x")) {
    // Beyond int64 it would be a float, and those have no hexadecimal form without `p`.
    return HEXADECIMAL.test(text) && BigInt(digits) < 2n ** 63n ? Number(digits) : Number.NaN;
  }
  if (!DECIMAL.test(text)) return Number.NaN;
  const isOctal = /^0[0-7]+$/.test(digits) && digits.length <= 22;
  return isOctal ? Number.parseInt(digits, 8) : Number(digits);
}

const UNITS = ["y", "w", "d", "h", "m", "s", "ms"];

/** What is wrong with a duration: its units have to be known, and each may come once, the longer ones first. */
function durationProblem(duration: string): string | undefined {
  let last = -1;
  for (const [, count, unit] of duration.matchAll(/([0-9]*)([^0-9]+)/g)) {
    if (count === "") return `not a valid duration string: ${quoteString(duration)}`;
    const order = UNITS.indexOf(unit);
    if (order === -1) return `unknown unit ${quoteString(unit)} in duration ${quoteString(duration)}`;
    if (order <= last) return `not a valid duration string: ${quoteString(duration)}`;
    last = order;
  }
  return undefined;
}

function parseDuration(query: string, position: Position, text: string): number {
  const problem = durationProblem(text);
  if (problem !== undefined) throw new ParseError(query, position, problem);
  let milliseconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    milliseconds += Number(count) * Math.round(UNIT_SECONDS[unit] * 1000);
  }
  const seconds = milliseconds / 1000;
  if (seconds > DURATION_LIMIT_SECONDS) throw new ParseError(query, position, "duration out of range");
  return seconds;
}

/** Whether a number of seconds is beyond int64 nanoseconds. */
export function isDurationOutOfRange(seconds: number): boolean {
  return seconds > DURATION_LIMIT_SECONDS || seconds < -DURATION_LIMIT_SECONDS;
}
