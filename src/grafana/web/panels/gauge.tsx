/** The panel `gauge`: an arc for each value. */
import { css } from "../css.ts";
import { cssColor } from "../data/colors.ts";
import { option, type PanelProps } from "./panel-props.ts";
import { columnsFor, type SingleValue, singleValues } from "./single-values.ts";

/** The arc opens downwards. */
const START = -Math.PI * 1.2;
const END = Math.PI * 0.2;

export function GaugePanel({ panel, data, width, height }: PanelProps) {
  const values = singleValues(panel, data.frames);
  if (values.length === 0) return <div class="no-data big">No data</div>;
  const columns = columnsFor(values.length, width, height, 1.3);
  const rows = Math.ceil(values.length / columns);
  return (
    <div class="tiles" style={css({ gridTemplateColumns: `repeat(${columns}, 1fr)`, height })}>
      {values.map((value, index) => (
        <Gauge
          key={index}
          value={value}
          width={width / columns}
          height={height / rows}
          hasName={values.length > 1}
          hasMarkers={option(panel, "showThresholdMarkers", true)}
        />
      ))}
    </div>
  );
}

interface Props {
  value: SingleValue;
  width: number;
  height: number;
  hasName: boolean;
  hasMarkers: boolean;
}

function Gauge({ value, width, height, hasName, hasMarkers }: Props) {
  const name = hasName ? 18 : 0;
  const radius = Math.max(10, Math.min(width / 2 - 8, (height - name - 10) / 1.6));
  const [cx, cy] = [width / 2, radius + 6];
  const thickness = radius * 0.22;
  const [min, max] = [value.config.min ?? 0, value.config.max ?? 100];
  const share = (number: number) => Math.min(1, Math.max(0, (number - min) / (max - min || 1)));
  const at = (number: number) => START + share(number) * (END - START);
  const { prefix = "", text, suffix } = value.display;
  const length = prefix.length + text.length + suffix.length * 0.8;
  const inner = radius - thickness / 2 - (hasMarkers ? 6 : 0);
  return (
    <svg width={width} height={height} class="gauge" role="img" aria-label={`${value.name} ${text}${suffix}`}>
      <path
        d={arc(cx, cy, inner, START, END)}
        stroke="rgba(204,204,220,0.12)"
        stroke-width={thickness}
        fill="none"
      />
      {value.value !== null && (
        <path
          d={arc(cx, cy, inner, START, at(value.value))}
          stroke={value.color}
          stroke-width={thickness}
          fill="none"
        />
      )}
      {hasMarkers &&
        thresholdArcs(value, min, max).map(({ from, to, color }, i) => (
          <path
            key={i}
            d={arc(cx, cy, radius - 1, at(from), at(to))}
            stroke={color}
            stroke-width={4}
            fill="none"
          />
        ))}
      <text
        x={cx}
        y={cy + radius * 0.1}
        text-anchor="middle"
        fill={value.color}
        font-size={Math.min(radius * 0.42, (radius * 2.1) / Math.max(3, length))}
        font-weight="500"
      >
        {prefix + text + suffix}
      </text>
      {hasName && (
        <text
          x={cx}
          y={Math.min(height - 4, cy + radius * 0.62 + 16)}
          text-anchor="middle"
          class="gauge-name"
          font-size={12}
        >
          {value.name}
        </text>
      )}
    </svg>
  );
}

function thresholdArcs(
  { config }: SingleValue,
  min: number,
  max: number,
): { from: number; to: number; color: string }[] {
  const { mode, steps = [] } = config.thresholds ?? {};
  const absolute = (value: number | null) =>
    value === null ? min : mode === "percentage" ? min + (value / 100) * (max - min) : value;
  return steps
    .map((step, i) => ({
      from: Math.max(min, absolute(step.value)),
      to: i + 1 < steps.length ? Math.min(max, absolute(steps[i + 1].value)) : max,
      color: cssColor(step.color),
    }))
    .filter(({ from, to }) => to > from);
}

function arc(cx: number, cy: number, radius: number, from: number, to: number): string {
  const end = Math.max(to, from + 0.001);
  const point = (angle: number) =>
    `${(cx + radius * Math.cos(angle)).toFixed(2)} ${(cy + radius * Math.sin(angle)).toFixed(2)}`;
  return `M ${point(from)} A ${radius} ${radius} 0 ${end - from > Math.PI ? 1 : 0} 1 ${point(end)}`;
}
