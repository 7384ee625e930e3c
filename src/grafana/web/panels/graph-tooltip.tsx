/** What the series are worth where the mouse is. */
import { css } from "../css.ts";
import { dateTimeText, displayText } from "../data/units.ts";
import type { GraphSeries } from "./graph-data.ts";

export interface TooltipState {
  row: number;
  left: number;
  top: number;
  width: number;
  height: number;
  /** The series that the mouse is nearest to; -1 for none. */
  focused: number;
  /** The mouse is over this graph, and not over one that it is in step with. */
  isOwn: boolean;
}

/** Rows in a tooltip. */
const MAX_ROWS = 15;

interface Props {
  state: TooltipState;
  series: readonly GraphSeries[];
  times: readonly number[];
  hidden: ReadonlySet<string>;
  mode: string;
  sort: string;
}

export function GraphTooltip({ state, series, times, hidden, mode, sort }: Props) {
  if (!state.isOwn || times[state.row] === undefined) return null;
  const isSingle = mode === "single";
  let rows = series
    .map((one, index) => ({ one, index, value: valueNear(one.values, state.row) }))
    .filter(({ one, value }) => value !== null && !hidden.has(one.name) && !one.hiddenInTooltip);
  if (isSingle && rows.length > 1) {
    const nearest = rows.find(({ index }) => index === state.focused);
    rows = nearest === undefined ? rows.slice(0, MAX_ROWS) : [nearest];
  }
  if (sort !== "none" || rows.length > MAX_ROWS) {
    const sign = sort === "asc" ? 1 : -1;
    rows.sort((a, b) => sign * (a.value! - b.value!));
  }
  if (rows.length === 0) return null;
  const isRight = state.left > state.width * 0.6;
  const position = isRight ? { right: state.width - state.left + 14 } : { left: state.left + 14 };
  return (
    <div
      class="tooltip"
      style={css({
        ...position,
        top: Math.max(0, Math.min(state.top - 20, state.height - 40 - 20 * Math.min(rows.length, MAX_ROWS))),
      })}
    >
      <div class="tooltip-title">{dateTimeText(times[state.row] * 1000)}</div>
      {rows.slice(0, MAX_ROWS).map(({ one, index, value }) => (
        <div class={index === state.focused ? "tooltip-row focused" : "tooltip-row"} key={index}>
          <span class="swatch" style={css({ background: one.color })} />
          <span class="tooltip-name">{one.name}</span>
          <b>{displayText(value, one.config)}</b>
        </div>
      ))}
      {rows.length > MAX_ROWS && <div class="muted">and {rows.length - MAX_ROWS} more</div>}
    </div>
  );
}

/** Series whose samples lie between those of others have no value of their own there: the one just before counts. */
function valueNear(values: readonly (number | null)[], row: number): number | null {
  for (let i = row; i >= 0 && i > row - 3; i--) if (values[i] !== null) return values[i];
  return null;
}
