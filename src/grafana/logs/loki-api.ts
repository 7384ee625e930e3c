/** Loki's HTTP API over the store: queries, labels, series, push (https://grafana.com/docs/loki/latest/reference/loki-http-api/). */
import {
  BodyLimitError,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  readBody,
  textResponse,
} from "../../base/network.ts";
import {
  type LogMetric,
  type LogQuery,
  LogQueryError,
  type LogSelector,
  parseLogQuery,
} from "./log-query.ts";
import type { LogStore, StoredLog } from "./log-store.ts";

const DEFAULT_LIMIT = 100;
/** Lines in one answer, as upstream's `max_entries_limit_per_query`. */
export const MAX_ENTRIES = 5_000;
/** Records that one query looks at. */
export const MAX_RECORDS_SCANNED = 200_000;
/** Points of one series in one answer. */
export const MAX_POINTS = 11_000;
const PUSH_LIMIT_BYTES = 4 * 1024 * 1024;
const HOUR_NANOS = 3_600_000_000_000n;

/** @param nowUnixNano what the time is */
export function lokiHandler(store: LogStore, nowUnixNano: () => bigint): HttpHandler {
  return async (request) => {
    const { pathname, searchParams } = new URL(request.target, "http://loki");
    if (pathname === "/ready") return textResponse(200, "ready\n");
    if (pathname === "/loki/api/v1/status/buildinfo")
      return jsonResponse(200, { version: "3.7.0", revision: "" });
    try {
      if (pathname === "/loki/api/v1/push") return await push(request, store);
      const isForm = request.method === "POST";
      const parameters = isForm
        ? new URLSearchParams(new TextDecoder().decode(await readBody(request.body, PUSH_LIMIT_BYTES)))
        : searchParams;
      return answer(pathname, parameters, store, nowUnixNano()) ?? textResponse(404, "404 page not found\n");
    } catch (error) {
      if (error instanceof BodyLimitError) return textResponse(413, `${error.message}\n`);
      if (error instanceof LogQueryError || error instanceof RangeError)
        return textResponse(400, error.message);
      throw error;
    }
  };
}

function answer(
  path: string,
  parameters: URLSearchParams,
  store: LogStore,
  now: bigint,
): HttpResponse | undefined {
  const success = (data: unknown) => jsonResponse(200, { status: "success", data });
  if (path === "/loki/api/v1/query_range") return success(queryRange(parameters, store, now));
  if (path === "/loki/api/v1/query") return success(queryInstant(parameters, store, now));
  if (path === "/loki/api/v1/labels" || path === "/loki/api/v1/label") {
    return success([...new Set(store.streams().flatMap(({ labels }) => Object.keys(labels)))].sort());
  }
  const [, label] = /^\/loki\/api\/v1\/label\/([^/]+)\/values$/.exec(path) ?? [];
  if (label !== undefined) {
    const values = new Set(store.streams().map(({ labels }) => labels[decodeURIComponent(label)]));
    values.delete(undefined as never);
    return success([...values].sort());
  }
  if (path === "/loki/api/v1/series") {
    const selectors = parameters.getAll("match[]").map((text) => selectorOf(parseLogQuery(text)));
    const streams = store.streams().map(({ labels }) => labels);
    return success(
      streams.filter(
        (labels) => selectors.length === 0 || selectors.some((one) => one.matchesStream(labels)),
      ),
    );
  }
  return undefined;
}

function selectorOf(query: LogQuery): LogSelector {
  return query.type === "logs" ? query.selector : query.metric.selector;
}

/** Nanoseconds, seconds with fractions, or a date. @throws RangeError */
function timeOf(text: string | null, fallback: bigint): bigint {
  if (text === null || text === "") return fallback;
  if (/^\d{15,20}$/.test(text)) return BigInt(text);
  if (/^\d{1,11}(\.\d+)?$/.test(text)) return BigInt(Math.round(Number(text) * 1e6)) * 1000n;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new RangeError(`could not parse ${JSON.stringify(text)} as a time`);
  return BigInt(ms) * 1_000_000n;
}

function limitOf(parameters: URLSearchParams): number {
  const limit = Number(parameters.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit <= 0) throw new RangeError("limit must be a positive value");
  if (limit > MAX_ENTRIES)
    throw new RangeError(
      `max entries limit per query exceeded, limit > max_entries_limit (${limit} > ${MAX_ENTRIES})`,
    );
  return limit;
}

function queryRange(parameters: URLSearchParams, store: LogStore, now: bigint): object {
  const query = parseLogQuery(parameters.get("query") ?? "");
  const toUnixNano = timeOf(parameters.get("end"), now);
  const fromUnixNano = timeOf(parameters.get("start"), toUnixNano - HOUR_NANOS);
  if (query.type === "logs") {
    const forward = parameters.get("direction")?.toLowerCase() === "forward";
    return streamsOf(store, query.selector, fromUnixNano, toUnixNano, limitOf(parameters), forward);
  }
  const [startMs, endMs] = [Number(fromUnixNano / 1_000_000n), Number(toUnixNano / 1_000_000n)];
  const stepMs = stepOf(parameters.get("step"), endMs - startMs);
  if ((endMs - startMs) / stepMs > MAX_POINTS)
    throw new RangeError(`exceeded maximum resolution of ${MAX_POINTS} points per time series`);
  const times: number[] = [];
  for (let ms = startMs; ms <= endMs; ms += stepMs) times.push(ms);
  const series = evaluate(store, query.metric, times);
  return {
    resultType: "matrix",
    result: series.map(({ labels, counts }) => ({
      metric: labels,
      values: counts.flatMap((count, i) => (count === 0 ? [] : [[times[i] / 1000, String(count)]])),
    })),
    stats: {},
  };
}

