/** The panel `stat`: large numbers, with the course of the series behind them. */
import { css } from "../css.ts";
import { withAlpha } from "../data/colors.ts";
import { option, type PanelProps } from "./panel-props.ts";
import { columnsFor, type SingleValue, singleValues } from "./single-values.ts";
import { Sparkline } from "./sparkline.tsx";

export function StatPanel({ panel, data, width, height }: PanelProps) {
  const values = singleValues(panel, data.frames);
  if (values.length === 0)
    return <div class="no-data big">{panel.fieldConfig.defaults.noValue ?? "No data"}</div>;
  const orientation = option(panel, "orientation", "auto");
  const columns =
    orientation === "vertical"
      ? 1
      : orientation === "horizontal"
        ? values.length
        : columnsFor(values.length, width, height, 2);
  const rows = Math.ceil(values.length / columns);
  const tile = { width: (width - (columns - 1) * 4) / columns, height: (height - (rows - 1) * 4) / rows };
  const longest = Math.max(
    ...values.map(
      ({ display }) => (display.prefix ?? "").length + display.text.length + display.suffix.length * 0.7,
    ),
  );
  return (
    <div class="tiles" style={css({ gridTemplateColumns: `repeat(${columns}, 1fr)`, height })}>
      {values.map((value, index) => (
        <Stat
          key={index}
          value={value}
          panel={panel}
          size={tile}
          longest={longest}
          isAlone={values.length === 1}
        />
      ))}
    </div>
  );
}

interface StatProps {
  value: SingleValue;
  panel: PanelProps["panel"];
  size: { width: number; height: number };
  longest: number;
  isAlone: boolean;
}

function Stat({ value, panel, size, longest, isAlone }: StatProps) {
  const colorMode = option(panel, "colorMode", "value");
  const textMode = option(panel, "textMode", "auto");
  const isBackground = colorMode.startsWith("background");
  const showsName = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && !isAlone);
  const showsValue = textMode !== "name" && textMode !== "none";
  const titleSize = Math.max(11, Math.min(16, size.height * 0.14));
  const room = size.height - (showsName ? titleSize * 1.5 : 0);
  const fontSize = Math.max(12, Math.min(room * 0.55, (size.width - 24) / (longest * 0.6), 80));
  const hasGraph =
    option(panel, "graphMode", "area") === "area" && value.series !== undefined && size.height > 60;
  const { prefix, text, suffix } = value.display;
  return (
    <div
      class={isBackground ? "stat stat-filled" : "stat"}
      style={
        isBackground
          ? { background: `linear-gradient(120deg, ${value.color}, ${withAlpha(value.color, 0.75)})` }
          : {}
      }
    >
      {hasGraph && (
        <Sparkline
          series={value.series!}
          color={isBackground ? "#ffffff" : colorMode === "none" ? "#8AB8FF" : value.color}
          width={size.width}
          height={size.height * 0.45}
        />
      )}
      <div
        class={
          option(panel, "justifyMode", "auto") === "center" || (isAlone && !showsName)
            ? "stat-text centered"
            : "stat-text"
        }
      >
        {showsName && (
          <div class="stat-name" style={css({ fontSize: titleSize })}>
            {value.name}
          </div>
        )}
        {showsValue && (
          <div
            class="stat-value"
            style={css({ fontSize, color: colorMode === "value" ? value.color : undefined })}
          >
            {prefix}
            {text}
            <span class="stat-unit">{suffix}</span>
          </div>
        )}
      </div>
    </div>
  );
}
