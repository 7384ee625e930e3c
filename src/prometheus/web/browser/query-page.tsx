/** An expression, and its result as a table or a graph. What is asked stands in the address. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, type HistogramValue, isPlain, type QueryData, type Series } from "./api.ts";
import { ExplainView } from "./explain-view.tsx";
import { ExpressionEditor } from "./expression-editor.tsx";
import { Graph, Metric } from "./graph.tsx";

const RANGES: [label: string, seconds: number][] = [
  ["5m", 300],
  ["15m", 900],
  ["1h", 3600],
  ["6h", 21_600],
  ["1d", 86_400],
  ["1w", 604_800],
];
/** Points of a line when nobody says otherwise. */
const POINTS = 250;
/** More rows make the page slow, and nobody reads them. */
const MAX_ROWS = 1000;

type Tab = "table" | "graph" | "explain";
const TABS: [tab: Tab, title: string][] = [
  ["table", "Table"],
  ["graph", "Graph"],
  ["explain", "Explain"],
];

interface Result {
  /** The tab that it was asked for: a table of an instant is no table of a range. */
  tab: Tab;
  data?: QueryData;
  error?: string;
  notes: string[];
  start: number;
  end: number;
  step: number;
  milliseconds: number;
}

export function QueryPage() {
  const address = new URLSearchParams(location.search);
  const [expression, setExpression] = useState(address.get("g0.expr") ?? "");
  const [picked, setPicked] = useState("");
  const [tab, setTab] = useState<Tab>(tabOf(address.get("g0.tab")));
  // Seconds since the epoch; now, while it is not set.
  const [until, setUntil] = useState<number | undefined>(timeOf(address));
  const [range, setRange] = useState(Number(address.get("g0.range") ?? 3600) || 3600);
  const [stacked, setStacked] = useState(false);
  const [result, setResult] = useState<Result>();
  const [busy, setBusy] = useState(false);
  const newest = useRef(0);

  const run = useCallback(async () => {
    if (expression.trim() === "" || tab === "explain") return;
    const turn = ++newest.current;
    /** An answer that comes after a later question is not shown. */
    const show = (answer: Result) => {
      if (turn !== newest.current) return;
      setResult(answer);
      setBusy(false);
    };
    setBusy(true);
    const parameters = new URLSearchParams({
      "g0.expr": expression,
      "g0.tab": tab === "table" ? "1" : "0",
      "g0.range": String(range),
      ...(until !== undefined && {
        [tab === "table" ? "g0.moment_input" : "g0.end_input"]: inputText(until),
      }),
    });
    history.replaceState(undefined, "", `?${parameters}`);
    const step = Math.max(1, Math.floor(range / POINTS));
    try {
      // The server's time counts, not the browser's.
      const now =
        until ?? (await ask<{ result: [number, string] }>("query", { query: "time()" })).data.result[0];
      // Whole steps from end to end, so that a graph that is asked for again does not flicker, and so that the last
      // point is at the end: it looks back to now, and shows a series that has only just begun.
      const end = Math.ceil(now / step) * step;
      const start = end - Math.ceil(range / step) * step;
      const answer =
        tab === "table"
          ? await timed(() => ask<QueryData>("query", { query: expression, time: String(now) }))
          : await timed(() =>
              ask<QueryData>("query_range", {
                query: expression,
                start: String(start),
                end: String(end),
                step: String(step),
              }),
            );
      const { data, warnings, infos } = answer.value;
      show({
        tab,
        data,
        notes: [...warnings, ...infos],
        start,
        end,
        step,
        milliseconds: answer.milliseconds,
      });
    } catch (error) {
      const { message } = error as Error;
      show({ tab, error: message, notes: [], start: 0, end: 0, step: 1, milliseconds: 0 });
    }
  }, [expression, tab, range, until]);

  useEffect(() => void run(), [tab, range, until]);

  return (
    <section>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <ExpressionEditor
          key={picked}
          initial={expression}
          onChange={setExpression}
          onSubmit={() => void run()}
        />
        <button type="submit" class="primary" disabled={busy}>
          {busy ? "…" : "Execute"}
        </button>
      </form>
      <div class="bar">
        <div class="tabs" role="tablist">
          {TABS.map(([each, title]) => (
            <button
              key={each}
              type="button"
              role="tab"
              aria-selected={tab === each}
              onClick={() => setTab(each)}
            >
              {title}
            </button>
          ))}
        </div>
        {tab === "graph" && (
          <div class="ranges">
            {RANGES.map(([label, seconds]) => (
              <button
                key={label}
                type="button"
                aria-pressed={range === seconds}
                onClick={() => setRange(seconds)}
              >
                {label}
              </button>
            ))}
            <label>
              <input type="checkbox" checked={stacked} onChange={() => setStacked(!stacked)} /> stacked
            </label>
          </div>
        )}
        {tab !== "explain" && (
          <label>
            {tab === "table" ? "at" : "until"}{" "}
            <input
              type="datetime-local"
              step="1"
              value={until === undefined ? "" : inputText(until).replace(" ", "T")}
              onChange={(event) => setUntil(secondsOf(event.currentTarget.value))}
            />{" "}
            UTC
          </label>
        )}
        {tab !== "explain" && result?.data !== undefined && (
          <span class="note right">
            {countOf(result.data)} in {Math.round(result.milliseconds)} ms
          </span>
        )}
      </div>
      {tab === "explain" && <ExplainView expression={expression} />}
      {tab !== "explain" && result?.error !== undefined && <p class="error">{result.error}</p>}
      {(tab === "explain" ? [] : (result?.notes ?? [])).map((note) => (
        <p class="warning" key={note}>
          {note}
        </p>
      ))}
      {result?.data !== undefined && result.tab === tab && <ResultView result={result} stacked={stacked} />}
      {result === undefined && tab !== "explain" && (
        <Welcome
          onPick={(text) => {
            setExpression(text);
            setPicked(text);
          }}
        />
      )}
    </section>
  );
}

