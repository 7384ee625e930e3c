/** Tempo's HTTP API over the store: a trace by its id, search, tags (https://grafana.com/docs/tempo/latest/api_docs/). */
import { type HttpHandler, type HttpResponse, jsonResponse, textResponse } from "../../base/network.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import type { ResourceSpans } from "../../model/otlp-traces.ts";
import { resourceSpansJson } from "../../wire/otlp/traces-json.ts";
import { encodeTraces } from "../../wire/otlp/traces-protobuf.ts";
import { parseTraceQuery, type SpanTest } from "./trace-query.ts";
import type { SpanBounds, StoredSpan, TraceStore } from "./trace-store.ts";

const DEFAULT_LIMIT = 20;
export const MAX_SEARCH_RESULTS = 1000;
/** Spans that one search looks at. */
export const MAX_SPANS_SEARCHED = 50_000;

export function tempoHandler(store: TraceStore): HttpHandler {
  return (request) => {
    const { pathname, searchParams } = new URL(request.target, "http://tempo");
    if (request.method !== "GET") return textResponse(405, "method not allowed\n");
    if (pathname === "/ready") return textResponse(200, "ready\n");
    if (pathname === "/api/echo") return textResponse(200, "echo");
    if (pathname === "/api/status/buildinfo") return jsonResponse(200, { version: "3.0.0", revision: "" });
    const [, version, traceId] = /^\/api\/(v2\/)?traces\/([^/]+)$/.exec(pathname) ?? [];
    if (traceId !== undefined) {
      return traceResponse(store, traceId, version !== undefined, request.headers["accept"] ?? "");
    }
    try {
      if (pathname === "/api/search") return jsonResponse(200, search(store, searchParams));
      const answer = tags(store, pathname);
      if (answer !== undefined) return jsonResponse(200, answer);
    } catch (error) {
      return textResponse(400, `${(error as Error).message}\n`);
    }
    return textResponse(404, "404 page not found\n");
  };
}

function traceResponse(store: TraceStore, given: string, isV2: boolean, accept: string): HttpResponse {
  if (!/^[0-9a-fA-F]{1,32}$/.test(given))
    return textResponse(400, "trace IDs can only contain hex characters\n");
  const spans = store.trace(given.toLowerCase().padStart(32, "0"));
  if (spans.length === 0) return textResponse(404, "trace not found\n");
  const merged = mergeByScope(spans);
  if (accept.includes("application/protobuf")) {
    return { status: 200, headers: { "content-type": "application/protobuf" }, body: encodeTraces(merged) };
  }
  const items = merged.map((resourceSpans) => withBase64Ids(resourceSpansJson(resourceSpans)));
  return jsonResponse(200, isV2 ? { trace: { resourceSpans: items } } : { batches: items });
}

/** Spans are stored one by one: those of one resource and scope belong together again. */
function mergeByScope(spans: readonly ResourceSpans[]): ResourceSpans[] {
  const key = ({ resource, scopeSpans }: ResourceSpans) =>
    JSON.stringify([resource, scopeSpans[0]?.scope], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
  return Array.from(Map.groupBy(spans, key).values(), (group) => ({
    ...group[0],
    scopeSpans: [
      { ...group[0].scopeSpans[0], spans: group.flatMap(({ scopeSpans }) => scopeSpans[0].spans) },
    ],
  }));
}

/** Tempo's JSON has ids in base64, as protobuf's own JSON does. */
function withBase64Ids(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBase64Ids);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      ["traceId", "spanId", "parentSpanId"].includes(key) && typeof item === "string"
        ? Buffer.from(item, "hex").toString("base64")
        : withBase64Ids(item),
    ]),
  );
}

// ---- search ----

function search(store: TraceStore, parameters: URLSearchParams): object {
  const limit = Math.min(Number(parameters.get("limit")) || DEFAULT_LIMIT, MAX_SEARCH_RESULTS);
  const { bounds, test } = conditionsOf(parameters);
  const matched = new Map<string, number>();
  let inspected = 0;
  for (const span of store.spans(bounds)) {
    if (++inspected > MAX_SPANS_SEARCHED) break;
    if (!test(span)) continue;
    if (!matched.has(span.traceId) && matched.size >= limit) break;
    matched.set(span.traceId, (matched.get(span.traceId) ?? 0) + 1);
  }
  const traces = Array.from(matched, ([traceId, count]) => summary(store.spansOf(traceId), count));
  return { traces, metrics: { inspectedTraces: matched.size, inspectedSpans: String(inspected) } };
}

