import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSelector } from "../../../model/label-selector.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import { failurePrefix, goSelector, METRIC_SOURCES } from "./horizontal-pod-autoscaler-sources.ts";
import type { AutoscaledPod, AutoscalerVersion, MetricSpec } from "./horizontal-pod-autoscaler-types.ts";

const NOW = Date.UTC(2026, 0, 1);

/** Pods that have been ready for an hour, of two containers that ask for 400m and 600m of CPU. */
function pods(count: number): AutoscaledPod[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: { name: `web-${index}`, labels: { app: "web" } },
    spec: {
      containers: [
        { name: "main", resources: { requests: { cpu: "400m" } } },
        { name: "side", resources: { requests: { cpu: "600m" } } },
      ],
    },
    status: {
      phase: "Running",
      startTime: "2025-12-31T23:00:00Z",
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2025-12-31T23:00:01Z" }],
    },
  }));
}

const perPod = (...milli: number[]) =>
  new Map(milli.map((each, index) => [`web-${index}`, { milli: each, timestampMs: NOW, windowMs: 60_000 }]));

function ask(spec: MetricSpec, answer: unknown, replicas = 3, version: AutoscalerVersion = "1.37") {
  const read = async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const metrics = { resourceMetric: read, podsMetric: read, objectMetric: read, externalMetric: read };
  return METRIC_SOURCES[spec.type]!({
    spec,
    selector: parseSelector("app=web"),
    pods: pods(replicas),
    namespace: "shop",
    metrics: metrics as unknown as MetricsClient,
    tolerances: { scaleUp: 0.1, scaleDown: 0.1, version },
    periods: { cpuInitializationPeriodMs: 300_000, initialReadinessDelayMs: 30_000 },
    nowMs: NOW,
    specReplicas: replicas,
    statusReplicas: replicas,
  });
}

const QPS = { name: "qps" };
const SERVICE = { kind: "Service", name: "front", apiVersion: "v1" };
const resource = (target: object): MetricSpec =>
  ({ type: "Resource", resource: { name: "cpu", target } }) as MetricSpec;
const container = (target: object): MetricSpec =>
  ({
    type: "ContainerResource",
    containerResource: { name: "cpu", container: "main", target },
  }) as MetricSpec;
const ofPods = (averageValue: string): MetricSpec =>
  ({ type: "Pods", pods: { metric: QPS, target: { type: "AverageValue", averageValue } } }) as MetricSpec;
const object = (target: object): MetricSpec =>
  ({ type: "Object", object: { metric: QPS, describedObject: SERVICE, target } }) as MetricSpec;
const external = (target: object): MetricSpec =>
  ({ type: "External", external: { metric: QPS, target } }) as MetricSpec;

test("each source has its replicas, its name and what the status shows of it", async () => {
  const utilization = (averageUtilization: number) => ({ type: "Utilization", averageUtilization });
  const average = (averageValue: string) => ({ type: "AverageValue", averageValue });
  const value = (text: string) => ({ type: "Value", value: text });
  const cases: [spec: MetricSpec, answer: unknown, replicas: number, name: string, status: object][] = [
    [
      resource(utilization(50)),
      perPod(500, 1000, 1500),
      6,
      "cpu resource utilization (percentage of request)",
      { resource: { name: "cpu", current: { averageValue: "1", averageUtilization: 100 } } },
    ],
    [
      resource(average("250m")),
      perPod(500, 500, 500),
      6,
      "cpu resource",
      { resource: { name: "cpu", current: { averageValue: "500m" } } },
    ],
    [
      container(utilization(50)),
      perPod(400, 400, 400),
      6,
      "cpu container resource utilization (percentage of request)",
      {
        containerResource: {
          name: "cpu",
          container: "main",
          current: { averageValue: "400m", averageUtilization: 100 },
        },
      },
    ],
    [
      container(average("200m")),
      perPod(100, 100, 100),
      2,
      "cpu resource",
      { containerResource: { name: "cpu", container: "main", current: { averageValue: "100m" } } },
    ],
    [
      ofPods("10"),
      perPod(20_000, 20_000, 20_000),
      6,
      "pods metric qps",
      { pods: { metric: QPS, current: { averageValue: "20" } } },
    ],
    [
      object(value("10")),
      20_000,
      6,
      "Service metric qps",
      { object: { metric: QPS, describedObject: SERVICE, current: { value: "20" } } },
    ],
    [
      object(average("10")),
      40_000,
      4,
      "external metric qps(nil)",
      { object: { metric: QPS, describedObject: SERVICE, current: { averageValue: "13334m" } } },
    ],
    [
      external(value("10")),
      [5000, 15_000],
      6,
      "external metric qps(nil)",
      { external: { metric: QPS, current: { value: "20" } } },
    ],
    [
      external(average("10")),
      [25_000, 15_000],
      4,
      "external metric qps(nil)",
      { external: { metric: QPS, current: { averageValue: "13334m" } } },
    ],
  ];
  for (const [spec, answer, replicas, name, status] of cases) {
    const found = await ask(spec, answer);
    assert.deepEqual([found.proposal.replicas, found.name, found.status], [replicas, name, status], name);
  }
});

