/** What a field of a custom resource is as a sample's value (upstream `toFloat64`). */
import { parseQuantity } from "../../model/quantity.ts";

const WORDS: ReadonlyMap<string, number> = new Map([
  ["true", 1],
  ["yes", 1],
  ["false", 0],
  ["no", 0],
  ["unknown", 0],
]);

/** A time of RFC 3339, as Go reads it. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** The number, or why there is none. Times are seconds since 1970, percentages parts of 1. */
export function toNumber(value: unknown, nilIsZero: boolean): number | Error {
  if (value === undefined || value === null)
    return nilIsZero ? 0 : new Error("expected number but found nil value");
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string") return new Error(`expected number but was ${goText(value)}`);
  const word = WORDS.get(value.toLowerCase());
  if (word !== undefined) return word;
  if (TIME.test(value) && !Number.isNaN(Date.parse(value))) return Math.floor(Date.parse(value) / 1_000);
  try {
    return parseQuantity(value);
  } catch {
    if (/^\d+%$/.test(value)) return Number(value.slice(0, -1)) / 100;
    const number = value.trim() === value && value !== "" ? Number(value) : Number.NaN;
    if (!Number.isNaN(number)) return number;
    return new Error(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
}

/** A value as Go's `%v` prints it. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, field]) => `${key}:${goText(field)}`).join(" ")}]`;
}
