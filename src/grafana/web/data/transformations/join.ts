/** Transformations that make one table of several frames. */
import { displayNameOf, type Field, type Frame, timeField } from "../frame.ts";
import { rowsOf } from "./frame-rows.ts";

/** One table of all: rows that agree on the columns they share become one. */
export function merge(frames: Frame[]): Frame[] {
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
export function joinByField(frames: Frame[], options: { byField?: string; mode?: string }): Frame[] {
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

export function labelsToFields(
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

export function seriesToRows(frames: Frame[]): Frame[] {
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
export function timeSeriesTable(frames: Frame[]): Frame[] {
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
