/** What a heatmap's cells are worth. */

import type { TimeRange } from "../dashboard/time-range.ts";
import { displayNameOf, type Frame, numberFields, timeField } from "../data/frame.ts";

export interface HeatmapCells {
  /** When each column ends, in milliseconds. */
  columns: number[];
  stepMs: number;
  /** Names from the lowest row up. */
  rows: string[];
  /** By row, then column. */
  values: (number | null)[][];
  min: number;
  max: number;
  /** Nothing is the same as 0, and not drawn. */
  isCount: boolean;
}

/** Rows and columns of a heatmap that is calculated from series. */
const CALCULATED_ROWS = 20;
const CALCULATED_COLUMNS = 60;
export const MAX_HEATMAP_ROWS = 200;

/** @param calculate whether values are sorted into buckets here; otherwise each series is a row */
export function heatmapCells(frames: readonly Frame[], range: TimeRange, calculate: boolean): HeatmapCells {
  const cells = calculate ? calculated(frames, range) : given(frames);
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of cells.values) {
    for (const value of row) {
      if (value === null) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  return {
    ...cells,
    min: cells.isCount ? 0 : Number.isFinite(min) ? min : 0,
    max: Number.isFinite(max) ? max : 1,
  };
}

type Cells = Omit<HeatmapCells, "min" | "max">;

/** One frame with a column for each bucket, or a frame for each series. */
function given(frames: readonly Frame[]): Cells {
  const series = frames.flatMap((frame) => {
    const time = timeField(frame);
    return time === undefined
      ? []
      : numberFields(frame).map((field) => ({ name: displayNameOf(field, frame), time, field }));
  });
  const isBuckets = frames.some(({ name }) => name === "heatmap");
  // Buckets come from the lowest up; names are read from the top down.
  const ordered = isBuckets
    ? series
    : series.sort((a, b) => b.name.localeCompare(a.name, undefined, { numeric: true }));
  const shown = ordered.slice(0, MAX_HEATMAP_ROWS);
  const columns = [...new Set(shown.flatMap(({ time }) => time.values as number[]))].sort((a, b) => a - b);
  const columnOf = new Map(columns.map((ms, column) => [ms, column]));
  const values = shown.map(({ time, field }) => {
    const row = new Array<number | null>(columns.length).fill(null);
    for (const [i, ms] of (time.values as number[]).entries()) {
      const value = field.values[i];
      row[columnOf.get(ms)!] = typeof value === "number" && Number.isFinite(value) ? value : null;
    }
    return row;
  });
  return {
    columns,
    stepMs: leastDistance(columns),
    rows: shown.map(({ name }) => name),
    values,
    isCount: isBuckets,
  };
}

function leastDistance(columns: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i < columns.length; i++) least = Math.min(least, columns[i] - columns[i - 1]);
  return Number.isFinite(least) ? least : 60_000;
}

function calculated(frames: readonly Frame[], { fromMs, toMs }: TimeRange): Cells {
  const points = frames.flatMap((frame) => {
    const time = timeField(frame);
    if (time === undefined) return [];
    return numberFields(frame).flatMap(({ values }) =>
      values.map((value, i) => ({ ms: Number(time.values[i]), value: value as number })),
    );
  });
  const finite = points.filter(({ value }) => typeof value === "number" && Number.isFinite(value));
  if (finite.length === 0) return { columns: [], stepMs: 1, rows: [], values: [], isCount: true };
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { value } of finite) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const size = (high - low) / CALCULATED_ROWS || 1;
  const stepMs = (toMs - fromMs) / CALCULATED_COLUMNS;
  const values = Array.from({ length: CALCULATED_ROWS }, () =>
    new Array<number | null>(CALCULATED_COLUMNS).fill(0),
  );
  for (const { ms, value } of finite) {
    const row = Math.min(CALCULATED_ROWS - 1, Math.floor((value - low) / size));
    const column = Math.min(CALCULATED_COLUMNS - 1, Math.floor((ms - fromMs) / stepMs));
    if (column >= 0) values[row][column]! += 1;
  }
  return {
    columns: Array.from({ length: CALCULATED_COLUMNS }, (_, i) => fromMs + (i + 1) * stepMs),
    stepMs,
    rows: Array.from({ length: CALCULATED_ROWS }, (_, i) => String(Number((low + i * size).toPrecision(3)))),
    values,
    isCount: true,
  };
}
