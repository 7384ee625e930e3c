import assert from "node:assert/strict";
import { test } from "node:test";
import { newAutoscalerMemory } from "./horizontal-pod-autoscaler-behavior.ts";
import {
  type AutoscalerFeatureGates,
  type Decision,
  type DecisionInput,
  decide,
  recordFailedRescale,
  recordRescale,
} from "./horizontal-pod-autoscaler-decision.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import type {
  AutoscaledPod,
  AutoscalerVersion,
  HorizontalPodAutoscaler,
  MetricSpec,
} from "./horizontal-pod-autoscaler-types.ts";

const NOW = Date.UTC(2026, 0, 1);
const DEPLOYMENT = { kind: "Deployment", name: "web", apiVersion: "apps/v1" };
const EXTERNAL: MetricSpec = {
  type: "External",
  external: { metric: { name: "s0-prometheus" }, target: { type: "AverageValue", averageValue: "2" } },
};
const MEMORY: MetricSpec = {
  type: "Resource",
  resource: { name: "memory", target: { type: "Utilization", averageUtilization: 50 } },
};
const OBJECT: MetricSpec = {
  type: "Object",
  object: { describedObject: DEPLOYMENT, metric: { name: "qps" }, target: { type: "Value", value: "1" } },
};

interface World {
  version: AutoscalerVersion;
  featureGates?: AutoscalerFeatureGates;
  minReplicas?: number;
  /** Of scaling up. */
  tolerance?: string;
  metric: MetricSpec;
  /** Besides `metric`. */
  others?: MetricSpec[];
  /** Of the scale; null for none. @default "app=web" */
  selector?: string | null;
  metrics: Partial<MetricsClient>;
  specReplicas?: number;
  statusReplicas?: number;
  pods?: AutoscaledPod[];
  owners?: string[];
  status?: HorizontalPodAutoscaler["status"];
}

function hpaOf({ metric, others = [], minReplicas = 1, tolerance, status }: World): HorizontalPodAutoscaler {
  const behavior = tolerance === undefined ? {} : { behavior: { scaleUp: { tolerance } } };
  return {
    metadata: { name: "web", namespace: "default", generation: 3 },
    spec: {
      scaleTargetRef: DEPLOYMENT,
      minReplicas,
      maxReplicas: 10,
      metrics: [metric, ...others],
      ...behavior,
    },
    status,
  };
}

function decideOn(world: World): Promise<Decision> {
  const { version, metrics, specReplicas = 2, statusReplicas = specReplicas, pods = [] } = world;
  const { selector = "app=web" } = world;
  const hpa = hpaOf(world);
  const input: DecisionInput = {
    hpa,
    scale: {
      metadata: { name: "web" },
      spec: { replicas: specReplicas },
      status: { replicas: statusReplicas, ...(selector === null ? {} : { selector }) },
    },
    memory: newAutoscalerMemory(specReplicas, NOW),
    metrics: metrics as MetricsClient,
    pods: async () => pods,
    autoscalersOf: () => world.owners ?? [],
    nowMs: NOW,
    settings: { version, featureGates: world.featureGates },
  };
  return decide(input);
}

const failing = {
  externalMetric: async () => {
    throw new Error("gone");
  },
  objectMetric: async () => {
    throw new Error("gone");
  },
};

/** A pod that is ready for an hour and requests as much memory as its container and it itself say. */
function pod(container: string, own?: Record<string, string>): AutoscaledPod {
  return {
    metadata: { name: "web-0", labels: { app: "web" } },
    spec: {
      containers: [{ name: "main", resources: { requests: { memory: container } } }],
      ...(own === undefined ? {} : { resources: { requests: own } }),
    },
    status: {
      phase: "Running",
      startTime: "2025-12-31T23:00:00Z",
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2025-12-31T23:00:01Z" }],
    },
  };
}

const using = (bytes: number): Partial<MetricsClient> => ({
  resourceMetric: async () =>
    new Map([["web-0", { milli: bytes * 1000, timestampMs: NOW, windowMs: 60_000 }]]),
});

test("decide() shows memory in powers of 1024; at 1.28 it did not", async () => {
  const shown = async (version: AutoscalerVersion, bytes: number) => {
    const world = { version, metric: MEMORY, metrics: using(bytes), pods: [pod("1Gi")], specReplicas: 1 };
    return (await decideOn(world)).status.currentMetrics![0].resource!.current.averageValue;
  };
  assert.equal(await shown("1.37", 512 * 1024 * 1024), "512Mi");
  assert.equal(await shown("1.28", 512 * 1024 * 1024), "536870912");
  assert.equal(await shown("1.37", 1000), "1k");
});

