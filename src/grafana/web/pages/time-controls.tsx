/** Which time is looked at, and how often it is looked at again. */
import { useState } from "preact/hooks";
import { QUICK_RANGES, REFRESH_INTERVALS, type TimeRange } from "../dashboard/time-range.ts";
import { dateTimeText } from "../data/units.ts";
import { setQuery } from "../router.ts";

interface Props {
  from: string;
  to: string;
  range: TimeRange;
  refresh: string;
  onRefresh: () => void;
}

export function TimeControls({ from, to, range, refresh, onRefresh }: Props) {
  const [isOpen, setOpen] = useState(false);
  const quick = to === "now" ? QUICK_RANGES.find(([start]) => start === from)?.[1] : undefined;
  const title =
    quick ?? `${dateTimeText(range.fromMs)} to ${to === "now" ? "now" : dateTimeText(range.toMs)}`;
  const choose = (start: string, end: string) => {
    setOpen(false);
    setQuery({ from: [start], to: [end] });
  };
  const length = range.toMs - range.fromMs;
  const move = (fromShift: number, toShift: number) =>
    choose(
      String(Math.round(range.fromMs + fromShift * length)),
      String(Math.round(range.toMs + toShift * length)),
    );
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    choose(String(form.get("from")), String(form.get("to")));
  };
  return (
    <div class="controls">
      <button type="button" onClick={() => move(-0.5, -0.5)} title="Move time range backwards">
        ‹
      </button>
      <div class="dropdown">
        <button type="button" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen} class="time-button">
          {title}
        </button>
        {isOpen && (
          <div class="menu time-menu">
            <form onSubmit={submit}>
              <label>
                From
                <input name="from" value={from} />
              </label>
              <label>
                To
                <input name="to" value={to} />
              </label>
              <button type="submit" class="primary">
                Apply time range
              </button>
            </form>
            <div class="quick">
              {QUICK_RANGES.map(([start, name]) => (
                <button
                  type="button"
                  key={start}
                  class={quick === name ? "chosen" : ""}
                  onClick={() => choose(start, "now")}
                >
                  {name}
                </button>
              ))}
            </div>
          </div>
        )}
      </div>
      <button type="button" onClick={() => move(0.5, 0.5)} title="Move time range forwards">
        ›
      </button>
      <button type="button" onClick={() => move(-0.5, 0.5)} title="Zoom out">
        −
      </button>
      <button type="button" onClick={onRefresh} title="Refresh">
        ↻
      </button>
      <select
        value={refresh}
        onChange={(event) => setQuery({ refresh: [event.currentTarget.value] }, true)}
        title="Refresh interval"
      >
        {[...new Set([...REFRESH_INTERVALS, refresh])].map((interval) => (
          <option key={interval} value={interval}>
            {interval === "" ? "Off" : interval}
          </option>
        ))}
      </select>
    </div>
  );
}
