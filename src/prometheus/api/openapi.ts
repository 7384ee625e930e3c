/** `/api/v1/openapi.yaml`: the API's paths, parameters and envelopes as an OpenAPI document (`web/api/v1/openapi.go`). */
import { stringify } from "yaml";
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import type { PrometheusServer } from "../server-state.ts";
import { BUILD_INFO } from "./status-api.ts";

type ParameterKind = "text" | "texts" | "integer" | "boolean" | "time" | "duration";

interface Described {
  summary: string;
  tag: string;
  /** Method → `operationId`. */
  methods: Record<string, string>;
  /** Name → kind; a name with `!` in front is required. */
  parameters?: Record<string, ParameterKind>;
  /** Of what is no JSON: the types that are sent and answered. */
  body?: string[];
}

const MATCH = { "match[]": "texts" } as const;
const TIMES = { start: "time", end: "time" } as const;
const SERIES = { ...TIMES, ...MATCH, limit: "integer" } as const;
const QUERY = { limit: "integer", timeout: "duration", lookback_delta: "duration", stats: "text" } as const;
const SEARCH = {
  ...SERIES,
  "search[]": "texts",
  fuzz_threshold: "integer",
  fuzz_alg: "text",
  case_sensitive: "boolean",
  sort_by: "text",
  sort_dir: "text",
  include_score: "boolean",
  batch_size: "integer",
} as const;

const get = (id: string) => ({ get: id });
const getOrPost = (id: string) => ({ get: id, post: `${id}-post` });
const putOrPost = (id: string) => ({ put: `${id}Put`, post: `${id}Post` });
const PROTOBUF = "application/x-protobuf";

