import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../../api-server/cluster-store.ts";
import { startHorizontalPodAutoscalerController } from "./horizontal-pod-autoscaler.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import type { AutoscalerVersion, HorizontalPodAutoscaler } from "./horizontal-pod-autoscaler-types.ts";

const NAMESPACE = "percolate-test";

interface KubernetesEvent extends KubernetesObject {
  reason: string;
  message: string;
  count: number;
}

/** A store with a StatefulSet of three pods' template, an HPA on it, and an external metric that the test sets. */
async function world(
  options: { replicas?: number; hpa?: object; behavior?: object; version?: AutoscalerVersion } = {},
) {
  const clock = new VirtualClock();
  const api = new ClusterStore({ clock, random: seededRandom(1) });
  const state = { metricMilli: 1000, failing: false };
  const stop = new AbortController();
  const metrics = {
    externalMetric: async () => {
      if (state.failing) throw new Error("unable to fetch metrics from external metrics API: gone");
      return [state.metricMilli];
    },
  } as unknown as MetricsClient;
  await api.create(RESOURCES.namespaces, object("Namespace", { metadata: { name: NAMESPACE } }));
  const labels = { app: "test-db" };
  await api.create(RESOURCES.statefulSets, {
    ...object("StatefulSet", { metadata: { name: "test-db-small", namespace: NAMESPACE } }),
    spec: {
      replicas: options.replicas ?? 1,
      serviceName: "test-db-small",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "db", image: "db" }] } },
    },
  });
  const selector = { matchLabels: { "scaledobject.keda.sh/name": "test-db-small" } };
  await api.create(RESOURCES.horizontalPodAutoscalers, {
    ...object("HorizontalPodAutoscaler", { metadata: { name: "hpa", namespace: NAMESPACE } }),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "test-db-small" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [
        {
          type: "External",
          external: {
            metric: { name: "s0-prometheus", selector },
            target: { type: "AverageValue", averageValue: "2" },
          },
        },
      ],
      ...options.hpa,
      ...(options.behavior === undefined ? {} : { behavior: options.behavior }),
    },
  } as KubernetesObject);
  await setStatusReplicas(api, options.replicas ?? 1);
  startHorizontalPodAutoscalerController({
    api,
    clock,
    log: silentLogger,
    metrics,
    signal: stop.signal,
    version: options.version,
  });
  const statefulSet = () => api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: "test-db-small" });
  return {
    clock,
    api,
    state,
    stop,
    replicas: async () => (await statefulSet()).spec.replicas as number,
    /** What the StatefulSet controller would do. */
    follow: async () => setStatusReplicas(api, (await statefulSet()).spec.replicas),
    hpa: () =>
      api.get<HorizontalPodAutoscaler>(RESOURCES.horizontalPodAutoscalers, {
        namespace: NAMESPACE,
        name: "hpa",
      }),
    events: async () => (await api.list<KubernetesEvent>(RESOURCES.events, { namespace: NAMESPACE })).items,
  };
}

function object(kind: string, rest: { metadata: KubernetesObject["metadata"] }): KubernetesObject {
  const versions: Record<string, string> = {
    Namespace: "v1",
    StatefulSet: "apps/v1",
    HorizontalPodAutoscaler: "autoscaling/v2",
  };
  return { apiVersion: versions[kind], kind, ...rest };
}

async function setStatusReplicas(api: KubernetesApi, replicas: number): Promise<void> {
  const set = await api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: "test-db-small" });
  await api.updateStatus(RESOURCES.statefulSets, { ...set, status: { ...set.status, replicas } });
}

