/** uPlot's options for a time series panel. */
import uPlot from "uplot";
import { cssColor, withAlpha } from "../data/colors.ts";
import type { FieldConfig } from "../data/frame.ts";
import { displayText } from "../data/units.ts";
import { custom, type GraphData, type GraphSeries } from "./graph-data.ts";

export interface GraphSize {
  width: number;
  height: number;
}

export interface GraphSettings {
  size: GraphSize;
  fromMs: number;
  toMs: number;
  hidden: ReadonlySet<string>;
  /** Graphs with the same key move their cursors together. */
  syncKey: string | undefined;
  onZoom: (fromMs: number, toMs: number) => void;
  plugins: uPlot.Plugin[];
}

const AXIS_COLOR = "rgba(204,204,220,0.65)";
const GRID_COLOR = "rgba(204,204,220,0.07)";
const FONT = "12px Inter, system-ui, sans-serif";

export function graphOptions(data: GraphData, settings: GraphSettings): uPlot.Options {
  const scales = scalesOf(data.series);
  return {
    width: settings.size.width,
    height: settings.size.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false },
      focus: { prox: 24 },
      points: { size: 7 },
      ...(settings.syncKey === undefined ? {} : { sync: { key: settings.syncKey, scales: ["x", null] } }),
    },
    focus: { alpha: 1 },
    scales: {
      x: { time: true, range: [settings.fromMs / 1000, settings.toMs / 1000] },
      ...Object.fromEntries(scales.map(([key, series]) => [key, scaleOptions(series)])),
    },
    axes: [
      {
        stroke: AXIS_COLOR,
        font: FONT,
        grid: { stroke: GRID_COLOR, width: 1 },
        ticks: { show: false },
        gap: 8,
        size: 28,
        space: 70,
        values: timeLabels,
      },
      ...scales.map(([key, series], index) => axisOptions(key, series, index)),
    ],
    series: [{}, ...data.series.map((series) => seriesOptions(series, settings.hidden))],
    bands: data.series.flatMap((series, index) => bandOf(series, index, data.series, settings.hidden)),
    plugins: settings.plugins,
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 4)
            settings.onZoom(plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000);
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        },
      ],
      drawClear: [(plot) => drawThresholds(plot, data.series)],
    },
  };
}

/** What is filled between two series: of a stack down to the one below, or down to the one that `fillBelowTo` names. */
function bandOf(
  series: GraphSeries,
  index: number,
  all: readonly GraphSeries[],
  hidden: ReadonlySet<string>,
): uPlot.Band[] {
  if (hidden.has(series.name)) return [];
  const lower = custom<string>(series.config, "fillBelowTo");
  const below = series.below ?? all.findIndex(({ name }) => lower !== undefined && name === lower);
  if (below === -1) return [];
  const fill =
    fillOf(series) ?? (series.below === undefined ? withAlpha(series.color, BAND_OPACITY) : "transparent");
  return [{ series: [index + 1, below + 1], fill }];
}

/** Of a band without a `fillOpacity`. */
const BAND_OPACITY = 0.35;

function scalesOf(series: readonly GraphSeries[]): [string, GraphSeries[]][] {
  const scales = new Map<string, GraphSeries[]>();
  for (const one of series) scales.set(one.scale, [...(scales.get(one.scale) ?? []), one]);
  if (scales.size === 0) scales.set("y", []);
  return [...scales];
}

