/** Rows grouped by the values of fields. */
import { displayNameOf, type Field, type Frame } from "../frame.ts";
import { reduce } from "../reduce.ts";
import { rowsOf, typeOf } from "./frame-rows.ts";

interface GroupByOptions {
  fields?: Record<string, { operation?: "groupby" | "aggregate"; aggregations?: string[] } | undefined>;
}

export function groupBy(frames: Frame[], { fields: settings = {} }: GroupByOptions): Frame[] {
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
