/** The names of series, with what they come to. */
import { css } from "../css.ts";
import type { FieldConfig } from "../data/frame.ts";
import { reduce, reducerTitle } from "../data/reduce.ts";
import { displayText } from "../data/units.ts";

export interface LegendOptions {
  showLegend?: boolean;
  displayMode?: string;
  placement?: string;
  calcs?: string[];
  width?: number;
  sortBy?: string;
  sortDesc?: boolean;
}

export interface LegendItem {
  name: string;
  color: string;
  values: readonly unknown[];
  config: FieldConfig;
}

const ROW_PX = 22;

/** Room for the legend below a graph: what it needs, at most a third. */
export function legendHeight(options: LegendOptions, items: number, width: number, height: number): number {
  const perRow = Math.max(1, Math.floor(width / 180));
  const rows = isTable(options) ? items + 1 : Math.ceil(items / perRow);
  return Math.min(rows * ROW_PX + 6, Math.max(ROW_PX + 6, Math.floor(height * 0.35)));
}

function isTable({ displayMode }: LegendOptions): boolean {
  return displayMode === "table";
}

interface Props {
  items: readonly LegendItem[];
  options: LegendOptions;
  hidden: ReadonlySet<string>;
  onToggle: (name: string, isAdding: boolean) => void;
  width: number;
  height: number;
}

export function Legend({ items, options, hidden, onToggle, width, height }: Props) {
  const calcs = options.calcs ?? [];
  const texts = (item: LegendItem) =>
    calcs.map((calc) => displayText(reduce(item.values, calc), calc === "count" ? {} : item.config));
  const click = (item: LegendItem) => (event: MouseEvent) =>
    onToggle(item.name, event.ctrlKey || event.metaKey || event.shiftKey);
  if (!isTable(options)) {
    const isColumn = options.placement === "right";
    return (
      <div class={isColumn ? "legend legend-column" : "legend"} style={css({ width, height })}>
        {items.map((item) => (
          <button
            type="button"
            class={hidden.has(item.name) ? "legend-item off" : "legend-item"}
            key={item.name}
            onClick={click(item)}
            title={item.name}
          >
            <span class="swatch" style={css({ background: item.color })} />
            <span class="legend-name">{item.name}</span>
            {texts(item).map((text, i) => (
              <span class="muted" key={calcs[i]}>
                {reducerTitle(calcs[i])}: {text}
              </span>
            ))}
          </button>
        ))}
      </div>
    );
  }
  const sorted = sortItems(items, options, calcs);
  return (
    <div class="legend" style={css({ width, height })}>
      <table class="legend-table">
        <thead>
          <tr>
            <th>Name</th>
            {calcs.map((calc) => (
              <th key={calc}>{reducerTitle(calc)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((item) => (
            <tr key={item.name} class={hidden.has(item.name) ? "off" : ""} onClick={click(item)}>
              <td title={item.name}>
                <span class="swatch" style={css({ background: item.color })} />
                {item.name}
              </td>
              {texts(item).map((text, i) => (
                <td key={calcs[i]}>{text}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function sortItems(
  items: readonly LegendItem[],
  options: LegendOptions,
  calcs: readonly string[],
): readonly LegendItem[] {
  const calc = calcs.find((one) => reducerTitle(one) === options.sortBy);
  if (calc === undefined) return items;
  const sign = options.sortDesc === true ? -1 : 1;
  return [...items].sort((a, b) => sign * (Number(reduce(a.values, calc)) - Number(reduce(b.values, calc))));
}