function scaleOptions(series: readonly GraphSeries[]): uPlot.Scale {
  const config: FieldConfig = series[0]?.config ?? {};
  const distribution = custom<{ type?: string; log?: number }>(config, "scaleDistribution");
  if (distribution?.type === "log") return { distr: 3, log: distribution.log === 2 ? 2 : 10 };
  const isPercent = custom<{ mode?: string }>(config, "stacking")?.mode === "percent";
  return {
    range: (_plot, dataMin, dataMax) => {
      const softMin = custom<number>(config, "axisSoftMin") ?? config.min ?? null;
      const softMax = custom<number>(config, "axisSoftMax") ?? config.max ?? null;
      // Drawn from zero where that does not squeeze the lines: counts and rates are read against nothing.
      const low = Math.min(softMin ?? Number.POSITIVE_INFINITY, dataMin ?? 0);
      const isNearZero = dataMin >= 0 && dataMin < dataMax * 0.6;
      const min = config.min ?? (isNearZero ? Math.min(low, 0) : low);
      let max = config.max ?? Math.max(softMax ?? Number.NEGATIVE_INFINITY, dataMax ?? 1);
      if (isPercent) max = 1;
      if (!(max > min)) return [min - (min > 0 ? min * 0.1 : 0), min === 0 ? 1 : max + Math.abs(min) * 0.1];
      const [low10, high10] = uPlot.rangeNum(min, max, {
        min: { pad: 0, soft: 0, mode: 0 },
        max: { pad: 0.1, soft: 0, mode: 0 },
      });
      return [
        config.min ?? (min === 0 ? 0 : (low10 ?? min)),
        config.max ?? (isPercent ? 1 : (high10 ?? max)),
      ];
    },
  };
}

function axisOptions(key: string, series: readonly GraphSeries[], index: number): uPlot.Axis {
  const config: FieldConfig = series[0]?.config ?? {};
  const placement = custom<string>(config, "axisPlacement");
  const isPercent = custom<{ mode?: string }>(config, "stacking")?.mode === "percent";
  const label = custom<string>(config, "axisLabel");
  const text = (value: number) =>
    isPercent
      ? `${Math.round(value * 100)}%`
      : displayText(value, {
          ...config,
          mappings: undefined,
          decimals: config.decimals === 0 ? undefined : config.decimals,
        });
  return {
    scale: key,
    show: placement !== "hidden",
    side: placement === "right" || (placement !== "left" && index > 0) ? 1 : 3,
    stroke: AXIS_COLOR,
    font: FONT,
    grid: { show: index === 0, stroke: GRID_COLOR, width: 1 },
    ticks: { show: false },
    gap: 6,
    label: label === "" ? undefined : label,
    labelFont: FONT,
    labelSize: 18,
    labelGap: 0,
    size: (plot, values) => {
      if (values === null) return 40;
      plot.ctx.save();
      plot.ctx.font = FONT;
      const widest = Math.max(...values.map((value) => plot.ctx.measureText(String(value ?? "")).width));
      plot.ctx.restore();
      return Math.ceil(widest) + 14;
    },
    values: (_plot, splits) => splits.map((value) => (value === null ? "" : text(value))),
  };
}

/** Hours and minutes; the day where a new one begins, seconds where ticks are closer than a minute. */
function timeLabels(_plot: uPlot, splits: number[]): string[] {
  const step = splits.length > 1 ? splits[1] - splits[0] : 60;
  const two = (part: number) => String(part).padStart(2, "0");
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    const day = `${two(date.getMonth() + 1)}/${two(date.getDate())}`;
    if (step >= 86_400) return day;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
    if (step < 60) return `${time}:${two(date.getSeconds())}`;
    return date.getHours() === 0 && date.getMinutes() === 0 ? day : time;
  });
}

function fillOf({ config, color }: GraphSeries): string | undefined {
  const isBars = custom(config, "drawStyle") === "bars";
  const opacity = (custom<number>(config, "fillOpacity") ?? (isBars ? 80 : 0)) / 100;
  return opacity > 0 ? withAlpha(color, opacity) : undefined;
}

