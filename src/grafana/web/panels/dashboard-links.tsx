/** The panel `dashlist`: links to other dashboards. */
import { css } from "../css.ts";
import type { PanelProps } from "./panel-props.ts";

export function DashboardLinksPanel({ data, height }: PanelProps) {
  const column = (name: string) => data.frames[0]?.fields.find((field) => field.name === name)?.values ?? [];
  const [titles, urls] = [column("Title"), column("Url")];
  if (titles.length === 0) return <div class="no-data">No dashboards</div>;
  return (
    <div class="scrolling" style={css({ height })}>
      {titles.map((title, i) => (
        <div class="alert" key={i}>
          <a href={String(urls[i])}>{String(title)}</a>
        </div>
      ))}
    </div>
  );
}
