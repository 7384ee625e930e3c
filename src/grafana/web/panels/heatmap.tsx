/** The panel `heatmap`: buckets over time, or series by name over time, as coloured cells on a canvas. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { css } from "../css.ts";
import { objectOf } from "../dashboard/json.ts";
import { blend, cssColor } from "../data/colors.ts";
import type { FieldConfig } from "../data/frame.ts";
import { dateTimeText, displayText } from "../data/units.ts";
import { type HeatmapCells, heatmapCells } from "./heatmap-cells.ts";
import { option, type PanelProps } from "./panel-props.ts";

const AXIS_PX = 20;
const FONT = "12px Inter, system-ui, sans-serif";

/** From nothing to most, by the names of d3's interpolators that dashboards use. */
const SCHEMES: Record<string, string[]> = {
  Oranges: ["#2b1a0e", "#7f2704", "#d94801", "#fd8d3c", "#fdd0a2"],
  Blues: ["#0b1a2e", "#08519c", "#3182bd", "#6baed6", "#c6dbef"],
  Greens: ["#0e2414", "#006d2c", "#31a354", "#74c476", "#c7e9c0"],
  Reds: ["#2b0e0e", "#a50f15", "#de2d26", "#fb6a4a", "#fcbba1"],
  Purples: ["#1b1530", "#54278f", "#756bb1", "#9e9ac8", "#dadaeb"],
  Spectral: ["#5e4fa2", "#3288bd", "#66c2a5", "#e6f598", "#fee08b", "#f46d43", "#9e0142"],
  RdYlGn: ["#a50026", "#f46d43", "#fee08b", "#d9ef8b", "#66bd63", "#006837"],
  Turbo: ["#30123b", "#4145ab", "#2cb7f0", "#29efa2", "#a4fc3c", "#fb8022", "#7a0403"],
  Viridis: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"],
};

export function HeatmapPanel({ panel, data, width, height }: PanelProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [hover, setHover] = useState<{ column: number; row: number; left: number; top: number }>();
  const cells = useMemo(
    () => heatmapCells(data.frames, data.range, option(panel, "calculate", false)),
    [data],
  );
  const valueConfig = panel.fieldConfig.defaults;
  const labelConfig: FieldConfig = { unit: objectOf(panel.options["yAxis"])["unit"] as string | undefined };
  const labels = useMemo(() => cells.rows.map((label) => rowLabel(label, labelConfig)), [cells]);
  const labelWidth = Math.min(width * 0.3, Math.max(24, ...labels.map((label) => label.length * 6.6)) + 12);
  const box = { left: labelWidth, top: 4, width: width - labelWidth - 8, height: height - AXIS_PX - 4 };
  useLayoutEffect(() => {
    if (canvas.current !== null)
      draw(canvas.current, cells, labels, box, width, height, colorsOf(panel.options), data.range);
  }, [cells, width, height]);
  if (cells.columns.length === 0) return <div class="no-data">No data</div>;
  const move = (event: MouseEvent) => {
    const column = columnAt(cells, data.range, (event.offsetX - box.left) / box.width);
    const row =
      cells.rows.length - 1 - Math.floor(((event.offsetY - box.top) / box.height) * cells.rows.length);
    const isInside = column >= 0 && column < cells.columns.length && row >= 0 && row < cells.rows.length;
    setHover(isInside ? { column, row, left: event.offsetX, top: event.offsetY } : undefined);
  };
  return (
    <div class="graph-canvas" style={css({ width, height })}>
      <canvas
        ref={canvas}
        style={css({ width, height })}
        onMouseMove={move}
        onMouseLeave={() => setHover(undefined)}
      />
      {hover !== undefined && (
        <div
          class="tooltip"
          style={css({
            top: Math.max(0, hover.top - 30),
            ...(hover.left > width * 0.6 ? { right: width - hover.left + 14 } : { left: hover.left + 14 }),
          })}
        >
          <div class="tooltip-title">{dateTimeText(cells.columns[hover.column])}</div>
          <div class="tooltip-row">
            <span class="tooltip-name">{labels[hover.row]}</span>
            <b>{displayText(cells.values[hover.row][hover.column], valueConfig) || "–"}</b>
          </div>
        </div>
      )}
    </div>
  );
}

function rowLabel(label: string, config: FieldConfig): string {
  const number = Number(label);
  return label === "+Inf" || Number.isNaN(number) || label === "" ? label : displayText(number, config);
}

function colorsOf(options: Record<string, unknown>): string[] {
  const { mode, scheme, fill } = objectOf(options["color"]) as {
    mode?: string;
    scheme?: string;
    fill?: string;
  };
  if (mode === "opacity") return ["#181b1f", toHex(cssColor(fill ?? "dark-orange"))];
  return SCHEMES[scheme ?? "Oranges"] ?? SCHEMES["Oranges"];
}

function toHex(color: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? color : "#FF780A";
}

function columnAt(cells: HeatmapCells, range: { fromMs: number; toMs: number }, share: number): number {
  const ms = range.fromMs + share * (range.toMs - range.fromMs);
  return cells.columns.findLastIndex((start) => start - cells.stepMs <= ms && ms < start);
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function draw(
  canvas: HTMLCanvasElement,
  cells: HeatmapCells,
  labels: readonly string[],
  box: Box,
  width: number,
  height: number,
  colors: readonly string[],
  range: { fromMs: number; toMs: number },
): void {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const x = (ms: number) => box.left + ((ms - range.fromMs) / (range.toMs - range.fromMs)) * box.width;
  const rowHeight = box.height / cells.rows.length;
  const span = cells.max - cells.min || 1;
  for (const [row, values] of cells.values.entries()) {
    const top = box.top + box.height - (row + 1) * rowHeight;
    for (const [column, value] of values.entries()) {
      if (value === null || (cells.isCount && value === 0)) continue;
      const right = Math.min(box.left + box.width, x(cells.columns[column]));
      const left = Math.max(box.left, x(cells.columns[column] - cells.stepMs));
      if (right <= left) continue;
      // A root, as counts have few large values and many small ones.
      context.fillStyle = blend(
        colors,
        cells.isCount ? Math.sqrt((value - cells.min) / span) : (value - cells.min) / span,
      );
      context.fillRect(left, top, Math.max(1, right - left - 1), Math.max(1, rowHeight - 1));
    }
  }
  context.fillStyle = "rgba(204,204,220,0.65)";
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const every = Math.max(1, Math.ceil(14 / rowHeight));
  for (const [row, label] of labels.entries()) {
    if (row % every === 0)
      context.fillText(label, box.left - 8, box.top + box.height - (row + 0.5) * rowHeight, box.left - 10);
  }
  drawTimes(context, box, range);
}

function drawTimes(
  context: CanvasRenderingContext2D,
  box: Box,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): void {
  context.textAlign = "center";
  context.textBaseline = "top";
  const count = Math.max(2, Math.floor(box.width / 90));
  const nice = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  ].map((seconds) => seconds * 1000);
  const step = nice.find((candidate) => (toMs - fromMs) / candidate <= count) ?? 86_400_000;
  for (let ms = Math.ceil(fromMs / step) * step; ms <= toMs; ms += step) {
    const text = dateTimeText(ms).slice(11, step < 60_000 ? 19 : 16);
    context.fillText(
      text,
      box.left + ((ms - fromMs) / (toMs - fromMs)) * box.width,
      box.top + box.height + 5,
    );
  }
}
