/** What stat, gauge, bargauge and piechart show: a value for each series, or for each row (upstream `getFieldDisplayValues`). */

import { objectOf } from "../dashboard/json.ts";
import type { Panel } from "../dashboard/model.ts";
import { valueColor } from "../data/colors.ts";
import { toRegExp } from "../data/field-config.ts";
import { displayNameOf, type Field, type FieldConfig, type Frame, timeField } from "../data/frame.ts";
import { reduce } from "../data/reduce.ts";
import { type DisplayValue, displayValue } from "../data/units.ts";

export interface SingleValue {
  name: string;
  value: number | null;
  display: DisplayValue;
  color: string;
  config: FieldConfig;
  /** The series behind it: times in ms and values, for sparklines. */
  series: { times: readonly unknown[]; values: readonly unknown[] } | undefined;
}

/** Values that one panel shows. */
export const MAX_SINGLE_VALUES = 100;

export function singleValues(panel: Panel, frames: readonly Frame[]): SingleValue[] {
  const {
    calcs = ["lastNotNull"],
    values = false,
    fields = "",
    limit = 25,
  } = objectOf(panel.options["reduceOptions"]) as {
    calcs?: string[];
    values?: boolean;
    fields?: string;
    limit?: number;
  };
  const chosen = frames.flatMap((frame) =>
    frame.fields.filter((field) => isChosen(field, frame, fields)).map((field) => ({ frame, field })),
  );
  const result: SingleValue[] = [];
  for (const { frame, field } of chosen) {
    const length = values ? Math.min(field.values.length, limit) : 1;
    for (let row = 0; row < length && result.length < MAX_SINGLE_VALUES; row++) {
      const value = values ? field.values[row] : reduce(field.values, calcs[0] ?? "lastNotNull");
      const name = values ? rowName(frame, field, row) : displayNameOf(field, frame);
      result.push(
        singleValue(
          name,
          value,
          withRange(field, chosen),
          result.length,
          values ? undefined : seriesOf(frame, field),
        ),
      );
    }
  }
  return result;
}

function isChosen(field: Field, frame: Frame, fields: string): boolean {
  if (field.config.custom?.["hidden"] === true) return false;
  if (fields === "") return field.type === "number";
  return (
    field.type !== "time" &&
    (displayNameOf(field, frame) === fields ||
      (fields.startsWith("/") && toRegExp(fields).test(displayNameOf(field, frame))))
  );
}

function rowName(frame: Frame, field: Field, row: number): string {
  const texts = frame.fields
    .filter(({ type }) => type === "string")
    .map(({ values }) => String(values[row] ?? ""));
  return texts.join(" ") || displayNameOf(field, frame);
}

function seriesOf(frame: Frame, field: Field): SingleValue["series"] {
  const time = timeField(frame);
  return time === undefined ? undefined : { times: time.values, values: field.values };
}

/** Gauges need both ends: where they are not set, the data's. */
function withRange(field: Field, all: readonly { field: Field }[]): FieldConfig {
  const { config } = field;
  if ((config.min ?? null) !== null && (config.max ?? null) !== null) return config;
  if (config.unit === "percentunit") return { ...config, min: config.min ?? 0, max: config.max ?? 1 };
  if (config.unit === "percent") return { ...config, min: config.min ?? 0, max: config.max ?? 100 };
  const numbers = all
    .flatMap(({ field }) => field.values)
    .filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  const bounds = (config.thresholds?.steps ?? []).map(({ value }) => value ?? 0);
  const min = config.min ?? Math.min(0, ...numbers);
  return {
    ...config,
    min,
    max:
      config.max ??
      Math.max(
        min + 1,
        ...(numbers.length > 0 ? [Math.max(...numbers)] : [100]),
        ...(config.thresholds?.mode === "percentage" ? [] : bounds),
      ),
  };
}

function singleValue(
  name: string,
  value: unknown,
  config: FieldConfig,
  index: number,
  series: SingleValue["series"],
): SingleValue {
  const display = displayValue(value, config);
  const number = typeof value === "number" ? value : null;
  const color =
    display.color === undefined
      ? valueColor(config, number ?? Number.NaN, index, name)
      : valueColor({ color: { mode: "fixed", fixedColor: display.color } }, 0);
  return { name, value: number, display, color, config, series };
}

/** How many columns make tiles of `count` closest to `ratio` (width to height) within the box. */
export function columnsFor(count: number, width: number, height: number, ratio: number): number {
  let best = 1;
  let bestScore = Number.POSITIVE_INFINITY;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const score =
      Math.abs(Math.log(width / columns / (height / rows) / ratio)) + (columns * rows - count) * 0.1;
    if (score < bestScore) [best, bestScore] = [columns, score];
  }
  return best;
}
