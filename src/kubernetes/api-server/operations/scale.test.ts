/** Who has the number of replicas after it was scaled: as kube-apiserver 1.35.0 notes it. */
import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";

const KEY = { namespace: "t", name: "db" };
const set = (spec: object = {}) =>
  ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: KEY,
    spec: {
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
      ...spec,
    },
  }) as unknown as KubernetesObject;

async function newStore() {
  const store = new ClusterStore({ clock: systemClock, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "t" } } as KubernetesObject);
  const apply = (body: KubernetesObject) =>
    store.patch(RESOURCES.statefulSets, KEY, { type: "apply", body }, { fieldManager: "kubectl" });
  const scale = (replicas: number) => {
    const body = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: KEY, spec: { replicas } };
    return store.replace(RESOURCES.statefulSets, body as KubernetesObject, {
      subresource: "scale",
      fieldManager: "kubectl",
    });
  };
  return { store, apply, scale };
}

test("replicas that nobody had are nobody's after they were scaled", async () => {
  const { apply, scale } = await newStore();
  await apply(set());
  await scale(2);
  assert.equal((await apply(set({ replicas: 3 }))).spec.replicas, 3);
});

test("replicas that somebody had are theirs who scale", async () => {
  const { apply, scale } = await newStore();
  await apply(set({ replicas: 3 }));
  await scale(2);
  await assert.rejects(
    apply(set({ replicas: 3 })),
    /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
  );
  assert.equal((await apply(set())).spec.replicas, 2);
});
