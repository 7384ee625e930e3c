/** Rows of a frame. */
import { type Field, type Frame, lengthOf } from "../frame.ts";

export function rowsOf(frame: Frame): number[] {
  return Array.from({ length: lengthOf(frame) }, (_, row) => row);
}

export function pickRows(frame: Frame, rows: readonly number[]): Frame {
  return {
    ...frame,
    fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })),
  };
}

export function typeOf(values: readonly unknown[]): Field["type"] {
  const sample = values.find((value) => value !== null && value !== undefined);
  if (typeof sample === "number") return "number";
  return typeof sample === "boolean" ? "boolean" : "string";
}

export function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