test("decide() goes by what a pod as a whole requests; at 1.28 by its containers alone", async () => {
  const decideFor = (version: AutoscalerVersion, one: AutoscaledPod) =>
    decideOn({ version, metric: MEMORY, metrics: using(1024 * 1024), pods: [one], specReplicas: 1 });
  const both = pod("4Mi", { memory: "1Mi" });
  assert.equal((await decideFor("1.37", both)).desiredReplicas, 2);
  assert.equal((await decideFor("1.28", both)).desiredReplicas, 1);
  const [event] = (await decideFor("1.37", pod("4Mi", { cpu: "1" }))).events;
  assert.equal(
    event.message,
    "failed to get memory utilization: missing pod-level request for memory in Pod web-0",
  );
});

test("decide() with no pod yet: the sum over the target, and an average that is no number", async () => {
  for (const version of ["1.28", "1.37"] as const) {
    const metrics = { externalMetric: async () => [5000] };
    const world = { version, metric: EXTERNAL, metrics, specReplicas: 1, statusReplicas: 0 };
    const { desiredReplicas, status } = await decideOn(world);
    assert.equal(desiredReplicas, 3);
    const { averageValue } = status.currentMetrics![0].external!.current;
    assert.equal(averageValue, "-9223372036854775808m");
  }
});

test("decide() names one other HPA on the same pods; at 1.28 all", async () => {
  const alone: World = {
    version: "1.37",
    metric: EXTERNAL,
    metrics: external(9000),
    owners: ["default/web"],
  };
  assert.equal((await decideOn(alone)).desiredReplicas, 4);
  const owners = ["default/a", "default/b", "default/c"];
  const said = async (version: AutoscalerVersion) =>
    (await decideOn({ version, metric: EXTERNAL, metrics: failing, owners })).events[0].message;
  const start = "pods by selector app=web are controlled by";
  assert.equal(await said("1.37"), `${start} more than one HPA (e.g. [default/a default/b])`);
  assert.equal(await said("1.28"), `${start} multiple HPAs: [default/a default/b default/c]`);
});

test("decide() says whose metric can't be had; at 1.28 with the words in the wrong places", async () => {
  const said = async (version: AutoscalerVersion) =>
    (await decideOn({ version, metric: OBJECT, metrics: failing })).events[0].message;
  assert.equal(await said("1.37"), "unable to get metric qps on Deployment default/web: gone");
  assert.equal(await said("1.28"), "unable to get metric qps: Deployment on default web/gone");
});

test("decide() drops the metrics of a sync that failed; at 1.28 it kept the last good ones", async () => {
  const currentMetrics = [
    {
      type: "External" as const,
      external: { metric: { name: "s0-prometheus" }, current: { averageValue: "1" } },
    },
  ];
  const status = { currentReplicas: 2, desiredReplicas: 4, currentMetrics };
  const after = async (version: AutoscalerVersion) =>
    (await decideOn({ version, metric: EXTERNAL, metrics: failing, status })).status;
  assert.deepEqual((await after("1.37")).currentMetrics, [{ type: "" }]);
  assert.equal((await after("1.37")).observedGeneration, 3);
  assert.deepEqual((await after("1.28")).currentMetrics, currentMetrics);
  assert.equal((await after("1.28")).observedGeneration, undefined);
  assert.equal((await after("1.37")).desiredReplicas, 4);
});

const external = (milli: number): Partial<MetricsClient> => ({ externalMetric: async () => [milli] });

test("decide() leaves zero where the HPA went there itself, unless HPAScaleToZero is off", async () => {
  const conditions = [{ type: "ScaledToZero" as const, status: "True" as const }];
  const world: World = {
    version: "1.37",
    metric: EXTERNAL,
    metrics: external(3000),
    minReplicas: 0,
    specReplicas: 0,
    status: { conditions },
  };
  assert.equal((await decideOn(world)).desiredReplicas, 2);
  const off = await decideOn({ ...world, featureGates: { HPAScaleToZero: false } });
  assert.equal(off.desiredReplicas, 0);
  assert.deepEqual(
    off.status.conditions!.map(({ type, reason }) => `${type} ${reason}`),
    ["AbleToScale SucceededGetScale", "ScalingActive ScalingDisabled"],
  );
});