function seriesOptions(series: GraphSeries, hidden: ReadonlySet<string>): uPlot.Series {
  const { config, color } = series;
  const style = custom<string>(config, "drawStyle") ?? "line";
  const interpolation = custom<string>(config, "lineInterpolation") ?? "linear";
  const lineStyle = custom<{ fill?: string; dash?: number[] }>(config, "lineStyle");
  const width = style === "points" ? 0 : (custom<number>(config, "lineWidth") ?? 1);
  const showPoints = custom<string>(config, "showPoints") ?? "auto";
  const spanNulls = custom<boolean | number>(config, "spanNulls");
  const paths =
    style === "bars"
      ? uPlot.paths.bars!({ size: [0.8, 60], radius: 0 })
      : style === "points"
        ? () => null
        : interpolation === "smooth"
          ? uPlot.paths.spline!()
          : interpolation === "stepAfter"
            ? uPlot.paths.stepped!({ align: 1 })
            : interpolation === "stepBefore"
              ? uPlot.paths.stepped!({ align: -1 })
              : uPlot.paths.linear!();
  const fill = fillOf(series);
  return {
    scale: series.scale,
    show: !hidden.has(series.name),
    label: series.name,
    stroke: color,
    width,
    dash:
      lineStyle?.fill === "dash"
        ? (lineStyle.dash ?? [10, 10])
        : lineStyle?.fill === "dot"
          ? [2, 6]
          : undefined,
    // In a stack, and above a lower bound, the band down to the other series is filled instead.
    fill:
      series.below === undefined && custom(config, "fillBelowTo") === undefined
        ? gradientFill(fill, color, config)
        : undefined,
    paths: paths as uPlot.Series.PathBuilder,
    spanGaps: spanNulls === true || (typeof spanNulls === "number" && spanNulls > 0),
    points: {
      // The outline is part of the size: a point that were smaller than it could not be drawn.
      size: Math.max(custom<number>(config, "pointSize") ?? 5, POINT_OUTLINE_PX),
      width: POINT_OUTLINE_PX,
      fill: color,
      stroke: color,
      show:
        style === "points" || showPoints === "always"
          ? true
          : showPoints === "never" || style === "bars"
            ? lonePoints
            : undefined,
      filter: showPoints === "never" && style === "line" ? loneIndices : undefined,
    },
  };
}

const POINT_OUTLINE_PX = 1;

/** A value between two gaps would draw no line: it gets a point. */
const lonePoints: uPlot.Series.Points.Show = (plot, seriesIndex) => (plot.series[seriesIndex].width ?? 0) > 0;

const loneIndices: uPlot.Series.Points.Filter = (plot, seriesIndex) => {
  const values = plot.data[seriesIndex];
  const lone: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) lone.push(i);
  }
  return lone;
};

function gradientFill(
  fill: string | undefined,
  color: string,
  config: FieldConfig,
): uPlot.Series.Fill | undefined {
  const mode = custom<string>(config, "gradientMode");
  if (fill === undefined || mode === undefined || mode === "none") return fill;
  const opacity = (custom<number>(config, "fillOpacity") ?? 0) / 100;
  return (plot) => {
    const { top, height } = plot.bbox;
    if (!Number.isFinite(top) || height <= 0) return fill;
    const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
    gradient.addColorStop(0, withAlpha(color, opacity));
    gradient.addColorStop(1, withAlpha(color, mode === "opacity" ? 0 : opacity * 0.4));
    return gradient;
  };
}

/** Lines or areas at the thresholds, below the series. */
function drawThresholds(plot: uPlot, series: readonly GraphSeries[]): void {
  for (const [, [first]] of scalesOf(series)) {
    if (first === undefined) continue;
    const mode = custom<{ mode?: string }>(first.config, "thresholdsStyle")?.mode ?? "off";
    const { thresholds } = first.config;
    if (mode === "off" || thresholds === undefined || thresholds.mode === "percentage") continue;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const [i, { color, value }] of thresholds.steps.entries()) {
      const y = value === null ? bbox.top + bbox.height : plot.valToPos(value, first.scale, true);
      const next = thresholds.steps[i + 1]?.value;
      const top = next === undefined || next === null ? bbox.top : plot.valToPos(next, first.scale, true);
      if (mode.includes("area")) {
        ctx.fillStyle = withAlpha(cssColor(color), 0.12);
        ctx.fillRect(bbox.left, top, bbox.width, y - top);
      }
      if (mode !== "area" && value !== null) {
        ctx.strokeStyle = withAlpha(cssColor(color), 0.8);
        ctx.lineWidth = devicePixelRatio;
        ctx.setLineDash(mode.includes("dashed") ? [10 * devicePixelRatio, 10 * devicePixelRatio] : []);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
      }
    }
    ctx.restore();
  }
}
