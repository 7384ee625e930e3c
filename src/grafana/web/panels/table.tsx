/** The panel `table`. */

import { useState } from "preact/hooks";
import { css } from "../css.ts";
import { thresholdColor, valueColor, withAlpha } from "../data/colors.ts";
import { displayNameOf, type Field, type Frame, lengthOf } from "../data/frame.ts";
import { transform } from "../data/transformations/transform.ts";
import { displayText, displayValue } from "../data/units.ts";
import { custom } from "./graph-data.ts";
import type { PanelProps } from "./panel-props.ts";
import { Sparkline } from "./sparkline.tsx";

/** Rows that are drawn; what comes after is counted below the table. */
const MAX_ROWS = 500;

export function TablePanel({ data, height }: PanelProps) {
  const [sort, setSort] = useState<{ column: string; isDown: boolean }>();
  const frame = oneFrame(data.frames);
  if (frame === undefined || lengthOf(frame) === 0) return <div class="no-data">No data</div>;
  const fields = frame.fields.filter((field) => custom(field.config, "hidden") !== true);
  const rows = sortedRows(frame, sort);
  const click = (column: string) => () =>
    setSort(
      sort?.column !== column
        ? { column, isDown: true }
        : sort.isDown
          ? { column, isDown: false }
          : undefined,
    );
  return (
    <div class="table-scroll" style={css({ height })}>
      <table class="data-table">
        <thead>
          <tr>
            {fields.map((field, i) => {
              const name = displayNameOf(field, frame);
              return (
                <th
                  key={i}
                  class={field.type === "number" ? "right" : ""}
                  style={css({ width: custom<number>(field.config, "width") })}
                  onClick={click(name)}
                >
                  {name}
                  {sort?.column === name && (sort.isDown ? " ↓" : " ↑")}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((row) => (
            <tr key={row}>
              {fields.map((field, i) => (
                <Cell key={i} field={field} value={field.values[row]} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && <div class="muted">{rows.length - MAX_ROWS} more rows</div>}
    </div>
  );
}

/** Series of one query make one table; tables of several queries that were not merged show the first. */
function oneFrame(frames: readonly Frame[]): Frame | undefined {
  const areSeries =
    frames.length > 1 && frames.every(({ fields }) => fields.length === 2 && fields[0].type === "time");
  return areSeries ? transform([...frames], [{ id: "joinByField" }])[0] : frames[0];
}

function sortedRows(frame: Frame, sort: { column: string; isDown: boolean } | undefined): number[] {
  const rows = Array.from({ length: lengthOf(frame) }, (_, row) => row);
  const field = sort && frame.fields.find((one) => displayNameOf(one, frame) === sort.column);
  if (sort === undefined || field === undefined) return rows;
  const sign = sort.isDown ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [field.values[a], field.values[b]];
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x ?? "").localeCompare(String(y ?? ""), undefined, { numeric: true });
  });
}

function Cell({ field, value }: { field: Field; value: unknown }) {
  const { config } = field;
  const cell = custom<{ type?: string; mode?: string }>(config, "cellOptions") ?? {
    type: custom<string>(config, "displayMode"),
  };
  if (Array.isArray(value)) {
    return (
      <td class="cell-graph">
        <Sparkline
          series={{ times: value.map((_, i) => i), values: value }}
          color="#5794F2"
          width={120}
          height={24}
        />
      </td>
    );
  }
  const display = displayValue(value, config, field.type);
  const text = displayText(value, config, field.type);
  const number = typeof value === "number" ? value : Number.NaN;
  const color =
    display.color !== undefined
      ? valueColor({ color: { mode: "fixed", fixedColor: display.color } }, 0)
      : Number.isNaN(number)
        ? undefined
        : config.color === undefined || config.color.mode === "thresholds"
          ? thresholdColor(config, number)
          : valueColor(config, number);
  if (cell.type === "gauge" && !Number.isNaN(number)) {
    const [min, max] = [config.min ?? 0, config.max ?? 100];
    const share = Math.min(1, Math.max(0, (number - min) / (max - min || 1)));
    return (
      <td>
        <div class="cell-gauge">
          <div style={css({ width: `${share * 100}%`, background: color })} />
        </div>
        {text}
      </td>
    );
  }
  const isBackground = cell.type?.startsWith("color-background") === true;
  const style =
    isBackground && color !== undefined
      ? { background: withAlpha(color, 0.7), color: "#fff" }
      : cell.type === "color-text"
        ? { color }
        : {};
  return (
    <td class={field.type === "number" ? "right" : ""} style={style} title={text}>
      {text}
    </td>
  );
}
