/** `POST /api/ds/query`: Prometheus queries answered with data frames (upstream `pkg/services/query`, `grafana-plugin-sdk-go/data`). */
import { type HttpResponse, jsonResponse, type Network } from "../base/network.ts";
import type { DataSource } from "./data-sources.ts";

/** Queries in one request. */
export const MAX_QUERIES = 100;

interface Query {
  refId?: string;
  datasource?: { uid?: string; type?: string };
  expr?: string;
  instant?: boolean;
  range?: boolean;
  intervalMs?: number;
  maxDataPoints?: number;
}

export async function queryDataSources(
  body: unknown,
  sources: readonly DataSource[],
  network: Network,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { queries, from, to } = (body ?? {}) as { queries?: unknown; from?: unknown; to?: unknown };
  if (!Array.isArray(queries) || queries.length === 0)
    return jsonResponse(400, { message: "bad request data" });
  if (queries.length > MAX_QUERIES) return jsonResponse(400, { message: `more than ${MAX_QUERIES} queries` });
  const [fromMs, toMs] = [Number(from), Number(to)];
  if (!Number.isFinite(fromMs) || !Number.isFinite(toMs)) {
    return jsonResponse(400, { message: "from and to must be milliseconds since the epoch" });
  }
  const results: Record<string, object> = {};
  await Promise.all(
    queries.map(async (query: Query) => {
      const refId = String(query?.refId ?? "A");
      try {
        results[refId] = {
          status: 200,
          frames: await run(query, refId, sources, network, signal, fromMs, toMs),
        };
      } catch (error) {
        results[refId] = { status: 400, error: (error as Error).message, frames: [] };
      }
    }),
  );
  const hasFailed = Object.values(results).some((result) => "error" in result);
  return jsonResponse(hasFailed ? 400 : 200, { results });
}

async function run(
  query: Query,
  refId: string,
  sources: readonly DataSource[],
  network: Network,
  signal: AbortSignal,
  fromMs: number,
  toMs: number,
): Promise<object[]> {
  const source =
    sources.find(({ uid }) => uid === query.datasource?.uid) ??
    (query.datasource?.uid === undefined ? sources.find(({ isDefault }) => isDefault) : undefined);
  if (source === undefined) throw new Error("data source not found");
  if (source.type !== "prometheus") throw new Error(`queries of ${source.type} go through the proxy`);
  const isInstant = query.instant === true && query.range !== true;
  const parameters = new URLSearchParams({ query: String(query.expr ?? "") });
  if (isInstant) parameters.set("time", String(toMs / 1000));
  else {
    const stepMs = Math.max(query.intervalMs ?? 15_000, (toMs - fromMs) / (query.maxDataPoints || 1000), 1);
    parameters.set("start", String(fromMs / 1000));
    parameters.set("end", String(toMs / 1000));
    parameters.set("step", String(Math.ceil(stepMs / 1000)));
  }
  const response = await network.fetch(
    `${source.url}/api/v1/${isInstant ? "query" : "query_range"}?${parameters}`,
    { signal, timeoutMs: 30_000 },
  );
  const answer = JSON.parse(await response.text()) as {
    status: string;
    error?: string;
    data?: { result: PromSeries[] };
  };
  if (answer.status !== "success") throw new Error(answer.error ?? `HTTP ${response.status}`);
  return answer.data!.result.map((series) => frameOf(series, refId));
}

interface PromSeries {
  metric: Record<string, string>;
  values?: [number, string][];
  value?: [number, string];
}

function frameOf(series: PromSeries, refId: string): object {
  const points = series.values ?? (series.value === undefined ? [] : [series.value]);
  const { __name__: name = "Value", ...labels } = series.metric;
  return {
    schema: {
      refId,
      name,
      meta: { type: "timeseries-multi", typeVersion: [0, 1] },
      fields: [
        { name: "Time", type: "time", typeInfo: { frame: "time.Time" } },
        { name: "Value", type: "number", typeInfo: { frame: "float64" }, labels },
      ],
    },
    data: { values: [points.map(([time]) => time * 1000), points.map(([, value]) => Number(value))] },
  };
}
