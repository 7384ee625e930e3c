import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { OTLPLogExporter as GrpcLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPMetricExporter as GrpcMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as JsonMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as GrpcTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { parse, parseAllDocuments } from "yaml";
import { systemClock } from "../base/clock.ts";
import { systemDisk } from "../base/disk.ts";
import { bodyOf, type HttpRequest, readBody } from "../base/network.ts";
import type { WriteRequest } from "../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1 } from "../wire/remote-write/write-v1.ts";
import { snappyCompress, snappyDecompress } from "../wire/snappy.ts";
import { freePorts, network, startCollector } from "./collector-fixture.ts";
import { decodeConfig, FACTORIES } from "./mod.ts";

const HOST = "127.17.1.1";

/** A server that keeps what it was sent. */
async function startSink(answer: (request: HttpRequest) => number = () => 200) {
  const requests: { target: string; headers: Record<string, string>; body: Uint8Array }[] = [];
  const server = await network.serve({ host: HOST, port: 0 }, async (request) => {
    const body = await readBody(request.body);
    const status = answer({ ...request, body: bodyOf(body) });
    if (status === 200) requests.push({ target: request.target, headers: request.headers, body });
    return { status };
  });
  return { requests, server, url: `http://${HOST}:${server.port}` };
}

function metricsWith(exporter: PushMetricExporter) {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const resource = resourceFromAttributes({
    "service.name": "test-db",
    "service.instance.id": "test-db-small-0",
    tier: "small",
  });
  return new MeterProvider({ readers: [reader], resource });
}

const pipeline = (grpc: number, http: number, url: string) => `
receivers:
  otlp: { protocols: { grpc: { endpoint: "${HOST}:${grpc}" }, http: { endpoint: "${HOST}:${http}" } } }
processors:
  batch: { timeout: 20ms }
  resource: { attributes: [{ key: cluster.name, value: test-topology, action: upsert }] }
exporters:
  prometheusremotewrite: { endpoint: "${url}/api/v1/write", namespace: otlp }
  otlp_http: { endpoint: "${url}" }
  debug: { verbosity: detailed }
service:
  pipelines:
    metrics: { receivers: [otlp], processors: [batch, resource], exporters: [prometheusremotewrite, debug] }
    traces: { receivers: [otlp], processors: [batch, resource], exporters: [otlp_http, debug] }
    logs: { receivers: [otlp], processors: [batch, resource], exporters: [otlp_http, debug] }
`;

test("metrics of the official exporters reach remote write and the log, over gRPC, protobuf and JSON", async (t) => {
  const sink = await startSink();
  const [grpc, http] = await freePorts(HOST, 2);
  const { service, lines } = await startCollector(pipeline(grpc, http, sink.url));
  t.after(() => sink.server.close());
  const exporters = {
    grpc: new GrpcMetricExporter({ url: `http://${HOST}:${grpc}` }),
    proto: new ProtoMetricExporter({ url: `http://${HOST}:${http}/v1/metrics` }),
    json: new JsonMetricExporter({ url: `http://${HOST}:${http}/v1/metrics` }),
  };
  for (const [name, exporter] of Object.entries(exporters)) {
    const provider = metricsWith(exporter);
    const meter = provider.getMeter("percolate");
    meter.createCounter("percolate.tenant_requests", { unit: "requests" }).add(3, { tenant_id: name });
    meter.createHistogram("http.server.request.duration", { unit: "s" }).record(0.2, { "http.route": name });
    meter.createUpDownCounter("percolate.active_tenants", { unit: "tenants" }).add(2, { tier: name });
    await provider.shutdown();
  }
  await service.shutdown();
  const writes = sink.requests.map(({ body }) => decodeWriteRequestV1(snappyDecompress(body, 1e6)));
  for (const name of Object.keys(exporters)) {
    assert.equal(lastValue(writes, "otlp_percolate_tenant_requests_total", "tenant_id", name), 3);
    assert.equal(lastValue(writes, "otlp_percolate_active_tenants", "tier", name), 2);
    assert.equal(lastValue(writes, "otlp_http_server_request_duration_seconds_count", "http_route", name), 1);
  }
  const info = writes
    .flatMap(({ series }) => series)
    .find(({ labels }) => labels.get("__name__") === "otlp_target_info");
  assert.equal(info?.labels.get("cluster_name"), "test-topology");
  assert.equal(info?.labels.get("job"), "test-db");
  assert.equal(info?.labels.get("instance"), "test-db-small-0");
  const text = lines.join("\n");
  assert.match(text, /Metric #0\nDescriptor:\n {5}-> Name: percolate.tenant_requests\n/);
  assert.match(
    text,
    / {5}-> DataType: Sum\n {5}-> IsMonotonic: true\n {5}-> AggregationTemporality: Cumulative/,
  );
  assert.match(text, /"prometheusremotewrite" alias is deprecated; use "prometheus_remote_write" instead/);
});

function lastValue(writes: WriteRequest[], name: string, label: string, value: string): number | undefined {
  const series = writes
    .flatMap((write) => write.series)
    .findLast(({ labels }) => labels.get("__name__") === name && labels.get(label) === value);
  return series?.samples.at(-1)?.value;
}

test("traces and logs of the official exporters pass through", async (t) => {
  const sink = await startSink();
  t.after(() => sink.server.close());
  const [grpc, http] = await freePorts(HOST, 2);
  const { service, lines } = await startCollector(pipeline(grpc, http, sink.url));
  const url = `http://${HOST}:${grpc}`;
  const tracer = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: new GrpcTraceExporter({ url }) })],
  });
  const span = tracer.getTracer("t").startSpan("GET /health", { attributes: { "http.method": "GET" } });
  span.end();
  await tracer.forceFlush();
  await tracer.shutdown();
  const logs = new LoggerProvider({
    processors: [new SimpleLogRecordProcessor({ exporter: new GrpcLogExporter({ url }) })],
  });
  logs.getLogger("t").emit({ body: "tenant moved", severityNumber: 9, severityText: "INFO" });
  await logs.forceFlush();
  await logs.shutdown();
  await service.shutdown();
  assert.deepEqual(sink.requests.map(({ target }) => target).sort(), ["/v1/logs", "/v1/traces"]);
  const text = lines.join("\n");
  assert.match(text, / {4}Name {11}: GET \/health\n/);
  assert.match(text, /SeverityNumber: Info\(9\)\nBody: Str\(tenant moved\)/);
});

