import assert from "node:assert/strict";
import { test } from "node:test";
import { type HttpRequest, textResponse } from "../../base/network.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { createMetricsApiScaler, MAX_ANSWER_BYTES } from "./metrics-api-scaler.ts";

type Texts = Record<string, string>;
type Answer = { status?: number; body?: string };

/** A scaler and what answers it: by address, on port 8080. */
async function world(metadata: Texts, authParams: Texts, answers: Record<string, Answer>) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock, resolve: () => "10.0.0.1" });
  const api = createMemoryCluster(clock);
  await api.create(RESOURCES.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
  const requests: HttpRequest[] = [];
  for (const [address, { status = 200, body = '{"queue":{"length":8}}' }] of Object.entries(answers)) {
    await network.host(address).serve({ host: "0.0.0.0", port: 8080 }, (request) => {
      requests.push(request);
      return textResponse(status, body);
    });
  }
  const told: [status: number, metric: string][] = [];
  const config = {
    namespace: "shop",
    scaledObject: "db",
    type: "metrics-api",
    name: "",
    index: 0,
    metadata: {
      url: "http://stats.shop.svc:8080/all?x=y",
      valueLocation: "queue.length",
      targetValue: "5",
      ...metadata,
    },
    authParams,
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 3000,
  };
  const scaler = createMetricsApiScaler(config, {
    api,
    network: network.host("10.0.0.9"),
    clock,
    onRequest: (_, status, metric) => told.push([status, metric]),
  });
  const ask = () =>
    clock.runUntil(
      scaler.metricsAndActivity("s0-metric").then(
        ({ metrics, active }) => `${metrics[0].value} ${active}`,
        (error: Error) => error.message,
      ),
    );
  return { api, ask, requests, told };
}

const slice = (name: string, service: string, port: number, endpoints: object[]) =>
  ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    ports: [{ port }],
    endpoints,
  }) as unknown as KubernetesObject;

test("a number is read where it lies, and is active above the activation target", async () => {
  const one = { "10.0.0.1": {} };
  const { ask, requests, told } = await world({}, {}, one);
  assert.equal(await ask(), "8 true");
  assert.equal(requests[0].target, "/all?x=y");
  assert.deepEqual(told, [[200, "metric-api-queue-length"]]);
  assert.equal(await (await world({ activationTargetValue: "8" }, {}, one)).ask(), "8 false");
  const formats: [format: string, body: string, valueLocation: string, expected: string][] = [
    ["yaml", "queue: { length: '12' }", "queue.length", "12 true"],
    ["prometheus", 'queue{a="b"} 3\nqueue{a="c"} 4', 'queue{a="c"}', "4 true"],
    ["xml", "<a/>", "a", "error requesting metrics endpoint: unknown type map[string]interface {}"],
  ];
  for (const [format, body, valueLocation, expected] of formats) {
    const { ask } = await world({ format, valueLocation }, {}, { "10.0.0.1": { body } });
    assert.equal(await ask(), expected, format);
  }
});

test("what proves who asks is sent as its mode says", async () => {
  const cases: [metadata: Texts, params: Texts, header: string, value: string | undefined, target: string][] =
    [
      [{ authMode: "bearer" }, { token: "t" }, "authorization", "Bearer t", "/all?x=y"],
      [{ authMode: "basic" }, { username: "u", password: "p" }, "authorization", "Basic dTpw", "/all?x=y"],
      [{ authMode: "apiKey" }, { apiKey: "k" }, "x-api-key", "k", "/all?x=y"],
      [{ authMode: "apiKey" }, { apiKey: "k", keyParamName: "X-Mine" }, "x-mine", "k", "/all?x=y"],
      [
        { authMode: "apiKey" },
        { apiKey: "k", method: "query" },
        "x-api-key",
        undefined,
        "/all?x=y&api_key=k",
      ],
      [
        { authMode: "apiKey", method: "query" },
        { apiKey: "k", keyParamName: "mine" },
        "mine",
        undefined,
        "/all?x=y&mine=k",
      ],
    ];
  for (const [metadata, params, header, value, target] of cases) {
    const { ask, requests } = await world(metadata, params, { "10.0.0.1": {} });
    assert.equal(await ask(), "8 true");
    assert.equal(requests[0].headers[header], value);
    assert.equal(requests[0].target, target);
  }
});

