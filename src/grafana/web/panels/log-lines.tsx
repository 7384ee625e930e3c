/** Lines of logs, each with its labels when it is opened. */
import { useState } from "preact/hooks";
import { css } from "../css.ts";
import type { LogLine } from "../data/logs.ts";
import { dateTimeText } from "../data/units.ts";

const LEVEL_COLORS: Record<string, string> = {
  fatal: "#B877D9",
  error: "#F2495C",
  warn: "#FADE2A",
  info: "#73BF69",
  debug: "#5794F2",
  trace: "#8AB8FF",
};

export function LogLines({ lines, linksTraces }: { lines: readonly LogLine[]; linksTraces: boolean }) {
  const [open, setOpen] = useState<number>();
  return (
    <div class="log-lines">
      {lines.map((line, i) => {
        const level = line.labels["detected_level"] ?? line.labels["level"] ?? "";
        const trace = line.labels["trace_id"];
        return (
          <div key={i}>
            <div class="log-line">
              <span
                class="log-level"
                style={css({ background: LEVEL_COLORS[level] ?? "#6b6f78" })}
                title={level}
              />
              <button type="button" class="log-text" onClick={() => setOpen(open === i ? undefined : i)}>
                <span class="muted">{dateTimeText(line.unixMs)}</span> <b>{line.labels["service_name"]}</b>{" "}
                {line.text} <span class="muted">{detailsOf(line.labels)}</span>
              </button>
              {linksTraces && trace && (
                <a href={`/trace/${trace}${line.labels["span_id"] ? `?span=${line.labels["span_id"]}` : ""}`}>
                  trace
                </a>
              )}
            </div>
            {open === i && (
              <table class="attributes">
                <tbody>
                  {Object.entries(line.labels).map(([key, value]) => (
                    <tr key={key}>
                      <td class="muted">{key}</td>
                      <td>{value}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </div>
        );
      })}
    </div>
  );
}

/** Labels that say where a line is from, which is the same for many: they are shown when it is opened. */
const ORIGIN =
  /^(service_|k8s_|telemetry_|deployment_|process_|host_|container_|cluster_name|scope_name|severity_|detected_level|trace_id|span_id|pod$|tier$)/;
const MAX_DETAILS = 8;

/** What a line is about, beyond its text. */
function detailsOf(labels: Record<string, string>): string {
  const own = Object.entries(labels).filter(([name]) => !ORIGIN.test(name));
  return own
    .slice(0, MAX_DETAILS)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
