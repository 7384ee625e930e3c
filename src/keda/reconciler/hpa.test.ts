import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  EXCLUDED_LABELS_ANNOTATION,
  PAUSED_SCALE_IN_ANNOTATION,
  PAUSED_SCALE_OUT_ANNOTATION,
  type ScaledObject,
  type ScaledObjectSpec,
} from "../scaled-object.ts";
import type { HpaMetricSpec } from "../scalers/scaler.ts";
import { hpaDiffers, hpaFor, hpaMetrics } from "./hpa.ts";

const TARGET = { group: "apps", version: "v1", kind: "Deployment", resource: "deployments" };

function scaledObject(
  spec: Partial<ScaledObjectSpec> = {},
  metadata: Partial<ScaledObject["metadata"]> = {},
): ScaledObject {
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "web", namespace: "shop", uid: "7", ...metadata },
    spec: { scaleTargetRef: { name: "workload" }, triggers: [], ...spec },
  };
}

const external = (name: string): HpaMetricSpec => ({
  type: "External",
  external: { metric: { name }, target: { type: "AverageValue", averageValue: "2" } },
});

const CPU: HpaMetricSpec = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
};

test("hpaMetrics() selects the ScaledObject, and puts external metrics first", () => {
  const { specs, names } = hpaMetrics(scaledObject(), [CPU, external("s1-cron")]);
  const selector = { matchLabels: { "scaledobject.keda.sh/name": "web" } };
  const target = { type: "AverageValue", averageValue: "2" };
  assert.deepEqual(specs, [
    { type: "External", external: { metric: { name: "s1-cron", selector }, target } },
    CPU,
  ]);
  assert.deepEqual(names, { external: ["s1-cron"], resource: ["cpu"] });
});

test("hpaMetrics() gives a formula one metric, beside those of resources", () => {
  const modified = (metricType?: "Value") =>
    scaledObject({ advanced: { scalingModifiers: { formula: "a + b", target: "2.5", metricType } } });
  const given = [external("s0-a"), CPU, external("s1-b")];
  const { specs, names } = hpaMetrics(modified(), given);
  assert.deepEqual(specs[0], CPU);
  assert.equal(specs[1].external!.metric.name, "composite-metric");
  assert.deepEqual(specs[1].external!.target, { type: "AverageValue", averageValue: "2500m" });
  assert.equal(specs.length, 2);
  assert.deepEqual(names.external, ["s0-a", "s1-b"]);
  const total = hpaMetrics(modified("Value"), given).specs[1].external!.target;
  assert.deepEqual(total, { type: "Value", value: "2500m" });
});

test("hpaMetrics() refuses no metrics, and one name twice", () => {
  assert.throws(() => hpaMetrics(scaledObject(), []), {
    message: "no metric specs returned from scalers for ScaledObject shop/web",
  });
  assert.throws(() => hpaMetrics(scaledObject(), [external("s0-a"), external("s0-a")]), {
    message: "metricName s0-a defined multiple times in ScaledObject web",
  });
});

test("hpaFor() carries bounds, owner, labels and behaviour", () => {
  const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
  const disabled = { selectPolicy: "Disabled" };
  const annotated = (name: string, value = "true") => ({ annotations: { [name]: value } });
  const hpa = hpaFor(scaledObject({ minReplicaCount: 0 }), TARGET, [CPU], "2.20.2");
  assert.equal(hpa.metadata.name, "keda-hpa-web");
  assert.deepEqual(hpa.metadata.labels, {
    "app.kubernetes.io/name": "keda-hpa-web",
    "app.kubernetes.io/version": "2.20.2",
    "app.kubernetes.io/part-of": "web",
    "app.kubernetes.io/managed-by": "keda-operator",
  });
  assert.equal(hpa.metadata.ownerReferences![0].uid, "7");
  assert.deepEqual(hpa.spec, {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "workload" },
    minReplicas: 1,
    maxReplicas: 100,
    metrics: [CPU],
  });
  const given = { advanced: { horizontalPodAutoscalerConfig: { name: "own", behavior } } };
  const cases: [object: ScaledObject, behavior: object | undefined][] = [
    [scaledObject(given), behavior],
    [scaledObject({}, annotated(PAUSED_SCALE_OUT_ANNOTATION)), { scaleUp: disabled }],
    [
      scaledObject(given, annotated(PAUSED_SCALE_IN_ANNOTATION)),
      { scaleDown: { ...behavior.scaleDown, ...disabled } },
    ],
    [scaledObject({}, annotated(PAUSED_SCALE_IN_ANNOTATION, "false")), undefined],
  ];
  for (const [object, expected] of cases) {
    assert.deepEqual(hpaFor(object, TARGET, [], "2.20.2").spec.behavior, expected);
  }
  const labelled = scaledObject(
    { advanced: { horizontalPodAutoscalerConfig: { name: `${"n".repeat(60)}---more` } } },
    { labels: { team: "a", secret: "b" }, ...annotated(EXCLUDED_LABELS_ANNOTATION, "secret,other") },
  );
  const { labels } = hpaFor(labelled, TARGET, [], "2.20.2").metadata;
  assert.equal(labels!["app.kubernetes.io/name"], "n".repeat(60));
  assert.equal(labels!.team, "a");
  assert.equal(labels!.secret, undefined);
});

test("hpaDiffers() sees what KEDA would change, and not what the API server completes", () => {
  const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
  const wanted = hpaFor(
    scaledObject({ advanced: { horizontalPodAutoscalerConfig: { behavior } } }),
    TARGET,
    [external("s0-a")],
    "2.20.2",
  );
  const cases: [name: string, change: (found: KubernetesObject) => void, differs: boolean][] = [
    ["the same", () => {}, false],
    ["completed", (hpa) => Object.assign(hpa.spec.behavior.scaleDown, { selectPolicy: "Max" }), false],
    ["a quantity in other words", (hpa) => setTarget(hpa, "2000m"), false],
    ["another quantity", (hpa) => setTarget(hpa, "3"), true],
    ["another maximum", (hpa) => Object.assign(hpa.spec, { maxReplicas: 3 }), true],
    ["a metric more", (hpa) => hpa.spec.metrics.push(CPU), true],
    [
      "a direction off",
      (hpa) => Object.assign(hpa.spec.behavior, { scaleUp: { selectPolicy: "Disabled" } }),
      true,
    ],
    ["no behaviour", (hpa) => delete hpa.spec.behavior, true],
    ["a label more", (hpa) => Object.assign(hpa.metadata.labels!, { extra: "x" }), false],
    ["a label lost", (hpa) => delete hpa.metadata.labels!["app.kubernetes.io/part-of"], true],
    [
      "annotations that nobody wants",
      (hpa) => Object.assign(hpa.metadata, { annotations: { x: "y" } }),
      true,
    ],
  ];
  for (const [name, change, differs] of cases) {
    const found = structuredClone(wanted);
    change(found);
    assert.equal(hpaDiffers(wanted, found), differs, name);
  }
});

function setTarget(hpa: KubernetesObject, averageValue: string): void {
  hpa.spec.metrics[0].external.target.averageValue = averageValue;
}