function condition(hpa: HorizontalPodAutoscaler, type: string) {
  const found = hpa.status?.conditions?.find((candidate) => candidate.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
}

test("at 1.28 the controller looks at an HPA one sync period after it was seen, and scales to what the metric asks for", async () => {
  const { clock, state, replicas, hpa, events } = await world({ version: "1.28" });
  state.metricMilli = 5000;
  await clock.advance(14_999);
  assert.equal(await replicas(), 1);
  await clock.advance(1);
  assert.equal(await replicas(), 3);
  const scaled = await hpa();
  assert.equal(scaled.status!.desiredReplicas, 3);
  assert.equal(scaled.status!.lastScaleTime, "2026-01-01T00:00:15Z");
  assert.equal(condition(scaled, "AbleToScale"), "True SucceededRescale");
  assert.equal(condition(scaled, "ScalingActive"), "True ValidMetricFound");
  assert.equal(scaled.status!.currentMetrics![0].external!.current.averageValue, "5");
  const messages = (await events()).map(({ reason, message }) => `${reason}: ${message}`);
  assert.deepEqual(messages, [
    "SuccessfulRescale: New size: 3; reason: external metric s0-prometheus(&LabelSelector{MatchLabels:map[string]string{" +
      "scaledobject.keda.sh/name: test-db-small,},MatchExpressions:[]LabelSelectorRequirement{},}) above target",
  ]);
});

test("the controller looks at a new HPA and at a changed one at once, and at both every period", async () => {
  const { clock, api, state, replicas, follow, hpa } = await world();
  await clock.advance(0);
  assert.equal((await hpa()).status!.observedGeneration, 1);
  state.metricMilli = 5000;
  await clock.advance(14_999);
  assert.equal(await replicas(), 1);
  await clock.advance(1);
  assert.equal(await replicas(), 3);
  await follow();
  const { spec } = await hpa();
  const body = { spec: { ...spec, minReplicas: 4 } };
  const key = { namespace: NAMESPACE, name: "hpa" };
  await api.patch(RESOURCES.horizontalPodAutoscalers, key, { type: "merge", body });
  await clock.advance(0);
  assert.equal(await replicas(), 4);
  assert.equal((await hpa()).status!.observedGeneration, 2);
  state.metricMilli = 12_000;
  await clock.advance(14_999);
  assert.equal(await replicas(), 4);
  await clock.advance(1);
  assert.equal(await replicas(), 6);
});

test("the controller goes to zero and comes back, and remembers that it was itself", async () => {
  const { clock, state, replicas, follow, hpa } = await world({ hpa: { minReplicas: 0 } });
  state.metricMilli = 0;
  await clock.advance(330_000);
  assert.equal(await replicas(), 0);
  assert.equal(condition(await hpa(), "ScaledToZero"), "True ScaledToZero");
  await follow();
  state.metricMilli = 3000;
  await clock.advance(15_000);
  assert.equal(await replicas(), 2);
  assert.equal(condition(await hpa(), "ScaledToZero"), "False NotScaledToZero");
});

test("the controller leaves a zero alone that somebody else has set, though the minimum is 0; at 1.28 it does not", async () => {
  const now = await world({ replicas: 0, hpa: { minReplicas: 0 } });
  const then = await world({ replicas: 0, hpa: { minReplicas: 0 }, version: "1.28" });
  for (const { clock, state } of [now, then]) {
    state.metricMilli = 3000;
    await clock.advance(15_000);
  }
  assert.equal(await now.replicas(), 0);
  assert.equal(condition(await now.hpa(), "ScalingActive"), "False ScalingDisabled");
  assert.equal(await then.replicas(), 2);
  assert.equal(condition(await then.hpa(), "ScaledToZero"), undefined);
});

test("the controller sets the scale again when somebody else has written it meanwhile", async () => {
  const { clock, api, state, replicas, events } = await world();
  const replace = api.replace.bind(api);
  let conflicts = 0;
  api.replace = async (resource, object, options) => {
    if (options?.subresource === "scale" && conflicts++ < 2)
      throw statusError("Conflict", "the object has been modified");
    return replace(resource, object, options);
  };
  state.metricMilli = 5000;
  await clock.advance(15_000);
  assert.equal(await replicas(), 3);
  assert.equal(conflicts, 3);
  assert.deepEqual(
    (await events()).map(({ reason }) => reason),
    ["SuccessfulRescale"],
  );
});

test("the controller scales down only when the highest recommendation of five minutes allows it", async () => {
  const { clock, state, replicas, follow, hpa } = await world();
  state.metricMilli = 6000;
  await clock.advance(15_000);
  await follow();
  state.metricMilli = 1000;
  await clock.advance(285_000);
  assert.equal(await replicas(), 3);
  assert.equal(condition(await hpa(), "AbleToScale"), "True ScaleDownStabilized");
  await clock.advance(30_000);
  assert.equal(await replicas(), 1);
});

test("the controller leaves the replicas alone when the metric can't be read, and says so", async () => {
  const { clock, state, replicas, hpa, events } = await world({ replicas: 3 });
  state.failing = true;
  await clock.advance(60_000);
  assert.equal(await replicas(), 3);
  assert.equal(condition(await hpa(), "ScalingActive"), "False FailedGetExternalMetric");
  const [first] = await events();
  assert.equal(first.reason, "FailedGetExternalMetric");
  assert.equal(first.count, 5);
  assert.match(
    String(first.message),
    /^unable to get external metric percolate-test\/s0-prometheus\/&LabelSelector\{/,
  );
});

test("the controller does nothing at zero replicas", async () => {
  const { clock, state, replicas, hpa } = await world({ replicas: 0 });
  state.metricMilli = 9000;
  await clock.advance(15_000);
  assert.equal(await replicas(), 0);
  assert.equal(condition(await hpa(), "ScalingActive"), "False ScalingDisabled");
});

test("the controller brings the replicas within the bounds without asking the metrics", async () => {
  const high = await world({ replicas: 12 });
  high.state.failing = true;
  await high.clock.advance(15_000);
  assert.equal(await high.replicas(), 10);
  const low = await world({ replicas: 1, hpa: { minReplicas: 2 } });
  low.state.failing = true;
  await low.clock.advance(15_000);
  assert.equal(await low.replicas(), 2);
});

test("the controller says when the target has no scale", async () => {
  const { clock, hpa } = await world({
    hpa: { scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "none" } },
  });
  await clock.advance(15_000);
  assert.equal(condition(await hpa(), "AbleToScale"), "False FailedGetScale");
});

test("the controller says of what is no target why it is none", async () => {
  const cases: [apiVersion: string, kind: string, message: string][] = [
    ["apps/v1", "Fleet", 'no matches for kind "Fleet" in group "apps"'],
    ["apps/v1", "DaemonSet", "the server could not find the requested resource"],
    ["v1", "ReplicationController", 'replicationcontrollers "test-db-small" not found'],
  ];
  for (const [apiVersion, kind, message] of cases) {
    const scaleTargetRef = { apiVersion, kind, name: "test-db-small" };
    const { clock, hpa, events, stop } = await world({ hpa: { scaleTargetRef } });
    await clock.advance(1);
    const { message: said } = (await hpa()).status!.conditions![0];
    assert.equal(said, `the HPA controller was unable to get the target's current scale: ${message}`);
    assert.deepEqual(
      (await events()).map((event) => `${event.reason}: ${event.message}`),
      [`FailedGetScale: ${message}`],
    );
    stop.abort();
  }
});

test("a ReplicationController scales as a StatefulSet does", async () => {
  const scaleTargetRef = { apiVersion: "v1", kind: "ReplicationController", name: "old" };
  const { clock, api, state } = await world({ hpa: { scaleTargetRef } });
  const resource = { group: "", version: "v1", resource: "replicationcontrollers" };
  const labels = { app: "old" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "main" }] } };
  await api.create(resource, {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "old", namespace: NAMESPACE },
    spec: { replicas: 1, selector: labels, template },
  });
  state.metricMilli = 5000;
  await clock.advance(15_000);
  assert.equal((await api.get(resource, { namespace: NAMESPACE, name: "old" })).spec.replicas, 3);
});

