import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpRequest, readBody } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import type { ExporterFactory, LogEntry, SpanRecord } from "./exporter.ts";
import { MAX_WAITING_RECORDS } from "./exporter.ts";
import { ServiceTelemetry, traceFields } from "./service-telemetry.ts";

function telemetryOf(options: { env?: Record<string, string>; exporter?: ExporterFactory } = {}) {
  const clock = new VirtualClock();
  const telemetry = new ServiceTelemetry({
    clock,
    random: seededRandom(1),
    log: silentLogger,
    env: options.env ?? {},
    pod: "test-db-small-0",
    tier: "small",
    exporter: options.exporter,
  });
  const page = (accept = "") => String(telemetry.metrics(requestOf("GET", "/metrics", { accept })).body);
  return { clock, telemetry, page };
}

function requestOf(
  method: string,
  target: string,
  headers: Record<string, string> = {},
  body = "",
): HttpRequest {
  const { signal } = new AbortController();
  return { method, target, headers, body: bodyOf(body), remoteAddress: "10.0.0.1", signal };
}

test("ServiceTelemetry has the inventory of the design on /metrics", () => {
  const { telemetry, page } = telemetryOf();
  telemetry.tenantServed("acme", false);
  telemetry.tenantServed("acme", true);
  telemetry.tenantServed("zeta", true);
  const scope = telemetry.begin(requestOf("GET", "/api/v1/resources"));
  scope.route = "/api/v1/resources";
  scope.finish({ status: 200, body: "[]" });
  const text = page();
  for (const line of [
    'percolate_active_tenants{tier="small"} 2',
    'percolate_tenant_requests_total{pod="test-db-small-0",tier="small",tenant_id="acme"} 2',
    'percolate_affinity_hits_total{pod="test-db-small-0",tenant_id="acme"} 1',
    'http_server_response_body_size_bytes_sum{url_scheme="http",http_request_method="GET",http_response_status_code="200",http_route="/api/v1/resources"} 2',
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
  assert.match(text, /^http_server_request_duration_seconds_count\{/m);
  assert.doesNotMatch(text, /http_server_duration/);
});

test("percolate_active_tenants falls by the clock alone", async () => {
  const { clock, telemetry, page } = telemetryOf();
  telemetry.tenantServed("acme", true);
  await clock.advance(299_999);
  assert.match(page(), /^percolate_active_tenants\{tier="small"\} 1$/m);
  await clock.advance(1);
  assert.match(page(), /^percolate_active_tenants\{tier="small"\} 0$/m);
});

test("a tenant's series are no longer exported when it is idle for long", async () => {
  const { clock, telemetry, page } = telemetryOf();
  telemetry.tenantServed("acme", true);
  assert.match(page(), /tenant_id="acme"/);
  await clock.advance(16 * 60_000);
  assert.doesNotMatch(page(), /tenant_id="acme"/);
});

test("OTEL_SEMCONV_STABILITY_OPT_IN=http/dup adds the old HTTP names", () => {
  const { telemetry, page } = telemetryOf({ env: { OTEL_SEMCONV_STABILITY_OPT_IN: "http/dup" } });
  telemetry.begin(requestOf("BREW", "/pot")).finish({ status: 418 });
  assert.match(
    page(),
    /^http_server_duration_milliseconds_count\{http_scheme="http",http_method="_OTHER",http_status_code="418"/m,
  );
  assert.match(page(), /^http_server_request_duration_seconds_count\{.*http_request_method="_OTHER"/m);
});

test("a request's span reaches the exporter that comes later, and its trace is in exemplars and logs", async () => {
  const spans: SpanRecord[] = [];
  const logs: LogEntry[] = [];
  const exporter: ExporterFactory = async () => ({
    span: (record) => void spans.push(record),
    log: (entry) => void logs.push(entry),
    shutdown: async () => {},
  });
  const { clock, telemetry, page } = telemetryOf({ exporter });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const scope = telemetry.begin(requestOf("POST", "/api/v1/resources?x=1", { traceparent }, "12345"));
  scope.route = "/api/v1/resources";
  await readBody(scope.body());
  await clock.advance(250);
  telemetry.log.info("written", { tenant_id: "acme", ...traceFields(scope.span) });
  async function* stream() {
    yield new Uint8Array(3);
    yield new Uint8Array(4);
  }
  const response = scope.finish({ status: 500, body: stream() });
  assert.equal(spans.length, 0);
  await readBody(response.body as AsyncIterable<Uint8Array>);
  await telemetry.connect();
  assert.equal(spans.length, 1);
  const [span] = spans;
  assert.equal(span.name, "POST /api/v1/resources");
  assert.equal(span.parent?.spanId, "b7ad6b7169203331");
  assert.equal(span.context.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(span.endMs - span.startMs, 250);
  assert.equal(span.error, "HTTP 500");
  assert.equal(span.attributes["url.path"], "/api/v1/resources");
  assert.equal(logs[0].span?.traceId, span.context.traceId);
  assert.deepEqual(logs[0].attributes, { tenant_id: "acme" });
  const text = page("application/openmetrics-text");
  assert.match(
    text,
    /http_server_request_duration_seconds_bucket\{.*le="0.25"\} 1 # \{trace_id="0af7651916cd43dd8448eb211c80319c"/,
  );
  assert.match(text, /http_server_request_body_size_bytes_sum\{.*\} 5$/m);
  assert.match(text, /http_server_response_body_size_bytes_sum\{.*\} 7$/m);
});

test("records that nobody fetches are bounded, and an exporter that fails does not matter", async () => {
  let delivered = 0;
  const counting: ExporterFactory = async () => ({
    span: () => delivered++,
    log: () => {},
    shutdown: async () => {},
  });
  const { telemetry } = telemetryOf({ exporter: counting });
  for (let i = 0; i < MAX_WAITING_RECORDS + 10; i++)
    telemetry.begin(requestOf("GET", "/")).finish({ status: 200 });
  await telemetry.connect();
  assert.equal(delivered, MAX_WAITING_RECORDS);
  const broken = telemetryOf({ exporter: () => Promise.reject(new Error("no such module")) });
  await broken.telemetry.connect();
  broken.telemetry.begin(requestOf("GET", "/")).finish({ status: 200 });
  await broken.telemetry.shutdown();
  assert.match(broken.page(), /http_server_request_duration_seconds_count/);
});

test("shutdown() does not wait for an exporter that hangs", async () => {
  const hanging: ExporterFactory = async () => ({
    span() {},
    log() {},
    shutdown: () => new Promise(() => {}),
  });
  const { clock, telemetry } = telemetryOf({ exporter: hanging });
  await telemetry.connect();
  await clock.runUntil(telemetry.shutdown(), 10_000);
});
