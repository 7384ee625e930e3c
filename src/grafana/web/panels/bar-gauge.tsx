/** The panel `bargauge`: a bar for each value. */
import { css } from "../css.ts";
import { gradientColor, thresholdColor, withAlpha } from "../data/colors.ts";
import { option, type PanelProps } from "./panel-props.ts";
import { type SingleValue, singleValues } from "./single-values.ts";

export function BarGaugePanel({ panel, data, width, height }: PanelProps) {
  const values = singleValues(panel, data.frames);
  if (values.length === 0) return <div class="no-data">No data</div>;
  const isVertical = option(panel, "orientation", "auto") === "vertical";
  const mode = option(panel, "displayMode", "gradient");
  const nameWidth = Math.min(width * 0.4, Math.max(...values.map(({ name }) => name.length)) * 7 + 12);
  if (isVertical) {
    return (
      <div class="bars-vertical" style={css({ height })}>
        {values.map((value, index) => (
          <div class="bar-column" key={index} title={`${value.name}: ${textOf(value)}`}>
            <div style={css({ color: value.color })}>{textOf(value)}</div>
            <div class="bar-track">
              <div
                class="bar"
                style={css({
                  height: `${share(value) * 100}%`,
                  background: background(value, mode, "to top"),
                })}
              />
            </div>
            <div class="bar-name">{value.name}</div>
          </div>
        ))}
      </div>
    );
  }
  const rowHeight = Math.max(20, Math.min(48, (height - 4) / values.length));
  return (
    <div class="bars" style={css({ height })}>
      {values.map((value, index) => (
        <div class="bar-row" key={index} style={css({ height: rowHeight })}>
          <div class="bar-name" style={css({ width: nameWidth })} title={value.name}>
            {value.name}
          </div>
          <div class="bar-track">
            <div
              class="bar"
              style={css({
                width: `${share(value) * 100}%`,
                background: background(value, mode, "to right"),
              })}
            />
          </div>
          <div class="bar-value" style={css({ color: value.color })}>
            {textOf(value)}
          </div>
        </div>
      ))}
    </div>
  );
}

function textOf({ display: { prefix = "", text, suffix } }: SingleValue): string {
  return prefix + text + suffix;
}

function share({ value, config }: SingleValue): number {
  const [min, max] = [config.min ?? 0, config.max ?? 100];
  return value === null ? 0 : Math.min(1, Math.max(0, (value - min) / (max - min || 1)));
}

/** A gradient shows all colours up to the value's. */
function background({ color, config, value }: SingleValue, mode: string, direction: string): string {
  if (mode === "basic" || value === null) return withAlpha(color, 0.75);
  if (mode === "lcd") return `repeating-linear-gradient(${direction}, ${color} 0 6px, transparent 6px 9px)`;
  const scheme = config.color?.mode ?? "thresholds";
  if (scheme.startsWith("continuous-")) {
    return `linear-gradient(${direction}, ${gradientColor(scheme, 0)}, ${color})`;
  }
  return `linear-gradient(${direction}, ${withAlpha(scheme === "thresholds" ? thresholdColor(config, config.min ?? 0) : color, 0.35)}, ${color})`;
}