const PATHS: Record<string, Described> = {
  "/query": {
    summary: "Evaluate an expression at one time",
    tag: "query",
    methods: getOrPost("query"),
    parameters: { "!query": "text", time: "time", ...QUERY },
  },
  "/query_range": {
    summary: "Evaluate an expression at steps of a time range",
    tag: "query",
    methods: getOrPost("query-range"),
    parameters: { "!query": "text", "!start": "time", "!end": "time", "!step": "duration", ...QUERY },
  },
  "/query_exemplars": {
    summary: "Exemplars of the series that an expression selects",
    tag: "query",
    methods: getOrPost("query-exemplars"),
    parameters: { "!query": "text", ...TIMES },
  },
  "/format_query": {
    summary: "Format an expression",
    tag: "query",
    methods: getOrPost("format-query"),
    parameters: { "!query": "text" },
  },
  "/parse_query": {
    summary: "Parse an expression into its syntax tree",
    tag: "query",
    methods: getOrPost("parse-query"),
    parameters: { "!query": "text" },
  },
  "/labels": { summary: "Names of labels", tag: "labels", methods: getOrPost("labels"), parameters: SERIES },
  "/label/{name}/values": {
    summary: "Values of a label",
    tag: "labels",
    methods: get("label-values"),
    parameters: SERIES,
  },
  "/series": {
    summary: "Series that match selectors",
    tag: "series",
    methods: getOrPost("series"),
    parameters: { ...SERIES, "match[]": "texts" },
  },
  "/search/metric_names": {
    summary: "Search for names of metrics",
    tag: "metadata",
    methods: getOrPost("search-metric-names"),
    parameters: { ...SEARCH, include_metadata: "boolean" },
    body: ["application/x-ndjson"],
  },
  "/search/label_names": {
    summary: "Search for names of labels",
    tag: "labels",
    methods: getOrPost("search-label-names"),
    parameters: SEARCH,
    body: ["application/x-ndjson"],
  },
  "/search/label_values": {
    summary: "Search for values of a label",
    tag: "labels",
    methods: getOrPost("search-label-values"),
    parameters: { "!label": "text", ...SEARCH },
    body: ["application/x-ndjson"],
  },
  "/metadata": {
    summary: "Type, help and unit of metrics",
    tag: "metadata",
    methods: get("get-metadata"),
    parameters: { limit: "integer", limit_per_metric: "integer", metric: "text" },
  },
  "/scrape_pools": { summary: "Names of scrape pools", tag: "targets", methods: get("get-scrape-pools") },
  "/scrape_pools/config": {
    summary: "The configuration of a scrape pool",
    tag: "targets",
    methods: get("get-scrape-pool-config"),
    parameters: { "!scrapePool": "text" },
  },
  "/targets": {
    summary: "Targets and how their scrapes went",
    tag: "targets",
    methods: get("get-targets"),
    parameters: { scrapePool: "text", state: "text" },
  },
  "/targets/metadata": {
    summary: "What targets say of their metrics",
    tag: "targets",
    methods: get("get-targets-metadata"),
    parameters: { match_target: "text", metric: "text", limit: "integer" },
  },
  "/targets/relabel_steps": {
    summary: "What each relabelling rule does to labels",
    tag: "targets",
    methods: get("get-targets-relabel-steps"),
    parameters: { "!scrapePool": "text", "!labels": "text" },
  },
  "/rules": {
    summary: "Groups of rules and their state",
    tag: "rules",
    methods: get("rules"),
    parameters: {
      type: "text",
      "rule_name[]": "texts",
      "rule_group[]": "texts",
      "file[]": "texts",
      ...MATCH,
      exclude_alerts: "boolean",
      group_limit: "integer",
      group_next_token: "text",
    },
  },
  "/alerts": { summary: "Active alerts", tag: "alerts", methods: get("alerts") },
  "/alertmanagers": {
    summary: "Alertmanagers that were found",
    tag: "alerts",
    methods: get("alertmanagers"),
  },
  "/status/config": { summary: "The configuration", tag: "status", methods: get("get-status-config") },
  "/status/runtimeinfo": { summary: "The process", tag: "status", methods: get("get-status-runtimeinfo") },
  "/status/buildinfo": { summary: "The build", tag: "status", methods: get("get-status-buildinfo") },
  "/status/flags": { summary: "The flags", tag: "status", methods: get("get-status-flags") },
  "/status/tsdb": {
    summary: "Cardinality of the store's head",
    tag: "status",
    methods: get("status-tsdb"),
    parameters: { limit: "integer" },
  },
  "/status/tsdb/blocks": {
    summary: "Blocks of the store",
    tag: "status",
    methods: get("status-tsdb-blocks"),
  },
  "/status/walreplay": {
    summary: "How far the log was read",
    tag: "status",
    methods: get("get-status-walreplay"),
  },
  "/status/self_metrics": {
    summary: "The server's own metrics",
    tag: "status",
    methods: get("get-status-self-metrics"),
    parameters: { metric_name_pattern: "text" },
  },
  "/admin/tsdb/delete_series": {
    summary: "Delete samples of series",
    tag: "admin",
    methods: putOrPost("deleteSeries"),
    parameters: { "!match[]": "texts", ...TIMES },
  },
  "/admin/tsdb/clean_tombstones": {
    summary: "Remove what was deleted from the disk",
    tag: "admin",
    methods: putOrPost("cleanTombstones"),
  },
  "/admin/tsdb/snapshot": {
    summary: "Copy the store",
    tag: "admin",
    methods: putOrPost("snapshot"),
    parameters: { skip_head: "boolean" },
  },
  "/read": { summary: "Remote read", tag: "remote", methods: { post: "remoteRead" }, body: [PROTOBUF] },
  "/write": { summary: "Remote write", tag: "remote", methods: { post: "remoteWrite" }, body: [PROTOBUF] },
  "/otlp/v1/metrics": {
    summary: "Metrics by OTLP",
    tag: "otlp",
    methods: { post: "otlpWrite" },
    body: [PROTOBUF, "application/json"],
  },
  "/notifications": {
    summary: "What the server has to tell",
    tag: "notifications",
    methods: get("get-notifications"),
  },
  "/features": { summary: "What is there and switched on", tag: "features", methods: get("get-features") },
};
/** Only in documents of OpenAPI 3.2, which knows streams of events. */
const LIVE: Described = {
  summary: "Notifications as they come",
  tag: "notifications",
  methods: get("get-notifications-live"),
  body: ["text/event-stream"],
};

const SCHEMAS: Record<ParameterKind, unknown> = {
  text: { type: "string" },
  texts: { type: "array", items: { type: "string" } },
  integer: { type: "integer", format: "int64" },
  boolean: { type: "boolean" },
  time: {
    oneOf: [
      { type: "string", format: "date-time" },
      { type: "number", format: "unixtime" },
    ],
  },
  duration: {
    oneOf: [
      { type: "string", format: "duration" },
      { type: "number", format: "float" },
    ],
  },
};

