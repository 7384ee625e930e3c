import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { jsonResponse } from "../base/network.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { settle, VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../simulation/virtual/virtual-network.ts";
import { addStatefulSet, aggregate, createMemoryCluster } from "../simulation/world/autoscaled-cluster.ts";
import { externalScalerHandler } from "../wire/keda/external-scaler.ts";
import { startKedaOperator } from "./keda-operator.ts";
import { SCALED_OBJECTS, type ScaledObject, type ScaledObjectSpec } from "./scaled-object.ts";

const NAMESPACE = "percolate-test";
const NAME = "test-db-small";

const PROMETHEUS = {
  type: "prometheus",
  metadata: {
    serverAddress: "http://prometheus:9090",
    query: 'sum(percolate_active_tenants{tier="small"})',
    threshold: "2",
  },
};

interface KubernetesEvent extends KubernetesObject {
  reason: string;
  message: string;
}

/** KEDA over a store, a Prometheus whose answer the test sets, and a StatefulSet. */
async function world(
  spec: Partial<ScaledObjectSpec> = {},
  options: { replicas?: number; annotations?: Record<string, string> } = {},
) {
  const clock = new VirtualClock();
  const api = createMemoryCluster(clock);
  const stop = new AbortController();
  const network = new VirtualNetwork({
    clock,
    resolve: (name) => (name === "router" ? "10.0.0.3" : "10.0.0.2"),
  });
  /** A number, several, none, or a status. */
  const prometheus: { values: string[]; status: number; queries: string[] } = {
    values: ["0"],
    status: 200,
    queries: [],
  };
  await network.host("10.0.0.2").serve({ host: "0.0.0.0", port: 9090 }, ({ target }) => {
    prometheus.queries.push(target);
    const result = prometheus.values.map((value) => ({ metric: {}, value: [clock.now() / 1000, value] }));
    return jsonResponse(prometheus.status, { status: "success", data: { resultType: "vector", result } });
  });
  await api.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
  });
  await addStatefulSet({
    api,
    clock,
    namespace: NAMESPACE,
    name: NAME,
    replicas: options.replicas ?? 1,
    signal: stop.signal,
  });
  const operator = startKedaOperator({
    api,
    clock,
    network: network.host("10.0.0.1"),
    log: silentLogger,
    signal: stop.signal,
  });
  await operator.started;
  await api.create<ScaledObject>(SCALED_OBJECTS, {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: NAME, namespace: NAMESPACE, annotations: options.annotations },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: NAME },
      triggers: [PROMETHEUS],
      ...spec,
    },
  });
  await clock.advance(1000);
  const key = { namespace: NAMESPACE, name: NAME };
  const getJson = aggregate({ "external.metrics.k8s.io": operator.externalMetrics });
  return {
    clock,
    api,
    stop,
    network,
    operator,
    prometheus,
    scaledObject: () => api.get<ScaledObject>(SCALED_OBJECTS, key),
    replicas: async () => (await api.get(RESOURCES.statefulSets, key)).spec.replicas as number,
    setReplicas: (replicas: number) =>
      api.patch(RESOURCES.statefulSets, key, { type: "merge", body: { spec: { replicas } } }),
    hpa: () =>
      api.get(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE, name: `keda-hpa-${NAME}` }),
    annotate: async (annotations: Record<string, string | null>) => {
      await api.patch(SCALED_OBJECTS, key, { type: "merge", body: { metadata: { annotations } } });
      await settle();
    },
    metric: async (name = "s0-prometheus") => {
      const selector = encodeURIComponent(`scaledobject.keda.sh/name=${NAME}`);
      const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${NAMESPACE}/${name}?labelSelector=${selector}`;
      return (await getJson(path)) as { items: { metricName: string; value: string }[] };
    },
    events: async () =>
      (await api.list<KubernetesEvent>(RESOURCES.events, { namespace: NAMESPACE })).items.map(
        ({ reason, message }) => `${reason}: ${message}`,
      ),
  };
}

function condition(object: ScaledObject, type: string): string | undefined {
  const found = object.status?.conditions?.find((candidate) => candidate.type === type);
  return found && `${found.status} ${found.reason}`;
}

test("a ScaledObject gets its HPA, conditions, finalizer, label and events", async () => {
  const { scaledObject, hpa, events, stop } = await world({ minReplicaCount: 1, maxReplicaCount: 10 });
  const object = await scaledObject();
  assert.deepEqual(object.metadata.finalizers, ["finalizer.keda.sh"]);
  assert.equal(object.metadata.labels!["scaledobject.keda.sh/name"], NAME);
  assert.equal(object.status!.hpaName, `keda-hpa-${NAME}`);
  assert.deepEqual(object.status!.externalMetricNames, ["s0-prometheus"]);
  assert.equal(object.status!.scaleTargetKind, "apps/v1.StatefulSet");
  assert.equal(object.status!.originalReplicaCount, 1);
  assert.equal(condition(object, "Ready"), "True ScaledObjectReady");
  assert.equal(condition(object, "Active"), "False ScalerNotActive");
  const { metadata, spec } = await hpa();
  assert.equal(metadata.ownerReferences![0].kind, "ScaledObject");
  assert.deepEqual(spec, {
    scaleTargetRef: { kind: "StatefulSet", name: NAME, apiVersion: "apps/v1" },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [
      {
        type: "External",
        external: {
          metric: { name: "s0-prometheus", selector: { matchLabels: { "scaledobject.keda.sh/name": NAME } } },
          target: { type: "AverageValue", averageValue: "2" },
        },
      },
    ],
  });
  const reasons = await events();
  assert.ok(reasons.includes("KEDAScalersStarted: Started scalers watch"));
  assert.ok(reasons.includes("KEDAScalersStarted: Scaler prometheus is built"));
  assert.ok(reasons.includes("ScaledObjectReady: ScaledObject is ready for scaling"));
  stop.abort();
});

test("the HPA is told the query's value of now", async () => {
  const { prometheus, metric, stop } = await world({ minReplicaCount: 1 });
  prometheus.values = ["5"];
  const { items } = await metric();
  assert.equal(items[0].metricName, "s0-prometheus");
  assert.equal(items[0].value, "5");
  prometheus.values = ["1.5"];
  assert.equal((await metric()).items[0].value, "1500m");
  assert.match(
    prometheus.queries[0],
    /^\/api\/v1\/query\?query=sum%28percolate_active_tenants%7Btier%3D%22small%22%7D%29&time=2026-01-01T00:00:00Z$/,
  );
  stop.abort();
});

test("a poll every pollingInterval activates from zero, and deactivates after the cooldown", async () => {
  const { clock, prometheus, replicas, scaledObject, events, stop } = await world(
    { pollingInterval: 10, cooldownPeriod: 60 },
    { replicas: 0 },
  );
  prometheus.values = ["3"];
  await clock.advance(8_000);
  assert.equal(await replicas(), 0);
  await clock.advance(2_000);
  assert.equal(await replicas(), 1);
  assert.equal(condition(await scaledObject(), "Active"), "True ScalerActive");
  prometheus.values = ["0"];
  await clock.advance(55_000);
  assert.equal(await replicas(), 1);
  assert.equal(condition(await scaledObject(), "Active"), "False ScalerCooldown");
  await clock.advance(20_000);
  assert.equal(await replicas(), 0);
  const messages = await events();
  assert.ok(
    messages.includes(
      `KEDAScaleTargetActivated: Scaled apps/v1.StatefulSet ${NAMESPACE}/${NAME} from 0 to 1, triggered by s0-prometheus`,
    ),
  );
  assert.ok(
    messages.includes(
      `KEDAScaleTargetDeactivated: Deactivated apps/v1.StatefulSet ${NAMESPACE}/${NAME} from 1 to 0`,
    ),
  );
  stop.abort();
});

test("an outage with ignoreNullValues=false and a fallback keeps the replicas, and ends with it", async () => {
  const trigger = { ...PROMETHEUS, metadata: { ...PROMETHEUS.metadata, ignoreNullValues: "false" } };
  const fallback = { failureThreshold: 2, replicas: 1, behavior: "currentReplicas" as const };
  const { clock, prometheus, metric, scaledObject, events, stop } = await world(
    { pollingInterval: 10, minReplicaCount: 1, fallback, triggers: [trigger] },
    { replicas: 4 },
  );
  prometheus.values = ["8"];
  await clock.advance(10_000);
  prometheus.values = [];
  await assert.rejects(metric(), /metric:s0-prometheus encountered error/);
  await clock.advance(20_000);
  const fallen = await metric();
  assert.equal(fallen.items[0].value, "8", "4 replicas at 2 each");
  assert.equal(condition(await scaledObject(), "Fallback"), "True FallbackExists");
  prometheus.values = ["8"];
  await clock.advance(20_000);
  assert.equal(condition(await scaledObject(), "Fallback"), "False NoFallbackFound");
  assert.equal((await scaledObject()).status!.health!["s0-prometheus"].numberOfFailures, 0);
  const messages = await events();
  assert.ok(messages.includes("ScaledObjectFallbackActivated: ScaledObject fallback is active"));
  assert.ok(messages.includes("ScaledObjectFallbackDeactivated: ScaledObject fallback is no longer active"));
  stop.abort();
});

test("the fallback comes though the status can't be written", async () => {
  const trigger = { ...PROMETHEUS, metadata: { ...PROMETHEUS.metadata, ignoreNullValues: "false" } };
  const fallback = { failureThreshold: 2, replicas: 3 };
  const spec = { pollingInterval: 10, minReplicaCount: 1, fallback, triggers: [trigger] };
  const { api, clock, prometheus, metric, scaledObject, stop } = await world(spec, { replicas: 4 });
  const failures = async () => (await scaledObject()).status!.health!["s0-prometheus"].numberOfFailures;
  prometheus.values = [];
  for (let tries = 0; tries < 20 && (await failures()) !== 2; tries++) await clock.advance(1000);
  assert.equal(await failures(), 2);
  mock.method(api, "patch", async () => {
    throw new Error("the API server is away");
  });
  assert.equal((await metric()).items[0].value, "6", "3 replicas at 2 each");
  stop.abort();
});

test("without a fallback a failing query freezes the target and says TriggerError", async () => {
  const { clock, prometheus, replicas, scaledObject, stop } = await world(
    { pollingInterval: 10, cooldownPeriod: 0 },
    { replicas: 3 },
  );
  prometheus.status = 500;
  await clock.advance(300_000);
  assert.equal(await replicas(), 3);
  assert.equal(condition(await scaledObject(), "Ready"), "False TriggerError");
  stop.abort();
});

test("paused removes the HPA and stops the polls; paused-replicas sets the replicas; both go back", async () => {
  const { clock, prometheus, annotate, replicas, hpa, scaledObject, stop } = await world({
    minReplicaCount: 1,
    pollingInterval: 10,
  });
  await annotate({ "autoscaling.keda.sh/paused-replicas": "4" });
  await clock.advance(1000);
  assert.equal(await replicas(), 4);
  await assert.rejects(hpa(), /not found/);
  assert.equal((await scaledObject()).status!.pausedReplicaCount, 4);
  assert.equal(condition(await scaledObject(), "Paused"), "True ScaledObjectPaused");
  const asked = prometheus.queries.length;
  await clock.advance(60_000);
  assert.equal(prometheus.queries.length, asked);
  await annotate({ "autoscaling.keda.sh/paused-replicas": null });
  await clock.advance(1000);
  assert.ok(await hpa());
  assert.equal(condition(await scaledObject(), "Paused"), "False ScaledObjectUnpaused");
  assert.equal((await scaledObject()).status!.pausedReplicaCount, undefined);
  stop.abort();
});

test("a number of paused replicas that is none is refused", async () => {
  const { clock, annotate, scaledObject, replicas, stop } = await world({ minReplicaCount: 1 });
  await annotate({ "autoscaling.keda.sh/paused-replicas": "many" });
  await clock.advance(1000);
  const ready = (await scaledObject()).status!.conditions!.find(({ type }) => type === "Ready")!;
  const cause = 'failed to parse paused replica count: strconv.ParseInt: parsing "many": invalid syntax';
  assert.equal(ready.message, `failed to scale target to paused replica count: ${cause}`);
  assert.equal(await replicas(), 1);
  stop.abort();
});

test("an external-push scaler wakes the target at once", async () => {
  const trigger = { type: "external-push", metadata: { scalerAddress: "router:6000", tier: "small" } };
  const changed = Promise.withResolvers<void>();
  const { clock, network, replicas, scaledObject, events, stop } = await world(
    { pollingInterval: 3600, triggers: [PROMETHEUS, trigger] },
    { replicas: 0 },
  );
  // The router comes later than the ScaledObject: the reconciler tries until it is there.
  const handler = externalScalerHandler({
    isActive: () => false,
    async *streamIsActive() {
      yield false;
      await changed.promise;
      yield true;
    },
    getMetricSpec: () => [{ metricName: "waiting", targetSize: 1 }],
    getMetrics: ({ metricName }) => [{ metricName, value: 1 }],
  });
  await network.host("10.0.0.3").serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, handler);
  await clock.advance(60_000);
  assert.deepEqual((await scaledObject()).status!.externalMetricNames, ["s0-prometheus", "s1-waiting"]);
  assert.equal(await replicas(), 0);
  changed.resolve();
  await clock.advance(1);
  assert.equal(await replicas(), 1);
  assert.ok((await events()).some((event) => event.endsWith("from 0 to 1, triggered by s1-waiting")));
  stop.abort();
});

test("a formula makes one composite metric of all triggers", async () => {
  const named = (name: string) => ({ ...PROMETHEUS, name });
  const { prometheus, metric, hpa, stop } = await world({
    minReplicaCount: 1,
    triggers: [named("a"), named("b")],
    advanced: { scalingModifiers: { formula: "(a + b) / 4", target: "2" } },
  });
  const { metrics } = (await hpa()).spec;
  assert.equal(metrics.length, 1);
  assert.equal(metrics[0].external.metric.name, "composite-metric");
  prometheus.values = ["10"];
  const { items } = await metric("composite-metric");
  assert.deepEqual([items[0].metricName, items[0].value], ["composite-metric", "5"]);
  stop.abort();
});

test("a changed spec changes the HPA and the loop; a deleted ScaledObject takes its finalizer off and stops", async () => {
  const { clock, api, prometheus, hpa, stop } = await world({ minReplicaCount: 1, pollingInterval: 10 });
  await api.patch(
    SCALED_OBJECTS,
    { namespace: NAMESPACE, name: NAME },
    { type: "merge", body: { spec: { maxReplicaCount: 7, pollingInterval: 5 } } },
  );
  await clock.advance(1000);
  assert.equal((await hpa()).spec.maxReplicas, 7);
  const asked = prometheus.queries.length;
  await clock.advance(50_000);
  assert.equal(prometheus.queries.length - asked, 10);
  await api.delete(SCALED_OBJECTS, { namespace: NAMESPACE, name: NAME });
  await clock.advance(1000);
  await assert.rejects(api.get(SCALED_OBJECTS, { namespace: NAMESPACE, name: NAME }), /not found/);
  const atEnd = prometheus.queries.length;
  await clock.advance(60_000);
  assert.equal(prometheus.queries.length, atEnd);
  stop.abort();
});

test("an HPA that somebody meddles with is made right again", async () => {
  const { api, clock, hpa, stop } = await world({}, { annotations: { note: "mine" } });
  const made = await hpa();
  const key = { namespace: NAMESPACE, name: made.metadata.name };
  const changes: object[] = [
    { metadata: { labels: { "app.kubernetes.io/part-of": null } } },
    { metadata: { labels: { "app.kubernetes.io/part-of": "other" } } },
    { metadata: { annotations: { note: null } } },
    { spec: { maxReplicas: 2 } },
  ];
  for (const body of changes) {
    await api.patch(RESOURCES.horizontalPodAutoscalers, key, { type: "merge", body });
    await clock.advance(1000);
    const { metadata, spec } = await hpa();
    assert.deepEqual(
      [metadata.labels, metadata.annotations, spec],
      [made.metadata.labels, made.metadata.annotations, made.spec],
      JSON.stringify(body),
    );
  }
  await api.delete(RESOURCES.horizontalPodAutoscalers, key);
  await clock.advance(1000);
  assert.deepEqual((await hpa()).spec, made.spec);
  stop.abort();
});

test("a spec that can't work says why in Ready and in an event", async () => {
  const missing = { name: "missing", kind: "StatefulSet", apiVersion: "apps/v1" };
  const unknown = { name: "x", kind: "Nope", apiVersion: "nope/v1" };
  /** What else is said, and what the status knows of the triggers by then. */
  const cases: [spec: Partial<ScaledObjectSpec>, expected: RegExp, event?: string, types?: string][] = [
    [{ minReplicaCount: 5, maxReplicaCount: 2 }, /MinReplicaCount=5 must be less than MaxReplicaCount=2/],
    [
      { triggers: [{ type: "prometheus", metadata: { query: "up" } }] },
      /missing required parameter "threshold" in \[triggerMetadata\]/,
      "KEDAScalerFailed: error parsing prometheus metadata: ",
      "prometheus",
    ],
    [{ triggers: [] }, /no triggers defined in the ScaledObject\/ScaledJob/],
    [
      { triggers: [{ type: "nonsense", metadata: {} }] },
      /no scaler found for type: nonsense/,
      undefined,
      "nonsense",
    ],
    [{ scaleTargetRef: missing }, /not found/, "ScaledObjectCheckFailed: Target resource doesn't exist"],
    [
      { scaleTargetRef: unknown },
      /no matches for kind "Nope" in version "nope\/v1"/,
      'ScaledObjectUpdateFailed: no matches for kind "Nope" in version "nope/v1"',
    ],
  ];
  for (const [spec, expected, event = "", types] of cases) {
    const { scaledObject, events, stop } = await world(spec);
    assert.equal((await scaledObject()).status!.triggersTypes, types);
    assert.ok((await events()).some((text) => text.startsWith(event)));
    const ready = (await scaledObject()).status!.conditions!.find(({ type }) => type === "Ready")!;
    assert.equal(ready.status, "False");
    assert.match(ready.message!, expected);
    assert.ok((await events()).some((event) => event.startsWith("ScaledObjectCheckFailed: ")));
    stop.abort();
  }
});

test("the operator's metrics say what upstream's do", async () => {
  const { clock, prometheus, operator, stop } = await world({ minReplicaCount: 1, pollingInterval: 10 });
  prometheus.values = ["4"];
  await clock.advance(10_000);
  const text = operator.metrics.text();
  const labels = `metric="s0-prometheus",namespace="${NAMESPACE}",scaledObject="${NAME}",scaler="prometheusScaler",triggerIndex="0",type="scaledobject"`;
  assert.ok(text.includes(`keda_scaler_metrics_value{${labels}} 4\n`));
  assert.ok(text.includes(`keda_scaler_active{${labels}} 1\n`));
  assert.ok(text.includes(`keda_scaler_detail_errors_total{${labels}} 0\n`));
  assert.ok(text.includes('keda_trigger_registered_total{type="prometheus"} 1\n'));
  assert.ok(
    text.includes(`keda_resource_registered_total{namespace="${NAMESPACE}",type="scaled_object"} 1\n`),
  );
  assert.ok(/# TYPE keda_scaler_http_request_duration_seconds histogram\n/.test(text));
  stop.abort();
});

test("a second ScaledObject for a workload isn't admitted, until the first is gone", async () => {
  const { clock, api, scaledObject, events, stop } = await world({ minReplicaCount: 1, cooldownPeriod: 60 });
  const second = { namespace: NAMESPACE, name: "zweite" };
  const { spec } = await scaledObject();
  await api.create<ScaledObject>(SCALED_OBJECTS, {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: second,
    spec,
  });
  await clock.advance(1000);
  const refused = await api.get<ScaledObject>(SCALED_OBJECTS, second);
  const message = `ScaledObject isn't admitted: the workload '${NAME}' of type 'apps/v1.StatefulSet' is already managed by the ScaledObject '${NAME}'`;
  assert.equal(condition(refused, "Ready"), "False ScaledObjectCheckFailed");
  assert.equal(refused.status!.conditions!.find(({ type }) => type === "Ready")!.message, message);
  assert.ok((await events()).includes(`ScaledObjectCheckFailed: ${message}`));
  await api.delete(SCALED_OBJECTS, { namespace: NAMESPACE, name: NAME });
  // Nothing collects what a deleted object owned here.
  await api.delete(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE, name: `keda-hpa-${NAME}` });
  await clock.advance(600_000);
  assert.equal(
    condition(await api.get<ScaledObject>(SCALED_OBJECTS, second), "Ready"),
    "True ScaledObjectReady",
  );
  stop.abort();
});
