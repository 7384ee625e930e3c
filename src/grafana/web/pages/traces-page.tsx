/** Traces to choose one of: by service, name, attributes and duration. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import { browser } from "../browser.ts";
import { css } from "../css.ts";
import { arrayOf, objectOf } from "../dashboard/json.ts";
import { resolveRange } from "../dashboard/time-range.ts";
import { paletteColorByName } from "../data/colors.ts";
import { dateTimeText } from "../data/units.ts";
import { setQuery } from "../router.ts";
import { TopBar } from "../top-bar.tsx";
import { TimeControls } from "./time-controls.tsx";
import { milliseconds } from "./trace-page.tsx";

const LIMIT = 100;

interface Found {
  traceID: string;
  rootServiceName: string;
  rootTraceName: string;
  startTimeUnixNano: string;
  durationMs: number;
  serviceStats: Record<string, { spanCount: number; errorCount?: number }>;
}

interface Props {
  query: URLSearchParams;
  dataSources: readonly DataSourceInfo[];
}

export function TracesPage({ query, dataSources }: Props) {
  const from = query.get("from") ?? "now-15m";
  const to = query.get("to") ?? "now";
  const [tick, setTick] = useState(0);
  const range = useMemo(() => resolveRange({ from, to }, browser.now()), [from, to, tick]);
  const [services, setServices] = useState<string[]>([]);
  const [result, setResult] = useState<{ traces?: Found[]; error?: string }>({});
  const tempo = dataSources.find(({ type }) => type === "tempo");
  const [service, text, duration] = ["service", "q", "minDuration"].map((name) => query.get(name) ?? "");
  useEffect(() => {
    document.title = "Traces · Percolate Topology";
    if (tempo === undefined) return setResult({ error: "There is no data source for traces." });
    const abort = new AbortController();
    const parameters = new URLSearchParams({
      limit: String(LIMIT),
      start: String(range.fromMs / 1000),
      end: String(range.toMs / 1000),
    });
    if (service !== "") parameters.set("tags", `service.name=${JSON.stringify(service)}`);
    if (duration !== "") parameters.set("minDuration", duration);
    if (text !== "")
      parameters.set(
        "q",
        text.startsWith("{")
          ? text
          : `{ name =~ ${JSON.stringify(`.*${text.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&")}.*`)} }`,
      );
    const ask = (path: string) => getJson(proxyPath(tempo.uid, path), abort.signal);
    ask(`/api/search?${parameters}`).then(
      (answer) => setResult({ traces: arrayOf(objectOf(answer)["traces"]) as Found[] }),
      (error: Error) => abort.signal.aborted || setResult({ error: error.message }),
    );
    ask("/api/search/tag/service.name/values").then(
      (answer) => setServices(arrayOf(objectOf(answer)["tagValues"]).map(String)),
      () => {},
    );
    return () => abort.abort();
  }, [range, service, text, duration]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const given = (name: string) => [String(form.get(name))].filter((value) => value !== "");
    setQuery({ service: given("service"), q: given("q"), minDuration: given("minDuration") });
    setTick(tick + 1);
  };
  const longest = Math.max(1, ...(result.traces ?? []).map(({ durationMs }) => durationMs));
  return (
    <>
      <TopBar>
        <span class="grow" />
        <TimeControls from={from} to={to} range={range} refresh="" onRefresh={() => setTick(tick + 1)} />
      </TopBar>
      <main class="trace">
        <form class="query" onSubmit={submit}>
          <select
            name="service"
            value={service}
            aria-label="Service"
            onChange={(event) =>
              setQuery({ service: [event.currentTarget.value].filter((value) => value !== "") })
            }
          >
            <option value="">All services</option>
            {services.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <input
            name="q"
            key={text}
            defaultValue={text}
            placeholder={'Name, or TraceQL: { status = error && .tenant.id = "a" }'}
            aria-label="Search"
            spellcheck={false}
          />
          <input
            name="minDuration"
            key={duration}
            defaultValue={duration}
            placeholder="At least 100ms"
            class="short"
            aria-label="Least duration"
          />
          <button type="submit" class="primary">
            Search
          </button>
        </form>
        {result.error !== undefined && <div class="error">{result.error}</div>}
        {result.traces?.length === 0 && <div class="muted">No traces in this time.</div>}
        {(result.traces ?? []).map((trace) => (
          <TraceRow key={trace.traceID} trace={trace} longest={longest} />
        ))}
      </main>
    </>
  );
}

function TraceRow({ trace, longest }: { trace: Found; longest: number }) {
  const services = Object.entries(trace.serviceStats);
  const errors = services.reduce((sum, [, { errorCount = 0 }]) => sum + errorCount, 0);
  return (
    <a class="trace-row" href={`/trace/${trace.traceID}`}>
      <span class="trace-title">
        {errors > 0 && <span class="warn">!</span>}
        <b>{trace.rootServiceName}</b> {trace.rootTraceName}
      </span>
      <span class="trace-services">
        {services.map(([name, { spanCount }]) => (
          <span key={name} class="service" title={`${spanCount} spans`}>
            <span class="swatch" style={css({ background: paletteColorByName(name) })} />
            {name} <span class="muted">{spanCount}</span>
          </span>
        ))}
      </span>
      <span class="muted">{dateTimeText(Number(BigInt(trace.startTimeUnixNano) / 1_000_000n))}</span>
      <span class="trace-duration">
        <span class="trace-bar" style={css({ width: `${(trace.durationMs / longest) * 100}%` })} />
        {milliseconds(trace.durationMs)}
      </span>
    </a>
  );
}
