import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startReplicaSetController, startReplicationController } from "./replica-set.ts";

const CONTROLLERS = { group: "", version: "v1", resource: "replicationcontrollers" };
const KEY = { namespace: "t", name: "rc" };

test("a ReplicationController keeps as many pods as it says, found by equal labels", async () => {
  const clock = new VirtualClock();
  const { api, context, pods, stop } = await createWorkloadWorld({ clock });
  await api.create(RESOURCES.namespaces, { metadata: { name: "t" } } as KubernetesObject);
  startReplicationController(context);
  const labels = { app: "rc" };
  const orphan = {
    metadata: { namespace: "t", name: "orphan", labels },
    spec: { containers: [{ name: "c", image: "i:1" }] },
  };
  await api.create(RESOURCES.pods, orphan);
  const template = { metadata: { labels }, spec: orphan.spec };
  await api.create(CONTROLLERS, {
    metadata: KEY,
    spec: { replicas: 2, selector: labels, template },
  } as unknown as KubernetesObject);
  await clock.advance(2_000);
  const made = await pods();
  assert.equal(made.length, 2);
  for (const { metadata } of made) {
    const [{ uid: _, ...owner }] = metadata.ownerReferences!;
    const kind = { apiVersion: "v1", kind: "ReplicationController", name: "rc" };
    assert.deepEqual(owner, { ...kind, controller: true, blockOwnerDeletion: true });
  }
  const { status } = await api.get<KubernetesObject>(CONTROLLERS, KEY);
  assert.deepEqual(status, {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  });
  await api.patch(CONTROLLERS, KEY, { type: "merge", body: { spec: { replicas: 0 } } });
  await clock.advance(2_000);
  assert.deepEqual(await pods(), []);
  stop();
});

test("a ReplicaSet tells how many of its pods are on their way out, without those that have ended", async () => {
  const clock = new VirtualClock();
  const { api, context, pods, stop } = await createWorkloadWorld({ clock, goneAfterMs: 60_000 });
  await api.create(RESOURCES.namespaces, { metadata: { name: "t" } } as KubernetesObject);
  startReplicaSetController(context);
  const labels = { app: "rs" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  await api.create(RESOURCES.replicaSets, {
    metadata: KEY,
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  } as unknown as KubernetesObject);
  await clock.advance(2_000);
  const [first, second] = await pods();
  await api.delete(RESOURCES.pods, first.metadata);
  await api.delete(RESOURCES.pods, second.metadata);
  await clock.advance(1_000);
  const told = async () => (await api.get<KubernetesObject>(RESOURCES.replicaSets, KEY)).status;
  assert.equal((await told())?.terminatingReplicas, 2);
  const going = (await pods()).find(({ metadata }) => metadata.uid === first.metadata.uid)!;
  await api.updateStatus(RESOURCES.pods, { ...going, status: { ...going.status, phase: "Failed" } });
  await clock.advance(1_000);
  assert.equal((await told())?.terminatingReplicas, 1);
  stop();
});
