/** Targets, and what the server says of itself. */
import { useState } from "preact/hooks";
import { Failure } from "./failure.tsx";
import { Metric } from "./graph.tsx";
import { since } from "./time-text.ts";
import { useAnswer } from "./use-answer.ts";

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
  const [filter, setFilter] = useState("");
  const [isDownOnly, setDownOnly] = useState(false);
  const isShown = (target: Target) =>
    (!isDownOnly || target.health !== "up") &&
    `${target.scrapeUrl} ${JSON.stringify(target.labels)}`.includes(filter);
  const pools = [...new Set(data?.activeTargets.map((target) => target.scrapePool) ?? [])].sort();
  return (
    <section>
      <h1>Targets</h1>
      <div class="bar">
        <input
          type="search"
          placeholder="Endpoint or label"
          aria-label="Filter by endpoint or label"
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <label>
          <input type="checkbox" checked={isDownOnly} onChange={() => setDownOnly(!isDownOnly)} /> not up only
        </label>
      </div>
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
                  {targets.filter(isShown).map((target) => (
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
                      <td class="value" title={target.lastScrape}>
                        {since(target.lastScrape)}
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