/** By upstream's numbers of them. */
function tabOf(number: string | null): Tab {
  return number === "1" ? "table" : "graph";
}

/** `2026-01-02 03:04:05` in UTC, as upstream's addresses have it. */
function inputText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}

function secondsOf(text: string): number | undefined {
  const time = Date.parse(`${text.replace(" ", "T")}Z`);
  return Number.isNaN(time) ? undefined : time / 1000;
}

function timeOf(address: URLSearchParams): number | undefined {
  return secondsOf(address.get("g0.end_input") ?? address.get("g0.moment_input") ?? "");
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const mark = window.performance.mark("query");
  const value = await work();
  return { value, milliseconds: window.performance.measure("query", { start: mark.startTime }).duration };
}

function countOf(data: QueryData): string {
  if (isPlain(data)) return data.resultType;
  return `${data.result.length} series`;
}

function ResultView({ result, stacked }: { result: Result; stacked: boolean }) {
  const data = result.data!;
  if (isPlain(data)) return <p class="scalar">{data.result[1]}</p>;
  if (data.result.length === 0) return <p class="empty">No data.</p>;
  const isRange = data.result.some((series) => series.values !== undefined);
  if (result.tab === "graph" && isRange)
    return (
      <Graph
        series={data.result}
        start={result.start}
        end={result.end}
        step={result.step}
        stacked={stacked}
      />
    );
  return <ResultTable series={data.result} />;
}

function ResultTable({ series }: { series: Series[] }) {
  return (
    <div class="scroll">
      <table>
        <tbody>
          {series.slice(0, MAX_ROWS).map(({ metric, value, values, histogram }) => (
            <tr key={JSON.stringify(metric)}>
              <td>
                <Metric metric={metric} />
              </td>
              <td class="value">
                {value?.[1] ??
                  (histogram !== undefined ? (
                    <HistogramTable histogram={histogram[1]} />
                  ) : (
                    values?.map(([time, each]) => <div key={time}>{`${each} @${time}`}</div>)
                  ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {series.length > MAX_ROWS && (
        <p class="note">
          The first {MAX_ROWS} of {series.length} rows.
        </p>
      )}
    </div>
  );
}

/** Count and sum, and the buckets when they are asked for. */
function HistogramTable({ histogram }: { histogram: HistogramValue }) {
  const { count, sum, buckets = [] } = histogram;
  const about = `count ${count}, sum ${sum}`;
  if (buckets.length === 0) return <>{about}</>;
  return (
    <details>
      <summary>{about}</summary>
      {buckets.map(([inclusive, lower, upper, inside]) => (
        <div key={`${lower} ${upper}`}>
          {`${inclusive === 1 || inclusive === 3 ? "[" : "("}${lower} → ${upper}`}
          {`${inclusive === 0 || inclusive === 3 ? "]" : ")"} ${inside}`}
        </div>
      ))}
    </details>
  );
}

const EXAMPLES = [
  'percolate_active_tenants{tier="small"}',
  "rate(percolate_tenant_requests_total[1m])",
  "sum by (pod) (rate(percolate_affinity_hits_total[5m])) / sum by (pod) (rate(percolate_tenant_requests_total[5m]))",
  "up",
];

function Welcome({ onPick }: { onPick: (expression: string) => void }) {
  return (
    <div class="welcome">
      <p>Type an expression, or start with one of these:</p>
      {EXAMPLES.map((each) => (
        <button key={each} type="button" onClick={() => onPick(each)}>
          <code>{each}</code>
        </button>
      ))}
    </div>
  );
}
