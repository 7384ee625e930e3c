import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { ScaledObject, ScaledObjectSpec, Trigger } from "../scaled-object.ts";
import { type AdmissionWorld, admissionProblem, admissionWarnings, MAX_NAME_LENGTH } from "./admission.ts";

const PROMETHEUS: Trigger = { type: "prometheus", metadata: {} };
const cpu = (metadata: Trigger["metadata"] = {}): Trigger => ({
  type: "cpu",
  metricType: "Utilization",
  metadata: { value: "50", ...metadata },
});

function scaledObject(
  name: string,
  spec: Partial<ScaledObjectSpec> = {},
  annotations?: Record<string, string>,
): ScaledObject {
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name, namespace: "shop", annotations },
    spec: { scaleTargetRef: { name: "workload" }, triggers: [PROMETHEUS], ...spec },
  };
}

function hpa(
  name: string,
  options: { owner?: string; kind?: string; annotations?: Record<string, string> } = {},
): KubernetesObject {
  const owner = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: options.owner ?? "", uid: "1" };
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: {
      name,
      namespace: "shop",
      annotations: options.annotations,
      ownerReferences: options.owner === undefined ? [] : [owner],
    },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: options.kind ?? "Deployment", name: "workload" } },
  };
}

type Case = [name: string, object: ScaledObject, world: Partial<AdmissionWorld>, problem: string | undefined];

function check(cases: Case[]): void {
  for (const [name, object, world, problem] of cases) {
    assert.equal(admissionProblem(object, { scaledObjects: [], hpas: [], ...world })?.message, problem, name);
  }
}

test("a workload and an HPA have one ScaledObject", () => {
  const other = (name: string, spec?: Partial<ScaledObjectSpec>) => ({
    scaledObjects: [scaledObject(name, spec)],
  });
  const elsewhere = { scaleTargetRef: { name: "elsewhere" } };
  const named = (name: string): Partial<ScaledObjectSpec> => ({
    advanced: { horizontalPodAutoscalerConfig: { name } },
  });
  check([
    ["alone", scaledObject("a"), {}, undefined],
    ["itself", scaledObject("a"), other("a"), undefined],
    ["another workload", scaledObject("a"), other("b", elsewhere), undefined],
    [
      "the same name of another kind",
      scaledObject("a"),
      other("b", { scaleTargetRef: { name: "workload", kind: "StatefulSet" } }),
      undefined,
    ],
    [
      "the same workload",
      scaledObject("a"),
      other("b", { scaleTargetRef: { name: "workload", apiVersion: "apps/v1", kind: "Deployment" } }),
      "the workload 'workload' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'b'",
    ],
    [
      "the same HPA",
      scaledObject("a", named("shared")),
      other("b", { ...elsewhere, ...named("shared") }),
      "the HPA 'shared' is already managed by the ScaledObject 'b'",
    ],
    [
      "the default name of another",
      scaledObject("a", named("keda-hpa-b")),
      other("b", elsewhere),
      "the HPA 'keda-hpa-b' is already managed by the ScaledObject 'b'",
    ],
  ]);
});

test("an HPA that is not the ScaledObject's own must be handed over", () => {
  const transfer = { "scaledobject.keda.sh/transfer-hpa-ownership": "true" };
  const taking = (name: string) =>
    scaledObject("a", { advanced: { horizontalPodAutoscalerConfig: { name } } }, transfer);
  const managed = "the workload 'workload' of type 'apps/v1.Deployment' is already managed by the hpa 'old'";
  const unnamed =
    "the existing hpa 'old' for workload 'workload' of type 'apps/v1.Deployment' must be specified by name in advanced settings to enable ownership transfer";
  check([
    ["its own", scaledObject("a"), { hpas: [hpa("keda-hpa-a", { owner: "a" })] }, undefined],
    ["foreign", scaledObject("a"), { hpas: [hpa("old")] }, managed],
    ["of another ScaledObject", scaledObject("a"), { hpas: [hpa("old", { owner: "b" })] }, managed],
    [
      "of another kind's target",
      scaledObject("a"),
      { hpas: [hpa("old", { kind: "StatefulSet" })] },
      undefined,
    ],
    [
      "exempt",
      scaledObject("a"),
      { hpas: [hpa("old", { annotations: { "validations.keda.sh/hpa-ownership": "false" } })] },
      undefined,
    ],
    ["handed over", taking("old"), { hpas: [hpa("old")] }, undefined],
    ["handed over under another name", taking("new"), { hpas: [hpa("old")] }, unnamed],
    ["handed over without a name", scaledObject("a", {}, transfer), { hpas: [hpa("old")] }, unnamed],
  ]);
});