test("recordRescale() remembers a way to zero, unless HPAScaleToZero is off", async () => {
  const world: World = { version: "1.37", metric: EXTERNAL, metrics: external(0), minReplicas: 0 };
  const remembered = async (featureGates?: AutoscalerFeatureGates) => {
    const settings = { version: "1.37" as const, featureGates };
    const decision = { ...(await decideOn({ ...world, featureGates })), desiredReplicas: 0 };
    recordRescale({ hpa: hpaOf(world), settings, nowMs: NOW }, decision);
    return decision.status.conditions!.find(({ type }) => type === "ScaledToZero")?.status;
  };
  assert.equal(await remembered(), "True");
  assert.equal(await remembered({ HPAScaleToZero: false }), undefined);
  const up = await decideOn({ ...world, metrics: external(9000) });
  recordRescale({ hpa: hpaOf(world), settings: { version: "1.37" }, nowMs: NOW }, up);
  assert.equal(up.status.conditions!.find(({ type }) => type === "ScaledToZero")!.status, "False");
});

test("decide() goes by a behaviour's own tolerance, unless HPAConfigurableTolerance is off", async () => {
  // 2 pods of 2: 4.2 is 5 % above.
  const world = { metric: EXTERNAL, metrics: external(4200), tolerance: "10m" };
  const replicas = async (version: AutoscalerVersion, HPAConfigurableTolerance?: boolean) =>
    (await decideOn({ ...world, version, featureGates: { HPAConfigurableTolerance } })).desiredReplicas;
  assert.equal(await replicas("1.37"), 3);
  assert.equal(await replicas("1.37", false), 2);
  assert.equal(await replicas("1.28"), 2);
});

test("decide() at 1.28 leaves out metrics of containers when HPAContainerMetrics is off", async () => {
  const metric: MetricSpec = {
    type: "ContainerResource",
    containerResource: {
      name: "memory",
      container: "main",
      target: { type: "Utilization", averageUtilization: 50 },
    },
  };
  const world = { metric, metrics: using(1024 ** 2), pods: [pod("1Mi")], specReplicas: 1 };
  const off = { HPAContainerMetrics: false };
  const gated = await decideOn({ ...world, version: "1.28", featureGates: off });
  assert.equal(gated.desiredReplicas, 1);
  assert.deepEqual(
    gated.events.map(({ reason, message }) => `${reason}: ${message}`),
    [
      "FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: ContainerResource metric type is not supported: disabled by the feature gate",
    ],
  );
  assert.equal((await decideOn({ ...world, version: "1.28" })).desiredReplicas, 2);
  assert.equal((await decideOn({ ...world, version: "1.37", featureGates: off })).desiredReplicas, 2);
});

const shown = ({ status, events }: Decision) => ({
  conditions: status.conditions!.map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  ),
  events: events.map(({ reason, message }) => `${reason}: ${message}`),
});
const ABLE =
  "AbleToScale=True SucceededGetScale: the HPA controller was able to get the target's current scale";

test("decide() needs a selector that can be read", async () => {
  const world: World = { version: "1.37", metric: EXTERNAL, metrics: external(9000) };
  const missing = await decideOn({ ...world, selector: null });
  assert.equal(missing.desiredReplicas, 2);
  assert.deepEqual(shown(missing), {
    conditions: [ABLE, "ScalingActive=False InvalidSelector: the HPA target's scale is missing a selector"],
    events: ["SelectorRequired: selector is required", "FailedComputeMetricsReplicas: selector is required"],
  });
  const text =
    "couldn't convert selector into a corresponding internal selector object: found '=', expected: !, identifier, or 'end of string'";
  const unreadable = shown(await decideOn({ ...world, selector: "=web" }));
  assert.deepEqual(unreadable.conditions, [ABLE, `ScalingActive=False InvalidSelector: ${text}`]);
  assert.equal(unreadable.events[0], `InvalidSelector: ${text}`);
});

