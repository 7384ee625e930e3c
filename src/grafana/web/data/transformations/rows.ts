/** Transformations that choose and order rows. */
import { toRegExp } from "../field-config.ts";
import { displayNameOf, type Frame } from "../frame.ts";
import { compare, pickRows, rowsOf } from "./frame-rows.ts";

export function sortBy(
  frames: Frame[],
  { sort = [] }: { sort?: { field?: string; desc?: boolean }[] },
): Frame[] {
  const [order] = sort;
  if (order?.field === undefined) return frames;
  return frames.map((frame) => {
    const field = frame.fields.find(
      (one) => displayNameOf(one, frame) === order.field || one.name === order.field,
    );
    if (field === undefined) return frame;
    const sign = order.desc === true ? -1 : 1;
    return pickRows(
      frame,
      rowsOf(frame).sort((a, b) => sign * compare(field.values[a], field.values[b])),
    );
  });
}

interface FilterByValueOptions {
  type?: "include" | "exclude";
  match?: "any" | "all";
  filters?: {
    fieldName?: string;
    config?: { id?: string; options?: { value?: unknown; from?: number; to?: number } };
  }[];
}

export function filterByValue(
  frames: Frame[],
  { type = "include", match = "any", filters = [] }: FilterByValueOptions,
): Frame[] {
  return frames.map((frame) => {
    const checks = filters.flatMap(({ fieldName, config }) => {
      const field = frame.fields.find((one) => displayNameOf(one, frame) === fieldName);
      return field === undefined
        ? []
        : [(row: number) => passes(field.values[row], config?.id ?? "", config?.options ?? {})];
    });
    if (checks.length === 0) return frame;
    const holds = (row: number) =>
      match === "all" ? checks.every((check) => check(row)) : checks.some((check) => check(row));
    return pickRows(
      frame,
      rowsOf(frame).filter((row) => holds(row) === (type === "include")),
    );
  });
}

function passes(
  value: unknown,
  id: string,
  { value: other, from, to }: { value?: unknown; from?: number; to?: number },
): boolean {
  const [a, b] = [Number(value), Number(other)];
  if (id === "greater") return a > b;
  if (id === "greaterOrEqual") return a >= b;
  if (id === "lower") return a < b;
  if (id === "lowerOrEqual") return a <= b;
  if (id === "equal") return String(value) === String(other);
  if (id === "notEqual") return String(value) !== String(other);
  if (id === "isNull") return value === null || value === undefined;
  if (id === "isNotNull") return value !== null && value !== undefined;
  if (id === "regex") return toRegExp(String(other)).test(String(value));
  if (id === "range" || id === "between")
    return a >= (from ?? Number.NEGATIVE_INFINITY) && a <= (to ?? Number.POSITIVE_INFINITY);
  return true;
}
