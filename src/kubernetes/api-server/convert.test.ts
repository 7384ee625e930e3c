import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "./cluster-store.ts";

const KEY = { namespace: "default", name: "a" };
const V1 = { group: "autoscaling", version: "v1", resource: "horizontalpodautoscalers" };
const V2 = RESOURCES.horizontalPodAutoscalers;
const EVENTS = { group: "events.k8s.io", version: "v1", resource: "events" };

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };

test("an autoscaler of version 1 is one of version 2 with a CPU metric", async () => {
  const store = await newStore();
  const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 70 };
  const made = await store.create<KubernetesObject>(V1, { metadata: KEY, spec });
  assert.deepEqual([made.apiVersion, made.spec], ["autoscaling/v1", spec]);
  const found = await store.get<KubernetesObject>(V2, KEY);
  assert.equal(found.apiVersion, "autoscaling/v2");
  const target = { type: "Utilization", averageUtilization: 70 };
  assert.deepEqual(found.spec.metrics, [{ type: "Resource", resource: { name: "cpu", target } }]);
});

test("what version 1 has no fields for travels in annotations, both ways", async () => {
  const store = await newStore();
  const metrics = [
    {
      type: "External",
      external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
    },
  ];
  const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
  const made = await store.create<KubernetesObject>(V2, {
    metadata: KEY,
    spec: { scaleTargetRef, maxReplicas: 3, metrics, behavior },
  });
  const old = await store.get<KubernetesObject>(V1, KEY);
  assert.equal(old.spec.metrics, undefined);
  assert.ok(
    old.metadata.annotations?.["autoscaling.alpha.kubernetes.io/metrics"].includes('"averageValue":"2"'),
  );
  const back = await store.replace<KubernetesObject>(V1, { ...old, spec: { ...old.spec, maxReplicas: 5 } });
  assert.equal(back.spec.maxReplicas, 5);
  const found = await store.get<KubernetesObject>(V2, KEY);
  assert.deepEqual(found.spec, { ...made.spec, maxReplicas: 5 });
  assert.equal(found.metadata.annotations, undefined);
});

test("an event has two groups' names for its fields", async () => {
  const store = await newStore();
  const regarding = { kind: "Pod", namespace: "default", name: "p" };
  await store.create(EVENTS, {
    metadata: KEY,
    regarding,
    note: "hello",
    reportingController: "me",
    reportingInstance: "me-1",
    action: "Greeting",
    reason: "Hello",
    type: "Normal",
    eventTime: "2026-01-01T00:00:00.000001Z",
  } as KubernetesObject);
  const found = await store.get<KubernetesObject & Record<string, unknown>>(RESOURCES.events, KEY);
  assert.deepEqual(
    [found.apiVersion, found.involvedObject, found.message, found.reportingComponent],
    ["v1", regarding, "hello", "me"],
  );
  const list = await store.list<KubernetesObject>(RESOURCES.events, {
    fieldSelector: "involvedObject.name=p",
  });
  assert.equal(list.items.length, 1);
  // Each version has its own names of the fields that select.
  const named = await store.list(EVENTS, { fieldSelector: "regarding.name=p,reportingController=me" });
  assert.equal(named.items.length, 1);
  for (const [resource, field] of [
    [EVENTS, "involvedObject.name"],
    [EVENTS, "source"],
    [RESOURCES.events, "regarding.name"],
  ] as const)
    await assert.rejects(store.list(resource, { fieldSelector: `${field}=p` }), {
      message: `field label not supported: ${field}`,
    });
  const shown: string[] = [];
  for await (const { object } of store.watch(EVENTS, {})) {
    shown.push(`${object.apiVersion} ${(object as unknown as { note: string }).note}`);
    break;
  }
  assert.deepEqual(shown, ["events.k8s.io/v1 hello"]);
});
