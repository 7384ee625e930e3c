/** Targets, rules and alerts, and what the server says of itself. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api.ts";
import { Metric } from "./graph.tsx";

/** How often a page looks again. */
const REFRESH_MS = 5_000;

function useAnswer<T>(path: string): { data?: T; error?: string } {
  const [state, setState] = useState<{ data?: T; error?: string }>({});
  useEffect(() => {
    const look = () =>
      ask<T>(path).then(
        ({ data }) => setState({ data }),
        (error: Error) => setState((old) => ({ ...old, error: error.message })),
      );
    void look();
    const timer = window.setInterval(look, REFRESH_MS);
    return () => window.clearInterval(timer);
  }, [path]);
  return state;
}

function Failure({ error }: { error?: string }) {
  return error === undefined ? null : <p class="error">{error}</p>;
}

interface Target {
  labels: Record<string, string>;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: string;
  scrapeInterval: string;
}

export function TargetsPage() {
  const { data, error } = useAnswer<{ activeTargets: Target[]; droppedTargetCounts: Record<string, number> }>(
    "targets",
  );
  const pools = [...new Set(data?.activeTargets.map((target) => target.scrapePool) ?? [])].sort();
  return (
    <section>
      <h1>Targets</h1>
      <Failure error={error} />
      {pools.map((pool) => {
        const targets = data!.activeTargets.filter((target) => target.scrapePool === pool);
        const up = targets.filter((target) => target.health === "up").length;
        return (
          <article key={pool}>
            <h2>
              {pool}{" "}
              <span class={up === targets.length ? "badge good" : "badge bad"}>
                {up}/{targets.length} up
              </span>
              {(data!.droppedTargetCounts[pool] ?? 0) > 0 && (
                <span class="note"> {data!.droppedTargetCounts[pool]} dropped</span>
              )}
            </h2>
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Endpoint</th>
                    <th>State</th>
                    <th>Labels</th>
                    <th>Last scrape</th>
                    <th>Took</th>
                  </tr>
                </thead>
                <tbody>
                  {targets.map((target) => (
                    <tr key={target.scrapeUrl + JSON.stringify(target.labels)}>
                      <td>
                        <a href={target.scrapeUrl}>{target.scrapeUrl}</a>
                        {target.lastError !== "" && <p class="error">{target.lastError}</p>}
                      </td>
                      <td>
                        <span
                          class={`badge ${target.health === "up" ? "good" : target.health === "down" ? "bad" : ""}`}
                        >
                          {target.health}
                        </span>
                      </td>
                      <td>
                        <Metric metric={target.labels} />
                      </td>
                      <td class="value">
                        {target.lastScrape.startsWith("0001") ? "never" : target.lastScrape.slice(11, 19)}
                      </td>
                      <td class="value">{(target.lastScrapeDuration * 1000).toFixed(1)} ms</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </article>
        );
      })}
      {data?.activeTargets.length === 0 && <p class="empty">No targets.</p>}
    </section>
  );
}

interface Rule {
  name: string;
  query: string;
  type: string;
  health: string;
  lastError?: string;
  state?: string;
  duration?: number;
  evaluationTime: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  alerts?: { labels: Record<string, string>; state: string; activeAt: string; value: string }[];
}

interface Group {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
}

const STATE_CLASS: Record<string, string> = {
  firing: "bad",
  pending: "warn",
  inactive: "good",
  ok: "good",
  err: "bad",
};

export function RulesPage({ alertsOnly = false }: { alertsOnly?: boolean }) {
  const { data, error } = useAnswer<{ groups: Group[] }>(alertsOnly ? "rules?type=alert" : "rules");
  return (
    <section>
      <h1>{alertsOnly ? "Alerts" : "Rules"}</h1>
      <Failure error={error} />
      {data?.groups.map((group) => (
        <article key={group.file + group.name}>
          <h2>
            {group.name}{" "}
            <span class="note">
              {group.file}, every {group.interval} s
            </span>
          </h2>
          {group.rules.map((rule) => (
            <div class="rule" key={rule.name + rule.query}>
              <div>
                <b>{rule.name}</b>{" "}
                <span class={`badge ${STATE_CLASS[rule.state ?? rule.health] ?? ""}`}>
                  {rule.state ?? rule.health}
                </span>
                {rule.duration !== undefined && rule.duration > 0 && (
                  <span class="note"> for {rule.duration} s</span>
                )}
              </div>
              <code class="query">{rule.query}</code>
              {rule.lastError !== undefined && <p class="error">{rule.lastError}</p>}
              {rule.alerts?.map((alert) => (
                <p key={JSON.stringify(alert.labels)}>
                  <span class={`badge ${STATE_CLASS[alert.state]}`}>{alert.state}</span>{" "}
                  <Metric metric={alert.labels} /> since {alert.activeAt.slice(0, 19).replace("T", " ")},
                  value {Number(alert.value)}
                </p>
              ))}
            </div>
          ))}
        </article>
      ))}
      {data?.groups.length === 0 && <p class="empty">{alertsOnly ? "No alerting rules." : "No rules."}</p>}
    </section>
  );
}

interface Stat {
  name: string;
  value: number;
}

interface TsdbStatus {
  headStats: Record<string, number>;
  seriesCountByMetricName: Stat[];
  labelValueCountByLabelName: Stat[];
  memoryInBytesByLabelName: Stat[];
  seriesCountByLabelValuePair: Stat[];
}

export function TsdbPage() {
  const { data, error } = useAnswer<TsdbStatus>("status/tsdb");
  const table = (title: string, rows: Stat[] | undefined) => (
    <article>
      <h2>{title}</h2>
      <table>
        <tbody>
          {rows?.map((row) => (
            <tr key={row.name}>
              <td>
                <code>{row.name}</code>
              </td>
              <td class="value">{row.value.toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </article>
  );
  const head = data?.headStats;
  const time = (ms: number) =>
    Math.abs(ms) > 8e15 ? "none" : new Date(ms).toISOString().slice(0, 19).replace("T", " ");
  return (
    <section>
      <h1>TSDB status</h1>
      <Failure error={error} />
      {head !== undefined && (
        <div class="tiles">
          {[
            ["Series", head["numSeries"].toLocaleString("en")],
            ["Chunks", head["chunkCount"].toLocaleString("en")],
            ["Label pairs", head["numLabelPairs"].toLocaleString("en")],
            ["Oldest", time(head["minTime"])],
            ["Newest", time(head["maxTime"])],
          ].map(([name, value]) => (
            <div class="tile" key={name}>
              <span>{name}</span>
              <b>{value}</b>
            </div>
          ))}
        </div>
      )}
      <div class="columns">
        {table("Series by metric name", data?.seriesCountByMetricName)}
        {table("Values by label name", data?.labelValueCountByLabelName)}
        {table("Memory by label name (bytes)", data?.memoryInBytesByLabelName)}
        {table("Series by label pair", data?.seriesCountByLabelValuePair)}
      </div>
    </section>
  );
}

export function ConfigPage() {
  const { data, error } = useAnswer<{ yaml: string }>("status/config");
  return (
    <section>
      <h1>Configuration</h1>
      <Failure error={error} />
      <pre>{data?.yaml}</pre>
    </section>
  );
}

export function StatusPage({ path, title }: { path: string; title: string }) {
  const { data, error } = useAnswer<Record<string, unknown>>(path);
  return (
    <section>
      <h1>{title}</h1>
      <Failure error={error} />
      <table>
        <tbody>
          {Object.entries(data ?? {}).map(([name, value]) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
              </td>
              <td>
                <code>{String(value)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