const SUCCESS = {
  type: "object",
  required: ["status"],
  properties: {
    status: { type: "string", enum: ["success"] },
    data: {},
    warnings: { type: "array", items: { type: "string" } },
    infos: { type: "array", items: { type: "string" } },
  },
};
const ERROR = {
  type: "object",
  required: ["status", "errorType", "error"],
  properties: {
    status: { type: "string", enum: ["error"] },
    errorType: { type: "string" },
    error: { type: "string" },
  },
};

export function openApi(request: HttpRequest, server: PrometheusServer): HttpResponse {
  const wanted = new URLSearchParams(request.target.split("?")[1]).get("openapi_version") ?? "";
  const version = wanted === "3.2" || wanted === "3.2.0" ? "3.2.0" : "3.1.0";
  return {
    status: 200,
    headers: {
      "content-type": "application/yaml; charset=utf-8",
      "cache-control": "no-cache, no-store, must-revalidate",
    },
    body: stringify(openApiDocument(version, server.externalUrl), { aliasDuplicateObjects: false }),
  };
}

export function openApiDocument(version: "3.1.0" | "3.2.0", externalUrl: string) {
  const paths = version === "3.2.0" ? { ...PATHS, "/notifications/live": LIVE } : PATHS;
  return {
    openapi: version,
    info: {
      title: "Prometheus API",
      description: "The HTTP API of Prometheus.",
      version: BUILD_INFO.version,
    },
    servers: [{ url: `${externalUrl}/api/v1` }],
    paths: Object.fromEntries(Object.entries(paths).map(([path, each]) => [path, pathItem(path, each)])),
    components: { schemas: { Success: SUCCESS, Error: ERROR } },
    tags: [...new Set(Object.values(paths).map(({ tag }) => tag))].map((name) => ({ name })),
  };
}

function pathItem(path: string, described: Described) {
  return Object.fromEntries(
    Object.entries(described.methods).map(([method, id]) => [method, operation(path, method, id, described)]),
  );
}

function operation(
  path: string,
  method: string,
  id: string,
  { summary, tag, parameters = {}, body }: Described,
) {
  const fields = Object.entries(parameters).map(([name, kind]) => ({
    name: name.replace("!", ""),
    required: name.startsWith("!"),
    schema: SCHEMAS[kind],
  }));
  const inPath = path.includes("{name}")
    ? [{ name: "name", in: "path", required: true, schema: SCHEMAS.text }]
    : [];
  // What a form may say, the query may say too; the document tells of the form.
  const isForm = method === "post" && fields.length > 0 && tag !== "admin";
  const query = isForm ? [] : fields.map(({ name, ...rest }) => ({ name, in: "query", ...rest }));
  const all = [...inPath, ...query];
  const sent = isForm ? formBody(fields) : method === "post" && body ? bodyOf(body) : undefined;
  return {
    tags: [tag],
    summary,
    operationId: id,
    ...(all.length > 0 && { parameters: all }),
    ...(sent !== undefined && { requestBody: sent }),
    responses: responses(path, method, body),
  };
}

function formBody(fields: { name: string; required: boolean; schema: unknown }[]) {
  const required = fields.filter((field) => field.required).map(({ name }) => name);
  const schema = {
    type: "object",
    properties: Object.fromEntries(fields.map(({ name, schema: of }) => [name, of])),
    ...(required.length > 0 && { required }),
  };
  return { required: true, content: { "application/x-www-form-urlencoded": { schema } } };
}

function bodyOf(types: string[]) {
  return {
    required: true,
    content: Object.fromEntries(
      types.map((type) => [type, { schema: { type: "string", format: "binary" } }]),
    ),
  };
}

function responses(path: string, method: string, body: string[] | undefined) {
  const json = (name: string) => ({
    "application/json": { schema: { $ref: `#/components/schemas/${name}` } },
  });
  const isWrite =
    path === "/write" || path.startsWith("/admin/tsdb/delete") || path.startsWith("/admin/tsdb/clean");
  if (isWrite) return { 204: { description: "Done." }, default: { description: "Not done." } };
  const content =
    body === undefined ? json("Success") : method === "get" || path === "/read" ? bodyOf(body).content : {};
  return {
    200: { description: "The answer.", content },
    default: { description: "What is wrong.", content: json("Error") },
  };
}
