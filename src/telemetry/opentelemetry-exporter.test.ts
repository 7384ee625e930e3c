import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpRequest } from "../base/network.ts";
import { createNodeNetwork } from "../base/node-network.ts";
import { seededRandom } from "../base/random.ts";
import { attributeOf } from "../model/otlp-attributes.ts";
import { type GrpcMethod, grpcHandler } from "../wire/grpc/server.ts";
import { OTLP_CODECS, type SignalData } from "../wire/otlp/signal.ts";
import { openTelemetry } from "./mod.ts";
import { ServiceTelemetry, traceFields } from "./service-telemetry.ts";

/** A collector that keeps what it gets. */
async function startCollector() {
  const received: { [S in keyof SignalData]: SignalData[S][number][] } = {
    metrics: [],
    traces: [],
    logs: [],
  };
  const methods = new Map<string, GrpcMethod>();
  for (const signal of ["metrics", "traces", "logs"] as const) {
    const codec = OTLP_CODECS[signal];
    const unary = (message: Uint8Array) => {
      received[signal].push(...(codec.decode(message) as never[]));
      return new Uint8Array(0);
    };
    methods.set(codec.grpcPath, { unary });
  }
  const network = createNodeNetwork((error) => assert.fail(String(error)));
  const server = await network.serve({ host: "127.16.1.1", port: 0, protocol: "h2c" }, grpcHandler(methods));
  return { received, server };
}

function telemetryFor(endpoint: string): ServiceTelemetry {
  return new ServiceTelemetry({
    clock: systemClock,
    random: seededRandom(5),
    log: silentLogger,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_SERVICE_NAME: "test-db",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,tier=small",
    },
    pod: "test-db-small-0",
    tier: "small",
    exporter: openTelemetry(systemClock),
  });
}

function requestOf(): HttpRequest {
  const { signal } = new AbortController();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return {
    method: "GET",
    target: "/x",
    headers: { traceparent },
    body: bodyOf(),
    remoteAddress: "::1",
    signal,
  };
}

test("the official SDK sends the same numbers by OTLP gRPC as /metrics shows", async () => {
  const { received, server } = await startCollector();
  const telemetry = telemetryFor(`http://127.16.1.1:${server.port}`);
  const scope = telemetry.begin(requestOf());
  scope.route = "/api/v1/resources";
  for (const tenant of ["a", "a", "b"]) telemetry.tenantServed(tenant, true, scope.span);
  telemetry.log.info("hello", traceFields(scope.span));
  scope.finish({ status: 200, body: "four" });
  await telemetry.connect();
  await telemetry.shutdown();
  await server.close();

  const metrics = received.metrics.flatMap((each) => each.scopeMetrics.flatMap((scope) => scope.metrics));
  const named = (name: string) => {
    const metric = metrics.find((each) => each.name === name);
    assert.ok(metric !== undefined, name);
    return metric;
  };
  const requests = named("percolate.tenant_requests");
  assert.equal(requests.unit, "requests");
  assert.ok(requests.data.type === "sum" && requests.data.monotonic);
  assert.deepEqual(
    requests.data.points.map((point) => [attributeOf(point.attributes, "tenant_id"), point.value]),
    [
      ["a", 2],
      ["b", 1],
    ],
  );
  const active = named("percolate.active_tenants");
  assert.ok(active.data.type === "sum" && !active.data.monotonic);
  assert.deepEqual(
    active.data.points.map((point) => [attributeOf(point.attributes, "pod"), point.value]),
    [["test-db-small-0", 2]],
  );
  const duration = named("http.server.request.duration");
  assert.ok(duration.data.type === "histogram");
  assert.equal(duration.unit, "s");
  assert.ok(!metrics.some(({ name }) => name === "http.server.duration"));
  const [span] = received.traces.flatMap((each) => each.scopeSpans.flatMap((inner) => inner.spans));
  assert.equal(span.name, "GET /api/v1/resources");
  const [log] = received.logs.flatMap((each) => each.scopeLogs.flatMap((inner) => inner.logRecords));
  assert.deepEqual(log.traceId, span.traceId);
  const resource = JSON.stringify(received.metrics[0].resource);
  for (const part of ["test-db", "deployment.environment", "test-db-small-0"])
    assert.ok(resource.includes(part), part);
});

test("a collector that is away does not hinder anything", async () => {
  const telemetry = telemetryFor("http://127.16.1.2:9");
  await telemetry.connect();
  telemetry.begin(requestOf()).finish({ status: 200 });
  await telemetry.shutdown();
});