test("the controller writes no status that is the same", async () => {
  const { clock, hpa } = await world();
  await clock.advance(15_000);
  const first = (await hpa()).metadata.resourceVersion;
  await clock.advance(60_000);
  assert.equal((await hpa()).metadata.resourceVersion, first);
});

test("the controller stops with its signal", async () => {
  const { clock, state, stop, replicas } = await world();
  await clock.advance(0);
  state.metricMilli = 5000;
  stop.abort();
  await clock.advance(120_000);
  assert.equal(await replicas(), 1);
  assert.equal(clock.pending, 0);
});

test("two HPAs on the same pods: neither scales, and each says why", async () => {
  const { clock, api, state, replicas, hpa } = await world({ replicas: 2 });
  const first = await hpa();
  await api.create(RESOURCES.horizontalPodAutoscalers, {
    ...object("HorizontalPodAutoscaler", { metadata: { name: "other", namespace: NAMESPACE } }),
    spec: first.spec,
  });
  await api.create(RESOURCES.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "test-db-small-0", namespace: NAMESPACE, labels: { app: "test-db" } },
    spec: { containers: [{ name: "db", image: "db" }] },
  });
  await clock.advance(15_000);
  state.metricMilli = 9000;
  await clock.advance(15_000);
  assert.equal(condition(await hpa(), "ScalingActive"), "False AmbiguousSelector");
  assert.ok((await replicas()) <= 2);
});

test("a hundred HPAs are all looked at, each on its own target", async () => {
  const { clock, api, state } = await world();
  const [set] = (await api.list(RESOURCES.statefulSets, { namespace: NAMESPACE })).items;
  const [first] = (await api.list<HorizontalPodAutoscaler>(RESOURCES.horizontalPodAutoscalers, {})).items;
  state.metricMilli = 5000;
  const names = Array.from({ length: 100 }, (_, index) => `test-db-${index}`);
  for (const name of names) {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: set.spec.template.spec };
    await api.create(RESOURCES.statefulSets, {
      ...object("StatefulSet", { metadata: { name, namespace: NAMESPACE } }),
      spec: { ...set.spec, replicas: 1, selector: { matchLabels: labels }, template },
    });
    await api.create(RESOURCES.horizontalPodAutoscalers, {
      ...object("HorizontalPodAutoscaler", { metadata: { name, namespace: NAMESPACE } }),
      spec: { ...first.spec, scaleTargetRef: { ...first.spec.scaleTargetRef, name } },
    } as KubernetesObject);
  }
  await clock.advance(1);
  const replicas = await Promise.all(
    names.map(
      async (name) => (await api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name })).spec.replicas,
    ),
  );
  assert.deepEqual(new Set(replicas), new Set([3]));
});
