import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { type GroupVersionResource, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { addStatefulSet, createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { startKedaOperator } from "../keda-operator.ts";
import { SCALED_OBJECTS } from "../scaled-object.ts";
import { CLUSTER_TRIGGER_AUTHENTICATIONS, TRIGGER_AUTHENTICATIONS } from "../trigger-authentication.ts";
import { SCALED_JOBS } from "./scaled-job-refusal.ts";

const NAMESPACE = "shop";

interface KubernetesEvent extends KubernetesObject {
  involvedObject: { kind: string };
  type: string;
  reason: string;
  message: string;
}

async function world() {
  const clock = new VirtualClock();
  const api = createMemoryCluster(clock);
  const { signal } = new AbortController();
  const network = new VirtualNetwork({ clock, resolve: () => "10.0.0.2" });
  await api.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
  });
  for (const name of ["web", "worker"]) {
    await addStatefulSet({ api, clock, namespace: NAMESPACE, name, replicas: 1, signal });
  }
  const operator = startKedaOperator({
    api,
    clock,
    network: network.host("10.0.0.1"),
    log: silentLogger,
    signal,
  });
  await operator.started;
  const create = async (resource: GroupVersionResource, kind: string, metadata: object, spec: object) => {
    await api.create(resource, { apiVersion: "keda.sh/v1alpha1", kind, metadata, spec } as KubernetesObject);
    await clock.advance(1000);
  };
  return {
    api,
    clock,
    create,
    metrics: () => operator.metrics.text(),
    authenticated: (name: string, ...kinds: string[]) =>
      create(
        SCALED_OBJECTS,
        "ScaledObject",
        { name, namespace: NAMESPACE },
        {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name },
          triggers: kinds.map((kind) => ({
            type: "cron",
            metadata: { timezone: "Etc/UTC", start: "0 0 * * *", end: "0 1 * * *", desiredReplicas: "1" },
            authenticationRef: { kind, name: "secret" },
          })),
        },
      ),
    events: async (namespace = NAMESPACE) =>
      (await api.list<KubernetesEvent>(RESOURCES.events, { namespace })).items
        .filter(({ involvedObject }) => involvedObject.kind !== "ScaledObject")
        .map(
          ({ involvedObject, type, reason, message }) =>
            `${involvedObject.kind} ${type} ${reason}: ${message}`,
        ),
  };
}

test("a TriggerAuthentication knows the ScaledObjects that use it", async () => {
  const { api, clock, create, authenticated } = await world();
  const key = { namespace: NAMESPACE, name: "secret" };
  await create(TRIGGER_AUTHENTICATIONS, "TriggerAuthentication", key, { secretTargetRef: [] });
  await create(CLUSTER_TRIGGER_AUTHENTICATIONS, "ClusterTriggerAuthentication", { name: "secret" }, {});
  await authenticated("web", "TriggerAuthentication");
  await authenticated("worker", "TriggerAuthentication", "ClusterTriggerAuthentication");
  const users = async () => (await api.get(TRIGGER_AUTHENTICATIONS, key)).status?.scaledobjects;
  const clusterUsers = async () =>
    (await api.get(CLUSTER_TRIGGER_AUTHENTICATIONS, { name: "secret" })).status?.scaledobjects;
  assert.equal(await users(), "web,worker");
  assert.equal(await clusterUsers(), "worker");
  await api.delete(SCALED_OBJECTS, { namespace: NAMESPACE, name: "web" });
  await clock.advance(1000);
  assert.equal(await users(), "worker");
  await api.delete(SCALED_OBJECTS, { namespace: NAMESPACE, name: "worker" });
  await clock.advance(1000);
  assert.equal(await users(), undefined);
  assert.equal(await clusterUsers(), undefined);
});

test("an authentication is counted, changed and let go with events", async () => {
  const { api, clock, create, metrics, events } = await world();
  const key = { namespace: NAMESPACE, name: "secret" };
  const series = `keda_resource_registered_total{namespace="${NAMESPACE}",type="trigger_authentication"}`;
  await create(TRIGGER_AUTHENTICATIONS, "TriggerAuthentication", key, { secretTargetRef: [] });
  assert.deepEqual((await api.get(TRIGGER_AUTHENTICATIONS, key)).metadata.finalizers, ["finalizer.keda.sh"]);
  await create(CLUSTER_TRIGGER_AUTHENTICATIONS, "ClusterTriggerAuthentication", { name: "all" }, { env: [] });
  const clusterWide =
    'keda_resource_registered_total{namespace="default",type="cluster_trigger_authentication"} 1';
  assert.ok(metrics().includes(clusterWide));
  assert.ok(metrics().includes(`${series} 1`));
  await api.patch(TRIGGER_AUTHENTICATIONS, key, { type: "merge", body: { spec: { env: [] } } });
  await clock.advance(1000);
  await api.delete(TRIGGER_AUTHENTICATIONS, key);
  await clock.advance(1000);
  await assert.rejects(api.get(TRIGGER_AUTHENTICATIONS, key), /not found/);
  assert.ok(metrics().includes(`${series} 0`));
  assert.deepEqual(await events(), [
    "TriggerAuthentication Normal TriggerAuthenticationAdded: New TriggerAuthentication configured",
    "TriggerAuthentication Normal ClusterTriggerAuthenticationUpdated: ClusterTriggerAuthentication secret is updated",
    "TriggerAuthentication Normal TriggerAuthenticationDeleted: TriggerAuthentication was deleted",
  ]);
});

test("a ScaledJob is told that nothing comes of it", async () => {
  const { api, create, events } = await world();
  const key = { namespace: NAMESPACE, name: "batch" };
  await create(SCALED_JOBS, "ScaledJob", key, { jobTargetRef: {}, triggers: [] });
  const message = "ScaledJob is not supported by the embedded KEDA: no Job is made";
  const [condition] = (await api.get(SCALED_JOBS, key)).status.conditions;
  assert.deepEqual(condition, { type: "Ready", status: "False", reason: "ScaledJobCheckFailed", message });
  assert.deepEqual(await events(), [`ScaledJob Warning ScaledJobCheckFailed: ${message}`]);
});
