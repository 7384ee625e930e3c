/** A series as a small area without axes. */
import { withAlpha } from "../data/colors.ts";

interface Props {
  series: { times: readonly unknown[]; values: readonly unknown[] };
  color: string;
  width: number;
  height: number;
}

/** Points of a sparkline; more would be closer than pixels. */
const MAX_POINTS = 200;

export function Sparkline({ series, color, width, height }: Props) {
  const step = Math.max(1, Math.ceil(series.values.length / MAX_POINTS));
  const points: [number, number][] = [];
  for (let i = 0; i < series.values.length; i += step) {
    const value = series.values[i];
    if (typeof value === "number" && Number.isFinite(value))
      points.push([Number(series.times[i] ?? i), value]);
  }
  if (points.length < 2) return null;
  const [x0, x1] = [points[0][0], points.at(-1)![0]];
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (time: number) => ((time - x0) / (x1 - x0 || 1)) * width;
  const y = (value: number) =>
    height - 2 - (high === low ? 0.5 : (value - low) / (high - low)) * (height - 6);
  const line = points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join("L");
  return (
    <svg class="sparkline" width={width} height={height} aria-hidden="true">
      <path d={`M${line}L${width},${height}L0,${height}Z`} fill={withAlpha(color, 0.18)} />
      <path d={`M${line}`} fill="none" stroke={withAlpha(color, 0.9)} stroke-width="1.5" />
    </svg>
  );
}