test("resource triggers need requests, and a replica that is there", () => {
  const only = (trigger: Trigger, minReplicaCount = 1) =>
    scaledObject("a", { triggers: [trigger], minReplicaCount });
  const main = { name: "main", resources: { requests: { cpu: "100m" } } };
  const bare = { name: "sidecar" };
  const missing =
    "the scaledobject has a cpu trigger but the container sidecar doesn't have the cpu request defined";
  const asleep =
    "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in this case)";
  const limitRange = (limit: object): KubernetesObject => ({
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "defaults", namespace: "shop" },
    spec: { limits: [limit] },
  });
  check([
    ["requested", only(cpu()), { containers: [main] }, undefined],
    [
      "limited",
      only(cpu()),
      { containers: [{ name: "main", resources: { limits: { cpu: "1" } } }] },
      undefined,
    ],
    [
      "a request of nothing",
      only(cpu()),
      { containers: [{ ...bare, resources: { requests: { cpu: "0" } } }] },
      missing,
    ],
    ["one container without", only(cpu()), { containers: [main, bare] }, missing],
    [
      "the trigger's container has it",
      only(cpu({ containerName: "main" })),
      { containers: [main, bare] },
      undefined,
    ],
    [
      "the trigger's container lacks it",
      only(cpu({ containerName: "sidecar" })),
      { containers: [main, bare] },
      missing,
    ],
    [
      "by the namespace's default",
      only(cpu()),
      { containers: [bare], limitRanges: [limitRange({ type: "Container", defaultRequest: { cpu: "1" } })] },
      undefined,
    ],
    [
      "a default for pods",
      only(cpu()),
      { containers: [bare], limitRanges: [limitRange({ type: "Pod", defaultRequest: { cpu: "1" } })] },
      missing,
    ],
    ["some other kind of workload", only(cpu(), 0), {}, undefined],
    ["from zero", only(cpu(), 0), { containers: [main] }, asleep],
    [
      "from zero with another trigger",
      scaledObject("a", { triggers: [cpu(), PROMETHEUS], minReplicaCount: 0 }),
      { containers: [main] },
      undefined,
    ],
  ]);
});

test("numbers, names, triggers and formulas are looked at", () => {
  const named = (length: number) => scaledObject("a".repeat(length));
  const short = { advanced: { horizontalPodAutoscalerConfig: { name: "short" } } };
  const fallback = { failureThreshold: 3, replicas: 1, behavior: "scalingModifiers" as const };
  const quoted = (length: number, prefix = "") => JSON.stringify(prefix + "a".repeat(length));
  check([
    [
      "minimum above maximum",
      scaledObject("a", { minReplicaCount: 5, maxReplicaCount: 2 }),
      {},
      "MinReplicaCount=5 must be less than MaxReplicaCount=2",
    ],
    [
      "idle at the minimum",
      scaledObject("a", { minReplicaCount: 5, idleReplicaCount: 5 }),
      {},
      "IdleReplicaCount=5 must be less than MinReplicaCount=5",
    ],
    [
      "no triggers",
      scaledObject("a", { triggers: [] }),
      {},
      "no triggers defined in the ScaledObject/ScaledJob",
    ],
    [
      "a fallback below zero",
      scaledObject("a", { fallback: { failureThreshold: -1, replicas: 1 } }),
      {},
      "FailureThreshold=-1 & Replicas=1 must both be greater than or equal to 0",
    ],
    [
      "a fallback for resources alone",
      scaledObject("a", { triggers: [cpu()], fallback: { failureThreshold: 3, replicas: 1 } }),
      {},
      "at least one trigger (that is not cpu or memory) has to have the `AverageValue` type for the fallback to be enabled",
    ],
    [
      "a fallback by formula without one",
      scaledObject("a", { fallback }),
      {},
      "scalingModifiers fallback behavior requires scalingModifiers.formula to be defined",
    ],
    [
      "a target without formula",
      scaledObject("a", { advanced: { scalingModifiers: { target: "2" } } }),
      {},
      "error ScalingModifiers.Formula is mandatory",
    ],
    [
      "a formula without target",
      scaledObject("a", { advanced: { scalingModifiers: { formula: "1" } } }),
      {},
      "error validating formula in ScalingModifiers\nformula is given but target is empty",
    ],
    [
      "a formula with a stranger",
      scaledObject("a", { advanced: { scalingModifiers: { formula: "b + 1", target: "2" } } }),
      {},
      "error validating formula in ScalingModifiers\nunknown name b (1:7)\n | float(b + 1)\n | ......^",
    ],
    ["the longest name", scaledObject("a".repeat(MAX_NAME_LENGTH), short), {}, undefined],
    [
      "a longer name",
      scaledObject("a".repeat(MAX_NAME_LENGTH + 1), short),
      {},
      `scaledobject name ${quoted(64)} is 64 characters long; must be no more than 63 characters because it is used as the "scaledobject.keda.sh/name" label value`,
    ],
    ["the longest name for the HPA", named(MAX_NAME_LENGTH - "keda-hpa-".length), {}, undefined],
    [
      "a longer name for the HPA",
      named(MAX_NAME_LENGTH - "keda-hpa-".length + 1),
      {},
      `HPA name ${quoted(55, "keda-hpa-")} derived from scaledobject is 64 characters long; must be no more than 63 characters; set spec.advanced.horizontalPodAutoscalerConfig.name to a shorter name or shorten the scaledobject name`,
    ],
  ]);
});

test("admissionWarnings() names settings without effect", () => {
  const both = { pollingInterval: 10, cooldownPeriod: 60 };
  const cached = [{ ...PROMETHEUS, useCachedMetrics: true }];
  const cases: [name: string, spec: Partial<ScaledObjectSpec>, words: string[]][] = [
    ["from zero", both, []],
    ["from one", { ...both, minReplicaCount: 1 }, ["PollingInterval", "CooldownPeriod"]],
    ["from idle", { ...both, minReplicaCount: 1, idleReplicaCount: 0 }, []],
    ["cached metrics", { ...both, minReplicaCount: 1, triggers: cached }, ["CooldownPeriod"]],
    ["left alone", { minReplicaCount: 1 }, []],
  ];
  for (const [name, spec, words] of cases) {
    const found = admissionWarnings(scaledObject("a", spec)).map((warning) => warning.split(" ")[0]);
    assert.deepEqual(found, words, name);
  }
});
