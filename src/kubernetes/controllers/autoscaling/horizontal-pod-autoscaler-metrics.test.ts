import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSelector } from "../../../model/label-selector.ts";
import { createMetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";

const TIME = "2026-01-01T00:00:00Z";
const AT_MS = Date.parse(TIME);
const PODS = parseSelector("app=web");

/** A client, and what it asks; the answer is the items given, or a failure. */
function client(answer: unknown[] | Error) {
  const paths: string[] = [];
  const metrics = createMetricsClient(async (path) => {
    paths.push(decodeURIComponent(path));
    if (answer instanceof Error) throw answer;
    return { items: answer };
  });
  return { metrics, paths };
}

const podMetrics = (name: string, ...usage: (Record<string, string> | undefined)[]) => ({
  metadata: { name },
  timestamp: TIME,
  window: "1m30s",
  containers: usage.map((each, index) => ({
    name: `c${index}`,
    ...(each === undefined ? {} : { usage: each }),
  })),
});

test("resourceMetric() adds up a pod's containers, and leaves out a pod of which one has no number", async () => {
  const { metrics, paths } = client([
    podMetrics("whole", { cpu: "100m" }, { cpu: "1" }),
    podMetrics("partly", { cpu: "100m" }, { memory: "1Mi" }),
    podMetrics("none"),
  ]);
  assert.deepEqual(
    await metrics.resourceMetric("cpu", "shop", PODS),
    new Map([
      ["whole", { milli: 1100, timestampMs: AT_MS, windowMs: 90_000 }],
      ["none", { milli: 0, timestampMs: AT_MS, windowMs: 90_000 }],
    ]),
  );
  assert.deepEqual(paths, ["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app=web"]);
});

test("resourceMetric() of one container needs it in every pod, and its number in one", async () => {
  const { metrics } = client([
    podMetrics("a", { cpu: "100m" }, { cpu: "300m" }),
    podMetrics("b", { cpu: "100m" }, {}),
  ]);
  const of = async (container: string) =>
    Array.from(
      await metrics.resourceMetric("cpu", "shop", PODS, container),
      ([pod, { milli }]) => `${pod} ${milli}`,
    );
  assert.deepEqual(await of("c0"), ["a 100", "b 100"]);
  assert.deepEqual(await of("c1"), ["a 300"]);
  await assert.rejects(of("c2"), { message: "container c2 not present in metrics for pod shop/a" });
});

test("windows of resources are Go's durations, and nothing where there is none", async () => {
  for (const [window, windowMs] of [
    ["30s", 30_000],
    ["1m0s", 60_000],
    ["1h0m0.5s", 3_600_500],
    [undefined, 0],
  ] as const) {
    const { metrics } = client([{ ...podMetrics("a", { cpu: "1" }), window }]);
    const read = await metrics.resourceMetric("cpu", "shop", PODS);
    assert.equal(read.get("a")!.windowMs, windowMs, window);
  }
});

test("podsMetric() asks for all pods that are meant, by their labels and the metric's", async () => {
  const { metrics, paths } = client([
    { describedObject: { name: "web-0" }, timestamp: TIME, value: "2500m" },
    { describedObject: { name: "web-1" }, timestamp: TIME, windowSeconds: 30, value: "3k" },
  ]);
  const read = await metrics.podsMetric("qps", "shop", PODS, { matchLabels: { code: "200" } });
  assert.deepEqual(
    read,
    new Map([
      ["web-0", { milli: 2500, timestampMs: AT_MS, windowMs: 60_000 }],
      ["web-1", { milli: 3_000_000, timestampMs: AT_MS, windowMs: 30_000 }],
    ]),
  );
  assert.deepEqual(paths, [
    "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pods/*/qps?labelSelector=app=web&metricLabelSelector=code=200",
  ]);
});

test("objectMetric() asks for the object by its resource, for a Namespace of itself", async () => {
  const cases: [apiVersion: string | undefined, kind: string, path: string][] = [
    ["apps/v1", "Deployment", "shop/deployments.apps/web/qps"],
    ["v1", "Service", "shop/services/web/qps"],
    [undefined, "Pod", "shop/pods/web/qps"],
    ["networking.k8s.io/v1", "Ingress", "shop/ingresses.networking.k8s.io/web/qps"],
    ["networking.k8s.io/v1", "NetworkPolicy", "shop/networkpolicies.networking.k8s.io/web/qps"],
    ["v1", "Endpoints", "shop/endpoints/web/qps"],
    ["v1", "Namespace", "web/metrics/qps"],
  ];
  for (const [apiVersion, kind, path] of cases) {
    const { metrics, paths } = client([{ timestamp: TIME, value: "1500m" }]);
    const object = { kind, name: "web", ...(apiVersion === undefined ? {} : { apiVersion }) };
    assert.equal(await metrics.objectMetric("qps", "shop", object), 1500);
    assert.deepEqual(paths, [`/apis/custom.metrics.k8s.io/v1beta2/namespaces/${path}?`]);
  }
});

test("externalMetric() has every value that there is", async () => {
  const { metrics, paths } = client([{ value: "10" }, { value: "-500m" }, { value: 3 }]);
  const selector = { matchLabels: { a: "b" }, matchExpressions: [{ key: "c", operator: "Exists" as const }] };
  assert.deepEqual(await metrics.externalMetric("queue", "shop", selector), [10_000, -500, 3000]);
  assert.deepEqual(paths, [
    "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/queue?labelSelector=a=b,c",
  ]);
});

test("an API that can't be asked, or has nothing, is named", async () => {
  const asked = (answer: unknown[] | Error) => {
    const { metrics } = client(answer);
    return [
      ["resource", () => metrics.resourceMetric("cpu", "shop", PODS)],
      ["custom", () => metrics.podsMetric("qps", "shop", PODS)],
      ["custom", () => metrics.objectMetric("qps", "shop", { kind: "Pod", name: "a" })],
      ["external", () => metrics.externalMetric("queue", "shop")],
    ] as const;
  };
  for (const [api, ask] of asked(new Error("away"))) {
    await assert.rejects(ask(), { message: `unable to fetch metrics from ${api} metrics API: away` });
  }
  for (const [api, ask] of asked([])) {
    await assert.rejects(ask(), { message: `no metrics returned from ${api} metrics API` });
  }
  const { metrics } = client([podMetrics("partly", {})]);
  const message = "no metrics returned from resource metrics API";
  await assert.rejects(metrics.resourceMetric("cpu", "shop", PODS), { message });
});
