/** The panel `alertlist`: Prometheus' alerts that are pending or firing. */
import { css } from "../css.ts";
import { displayText } from "../data/units.ts";
import type { PanelProps } from "./panel-props.ts";

const COLORS: Record<string, string> = { firing: "#F2495C", pending: "#FF9830" };

export function AlertListPanel({ data, height }: PanelProps) {
  const [frame] = data.frames;
  const column = (name: string) => frame?.fields.find((field) => field.name === name);
  const [since, names, states] = [column("Since"), column("Alert"), column("State")];
  if (since === undefined || names === undefined || states === undefined || names.values.length === 0)
    return <div class="no-data">No alerts</div>;
  return (
    <div class="scrolling" style={css({ height })}>
      {names.values.map((name, i) => {
        const state = String(states.values[i]);
        return (
          <div class="alert" key={i}>
            <span class="log-level" style={css({ background: COLORS[state] ?? "#6b6f78" })} />
            <b>{String(name)}</b> {state}{" "}
            <span class="muted">since {displayText(since.values[i], since.config, since.type)}</span>
          </div>
        );
      })}
    </div>
  );
}