test("an answer that is none is an error, and counted", async () => {
  const refused = await world({}, {}, { "10.0.0.1": { status: 418 } });
  assert.equal(await refused.ask(), "error requesting metrics endpoint: /all: api returned 418");
  assert.deepEqual(refused.told, [[418, "metric-api-queue-length"]]);
  const nobody = await world({}, {}, {});
  assert.match(
    await nobody.ask(),
    /^error requesting metrics endpoint: Get "http:\/\/stats\.shop\.svc:8080\/all\?x=y": /,
  );
  assert.deepEqual(nobody.told, [[0, "metric-api-queue-length"]]);
  const whole = '{"queue":{"length":8}}';
  const padded = (bytes: number) => ({ "10.0.0.1": { body: whole + " ".repeat(bytes - whole.length) } });
  assert.equal(await (await world({}, {}, padded(MAX_ANSWER_BYTES))).ask(), "8 true");
  assert.notEqual(await (await world({}, {}, padded(MAX_ANSWER_BYTES + 1))).ask(), "8 true");
});

const answering = (length: number) => ({ body: JSON.stringify({ queue: { length } }) });
const AGGREGATED = { aggregateFromKubeServiceEndpoints: "true" };

test("endpoints of a Service are asked one by one, those that are ready", async () => {
  const answers = {
    "10.0.0.1": answering(4),
    "10.0.0.2": answering(10),
    "10.0.0.3": { status: 503 },
    "10.0.0.4": answering(100),
    "10.0.0.5": answering(1000),
  };
  const ready = (address: string) => ({ addresses: [address], conditions: { ready: true } });
  const cases: [aggregationType: string | undefined, expected: string][] = [
    [undefined, "7 true"],
    ["average", "7 true"],
    ["sum", "14 true"],
    ["max", "10 true"],
    ["min", "4 true"],
  ];
  for (const [aggregationType, expected] of cases) {
    const metadata = { ...AGGREGATED, ...(aggregationType === undefined ? {} : { aggregationType }) };
    const { api, ask, requests } = await world(metadata, {}, answers);
    const gone = { addresses: ["10.0.0.4"], conditions: { ready: false } };
    const endpoints = [ready("10.0.0.1"), { addresses: ["10.0.0.2"] }, ready("10.0.0.3"), gone];
    await api.create(RESOURCES.endpointSlices, slice("a", "stats", 8080, endpoints));
    await api.create(RESOURCES.endpointSlices, slice("b", "other", 8080, [ready("10.0.0.5")]));
    assert.equal(await ask(), expected, aggregationType);
    assert.deepEqual(
      requests.map(({ target }) => target),
      ["/all", "/all", "/all"],
    );
  }
});

test("a Service without endpoints, or whose endpoints all fail, is an error", async () => {
  const start = "error requesting metrics endpoint:";
  const empty = await world(AGGREGATED, {}, {});
  assert.equal(await empty.ask(), `${start} no endpoints URLs were given for the service name`);
  const failing = await world(AGGREGATED, {}, { "10.0.0.1": { status: 500 } });
  const both = [{ addresses: ["10.0.0.1", "10.0.0.2"] }];
  await failing.api.create(RESOURCES.endpointSlices, slice("a", "stats", 8080, both));
  assert.equal(
    await failing.ask(),
    `${start} could not get any metric successfully from the 2 provided endpoints`,
  );
  const short = await world({ ...AGGREGATED, url: "http://stats:8080/all" }, {}, {});
  assert.equal(
    await short.ask(),
    `${start} failed to get kubernetes endpoints urls from configured service URL`,
  );
});
