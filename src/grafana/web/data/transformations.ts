/** The transformations that dashboards use (upstream `packages/grafana-data/src/transformations`). Unknown ones change nothing. */

import { toRegExp } from "./field-config.ts";
import { displayNameOf, type Field, type Frame, lengthOf, timeField } from "./frame.ts";
import { reduce } from "./reduce.ts";

export interface Transformation {
  id: string;
  disabled?: boolean;
  options?: Record<string, unknown>;
}

type Transform = (frames: Frame[], options: never) => Frame[];

export function transform(frames: Frame[], transformations: readonly Transformation[]): Frame[] {
  let current = frames;
  for (const { id, disabled, options } of transformations) {
    const apply = Object.hasOwn(TRANSFORMS, id) ? TRANSFORMS[id] : undefined;
    if (apply !== undefined && disabled !== true) current = apply(current, (options ?? {}) as never);
  }
  return current;
}

const TRANSFORMS: Record<string, Transform> = {
  organize,
  merge,
  joinByField,
  seriesToColumns: joinByField,
  groupBy,
  sortBy,
  calculateField,
  reduce: reduceFrames,
  filterFieldsByName,
  filterByName: filterFieldsByName,
  filterByRefId: (frames, { include }: { include?: string }) =>
    include === undefined ? frames : frames.filter(({ refId }) => toRegExp(include).test(refId ?? "")),
  renameByRegex,
  labelsToFields,
  limit: (frames, { limitField = 10 }: { limitField?: number }) =>
    frames.map((frame) => pickRows(frame, rowsOf(frame).slice(0, Number(limitField)))),
  seriesToRows,
  timeSeriesTable,
  convertFieldType,
  filterByValue,
  formatTime: (frames) => frames,
  concatenate: (frames) =>
    frames.length < 2 ? frames : [{ ...frames[0], fields: frames.flatMap(({ fields }) => fields) }],
};

function rowsOf(frame: Frame): number[] {
  return Array.from({ length: lengthOf(frame) }, (_, row) => row);
}

function pickRows(frame: Frame, rows: readonly number[]): Frame {
  return {
    ...frame,
    fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })),
  };
}

function typeOf(values: readonly unknown[]): Field["type"] {
  const sample = values.find((value) => value !== null && value !== undefined);
  if (typeof sample === "number") return "number";
  return typeof sample === "boolean" ? "boolean" : "string";
}

interface OrganizeOptions {
  excludeByName?: Record<string, boolean>;
  includeByName?: Record<string, boolean>;
  indexByName?: Record<string, number>;
  renameByName?: Record<string, string>;
}

function organize(frames: Frame[], options: OrganizeOptions): Frame[] {
  const { excludeByName = {}, includeByName = {}, indexByName = {}, renameByName = {} } = options;
  const hasIncludes = Object.values(includeByName).some(Boolean);
  return frames.map((frame) => {
    const named = frame.fields
      .map((field) => ({ field, name: displayNameOf(field, frame) }))
      .filter(({ name }) => excludeByName[name] !== true && (!hasIncludes || includeByName[name] === true));
    const position = (name: string) => indexByName[name] ?? Number.MAX_SAFE_INTEGER;
    if (Object.keys(indexByName).length > 0) named.sort((a, b) => position(a.name) - position(b.name));
    const fields = named.map(({ field, name }) =>
      renameByName[name] ? { ...field, config: { ...field.config, displayName: renameByName[name] } } : field,
    );
    return { ...frame, fields };
  });
}

/** One table of all: rows that agree on the columns they share become one. */
function merge(frames: Frame[]): Frame[] {
  if (frames.length < 2) return frames;
  const columns = new Map<string, Field>();
  for (const frame of frames) {
    for (const field of frame.fields) {
      const name = displayNameOf(field, frame);
      if (!columns.has(name)) columns.set(name, { ...field, values: [] });
    }
  }
  const shared = [...columns.keys()].filter((name) =>
    frames.every((frame) => frame.fields.some((field) => displayNameOf(field, frame) === name)),
  );
  const rows = new Map<string, Map<string, unknown>>();
  for (const [index, frame] of frames.entries()) {
    const names = frame.fields.map((field) => displayNameOf(field, frame));
    for (const row of rowsOf(frame)) {
      const cells = new Map(frame.fields.map((field, i) => [names[i], field.values[row]]));
      const key =
        shared.length === 0 ? `${index}/${row}` : JSON.stringify(shared.map((name) => cells.get(name)));
      const existing = rows.get(key);
      const fits =
        existing !== undefined &&
        [...cells].every(([name, value]) => !existing.has(name) || existing.get(name) === value);
      if (fits) for (const [name, value] of cells) existing.set(name, value);
      else rows.set(existing === undefined ? key : `${key}/${index}/${row}`, cells);
    }
  }
  const fields = Array.from(columns, ([name, field]) => ({
    ...field,
    values: Array.from(rows.values(), (cells) => cells.get(name) ?? null),
  }));
  return [{ refId: "merge", fields }];
}