test("a write that fails is sent again, in order, and nothing is lost", async (t) => {
  let failures = 3;
  const sink = await startSink(() => (failures-- > 0 ? 503 : 200));
  t.after(() => sink.server.close());
  const [grpc, http] = await freePorts(HOST, 2);
  const { service } = await startCollector(pipeline(grpc, http, sink.url));
  const provider = metricsWith(new GrpcMetricExporter({ url: `http://${HOST}:${grpc}` }));
  const counter = provider.getMeter("t").createCounter("c");
  for (let i = 0; i < 3; i++) {
    counter.add(1);
    await provider.forceFlush();
  }
  await provider.shutdown();
  while (sink.requests.length === 0) await systemClock.sleep(5);
  await service.shutdown();
  const values = sink.requests
    .flatMap(({ body }) => decodeWriteRequestV1(snappyDecompress(body, 1e6)).series)
    .filter(({ labels }) => labels.get("__name__") === "otlp_c_total")
    .flatMap(({ samples }) => samples.map(({ value }) => value));
  assert.deepEqual([...values].sort(), values);
  assert.equal(values.at(-1), 3);
});

test("OTLP over HTTP answers what OTLP asks for", async (t) => {
  const sink = await startSink();
  t.after(() => sink.server.close());
  const [grpc, http] = await freePorts(HOST, 2);
  const { service } = await startCollector(pipeline(grpc, http, sink.url));
  t.after(() => service.shutdown());
  const json = { "content-type": "application/json" };
  const cases: [
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string,
    status: number,
  ][] = [
    ["POST", "/v1/metrics", json, "{}", 200],
    ["POST", "/v1/metrics", { "content-type": "application/x-protobuf" }, "", 200],
    ["POST", "/v1/metrics", json, "{", 400],
    ["POST", "/v1/metrics", { "content-type": "application/x-protobuf" }, "{", 400],
    ["POST", "/v1/metrics", { ...json, "content-encoding": "br" }, "{}", 400],
    ["POST", "/v1/metrics", { "content-type": "text/plain" }, "{}", 415],
    ["GET", "/v1/metrics", json, "", 405],
    ["POST", "/v1/other", json, "{}", 404],
  ];
  for (const [method, path, headers, body, status] of cases) {
    const response = await network.fetch(`http://${HOST}:${http}${path}`, {
      method,
      headers,
      body: method === "GET" ? undefined : body,
    });
    await response.bytes();
    assert.equal(response.status, status, `${method} ${path} ${JSON.stringify(headers)} ${body}`);
  }
});

test("a body is taken in every upstream encoding, up to the limit and not past it", async (t) => {
  const [port] = await freePorts(HOST, 1);
  const { service } = await startCollector(`
receivers:
  otlp: { protocols: { http: { endpoint: "${HOST}:${port}", max_request_body_size: 1000 } } }
exporters: { nop: }
service: { pipelines: { logs: { receivers: [otlp], exporters: [nop] } } }
`);
  t.after(() => service.shutdown());
  const encoders: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    "": (bytes) => bytes,
    gzip: gzipSync,
    zlib: deflateSync,
    deflate: deflateSync,
    zstd: zstdCompressSync,
    snappy: snappyCompress,
  };
  for (const [encoding, encode] of Object.entries(encoders)) {
    for (const [size, status] of [
      [1000, 200],
      [1001, 400],
    ]) {
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (encoding !== "") headers["content-encoding"] = encoding;
      const body = encode(new TextEncoder().encode("{}".padEnd(size, " ")));
      const response = await network.fetch(`http://${HOST}:${port}/v1/logs`, {
        method: "POST",
        headers,
        body,
      });
      const answer = await response.text(1000);
      assert.equal(response.status, status, `${encoding} ${size}: ${answer}`);
    }
  }
});

test("the manifest's configuration is valid", () => {
  const file = new URL("../../k8s/test-topology/manifests/otel-collector.yaml", import.meta.url);
  const [configMap] = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS());
  const env = (name: string) => `http://${name.toLowerCase().replaceAll("_", "-")}`;
  const text = configMap.data["config.yaml"].replace(/\$\{env:(\w+)\}/g, (_: string, name: string) =>
    env(name),
  );
  const config = decodeConfig(parse(text), {
    disk: systemDisk,
    providers: {},
    factories: FACTORIES,
    warn: () => {},
  });
  assert.deepEqual(
    config.service.pipelines.map(({ id }) => id),
    ["metrics", "traces", "logs"],
  );
});
