/** `/api/v1`: which path and method is which operation (`web/api/v1/api.go`, `Register`). */
import { BodyLimitError, type HttpRequest, type HttpResponse } from "../../base/network.ts";
import type { MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { languageOf, writeFeatures } from "../flags.ts";
import type { Matcher } from "../matcher.ts";
import { parseMetricSelector, type QueryEngine } from "../promql/mod.ts";
import { decodeBytes } from "../promql/parser/unquote.ts";
import { createFastWrite } from "../remote/fast-write.ts";
import type { createOtlpReceiver } from "../remote/otlp-receiver.ts";
import type { createReadHandler } from "../remote/read-handler.ts";
import { createWriteReceiver, MAX_AHEAD_MS } from "../remote/write-receiver.ts";
import type { PrometheusServer } from "../server-state.ts";
import { cleanTombstones, deleteSeries, snapshot } from "./admin-api.ts";
import {
  ApiError,
  type ApiResult,
  apiErrorResponse,
  apiResponse,
  invalidParameter,
  readParameters,
} from "./api-request.ts";
import { features } from "./features-api.ts";
import { liveNotifications } from "./notifications-api.ts";
import {
  formatQuery,
  instantQuery,
  labelNames,
  labelValues,
  parseQuery,
  type QueryContext,
  queryExemplars,
  rangeQuery,
  series,
} from "./query-api.ts";
import { alertmanagers, alerts, rules } from "./rules-api.ts";
import type { SearchKind } from "./search-api.ts";
import { selfMetrics } from "./self-metrics-api.ts";
import * as status from "./status-api.ts";

export interface ApiOptions {
  server: PrometheusServer;
  engine: QueryEngine;
  /** Any number that clients can't know. */
  hashSeed: number;
  /** What `/metrics` shows. */
  ownFamilies: () => Promise<MetricFamily[]>;
}

interface Call extends QueryContext {
  server: PrometheusServer;
  ownFamilies: () => Promise<MetricFamily[]>;
  /** What the path's variable part is, decoded. */
  variable: string;
}

type Operation = (call: Call) => ApiResult | Promise<ApiResult>;

const READ = ["GET"];
const READ_OR_FORM = ["GET", "POST"];
const ADMIN = ["POST", "PUT"];

/** Path → methods and operation. */
const OPERATIONS: Record<string, [methods: string[], operation: Operation]> = {
  "/query": [READ_OR_FORM, instantQuery],
  "/query_range": [READ_OR_FORM, rangeQuery],
  "/query_exemplars": [READ_OR_FORM, queryExemplars],
  "/format_query": [READ_OR_FORM, formatQuery],
  "/parse_query": [READ_OR_FORM, parseQuery],
  "/labels": [READ_OR_FORM, labelNames],
  "/series": [READ_OR_FORM, series],
  "/scrape_pools": [READ, ({ server }) => status.scrapePools(server)],
  "/scrape_pools/config": [READ, ({ server, parameters }) => status.scrapePoolConfig(server, parameters)],
  "/targets": [READ, ({ server, parameters }) => status.targets(server, parameters)],
  "/targets/metadata": [READ, targetMetadata],
  "/targets/relabel_steps": [READ, ({ server, parameters }) => status.relabelSteps(server, parameters)],
  "/alertmanagers": [READ, alertmanagers],
  "/alerts": [READ, alerts],
  "/rules": [READ, rules],
  "/notifications": [READ, ({ server }) => ({ data: server.notifications.list })],
  "/features": [READ, ({ server }) => features(server)],
  "/metadata": [READ, ({ server, parameters }) => status.metadata(server, parameters)],
  "/status/config": [READ, ({ server }) => status.statusConfig(server)],
  "/status/runtimeinfo": [READ, ({ server }) => status.runtimeInfo(server)],
  "/status/buildinfo": [READ, () => ({ data: status.BUILD_INFO })],
  "/status/flags": [READ, ({ server }) => ({ data: server.flags.all() })],
  "/status/tsdb": [READ, ({ server, parameters }) => status.tsdbStatus(server, parameters)],
  "/status/tsdb/blocks": [READ, ({ server }) => ({ data: { blocks: server.tsdb.blocks() } })],
  "/status/walreplay": [READ, ({ server }) => ({ data: server.tsdb.walReplay })],
  "/status/self_metrics": [
    READ,
    async ({ ownFamilies, parameters }) => selfMetrics(await ownFamilies(), parameters),
  ],
  "/admin/tsdb/delete_series": [ADMIN, deleteSeries],
  "/admin/tsdb/clean_tombstones": [ADMIN, cleanTombstones],
  "/admin/tsdb/snapshot": [ADMIN, snapshot],
};

/** Those that read and write something else than parameters and JSON. */
type RawOperation = (request: HttpRequest, run: RawContext) => HttpResponse | Promise<HttpResponse>;

interface RawContext {
  server: PrometheusServer;
  write: (request: HttpRequest) => Promise<HttpResponse>;
  read: () => Promise<ReturnType<typeof createReadHandler>>;
  otlp: () => Promise<ReturnType<typeof createOtlpReceiver>>;
}

const RAW_OPERATIONS: Record<string, [methods: string[], operation: RawOperation]> = {
  "/write": [
    ["POST"],
    (request, { server, write }) =>
      server.flags.boolean("web.enable-remote-write-receiver")
        ? write(request)
        : text(404, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver"),
  ],
  "/otlp/v1/metrics": [
    ["POST"],
    async (request, { server, otlp }) => {
      if (!server.flags.boolean("web.enable-otlp-receiver"))
        return text(404, "otlp write receiver needs to be enabled with --web.enable-otlp-receiver");
      return (await otlp())(request);
    },
  ],
  "/read": [
    ["POST"],
    async (request, { server, read }) => {
      server.remoteReads.add(1);
      try {
        return await (await read())(request);
      } finally {
        server.remoteReads.add(-1);
      }
    },
  ],
  "/openapi.yaml": [
    READ,
    async (request, { server }) => {
      const { openApi } = await import("./openapi.ts");
      return openApi(request, server);
    },
  ],
  "/notifications/live": [READ, (request, { server }) => liveNotifications(request, server)],
  "/search/metric_names": [READ_OR_FORM, searchOperation("metric_names")],
  "/search/label_names": [READ_OR_FORM, searchOperation("label_names")],
  "/search/label_values": [READ_OR_FORM, searchOperation("label_values")],
};

function searchOperation(kind: SearchKind): RawOperation {
  return async (request, { server }) => {
    const { search } = await import("./search-api.ts");
    const parameters = await readParameters(request);
    return search(kind, { server, request, parameters, nowMs: server.clock.now() });
  };
}

function targetMetadata({ server, parameters }: Call): ApiResult {
  const text = parameters.get("match_target") ?? "";
  let matchers: Matcher[] = [];
  try {
    if (text !== "") matchers = parseMetricSelector(text);
  } catch (error) {
    throw invalidParameter("match_target", (error as Error).message);
  }
  return status.targetMetadata(server, parameters, (labels) =>
    matchers.every((matcher) => matcher.matches(labels.get(matcher.name))),
  );
}

/** Operations that a page of another origin may not ask, as upstream has them. */
const SAME_ORIGIN: ReadonlySet<string> = new Set(["/write", "/read", "/otlp/v1/metrics", "/openapi.yaml"]);

/** Whether an answer on a path is for pages of other origins too. */
export function allowsOtherOrigins(path: string, { status }: HttpResponse): boolean {
  const isKnown = Object.hasOwn(OPERATIONS, path) || Object.hasOwn(RAW_OPERATIONS, path);
  return status !== 405 && !SAME_ORIGIN.has(path) && (isKnown || LABEL_VALUES.test(path));
}

/** Every path of the API with its methods, for who describes it. */
export function apiPaths(): Map<string, readonly string[]> {
  const all = [...Object.entries(OPERATIONS), ...Object.entries(RAW_OPERATIONS)];
  return new Map(all.map(([path, [methods]]) => [path, methods]));
}

const LABEL_VALUES = /^\/label\/([^/]+)\/values$/;

/** Answers requests below `/api/v1`; undefined: there is no such path. */
export function createHttpApi(
  options: ApiOptions,
): (request: HttpRequest, path: string) => Promise<HttpResponse | undefined> {
  const { server, engine } = options;
  const write = createWriteReceiver({
    storage: server.appendable,
    clock: server.clock,
    log: server.log.with({ component: "web" }),
    accepted: server.flags.list("web.remote-write-receiver.accepted-protobuf-messages"),
    features: writeFeatures(server.flags),
    metrics: server.ingest,
    fast: createFastWrite({
      appender: () => server.appendable.appender(),
      now: () => server.clock.now(),
      maxAheadMs: MAX_AHEAD_MS,
      hashSeed: options.hashSeed,
    }),
  });

  async function run(request: HttpRequest, operation: Operation, variable: string): Promise<HttpResponse> {
    try {
      const parameters = await readParameters(request);
      const nowMs = server.clock.now();
      const call = {
        server,
        engine,
        queryable: server.tsdb,
        parser: languageOf(server.flags),
        nowMs,
        clock: server.clock,
        request,
        parameters,
        variable,
        ownFamilies: options.ownFamilies,
        queryLog: server.queryLog,
      };
      return apiResponse(await operation(call));
    } catch (error) {
      return failed(request, error);
    }
  }

  function failed(request: HttpRequest, error: unknown): HttpResponse {
    if (error instanceof ApiError) return apiErrorResponse(error);
    if (error instanceof BodyLimitError)
      return apiErrorResponse(
        new ApiError("bad_data", "error parsing form values: http: request body too large"),
      );
    server.log.error("API request failed", { path: request.target, err: error });
    return apiErrorResponse(new ApiError("internal", (error as Error).message));
  }

  /** Made for the first reader: most servers have none. */
  let reader: Promise<ReturnType<typeof createReadHandler>> | undefined;
  const read = () => (reader ??= openReader(server));
  let otlpReceiver: Promise<ReturnType<typeof createOtlpReceiver>> | undefined;
  const otlp = () => (otlpReceiver ??= openOtlpReceiver(server));

  return async (request, path) => {
    if (Object.hasOwn(RAW_OPERATIONS, path)) {
      const [methods, operation] = RAW_OPERATIONS[path];
      if (!methods.includes(request.method)) return methodNotAllowed(methods);
      try {
        return await operation(request, { server, write, read, otlp });
      } catch (error) {
        return failed(request, error);
      }
    }
    const match = LABEL_VALUES.exec(path);
    // Paths are told apart once they are decoded.
    const label = match !== null && /%2f/i.test(match[1]) ? null : match;
    const found: [string[], Operation] | undefined = label
      ? [READ, (call) => labelValues(call, call.variable)]
      : Object.hasOwn(OPERATIONS, path)
        ? OPERATIONS[path]
        : undefined;
    if (found === undefined) return undefined;
    const [methods, operation] = found;
    if (!methods.includes(request.method)) return methodNotAllowed(methods);
    return run(request, operation, label === null ? "" : decodePath(label[1]));
  };
}

async function openOtlpReceiver(server: PrometheusServer): Promise<ReturnType<typeof createOtlpReceiver>> {
  const { createOtlpReceiver: create } = await import("../remote/otlp-receiver.ts");
  return create(server);
}

async function openReader(server: PrometheusServer): Promise<ReturnType<typeof createReadHandler>> {
  const { createReadHandler: create } = await import("../remote/read-handler.ts");
  return create({
    queryable: server.tsdb,
    clock: server.clock,
    log: server.log.with({ component: "remote" }),
    externalLabels: () => server.config.global.external_labels ?? {},
    maxSamples: server.flags.number("storage.remote.read-sample-limit"),
    maxConcurrent: server.flags.number("storage.remote.read-concurrent-limit"),
    maxFrameBytes: server.flags.number("storage.remote.read-max-bytes-in-frame"),
  });
}

/** A part of a path, which may be no UTF-8. */
function decodePath(part: string): string {
  const bytes = part.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeBytes(Buffer.from(bytes, "latin1"));
}

/** The value of `Allow`. */
export function allowed(methods: readonly string[]): string {
  return [...methods, "OPTIONS"].sort().join(", ");
}

/** As upstream's router answers. */
export function methodNotAllowed(methods: readonly string[]): HttpResponse {
  const headers = {
    allow: allowed(methods),
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return { status: 405, headers, body: "Method Not Allowed\n" };
}

function text(status: number, body: string): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status, headers, body: `${body}\n` };
}
