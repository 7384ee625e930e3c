/** Logs: a query, and its lines, newest first. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import { browser } from "../browser.ts";
import { css } from "../css.ts";
import { arrayOf, objectOf } from "../dashboard/read-dashboard.ts";
import { resolveRange, type TimeRange } from "../dashboard/time-range.ts";
import { dateTimeText } from "../data/units.ts";
import { setQuery } from "../router.ts";
import { TopBar } from "../top-bar.tsx";
import { TimeControls } from "./time-controls.tsx";

const DEFAULT_QUERY = '{service_name=~".+"}';
const LIMIT = 500;

const LEVEL_COLORS: Record<string, string> = {
  fatal: "#B877D9",
  error: "#F2495C",
  warn: "#FADE2A",
  info: "#73BF69",
  debug: "#5794F2",
  trace: "#8AB8FF",
};

export interface LogLine {
  unixMs: number;
  text: string;
  labels: Record<string, string>;
}

/** The lines of a query; undefined until they are there. */
export function useLogs(query: string, range: TimeRange, dataSources: readonly DataSourceInfo[]) {
  const [result, setResult] = useState<{ lines?: LogLine[]; error?: string }>({});
  const loki = dataSources.find(({ type }) => type === "loki");
  useEffect(() => {
    if (loki === undefined) return setResult({ error: "There is no data source for logs." });
    const abort = new AbortController();
    const parameters = new URLSearchParams({
      query,
      start: `${Math.floor(range.fromMs)}000000`,
      end: `${Math.ceil(range.toMs)}000000`,
      limit: String(LIMIT),
    });
    getJson(proxyPath(loki.uid, `/loki/api/v1/query_range?${parameters}`), abort.signal).then(
      (answer) => setResult({ lines: readLines(answer) }),
      (error: Error) => abort.signal.aborted || setResult({ error: error.message }),
    );
    return () => abort.abort();
  }, [query, range.fromMs, range.toMs]);
  return result;
}

function readLines(answer: unknown): LogLine[] {
  const streams = arrayOf(objectOf(objectOf(answer)["data"])["result"]);
  const lines = streams.flatMap((stream) => {
    const labels = objectOf(objectOf(stream)["stream"]) as Record<string, string>;
    return arrayOf(objectOf(stream)["values"]).map((value) => {
      const [nanos, text] = value as [string, string];
      return { nanos: BigInt(nanos), unixMs: Number(BigInt(nanos) / 1_000_000n), text, labels };
    });
  });
  return lines.sort((a, b) => (a.nanos < b.nanos ? 1 : a.nanos > b.nanos ? -1 : 0));
}

interface Props {
  query: URLSearchParams;
  dataSources: readonly DataSourceInfo[];
}

export function LogsPage({ query, dataSources }: Props) {
  const text = query.get("query") ?? DEFAULT_QUERY;
  const from = query.get("from") ?? "now-15m";
  const to = query.get("to") ?? "now";
  const [tick, setTick] = useState(0);
  const range = useMemo(() => resolveRange({ from, to }, browser.now()), [from, to, tick]);
  const { lines, error } = useLogs(text, range, dataSources);
  useEffect(() => {
    document.title = "Logs · Percolate Topology";
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setQuery({ query: [String(new FormData(event.currentTarget as HTMLFormElement).get("query"))] });
    setTick(tick + 1);
  };
  return (
    <>
      <TopBar>
        <span class="grow" />
        <TimeControls from={from} to={to} range={range} refresh="" onRefresh={() => setTick(tick + 1)} />
      </TopBar>
      <main class="trace">
        <form class="query" onSubmit={submit}>
          <input name="query" key={text} defaultValue={text} aria-label="LogQL query" spellcheck={false} />
          <button type="submit" class="primary">
            Run query
          </button>
        </form>
        {error !== undefined && <div class="error">{error}</div>}
        {lines !== undefined && lines.length === 0 && <div class="muted">No logs in this time.</div>}
        {lines !== undefined && <LogLines lines={lines} linksTraces />}
        {lines?.length === LIMIT && <div class="muted">Only the newest {LIMIT} lines are shown.</div>}
      </main>
    </>
  );
}

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
