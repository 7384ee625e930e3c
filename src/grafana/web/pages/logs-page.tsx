/** Logs: a query, and its lines, newest first. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import { browser } from "../browser.ts";
import { resolveRange, type TimeRange } from "../dashboard/time-range.ts";
import { type LogLine, readLines } from "../data/logs.ts";
import { LogLines } from "../panels/log-lines.tsx";
import { setQuery } from "../router.ts";
import { TopBar } from "../top-bar.tsx";
import { TimeControls } from "./time-controls.tsx";

const DEFAULT_QUERY = '{service_name=~".+"}';
const LIMIT = 500;

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
