import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf } from "../base/network.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { externalMetricsHandler } from "./external-metrics-api.ts";
import { KedaMetrics } from "./keda-metrics.ts";

const PREFIX = "/apis/external.metrics.k8s.io/v1beta1";
const OWNER = "scaledobject.keda.sh/name";

async function get(target: string, method = "GET") {
  const asked: string[] = [];
  const triggers = {
    externalMetrics: async (key: string, metric: string) => {
      asked.push(`${key} ${metric}`);
      await clock.sleep(20);
      if (metric === "s9-none") throw new Error(`no matching metrics found for ${metric}`);
      return [{ metricName: metric, value: "5", timestamp: "2026-01-01T00:00:00Z" }];
    },
  };
  const clock = new VirtualClock();
  const metrics = new KedaMetrics("test");
  const handler = externalMetricsHandler(triggers, { clock, metrics });
  const request = {
    method,
    target,
    headers: {},
    body: bodyOf(),
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
  };
  const { status, body } = await clock.runUntil(Promise.resolve(handler(request)));
  return { status, body: JSON.parse(body as string), asked, metrics: metrics.text() };
}

const metric = (selector: string, name = "s0-prometheus") =>
  get(`${PREFIX}/namespaces/shop/${name}?labelSelector=${encodeURIComponent(selector)}`);

test("a metric is that of the ScaledObject which the selector names", async () => {
  const { status, body, asked } = await metric(`${OWNER}=web,a=b`);
  assert.equal(status, 200);
  assert.deepEqual(asked, ["shop/web s0-prometheus"]);
  assert.deepEqual(body, {
    kind: "ExternalMetricValueList",
    apiVersion: "external.metrics.k8s.io/v1beta1",
    metadata: {},
    items: [
      { metricName: "s0-prometheus", metricLabels: null, timestamp: "2026-01-01T00:00:00Z", value: "5" },
    ],
  });
});

test("selectors that name none, or can't be read, are refused as upstream refuses them", async () => {
  const cases: [selector: string, status: number, message: string][] = [
    ["", 500, "scaledObject name is not specified"],
    ["a=b", 500, "scaledObject name is not specified"],
    [`${OWNER}=`, 500, "scaledObject name is not specified"],
    [`${OWNER} in (web)`, 500, `invalid selector: [${OWNER} in (web)]`],
    [`${OWNER}==web`, 500, `invalid selector: [${OWNER}  web]`],
    [OWNER, 500, `invalid selector: [${OWNER}]`],
    ["!!", 400, "unable to parse requirement: found '!', expected: identifier"],
  ];
  for (const [selector, status, message] of cases) {
    const answer = await metric(selector);
    assert.deepEqual([answer.status, answer.body.message], [status, message], selector);
    assert.deepEqual(answer.asked, []);
  }
  assert.equal((await metric("!!")).body.reason, "BadRequest");
});

test("what the operator can't tell is an error of its service", async () => {
  const { status, body } = await metric(`${OWNER}=web`, "s9-none");
  const text =
    "rpc error: code = Unknown desc = error when getting metric values no matching metrics found for s9-none";
  assert.deepEqual([status, body.kind, body.message], [500, "Status", text]);
});

test("the group is discovered, and has nothing else", async () => {
  assert.equal((await get("/apis")).body.groups[0].name, "external.metrics.k8s.io");
  assert.equal((await get(PREFIX)).body.resources[0].name, "externalmetrics");
  assert.equal((await get(`${PREFIX}/s0-prometheus`)).status, 404);
  assert.equal((await get(PREFIX, "POST")).status, 405);
});

test("what is asked is counted and timed, whatever comes of it", async () => {
  const method = 'grpc_method="GetMetrics",grpc_service="api.MetricsService",grpc_type="unary"';
  const prefix = "keda_internal_metricsservice_grpc_server_";
  for (const [name, code] of [
    ["s0-prometheus", "OK"],
    ["s9-none", "Unknown"],
  ]) {
    const { metrics } = await metric(`${OWNER}=web`, name);
    for (const line of [
      `handled_total{grpc_code="${code}",${method}} 1`,
      `started_total{${method}} 1`,
      `msg_received_total{${method}} 1`,
      `msg_sent_total{${method}} 1`,
      `handling_seconds_bucket{${method},le="0.01"} 0`,
      `handling_seconds_bucket{${method},le="0.1"} 1`,
      `handling_seconds_sum{${method}} 0.02`,
    ]) {
      assert.ok(metrics.includes(`${prefix}${line}\n`), line);
    }
  }
  const { metrics } = await metric("a=b");
  assert.ok(!metrics.includes(prefix));
});
