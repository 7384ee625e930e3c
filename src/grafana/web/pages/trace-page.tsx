/** One trace as a waterfall, with what its spans say and its logs. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import { css } from "../css.ts";
import { paletteColorByName } from "../data/colors.ts";
import { readTrace, type Trace, type TraceSpan } from "../data/trace.ts";
import { dateTimeText, formatUnit } from "../data/units.ts";
import { LogLines } from "../panels/log-lines.tsx";
import { setQuery } from "../router.ts";
import { TopBar } from "../top-bar.tsx";
import { useLogs } from "./logs-page.tsx";

const ROW_PX = 28;
/** Rows drawn above and below what is in sight: a trace may have thousands. */
const OVERSCAN = 10;

interface Props {
  traceId: string;
  query: URLSearchParams;
  dataSources: readonly DataSourceInfo[];
}

export function TracePage({ traceId, query, dataSources }: Props) {
  const [loaded, setLoaded] = useState<{ trace?: Trace; error?: string }>({});
  const tempo = dataSources.find(({ type }) => type === "tempo");
  useEffect(() => {
    document.title = "Trace · Percolate Topology";
    if (tempo === undefined) return setLoaded({ error: "There is no data source for traces." });
    getJson(proxyPath(tempo.uid, `/api/v2/traces/${traceId}`)).then(
      (answer) => setLoaded({ trace: readTrace(answer) }),
      (error: Error) =>
        setLoaded({
          error:
            error.message.trim() === "trace not found"
              ? "This trace is not stored here (any more, or not yet)."
              : error.message,
        }),
    );
  }, [traceId]);
  const { trace, error } = loaded;
  const root = trace?.spans[0];
  return (
    <>
      <TopBar>
        {root !== undefined && (
          <span class="crumbs">
            <b>
              {root.service}: {root.name}
            </b>
            <span class="muted">{traceId}</span>
          </span>
        )}
      </TopBar>
      {error !== undefined && <div class="big-error">{error}</div>}
      {trace !== undefined && <Waterfall trace={trace} selected={query.get("span") ?? undefined} />}
      {trace !== undefined && <TraceLogs traceId={traceId} trace={trace} dataSources={dataSources} />}
    </>
  );
}

function Waterfall({ trace, selected }: { trace: Trace; selected: string | undefined }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [text, setText] = useState("");
  const [onlyMatches, setOnlyMatches] = useState(false);
  const scroll = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const matches = useMemo(() => matching(trace, text), [trace, text]);
  const rows = useMemo(
    () => visible(trace, closed).filter((span) => !onlyMatches || matches === undefined || matches.has(span)),
    [trace, closed, onlyMatches, matches],
  );
  const span = trace.spans.find(({ spanId }) => spanId === selected);
  useEffect(() => {
    const row = rows.findIndex(({ spanId }) => spanId === selected);
    const element = scroll.current;
    if (row === -1 || element === null) return;
    const at = row * ROW_PX;
    if (at < element.scrollTop || at > element.scrollTop + element.clientHeight - ROW_PX)
      element.scrollTop = at - element.clientHeight / 2;
  }, [selected]);
  const height = Math.min(rows.length * ROW_PX, 620);
  const first = Math.max(0, Math.floor(top / ROW_PX) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW_PX) + OVERSCAN);
  const services = [...new Set(trace.spans.map(({ service }) => service))];
  const toggle = (id: string) => {
    const next = new Set(closed);
    if (!next.delete(id)) next.add(id);
    setClosed(next);
  };
  return (
    <main class="trace">
      <div class="trace-head">
        <span>
          {dateTimeText(trace.startUnixMs)} · <b>{milliseconds(trace.durationMs)}</b> · {trace.spans.length}{" "}
          spans · {trace.spans.filter(({ isError }) => isError).length} errors
        </span>
        {services.map((service) => (
          <span key={service} class="service">
            <span class="swatch" style={css({ background: paletteColorByName(service) })} />
            {service}
          </span>
        ))}
        <span class="grow" />
        <input
          type="search"
          placeholder="Find in trace"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {matches !== undefined && <span class="muted">{matches.size} found</span>}
        <label>
          <input type="checkbox" checked={onlyMatches} onChange={() => setOnlyMatches(!onlyMatches)} /> only
          these
        </label>
      </div>
      <div class="waterfall-axis">
        {[0, 0.25, 0.5, 0.75].map((share) => (
          <span key={share}>{milliseconds(share * trace.durationMs)}</span>
        ))}
      </div>
      <div
        class="waterfall"
        ref={scroll}
        style={css({ height })}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div style={css({ height: rows.length * ROW_PX, position: "relative" })}>
          {rows.slice(first, last).map((row, i) => (
            <SpanRow
              key={row.spanId}
              span={row}
              top={(first + i) * ROW_PX}
              trace={trace}
              isSelected={row.spanId === selected}
              isDimmed={matches !== undefined && !matches.has(row)}
              isClosed={closed.has(row.spanId)}
              onToggle={() => toggle(row.spanId)}
            />
          ))}
        </div>
      </div>
      {span !== undefined && <SpanDetails span={span} />}
    </main>
  );
}

