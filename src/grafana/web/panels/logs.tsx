/** The panel `logs`: the lines of its queries. */
import { css } from "../css.ts";
import { linesOf } from "../data/logs.ts";
import { LogLines } from "./log-lines.tsx";
import { option, type PanelProps } from "./panel-props.ts";

export function LogsPanel({ panel, data, height }: PanelProps) {
  const lines = data.frames.flatMap(linesOf);
  if (lines.length === 0) return <div class="no-data">No data</div>;
  const isAscending = option(panel, "sortOrder", "Descending") === "Ascending";
  lines.sort((a, b) => (isAscending ? a.unixMs - b.unixMs : b.unixMs - a.unixMs));
  return (
    <div class="scrolling" style={css({ height })}>
      <LogLines lines={lines} linksTraces />
    </div>
  );
}