function queryInstant(parameters: URLSearchParams, store: LogStore, now: bigint): object {
  const query = parseLogQuery(parameters.get("query") ?? "");
  const time = timeOf(parameters.get("time"), now);
  if (query.type === "logs")
    return streamsOf(store, query.selector, time - HOUR_NANOS, time, limitOf(parameters), false);
  const ms = Number(time / 1_000_000n);
  const series = evaluate(store, query.metric, [ms]);
  return {
    resultType: "vector",
    result: series.map(({ labels, counts }) => ({ metric: labels, value: [ms / 1000, String(counts[0])] })),
    stats: {},
  };
}

function stepOf(text: string | null, lengthMs: number): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text ?? "") ?? [];
  const size = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? "s"] ?? 1000;
  const step = amount === undefined ? lengthMs / 250 : Number(amount) * size;
  return Math.max(1, step);
}

/** Lines by their labels, each stream's in the order asked for. */
function streamsOf(
  store: LogStore,
  selector: LogSelector,
  fromUnixNano: bigint,
  toUnixNano: bigint,
  limit: number,
  forward: boolean,
): object {
  const streams = new Map<string, { stream: Record<string, string>; values: [string, string][] }>();
  let [found, scanned] = [0, 0];
  for (const log of store.read({ fromUnixNano, toUnixNano, forward, traceId: selector.traceId })) {
    if (++scanned > MAX_RECORDS_SCANNED) break;
    const labels = selector.apply(log);
    if (labels === undefined) continue;
    const key = JSON.stringify(labels);
    const value: [string, string] = [String(log.unixNano), log.line];
    const stream = streams.get(key);
    if (stream === undefined) streams.set(key, { stream: labels, values: [value] });
    else stream.values.push(value);
    if (++found >= limit) break;
  }
  return { resultType: "streams", result: [...streams.values()], stats: {} };
}

/** Each series' value at each time: what happened within the range before it. Times ascend. */
function evaluate(
  store: LogStore,
  metric: LogMetric,
  times: readonly number[],
): { labels: Record<string, string>; counts: number[] }[] {
  const { selector, rangeMs, by, kind } = metric;
  const series = new Map<string, { labels: Record<string, string>; counts: number[] }>();
  const fromUnixNano = BigInt(Math.floor(times[0] - rangeMs)) * 1_000_000n;
  const toUnixNano = BigInt(Math.ceil(times.at(-1)!) + 1) * 1_000_000n;
  const stepMs = times.length > 1 ? times[1] - times[0] : 1;
  let scanned = 0;
  for (const log of store.read({ fromUnixNano, toUnixNano, traceId: selector.traceId })) {
    if (++scanned > MAX_RECORDS_SCANNED) break;
    const all = selector.apply(log);
    if (all === undefined) continue;
    const labels =
      by === undefined
        ? log.labels
        : Object.fromEntries(by.filter((name) => Object.hasOwn(all, name)).map((name) => [name, all[name]]));
    const key = JSON.stringify(labels);
    let one = series.get(key);
    if (one === undefined) series.set(key, (one = { labels, counts: times.map(() => 0) }));
    const ms = Number(log.unixNano / 1_000_000n);
    // It counts at all times from its own until the range has passed.
    const first = Math.max(0, Math.ceil((ms - times[0]) / stepMs));
    for (let i = first; i < times.length && times[i] < ms + rangeMs; i++)
      one.counts[i] += kind.startsWith("bytes") ? log.line.length : 1;
  }
  const perSecond = kind.endsWith("rate") ? rangeMs / 1000 : 1;
  return [...series.values()].map(({ labels, counts }) => ({
    labels,
    counts: counts.map((count) => count / perSecond),
  }));
}

/** JSON push: `{"streams": [{"stream": {…}, "values": [["<ns>", "line", {…}]]}]}`. */
async function push(request: HttpRequest, store: LogStore): Promise<HttpResponse> {
  if (request.method !== "POST") return textResponse(405, "method not allowed\n");
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    return textResponse(415, "only application/json is taken here; protobuf comes in by OTLP\n");
  }
  const bytes = await readBody(request.body, PUSH_LIMIT_BYTES);
  let logs: StoredLog[];
  try {
    logs = readPush(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    return textResponse(400, `${(error as Error).message}\n`);
  }
  store.add(logs);
  return { status: 204 };
}

function readPush(body: unknown): StoredLog[] {
  const streams = (body as { streams?: unknown } | null)?.streams;
  if (!Array.isArray(streams)) throw new Error("streams: expected a list");
  return streams.flatMap((given: { stream?: unknown; values?: unknown }) => {
    const labels = textMap(given?.stream, "stream");
    if (!Array.isArray(given.values)) throw new Error("values: expected a list");
    return given.values.map((value: unknown): StoredLog => {
      if (!Array.isArray(value) || !/^\d{1,19}$/.test(String(value[0])) || typeof value[1] !== "string") {
        throw new Error('values: expected ["<unix epoch in nanoseconds>", "<log line>"]');
      }
      return {
        unixNano: BigInt(value[0]),
        labels,
        line: value[1],
        metadata: value[2] === undefined ? {} : textMap(value[2], "metadata"),
      };
    });
  });
}

function textMap(value: unknown, name: string): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${name}: expected a map`);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (typeof item !== "string") throw new Error(`${name}.${key}: expected a string`);
      return [key, item];
    }),
  );
}
