/** The panel `piechart`. */
import { useState } from "preact/hooks";
import { paletteColor } from "../data/colors.ts";
import { displayText } from "../data/units.ts";
import { Legend, type LegendOptions } from "./legend.tsx";
import { option, type PanelProps } from "./panel-props.ts";
import { type SingleValue, singleValues } from "./single-values.ts";
import { toggled } from "./time-series.tsx";

export function PieChartPanel({ panel, data, width, height }: PanelProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const values = singleValues(panel, data.frames)
    .filter(({ value }) => value !== null && value > 0)
    .map((value, i) => ({
      ...value,
      color:
        value.config.color?.mode && value.config.color.mode !== "thresholds" ? value.color : paletteColor(i),
    }));
  if (values.length === 0) return <div class="no-data">No data</div>;
  const legend = option<LegendOptions & { values?: string[] }>(panel, "legend", {});
  const isRight = legend.placement !== "bottom" && width > height * 1.2;
  const isShown = legend.showLegend !== false;
  const side = isShown && isRight ? Math.min(width * 0.45, 260) : 0;
  const below = isShown && !isRight ? Math.min(height * 0.35, values.length * 22 + 6) : 0;
  const visible = values.filter(({ name }) => !hidden.has(name));
  const items = values.map(({ name, color, value, config }) => ({ name, color, values: [value], config }));
  const names = values.map(({ name }) => name);
  return (
    <div class={isRight ? "graph graph-beside" : "graph"}>
      <Pie
        values={visible}
        width={width - side}
        height={height - below}
        isDonut={option(panel, "pieType", "pie") === "donut"}
      />
      {isShown && (
        <Legend
          items={items}
          options={{
            ...legend,
            placement: isRight ? "right" : "bottom",
            calcs: legend.values?.includes("value") ? ["lastNotNull"] : [],
          }}
          hidden={hidden}
          onToggle={(name, isAdding) => setHidden(toggled(hidden, name, isAdding, names))}
          width={isRight ? side : width}
          height={isRight ? height : below}
        />
      )}
    </div>
  );
}

function Pie({
  values,
  width,
  height,
  isDonut,
}: {
  values: SingleValue[];
  width: number;
  height: number;
  isDonut: boolean;
}) {
  const total = values.reduce((sum, { value }) => sum + value!, 0);
  const radius = Math.max(8, Math.min(width, height) / 2 - 8);
  let angle = -Math.PI / 2;
  const point = (at: number, r: number) => `${width / 2 + r * Math.cos(at)} ${height / 2 + r * Math.sin(at)}`;
  return (
    <svg width={width} height={height} class="pie" role="img" aria-label="pie chart">
      {values.map(({ name, value, color, config }, i) => {
        // A whole circle has no two ends to draw an arc between.
        const turn = Math.min((value! / total) * Math.PI * 2, Math.PI * 1.99999);
        const [from, to] = [angle, angle + turn];
        angle += turn;
        const large = turn > Math.PI ? 1 : 0;
        const inner = isDonut ? radius * 0.6 : 0;
        const path = `M ${point(from, radius)} A ${radius} ${radius} 0 ${large} 1 ${point(to, radius)} L ${point(to, inner)} ${isDonut ? `A ${inner} ${inner} 0 ${large} 0 ${point(from, inner)}` : ""} Z`;
        return (
          <path key={i} d={path} fill={color}>
            <title>
              {name}: {displayText(value, config)} ({((value! / total) * 100).toFixed(1)}%)
            </title>
          </path>
        );
      })}
    </svg>
  );
}