/** Columns side by side, rows by the values of one field: the time when none is named. */
function joinByField(frames: Frame[], options: { byField?: string; mode?: string }): Frame[] {
  if (frames.length < 2) return frames;
  const keyOf = (frame: Frame) =>
    options.byField
      ? frame.fields.find(
          (field) => displayNameOf(field, frame) === options.byField || field.name === options.byField,
        )
      : timeField(frame);
  const joined = frames.filter((frame) => keyOf(frame) !== undefined);
  if (joined.length === 0) return frames;
  const keys = new Map<unknown, number>();
  const counts = new Map<unknown, number>();
  for (const frame of joined) {
    for (const value of new Set(keyOf(frame)!.values)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  let values = [...counts.keys()];
  if (options.mode === "inner") values = values.filter((value) => counts.get(value) === joined.length);
  const first = keyOf(joined[0])!;
  if (first.type === "time" || first.type === "number") values.sort((a, b) => Number(a) - Number(b));
  for (const [row, value] of values.entries()) keys.set(value, row);
  const fields: Field[] = [{ ...first, values }];
  for (const frame of joined) {
    const key = keyOf(frame)!;
    for (const field of frame.fields) {
      if (field === key) continue;
      const column: unknown[] = Array.from({ length: values.length }, () => null);
      for (const [row, value] of key.values.entries()) {
        const target = keys.get(value);
        if (target !== undefined) column[target] = field.values[row];
      }
      fields.push({ ...field, values: column });
    }
  }
  return [{ refId: "joinByField", fields }];
}

interface GroupByOptions {
  fields?: Record<string, { operation?: "groupby" | "aggregate"; aggregations?: string[] } | undefined>;
}

function groupBy(frames: Frame[], { fields: settings = {} }: GroupByOptions): Frame[] {
  return frames.map((frame) => {
    const named = frame.fields.map((field) => ({
      field,
      setting: settings[displayNameOf(field, frame)] ?? settings[field.name],
    }));
    const keys = named.filter(({ setting }) => setting?.operation === "groupby").map(({ field }) => field);
    if (keys.length === 0) return frame;
    const groups = new Map<string, number[]>();
    for (const row of rowsOf(frame)) {
      const key = JSON.stringify(keys.map(({ values }) => values[row]));
      const rows = groups.get(key);
      if (rows === undefined) groups.set(key, [row]);
      else rows.push(row);
    }
    const members = [...groups.values()];
    const fields: Field[] = keys.map((field) => ({
      ...field,
      values: members.map(([row]) => field.values[row]),
    }));
    for (const { field, setting } of named) {
      if (setting?.operation !== "aggregate") continue;
      for (const aggregation of setting.aggregations ?? []) {
        const values = members.map((rows) =>
          reduce(
            rows.map((row) => field.values[row]),
            aggregation,
          ),
        );
        const name = `${displayNameOf(field, frame)} (${aggregation})`;
        fields.push({
          ...field,
          name,
          type: typeOf(values),
          values,
          config: { ...field.config, displayName: undefined, displayNameFromDS: undefined },
          labels: undefined,
        });
      }
    }
    return { ...frame, fields };
  });
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function sortBy(frames: Frame[], { sort = [] }: { sort?: { field?: string; desc?: boolean }[] }): Frame[] {
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

function calculateField(frames: Frame[], options: CalculateOptions): Frame[] {
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

/** A row for each series with its calculations, or each field reduced to one value. */
function reduceFrames(
  frames: Frame[],
  options: { reducers?: string[]; mode?: string; labelsToFields?: boolean },
): Frame[] {
  const { reducers = ["lastNotNull"] } = options;
  if (options.mode === "reduceFields") {
    return frames.map((frame) => ({
      ...frame,
      fields: frame.fields
        .filter(({ type }) => type === "number")
        .map((field) => ({ ...field, values: [reduce(field.values, reducers[0])] })),
    }));
  }
  const rows = frames.flatMap((frame) =>
    frame.fields
      .filter(({ type }) => type === "number")
      .map((field) => ({ field, name: displayNameOf(field, frame) })),
  );
  const column = (name: string, values: unknown[], config = {}): Field => ({
    name,
    type: typeOf(values),
    values,
    config,
  });
  const config = rows[0]?.field.config ?? {};
  const shown = { ...config, displayName: undefined, displayNameFromDS: undefined };
  const titles: Record<string, string> = {
    lastNotNull: "Last *",
    firstNotNull: "First *",
    sum: "Total",
    last: "Last",
    first: "First",
    mean: "Mean",
    min: "Min",
    max: "Max",
  };
  return [
    {
      refId: "reduce",
      fields: [
        column(
          "Field",
          rows.map(({ name }) => name),
        ),
        ...reducers.map((reducer) =>
          column(
            titles[reducer] ?? reducer,
            rows.map(({ field }) => reduce(field.values, reducer)),
            shown,
          ),
        ),
      ],
    },
  ];
}

function filterFieldsByName(
  frames: Frame[],
  options: {
    include?: { names?: string[]; pattern?: string };
    exclude?: { names?: string[]; pattern?: string };
  },
): Frame[] {
  const { include, exclude } = options;
  const named = (name: string, set: { names?: string[]; pattern?: string }) =>
    set.names?.includes(name) === true ||
    (set.pattern !== undefined && set.pattern !== "" && toRegExp(set.pattern).test(name));
  const isKept = (name: string) =>
    (include === undefined || named(name, include)) && (exclude === undefined || !named(name, exclude));
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.filter((field) => isKept(displayNameOf(field, frame))),
  }));
}

function renameByRegex(
  frames: Frame[],
  { regex = "", renamePattern = "" }: { regex?: string; renamePattern?: string },
): Frame[] {
  const pattern = toRegExp(regex);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const name = displayNameOf(field, frame);
      if (field.type === "time" || !pattern.test(name)) return field;
      return { ...field, config: { ...field.config, displayName: name.replace(pattern, renamePattern) } };
    }),
  }));
}