test("decide() knows the types of sources, and names one that is none", async () => {
  const metric = { type: "Weather" } as unknown as MetricSpec;
  const decision = await decideOn({ version: "1.37", metric, metrics: {} });
  assert.equal(decision.desiredReplicas, 2);
  const text = 'unknown metric source type "Weather"';
  assert.deepEqual(shown(decision), {
    conditions: [
      ABLE,
      `ScalingActive=False InvalidMetricSourceType: the HPA was unable to compute the replica count: ${text}`,
    ],
    events: [
      `InvalidMetricSourceType: ${text}`,
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: ${text}`,
    ],
  });
});

test("decide() goes up by the metrics that it has, and not down while one is missing", async () => {
  const metrics = { ...external(8000), objectMetric: failing.objectMetric };
  for (const [specReplicas, expected] of [
    [2, 4],
    [4, 4],
    [6, 6],
  ]) {
    for (const [metric, other] of [
      [EXTERNAL, OBJECT],
      [OBJECT, EXTERNAL],
    ]) {
      const world: World = { version: "1.37", metric, others: [other], metrics, specReplicas };
      const decision = await decideOn(world);
      assert.equal(decision.desiredReplicas, expected, `from ${specReplicas}`);
      const first =
        "failed to get object metric value: unable to get metric qps on Deployment default/web: gone";
      assert.equal(decision.error!.message, `invalid metrics (1 invalid out of 2), first error is: ${first}`);
      const active = shown(decision).conditions.find((text) => text.startsWith("ScalingActive"))!;
      assert.match(active, specReplicas > 4 ? /=False FailedGetObjectMetric/ : /=True ValidMetricFound/);
    }
  }
  const both: World = { version: "1.37", metric: EXTERNAL, others: [OBJECT], metrics: failing };
  assert.equal((await decideOn(both)).desiredReplicas, 2);
});

test("decide() takes the most that any metric asks for", async () => {
  const metrics = { ...external(8000), objectMetric: async () => 2000 };
  const pods = Array.from({ length: 3 }, () => pod("1Gi"));
  const specReplicas = 3;
  for (const [metric, other] of [
    [EXTERNAL, OBJECT],
    [OBJECT, EXTERNAL],
  ]) {
    const { desiredReplicas, reason } = await decideOn({
      version: "1.37",
      metric,
      others: [other],
      metrics,
      pods,
      specReplicas,
    });
    assert.deepEqual([desiredReplicas, reason], [6, "Deployment metric qps above target"]);
  }
});

test("decide() comes back from its own zero to a minimum that was raised meanwhile", async () => {
  const conditions = [{ type: "ScaledToZero" as const, status: "True" as const }];
  const world: World = {
    version: "1.37",
    metric: EXTERNAL,
    metrics: external(2000),
    specReplicas: 0,
    minReplicas: 4,
  };
  const { desiredReplicas } = await decideOn({ ...world, status: { conditions } });
  assert.equal(desiredReplicas, 4);
  // Upstream has a reason for this, and never comes to it: the bounds are kept before.
  const idle = await decideOn({ ...world, metrics: external(0), status: { conditions } });
  assert.deepEqual([idle.desiredReplicas, idle.reason], [4, ""]);
});

test("recordFailedRescale() says so, and what was desired before stays", async () => {
  const status = { currentReplicas: 2, desiredReplicas: 2 };
  const world: World = { version: "1.37", metric: EXTERNAL, metrics: external(9000), status };
  const decision = await decideOn(world);
  assert.equal(decision.desiredReplicas, 4);
  recordFailedRescale(
    { hpa: hpaOf(world), settings: { version: "1.37" }, nowMs: NOW },
    decision,
    new Error("away"),
  );
  assert.ok(
    shown(decision).conditions.includes(
      "AbleToScale=False FailedUpdateScale: the HPA controller was unable to update the target scale: away",
    ),
  );
  assert.equal(decision.status.desiredReplicas, 2);
  const first = await decideOn({ ...world, status: undefined });
  const at = {
    hpa: hpaOf({ ...world, status: undefined }),
    settings: { version: "1.37" as const },
    nowMs: NOW,
  };
  recordFailedRescale(at, first, new Error("away"));
  assert.equal(first.status.desiredReplicas, 0);
});

test("decide() takes a minimum of one where none is given, and asks the metrics at the maximum", async () => {
  const world: World = { version: "1.37", metric: EXTERNAL, metrics: external(1000), specReplicas: 1 };
  const hpa = hpaOf(world);
  hpa.spec.minReplicas = undefined;
  const at = (specReplicas: number, milli: number) => {
    const scale = {
      metadata: { name: "web" },
      spec: { replicas: specReplicas },
      status: { replicas: specReplicas, selector: "app=web" },
    };
    const memory = newAutoscalerMemory(1, NOW);
    const metrics = external(milli) as MetricsClient;
    return decide({ hpa, scale, memory, metrics, pods: async () => [], nowMs: NOW });
  };
  assert.equal((await at(1, 1000)).desiredReplicas, 1);
  assert.equal((await at(2, 0)).desiredReplicas, 1);
  const most = await at(10, 8000);
  assert.deepEqual([most.desiredReplicas, most.reason], [4, "All metrics below target"]);
  const above = await at(11, 8000);
  assert.deepEqual(
    [above.desiredReplicas, above.reason],
    [10, "Current number of replicas above Spec.MaxReplicas"],
  );
});

test("decide() names the first of the metrics that ask for the most", async () => {
  const second: MetricSpec = { ...EXTERNAL, external: { ...EXTERNAL.external!, metric: { name: "second" } } };
  const named = async (metric: MetricSpec, other: MetricSpec) =>
    (await decideOn({ version: "1.37", metric, others: [other], metrics: external(8000) })).reason;
  assert.match(await named(EXTERNAL, second), /^external metric s0-prometheus/);
  assert.match(await named(second, EXTERNAL), /^external metric second/);
});

test("decide() leaves its own zero for a raised minimum whatever the metrics are, else for one without pods", async () => {
  const conditions = [{ type: "ScaledToZero" as const, status: "True" as const }];
  const from = async (metric: MetricSpec, minReplicas: number) => {
    const metrics = { ...external(4000), objectMetric: async () => 4000, ...using(1) };
    const world: World = {
      version: "1.37",
      metric,
      metrics,
      specReplicas: 0,
      minReplicas,
      status: { conditions },
    };
    return shown(await decideOn(world)).conditions.some((text) => text.includes("ScalingDisabled"));
  };
  assert.deepEqual(
    [await from(EXTERNAL, 0), await from(OBJECT, 0), await from(MEMORY, 0), await from(MEMORY, 1)],
    [false, false, true, false],
  );
});

test("decide() keeps the time of a condition that stays what it is", async () => {
  const before = "2025-12-31T00:00:00Z";
  const condition = (type: "ScalingActive" | "AbleToScale", status: "True" | "False") => ({
    type,
    status,
    lastTransitionTime: before,
  });
  const status = {
    currentReplicas: 2,
    desiredReplicas: 2,
    conditions: [condition("AbleToScale", "True"), condition("ScalingActive", "False")],
  };
  const world: World = { version: "1.37", metric: EXTERNAL, metrics: external(4000), status };
  const { conditions } = (await decideOn(world)).status;
  const timeOf = (type: string) => conditions!.find((each) => each.type === type)!.lastTransitionTime;
  assert.equal(timeOf("AbleToScale"), before);
  assert.equal(timeOf("ScalingActive"), "2026-01-01T00:00:00Z");
});

test("decide() counts what sidecars request, and not what other init containers do", async () => {
  const one = pod("1Mi");
  const requests = { memory: "1Mi" };
  one.spec.initContainers = [
    { name: "sidecar", restartPolicy: "Always", resources: { requests } },
    { name: "first", resources: { requests: { memory: "7Mi" } } },
  ];
  const world: World = {
    version: "1.37",
    metric: MEMORY,
    metrics: using(2 * 1024 * 1024),
    pods: [one],
    specReplicas: 1,
  };
  const { status } = await decideOn(world);
  assert.equal(status.currentMetrics![0].resource!.current.averageUtilization, 100);
});

test("a scale without replicas has none: the API leaves a zero out", async () => {
  const conditions = [{ type: "ScaledToZero" as const, status: "True" as const }];
  const world: World = {
    version: "1.37",
    metric: OBJECT,
    metrics: {},
    minReplicas: 0,
    status: { conditions },
  };
  const decision = await decide({
    hpa: hpaOf(world),
    scale: { metadata: { name: "web" }, spec: {}, status: { replicas: 0, selector: "app=web" } },
    memory: newAutoscalerMemory(0, NOW),
    metrics: { objectMetric: async () => 3000 } as unknown as MetricsClient,
    pods: async () => [],
    nowMs: NOW,
  });
  assert.deepEqual([decision.currentReplicas, decision.desiredReplicas], [0, 3]);
});
