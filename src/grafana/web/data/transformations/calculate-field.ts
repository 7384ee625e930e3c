/** A field computed from others. */
import { displayNameOf, type Field, type Frame } from "../frame.ts";
import { reduce } from "../reduce.ts";
import { rowsOf } from "./frame-rows.ts";

interface CalculateOptions {
  mode?: "binary" | "reduceRow" | "index" | "unary";
  alias?: string;
  replaceFields?: boolean;
  binary?: { left?: Operand; operator?: string; right?: Operand };
  reduce?: { reducer?: string; include?: string[] };
}

type Operand = string | { fixed?: string; matcher?: { id?: string; options?: string } };

const OPERATORS: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0 ? 0 : a / b),
};

export function calculateField(frames: Frame[], options: CalculateOptions): Frame[] {
  return frames.map((frame) => {
    const column = calculate(frame, options);
    if (column === undefined) return frame;
    const field: Field = { ...column, config: {} };
    const kept =
      options.replaceFields === true ? frame.fields.filter(({ type }) => type === "time") : frame.fields;
    return { ...frame, fields: [...kept, field] };
  });
}

function calculate(frame: Frame, options: CalculateOptions): Omit<Field, "config"> | undefined {
  const find = (name: string) =>
    frame.fields.find((field) => displayNameOf(field, frame) === name || field.name === name);
  if (options.mode === "binary") {
    const { left, right, operator = "+" } = options.binary ?? {};
    const operand = (
      given: Operand | undefined,
    ): { name: string; at: (row: number) => number } | undefined => {
      const text = typeof given === "string" ? given : (given?.fixed ?? given?.matcher?.options ?? "");
      const field = find(text);
      if (field !== undefined) return { name: text, at: (row) => Number(field.values[row]) };
      const fixed = Number(text);
      return text === "" || Number.isNaN(fixed) ? undefined : { name: text, at: () => fixed };
    };
    const [a, b] = [operand(left), operand(right)];
    const apply = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
    if (a === undefined || b === undefined || apply === undefined) return undefined;
    const values = rowsOf(frame).map((row) => apply(a.at(row), b.at(row)));
    return { name: options.alias || `${a.name} ${operator} ${b.name}`, type: "number", values };
  }
  if (options.mode === "index")
    return { name: options.alias || "Row", type: "number", values: rowsOf(frame) };
  const { reducer = "sum", include = [] } = options.reduce ?? {};
  const fields = frame.fields.filter(
    (field) =>
      field.type === "number" && (include.length === 0 || include.includes(displayNameOf(field, frame))),
  );
  if (fields.length === 0) return undefined;
  const values = rowsOf(frame).map((row) =>
    reduce(
      fields.map((field) => field.values[row]),
      reducer,
    ),
  );
  return { name: options.alias || (reducer === "sum" ? "Total" : reducer), type: "number", values };
}
