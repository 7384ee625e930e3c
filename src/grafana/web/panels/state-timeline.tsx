/** The panels `state-timeline` and `status-history`: a row for each series, coloured by what it says. */
import { css } from "../css.ts";
import { paletteColorByName, valueColor } from "../data/colors.ts";
import { displayNameOf, type Field, timeField } from "../data/frame.ts";
import { dateTimeText, displayText, displayValue } from "../data/units.ts";
import { option, type PanelProps } from "./panel-props.ts";

/** Rows of one panel. */
const MAX_ROWS = 60;

interface Span {
  fromMs: number;
  toMs: number;
  value: unknown;
}

export function StateTimelinePanel({ panel, data, width, height }: PanelProps) {
  const rows = data.frames.flatMap((frame) => {
    const time = timeField(frame);
    return time === undefined
      ? []
      : frame.fields
          .filter(({ type }) => type !== "time")
          .map((field) => ({ name: displayNameOf(field, frame), field, times: time.values as number[] }));
  });
  if (rows.length === 0) return <div class="no-data">No data</div>;
  const { fromMs, toMs } = data.range;
  const isMerged = panel.type === "state-timeline" && option(panel, "mergeValues", true);
  const nameWidth = Math.min(width * 0.3, Math.max(...rows.map(({ name }) => name.length)) * 7 + 12);
  const share = (ms: number) => ((Math.min(toMs, Math.max(fromMs, ms)) - fromMs) / (toMs - fromMs)) * 100;
  return (
    <div class="states" style={css({ height })}>
      {rows.slice(0, MAX_ROWS).map(({ name, field, times }, i) => (
        <div class="state-row" key={i}>
          <div class="bar-name" style={css({ width: nameWidth })} title={name}>
            {name}
          </div>
          <div class="state-track">
            {spansOf(field, times, isMerged).map(({ fromMs: start, toMs: end, value }) => {
              const text = displayText(value, field.config, field.type);
              return (
                <div
                  key={start}
                  class="state"
                  style={css({
                    left: `${share(start)}%`,
                    width: `calc(${share(end) - share(start)}% - 1px)`,
                    background: colorOf(value, field),
                  })}
                  title={`${name}: ${text}\n${dateTimeText(start)} – ${dateTimeText(end)}`}
                >
                  {option(panel, "showValue", "auto") !== "never" && text}
                </div>
              );
            })}
          </div>
        </div>
      ))}
    </div>
  );
}

function spansOf({ values }: Field, times: readonly number[], isMerged: boolean): Span[] {
  const spans: Span[] = [];
  const step = times.length > 1 ? Math.min(...times.slice(1).map((ms, i) => ms - times[i])) : 60_000;
  for (const [i, ms] of times.entries()) {
    const value = values[i];
    const end = times[i + 1] ?? ms + step;
    const last = spans.at(-1);
    if (value === null || value === undefined) continue;
    if (isMerged && last !== undefined && last.value === value && last.toMs === ms) last.toMs = end;
    else spans.push({ fromMs: ms, toMs: end, value });
  }
  return spans;
}

function colorOf(value: unknown, { config }: Field): string {
  const { color } = displayValue(value, config);
  if (color !== undefined) return valueColor({ color: { mode: "fixed", fixedColor: color } }, 0);
  if (typeof value === "number" && (config.color?.mode ?? "thresholds") === "thresholds")
    return valueColor(config, value);
  return paletteColorByName(String(value));
}
