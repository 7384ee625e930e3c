import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { MemoryKubernetesApi } from "../../simulation/virtual/memory-kubernetes-api.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { KedaMetrics } from "../keda-metrics.ts";
import type { MetricType } from "../scaled-object.ts";
import { buildScaler } from "./build-scaler.ts";

interface Given {
  metadata?: Record<string, string>;
  authParams?: Record<string, string>;
  metricType?: MetricType;
  asMetricSource?: boolean;
}

function build(type: string, given: Given) {
  const config = {
    namespace: "shop",
    scaledObject: "db",
    type,
    name: "",
    index: 2,
    metadata: given.metadata ?? {},
    authParams: given.authParams ?? {},
    resolvedEnv: {},
    metricType: given.metricType,
    asMetricSource: given.asMetricSource ?? false,
    useCachedMetrics: false,
    httpTimeoutMs: 3000,
  };
  return buildScaler(config, {
    api: new MemoryKubernetesApi(),
    network: {} as Network,
    clock: new VirtualClock(),
    log: silentLogger,
    metrics: new KedaMetrics("2.20.2"),
  });
}

const METRICS_API = { url: "http://shop:8080/stats", valueLocation: "queue.length", targetValue: "5" };
const WORKLOAD = { podSelector: "app=web, tier!=test", value: "0.5" };
const NOT_A_NUMBER =
  "unable to unmarshal to field type float64: invalid character 'x' looking for beginning of value";

test("buildScaler() makes the metric that the HPA asks for", async () => {
  const cases: [type: string, given: Given, metric: string, target: object][] = [
    ["metrics-api", { metadata: METRICS_API }, "s2-metric-api-queue-length", { averageValue: "5" }],
    ["kubernetes-workload", { metadata: WORKLOAD }, "s2-workload-shop", { averageValue: "500m" }],
    [
      "kubernetes-workload",
      { metadata: WORKLOAD, metricType: "Value" },
      "s2-workload-shop",
      { value: "500m" },
    ],
    [
      "cron",
      {
        metadata: {
          timezone: "Europe/Berlin",
          start: "0 6 * * 1,2",
          end: "*/5 * * * ?",
          desiredReplicas: "3",
        },
      },
      "s2-cron-Europe-Berlin-06xx1Cm2-xSl5xxxQm",
      { averageValue: "1" },
    ],
  ];
  for (const [type, given, metric, target] of cases) {
    const [spec] = await build(type, given).metricSpecs();
    assert.equal(spec.external!.metric.name, metric);
    const { type: _, ...rest } = spec.external!.target;
    assert.deepEqual(rest, target, type);
  }
});

test("buildScaler() passes resources on to the HPA, of a pod or of one container", async () => {
  const cases: [given: Given, expected: object][] = [
    [
      { metadata: { value: "50" }, metricType: "Utilization" },
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
      },
    ],
    [
      { metadata: { value: "250m" }, metricType: "AverageValue" },
      { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "250m" } } },
    ],
    [
      { metadata: { value: "50", containerName: "web" }, metricType: "Utilization" },
      {
        type: "ContainerResource",
        containerResource: {
          name: "cpu",
          container: "web",
          target: { type: "Utilization", averageUtilization: 50 },
        },
      },
    ],
  ];
  for (const [given, expected] of cases) {
    assert.deepEqual(await build("cpu", given).metricSpecs(), [expected]);
  }
});

test("buildScaler() says what is wrong as upstream does, once or twice", () => {
  const workload = "error parsing kubernetes workload metadata";
  const external = "error parsing external scaler metadata";
  const api = "error parsing metric API metadata";
  const unsupported =
    "'Utilization' metric type is unsupported for external metrics, allowed values are 'Value' or 'AverageValue'";
  const cases: [type: string, given: Given, message: string][] = [
    ["kafka", {}, "no scaler found for type: kafka"],
    [
      "cpu",
      { metadata: { type: "Utilization", value: "50" }, metricType: "Utilization" },
      "error parsing cpu metadata: scaler cpu info: The 'type' setting is DEPRECATED and is removed in v2.18 - Use 'metricType' instead.",
    ],
    ["prometheus", { metricType: "Utilization" }, `error getting scaler metric type: ${unsupported}`],
    ["external", { metricType: "Utilization" }, `error getting external scaler metric type: ${unsupported}`],
    [
      "external-push",
      {},
      `${external}: ${external}: missing required parameter "scalerAddress" in [triggerMetadata]`,
    ],
    [
      "kubernetes-workload",
      { metadata: { ...WORKLOAD, value: "x" } },
      `${workload}: ${workload}: unable to set param "value" value "x": ${NOT_A_NUMBER}\nvalue must be a float greater than 0`,
    ],
    [
      "kubernetes-workload",
      { metadata: { podSelector: "app=web" } },
      `${workload}: ${workload}: value must be a float greater than 0`,
    ],
    [
      "kubernetes-workload",
      { metadata: { value: "1", podSelector: "app web" } },
      `${workload}: error parsing pod selector: unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt`,
    ],
    [
      "metrics-api",
      { metadata: { ...METRICS_API, targetValue: "0" } },
      `${api}: no targetValue given in metadata`,
    ],
    [
      "metrics-api",
      { metadata: { ...METRICS_API, format: "toml" } },
      `${api}: error parsing metrics API metadata: parameter "format" value "toml" must be one of [prometheus json xml yaml]`,
    ],
    [
      "metrics-api",
      { metadata: { ...METRICS_API, authMode: "bearer" } },
      `${api}: error parsing metrics API metadata: bearer token=<empty> is required when bearer auth is enabled`,
    ],
    [
      "cpu",
      { metadata: { value: "50" } },
      "error parsing cpu metadata: unknown metric type: , allowed values are 'Utilization' or 'AverageValue'",
    ],
    [
      "memory",
      { metadata: { value: "x" }, metricType: "Utilization" },
      'error parsing memory metadata: strconv.ParseInt: parsing "x": invalid syntax',
    ],
  ];
  for (const [type, given, message] of cases) assert.throws(() => build(type, given), { message });
});

test("buildScaler() needs no target where the number goes into a formula", () => {
  const { podSelector } = WORKLOAD;
  assert.doesNotThrow(() =>
    build("kubernetes-workload", { metadata: { podSelector }, asMetricSource: true }),
  );
  const { url, valueLocation } = METRICS_API;
  assert.doesNotThrow(() => build("metrics-api", { metadata: { url, valueLocation }, asMetricSource: true }));
});