function matching(trace: Trace, text: string): ReadonlySet<TraceSpan> | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return undefined;
  const contains = (span: TraceSpan) =>
    [span.name, span.service, span.spanId, ...span.attributes.flat()].some((part) =>
      part.toLowerCase().includes(wanted),
    );
  return new Set(trace.spans.filter(contains));
}

function visible({ spans }: Trace, closed: ReadonlySet<string>): TraceSpan[] {
  let hiddenBelow = Number.POSITIVE_INFINITY;
  return spans.filter((span) => {
    if (span.depth > hiddenBelow) return false;
    hiddenBelow = closed.has(span.spanId) ? span.depth : Number.POSITIVE_INFINITY;
    return true;
  });
}

interface RowProps {
  span: TraceSpan;
  top: number;
  trace: Trace;
  isSelected: boolean;
  isDimmed: boolean;
  isClosed: boolean;
  onToggle: () => void;
}

function SpanRow({ span, top, trace, isSelected, isDimmed, isClosed, onToggle }: RowProps) {
  const share = (ms: number) => `${(ms / (trace.durationMs || 1)) * 100}%`;
  const color = paletteColorByName(span.service);
  const isLate = span.startMs > trace.durationMs * 0.75;
  const select = () => setQuery({ span: isSelected ? [] : [span.spanId] }, true);
  return (
    <div
      class={`span-row${isSelected ? " selected" : ""}${isDimmed ? " off" : ""}`}
      style={css({ top, height: ROW_PX })}
    >
      <div class="span-name" style={css({ paddingLeft: Math.min(span.depth, 20) * 14 + 4 })}>
        {span.children.length > 0 ? (
          <button type="button" class="fold" onClick={onToggle} aria-expanded={!isClosed}>
            <span class={isClosed ? "chevron" : "chevron open"}>›</span>
          </button>
        ) : (
          <span class="fold" />
        )}
        <button type="button" class="span-title" onClick={select} title={`${span.service}: ${span.name}`}>
          <span class="swatch" style={css({ background: color })} />
          {span.isError && <span class="warn">!</span>}
          <b>{span.service}</b> {span.name}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the name beside it does the same by keyboard */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the name beside it does the same by keyboard */}
      <div class="span-track" onClick={select}>
        <div
          class="span-bar"
          style={css({ left: share(span.startMs), width: share(span.durationMs), background: color })}
        />
        <span
          class="span-duration"
          style={css(
            isLate
              ? { right: `calc(100% - ${share(span.startMs)} + 6px)` }
              : { left: `calc(${share(span.startMs + span.durationMs)} + 6px)` },
          )}
        >
          {milliseconds(span.durationMs)}
        </span>
      </div>
    </div>
  );
}

function SpanDetails({ span }: { span: TraceSpan }) {
  return (
    <div class="span-details">
      <h2>
        {span.service}: {span.name}
      </h2>
      <div class="muted">
        {span.kind} span {span.spanId} · begins at {milliseconds(span.startMs)} · takes{" "}
        {milliseconds(span.durationMs)}
        {span.isError && <span class="error"> · error {span.statusMessage}</span>}
      </div>
      <div class="span-columns">
        <Attributes title="Attributes" attributes={span.attributes} />
        <Attributes title="Resource" attributes={span.resource} />
        {span.events.map((event, i) => (
          <Attributes
            key={i}
            title={`Event ${event.name} at ${milliseconds(event.atMs)}`}
            attributes={event.attributes}
          />
        ))}
        {span.links.map((link, i) => (
          <div key={i}>
            <h3>Link</h3>
            <a href={`/trace/${link.traceId}?span=${link.spanId}`}>{link.traceId}</a>
            <Attributes title="" attributes={link.attributes} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Attributes({ title, attributes }: { title: string; attributes: [string, string][] }) {
  if (attributes.length === 0) return null;
  return (
    <div>
      {title !== "" && <h3>{title}</h3>}
      <table class="attributes">
        <tbody>
          {attributes.map(([key, value]) => (
            <tr key={key}>
              <td class="muted">{key}</td>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TraceLogs({
  traceId,
  trace,
  dataSources,
}: {
  traceId: string;
  trace: Trace;
  dataSources: readonly DataSourceInfo[];
}) {
  // Logs may be written a little before and after the spans.
  const range = { fromMs: trace.startUnixMs - 60_000, toMs: trace.startUnixMs + trace.durationMs + 60_000 };
  const { lines } = useLogs(`{service_name=~".+"} | trace_id="${traceId}"`, range, dataSources);
  if (lines === undefined || lines.length === 0) return null;
  return (
    <section class="trace">
      <h2>Logs of this trace</h2>
      <LogLines lines={lines} linksTraces={false} />
    </section>
  );
}

export function milliseconds(ms: number): string {
  const { text, suffix } = formatUnit(ms, "ms");
  return text + suffix;
}