function labelsToFields(
  frames: Frame[],
  options: { mode?: string; keepLabels?: string[]; valueLabel?: string },
): Frame[] {
  const tables = frames.map((frame) => {
    const labels = new Map<string, string>();
    for (const field of frame.fields)
      for (const [label, value] of Object.entries(field.labels ?? {})) labels.set(label, value);
    const kept = [...labels].filter(
      ([label]) => options.keepLabels === undefined || options.keepLabels.includes(label),
    );
    const fields = frame.fields.map((field) => {
      const name = (options.valueLabel && field.labels?.[options.valueLabel]) || field.name;
      return { ...field, name, labels: undefined, config: { ...field.config, displayNameFromDS: undefined } };
    });
    const columns = kept
      .filter(([label]) => label !== options.valueLabel)
      .map(
        ([label, value]): Field => ({
          name: label,
          type: "string",
          values: rowsOf(frame).map(() => value),
          config: {},
        }),
      );
    const at = fields[0]?.type === "time" ? 1 : 0;
    return { ...frame, fields: [...fields.slice(0, at), ...columns, ...fields.slice(at)] };
  });
  return merge(tables);
}

function seriesToRows(frames: Frame[]): Frame[] {
  const rows = frames.flatMap((frame) => {
    const time = timeField(frame);
    return frame.fields
      .filter(({ type }) => type === "number")
      .flatMap((field) =>
        field.values.map((value, row) => ({
          time: time?.values[row],
          metric: displayNameOf(field, frame),
          value,
        })),
      );
  });
  const column = (name: string, type: Field["type"], key: "time" | "metric" | "value"): Field => ({
    name,
    type,
    config: {},
    values: rows.map((row) => row[key]),
  });
  return [
    {
      refId: "seriesToRows",
      fields: [
        column("Time", "time", "time"),
        column("Metric", "string", "metric"),
        column("Value", "number", "value"),
      ],
    },
  ];
}

/** A row for each series: its labels, and its course as one cell. */
function timeSeriesTable(frames: Frame[]): Frame[] {
  const byQuery = Map.groupBy(frames, ({ refId }) => refId ?? "A");
  return Array.from(byQuery, ([refId, series]) => {
    const labels = [
      ...new Set(series.flatMap(({ fields }) => fields.flatMap((field) => Object.keys(field.labels ?? {})))),
    ];
    const number = series.map((frame) => frame.fields.find(({ type }) => type === "number"));
    const fields: Field[] = labels.map((label) => ({
      name: label,
      type: "string",
      config: {},
      values: number.map((field) => field?.labels?.[label] ?? ""),
    }));
    fields.push({
      name: `Trend #${refId}`,
      type: "other",
      config: number[0]?.config ?? {},
      values: number.map((field) => field?.values ?? []),
    });
    return { refId, fields };
  });
}

function convertFieldType(
  frames: Frame[],
  { conversions = [] }: { conversions?: { targetField?: string; destinationType?: string }[] },
): Frame[] {
  const convert = (value: unknown, type: string) => {
    if (value === null || value === undefined) return value;
    if (type === "number") return Number(value);
    if (type === "time") return typeof value === "number" ? value : Date.parse(String(value));
    return type === "string" ? String(value) : type === "boolean" ? Boolean(value) : value;
  };
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const type = conversions.find(
        ({ targetField }) => targetField === displayNameOf(field, frame),
      )?.destinationType;
      if (type === undefined) return field;
      return {
        ...field,
        type: type as Field["type"],
        values: field.values.map((value) => convert(value, type)),
      };
    }),
  }));
}

interface FilterByValueOptions {
  type?: "include" | "exclude";
  match?: "any" | "all";
  filters?: {
    fieldName?: string;
    config?: { id?: string; options?: { value?: unknown; from?: number; to?: number } };
  }[];
}

function filterByValue(
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
