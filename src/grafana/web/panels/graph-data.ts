/** Frames as the aligned columns that uPlot draws, with what it has to know of each series. */
import { seriesColor } from "../data/colors.ts";
import { displayNameOf, type Field, type FieldConfig, type Frame, timeField } from "../data/frame.ts";

export interface GraphSeries {
  name: string;
  color: string;
  config: FieldConfig;
  /** The values as they are: what tooltips and legends tell. */
  values: (number | null)[];
  /** What is drawn: summed up where series are stacked. */
  drawn: (number | null)[];
  /** Series of one scale share an axis. */
  scale: string;
  /** Index of the series that this one stands on, in a stack. */
  below?: number;
  hiddenInLegend: boolean;
  hiddenInTooltip: boolean;
  frame: Frame;
  field: Field;
}

export interface GraphData {
  /** Seconds, as uPlot wants them. */
  times: number[];
  series: GraphSeries[];
}

/** Series that one graph draws; what comes after is left out. */
export const MAX_GRAPH_SERIES = 500;

interface HideFrom {
  viz?: boolean;
  legend?: boolean;
  tooltip?: boolean;
}

export function graphData(frames: readonly Frame[], hidden: ReadonlySet<string>): GraphData {
  const fields = frames.flatMap((frame) => {
    const time = timeField(frame);
    return time === undefined
      ? []
      : frame.fields.filter(({ type }) => type === "number").map((field) => ({ frame, field, time }));
  });
  const shown = fields
    .filter(({ field }) => custom<HideFrom>(field.config, "hideFrom")?.viz !== true)
    .slice(0, MAX_GRAPH_SERIES);
  const timesMs = [...new Set(shown.flatMap(({ time }) => time.values as number[]))].sort((a, b) => a - b);
  const rowOf = new Map(timesMs.map((time, row) => [time, row]));
  const series = shown.map(({ frame, field, time }, index): GraphSeries => {
    const values = new Array<number | null>(timesMs.length).fill(null);
    const isUnaligned = time.values.length !== timesMs.length;
    const sign = custom(field.config, "transform") === "negative-Y" ? -1 : 1;
    for (const [i, ms] of (time.values as number[]).entries()) {
      const value = field.values[i];
      if (typeof value === "number" && Number.isFinite(value))
        values[isUnaligned ? rowOf.get(ms)! : i] = sign * value;
    }
    const name = displayNameOf(field, frame);
    const last = values.findLast((value) => value !== null) ?? 0;
    const hide = custom<HideFrom>(field.config, "hideFrom");
    return {
      name,
      color: seriesColor(field.config, index, name, last),
      config: field.config,
      values,
      drawn: values,
      scale: scaleOf(field.config),
      hiddenInLegend: hide?.legend === true,
      hiddenInTooltip: hide?.tooltip === true,
      frame,
      field,
    };
  });
  stack(series, hidden);
  return { times: timesMs.map((ms) => ms / 1000), series };
}

export function custom<T = unknown>(config: FieldConfig, key: string): T | undefined {
  return config.custom?.[key] as T | undefined;
}

function scaleOf(config: FieldConfig): string {
  const placement = custom(config, "axisPlacement") === "right" ? "right" : "left";
  return [config.unit ?? "", placement, config.min ?? "", config.max ?? ""].join("|");
}

/** Sums up series of one stacking group, those above zero and those below on their own. */
function stack(series: GraphSeries[], hidden: ReadonlySet<string>): void {
  const tops = new Map<string, number>();
  const totals = new Map<string, number[]>();
  const isPercent = (one: GraphSeries) =>
    custom<{ mode?: string }>(one.config, "stacking")?.mode === "percent";
  for (const one of series) {
    const key = stackKey(one);
    if (key === undefined || hidden.has(one.name) || !isPercent(one)) continue;
    const total = totals.get(key) ?? new Array<number>(one.values.length).fill(0);
    for (const [row, value] of one.values.entries()) total[row] += Math.abs(value ?? 0);
    totals.set(key, total);
  }
  for (const [index, one] of series.entries()) {
    const key = stackKey(one);
    if (key === undefined || hidden.has(one.name)) continue;
    const below = tops.get(key);
    const base = below === undefined ? undefined : series[below].drawn;
    const total = totals.get(key);
    one.drawn = one.values.map((value, row) => {
      const own = total === undefined ? value : total[row] === 0 ? 0 : (value ?? 0) / total[row];
      if (own === null) return base?.[row] ?? null;
      return (base?.[row] ?? 0) + own;
    });
    one.below = below;
    tops.set(key, index);
  }
}

function stackKey({ config, values, scale }: GraphSeries): string | undefined {
  const stacking = custom<{ mode?: string; group?: string }>(config, "stacking");
  if (stacking?.mode !== "normal" && stacking?.mode !== "percent") return undefined;
  const isNegative =
    values.some((value) => value !== null && value < 0) &&
    !values.some((value) => value !== null && value > 0);
  return `${stacking.group ?? "A"} ${scale} ${custom(config, "drawStyle") ?? "line"} ${isNegative}`;
}
