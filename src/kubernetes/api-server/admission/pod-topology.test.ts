import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";

test("a pod takes over its node's region and zone, bound or made there", async () => {
  const store = new ClusterStore({ clock: systemClock, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "t" } } as KubernetesObject);
  const labels = { "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", other: "o" };
  await store.create(RESOURCES.nodes, { metadata: { name: "n", labels } } as KubernetesObject);
  const { other: _, ...topology } = labels;
  const pod = (name: string, spec: object) => ({
    metadata: { namespace: "t", name, labels: { app: "a", "topology.kubernetes.io/zone": "mine" } },
    spec: { containers: [{ name: "c", image: "i:1" }], ...spec },
  });
  const placed = await store.create<KubernetesObject>(RESOURCES.pods, pod("placed", { nodeName: "n" }));
  assert.deepEqual(placed.metadata.labels, { app: "a", ...topology });
  await store.create(RESOURCES.pods, pod("bound", {}));
  const metadata = { namespace: "t", name: "bound", annotations: { by: "scheduler" } };
  const binding = { metadata, target: { kind: "Node", name: "n" } } as KubernetesObject;
  await store.create(RESOURCES.pods, binding, { subresource: "binding" });
  const bound = await store.get<KubernetesObject>(RESOURCES.pods, metadata);
  assert.deepEqual(bound.metadata.labels, { app: "a", ...topology });
  assert.deepEqual(bound.metadata.annotations, { by: "scheduler" });
});
