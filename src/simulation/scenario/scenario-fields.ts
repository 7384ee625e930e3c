/** Fields of scenario files, checked one by one: what is wrong is told with the path to it. */
import type { Bounds } from "./scenario.ts";

export type Path = (string | number)[];
export type Entry = Record<string, unknown>;

/** A field is wrong. */
export class FieldError extends Error {
  readonly path: (string | number)[];

  constructor(path: (string | number)[], message: string) {
    super(path.length === 0 ? message : `${path.join(".")}: ${message}`);
    this.path = path;
  }
}

/** `StatefulSet/test-db-small` */
export const OBJECT_NAME = /^[A-Z]\w*\/[a-z0-9][a-z0-9.-]*$/;

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A part of a whole: 0 to 1. */
export function share(value: unknown, path: Path): number {
  const part = number(value, path);
  if (part < 0 || part > 1) throw new FieldError(path, "must be from 0 to 1");
  return part;
}

/** `3`, `">= 3"`, `"2..5"`, `"!= 0"` is not one. */
export function boundsOf(value: unknown, path: Path): Bounds {
  if (typeof value !== "string" && typeof value !== "number")
    throw new FieldError(path, `${JSON.stringify(value)} is no number, comparison or range`);
  const text = String(value).trim();
  const range = /^(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)$/.exec(text);
  if (range !== null) {
    const [min, max] = [Number(range[1]), Number(range[2])];
    if (!(min <= max)) throw new FieldError(path, `${text} is no range from less to more`);
    return { min, max, text };
  }
  const compared = /^(>=|<=|>|<|=)?\s*(-?[\d.]+)$/.exec(text);
  if (compared === null || Number.isNaN(Number(compared[2])))
    throw new FieldError(path, `${text} is no number, comparison or range`);
  const [, operator = "=", digits] = compared;
  const number = Number(digits);
  const step = Number.EPSILON * Math.max(Math.abs(number), 1) * 4;
  const min = operator === ">=" || operator === "=" ? number : operator === ">" ? number + step : -Infinity;
  const max = operator === "<=" || operator === "=" ? number : operator === "<" ? number - step : Infinity;
  return { min, max, text };
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function duration(value: unknown, path: Path): number {
  if (value === undefined) throw new FieldError(path, "a duration such as 90s or 5m is needed");
  const text = String(value);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const negative = text.startsWith("-");
  if (
    parts.map(([part]) => part).join("") !== text.replace(/^-/, "") ||
    (parts.length === 0 && text !== "0")
  ) {
    throw new FieldError(path, `${JSON.stringify(value)} is no duration such as 90s or 5m`);
  }
  const sum = parts.reduce((total, [, amount, unit]) => total + Number(amount) * UNIT_MS[unit], 0);
  return negative ? -sum : sum;
}

export function number(value: unknown, path: Path): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new FieldError(path, `${JSON.stringify(value)} is no number`);
}

export function whole(value: unknown, path: Path, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw new FieldError(path, `must be a whole number from ${min} to ${max}`);
}

export function onlyFields(entry: Entry, allowed: string[], path: Path): void {
  if (typeof entry !== "object" || entry === null) throw new FieldError(path, "a map is needed");
  const unknown = Object.keys(entry).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new FieldError([...path, unknown], `unknown field; there are ${allowed.join(", ")}`);
  }
}