function conditionsOf(parameters: URLSearchParams): { bounds: SpanBounds; test: SpanTest } {
  const seconds = (name: string) => {
    const value = parameters.get(name);
    if (value === null || value === "") return undefined;
    if (!/^\d{1,10}(\.\d+)?$/.test(value)) throw new Error(`invalid ${name}: ${value}`);
    return BigInt(Math.round(Number(value) * 1000)) * 1_000_000n;
  };
  const duration = (name: string) => {
    const value = parameters.get(name);
    return value === null || value === "" ? undefined : BigInt(Math.round(parseGoDuration(value) * 1e6));
  };
  const bounds: SpanBounds = {
    fromUnixNano: seconds("start"),
    toUnixNano: seconds("end"),
    minDurationNanos: duration("minDuration"),
    maxDurationNanos: duration("maxDuration"),
  };
  const query = parameters.get("q");
  const tests = query === null || query.trim() === "" ? [] : [parseTraceQuery(query)];
  for (const [key, value] of parseTags(parameters.get("tags") ?? "")) {
    if (key === "service.name") bounds.service = value;
    else if (key === "name") bounds.name = value;
    else tests.push((span) => span.attributes[key] === value);
  }
  return { bounds, test: (span) => tests.every((test) => test(span)) };
}

/** logfmt: `service.name=test-db http.method="GET"` */
function* parseTags(text: string): Generator<[key: string, value: string]> {
  for (const [, key, quoted, bare] of text.matchAll(/([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    yield [key, quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1")];
  }
}

/** A trace in a list of results. @param spans of the trace, oldest first */
function summary(spans: readonly StoredSpan[], matched: number): object {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const root =
    spans.find(({ parentSpanId }) => parentSpanId === "") ??
    spans.find(({ parentSpanId }) => !ids.has(parentSpanId)) ??
    spans[0];
  const start = spans[0].startUnixNano;
  let end = start;
  for (const span of spans)
    if (span.startUnixNano + span.durationNanos > end) end = span.startUnixNano + span.durationNanos;
  const services: Record<string, { spanCount: number; errorCount?: number }> = {};
  for (const [service, members] of Map.groupBy(spans, (span) => span.service)) {
    const errorCount = members.filter(({ status }) => status === 2).length;
    services[service] = { spanCount: members.length, ...(errorCount > 0 ? { errorCount } : {}) };
  }
  return {
    traceID: root.traceId,
    rootServiceName: root.parentSpanId === "" ? root.service : "<root span not yet received>",
    rootTraceName: root.name,
    startTimeUnixNano: String(start),
    durationMs: Math.round(Number(end - start) / 1e6),
    spanSet: { spans: [], matched },
    serviceStats: services,
  };
}

// ---- tags ----

/** Spans whose attributes are looked at for the names and values of tags. */
const TAG_SAMPLE = 2_000;
const INTRINSIC = ["duration", "name", "status", "rootName", "rootServiceName"];

function tags(store: TraceStore, pathname: string): object | undefined {
  const sample = function* () {
    let left = TAG_SAMPLE;
    for (const span of store.spans()) {
      if (left-- === 0) return;
      yield span;
    }
  };
  if (pathname === "/api/search/tags" || pathname === "/api/v2/search/tags") {
    const names = [...new Set(sample().flatMap(({ attributes }) => Object.keys(attributes)))].sort();
    if (pathname === "/api/search/tags") return { tagNames: [...names, "name"] };
    return {
      scopes: [
        { name: "span", tags: names },
        { name: "intrinsic", tags: INTRINSIC },
      ],
    };
  }
  const [, version, encoded] = /^\/api\/(v2\/)?search\/tag\/([^/]+)\/values$/.exec(pathname) ?? [];
  if (encoded === undefined) return undefined;
  const name = decodeURIComponent(encoded).replace(/^(resource\.|span\.|\.)/, "");
  const read = (span: StoredSpan) =>
    name === "service.name" ? span.service : name === "name" ? span.name : span.attributes[name];
  const values = [...new Set(sample().map(read))].filter((value) => value !== undefined).sort();
  return version === undefined
    ? { tagValues: values }
    : { tagValues: values.map((value) => ({ type: "string", value })) };
}
