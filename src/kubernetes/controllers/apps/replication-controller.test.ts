import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual-clock.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startReplicationController } from "./replica-set.ts";

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