test("at 1.28 the status forgot of which object an average is", async () => {
  const { status } = await ask(object({ type: "AverageValue", averageValue: "10" }), 40_000, 3, "1.28");
  assert.deepEqual(status.object!.describedObject, { kind: "", name: "" });
});

test("each source says what it could not get, layer by layer", async () => {
  const cases: [spec: MetricSpec, prefix: string, message: string][] = [
    [
      resource({ averageUtilization: 50 }),
      "failed to get cpu resource metric value: ",
      "failed to get cpu utilization: unable to get metrics for resource cpu: gone",
    ],
    [
      resource({ averageValue: "1" }),
      "failed to get cpu resource metric value: ",
      "failed to get cpu usage: unable to get metrics for resource cpu: gone",
    ],
    [
      container({ averageUtilization: 50 }),
      "failed to get main container metric value: ",
      "failed to get cpu utilization: unable to get metrics for resource cpu: gone",
    ],
    [ofPods("1"), "failed to get pods metric value: ", "unable to get metric qps: gone"],
    [
      object({ type: "Value", value: "1" }),
      "failed to get object metric value: ",
      "unable to get metric qps on Service shop/front: gone",
    ],
    [
      object({ type: "AverageValue", averageValue: "1" }),
      "failed to get object metric value: failed to get qps object metric: ",
      "unable to get metric qps on Service shop/front: gone",
    ],
    [
      external({ value: "1" }),
      "failed to get qps external metric value: failed to get external metric qps: ",
      "unable to get external metric shop/qps/nil: gone",
    ],
    [
      external({ averageValue: "1" }),
      "failed to get qps external metric value: failed to get qps external metric: ",
      "unable to get external metric shop/qps/nil: gone",
    ],
  ];
  for (const [spec, prefix, message] of cases) {
    assert.equal(failurePrefix(spec), prefix);
    await assert.rejects(ask(spec, new Error("gone")), { message });
  }
  assert.equal(failurePrefix({ type: "Weather" } as unknown as MetricSpec), "");
});

test("a target without a number is no source", async () => {
  const neither = "neither a value target nor an average value target was set";
  const cases: [spec: MetricSpec, message: string][] = [
    [external({}), `invalid external metric source: ${neither}`],
    [object({ type: "Value" }), `invalid object metric source: ${neither}`],
    [
      resource({}),
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    ],
  ];
  for (const [spec, message] of cases) await assert.rejects(ask(spec, 1), { message });
});

test("goSelector() prints what Go does", () => {
  assert.equal(goSelector(undefined), "nil");
  assert.equal(
    goSelector({
      matchLabels: { b: "2", a: "1" },
      matchExpressions: [
        { key: "c", operator: "In", values: ["x", "y"] },
        { key: "d", operator: "Exists" },
      ],
    }),
    "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{" +
      "LabelSelectorRequirement{Key:c,Operator:In,Values:[x y],},LabelSelectorRequirement{Key:d,Operator:Exists,Values:[],},},}",
  );
});
