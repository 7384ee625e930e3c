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
  if (/^0[xX]/.test(text)) return { value: Number(lower.replaceAll("_", "")), isDuration: false };
  if (/[smhdwy]$/.test(text)) return { value: parseDuration(query, position, text), isDuration: true };
  const digits = text.replaceAll("_", "");
  // As Go's ParseInt with base 0: a leading zero makes an integer octal.
  const isOctal = /^0[0-7]+$/.test(digits) && digits.length <= 22;
  const value = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isFinite(value)) {
    const problem = `strconv.ParseFloat: parsing ${quoteString(text)}: value out of range`;
    throw new ParseError(query, position, `error parsing number: ${problem}`);
  }
  return { value, isDuration: false };
}

function parseDuration(query: string, position: Position, text: string): number {
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
