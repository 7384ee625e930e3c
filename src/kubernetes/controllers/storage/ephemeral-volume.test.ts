import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { PersistentVolumeClaim, Pod } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startEphemeralVolumeController } from "./ephemeral-volume.ts";

const CLAIMS = RESOURCES.persistentVolumeClaims;
const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

async function start() {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  await world.api.create(RESOURCES.namespaces, { metadata: { name: "shop" } });
  startEphemeralVolumeController(world.context);
  const pod = (name: string) => {
    const template = { metadata: { labels: { of: name } }, spec };
    return world.api.create<Pod>(RESOURCES.pods, {
      metadata: { name, namespace: "shop" },
      spec: {
        containers: [{ name: "c", image: "i" }],
        volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: template } }],
      },
    });
  };
  return { ...world, clock, pod };
}

test("a pod's ephemeral volume becomes a claim that is the pod's own", async () => {
  const { api, clock, pod, stop } = await start();
  const { metadata } = await pod("web");
  await clock.advance(500);
  const claim = await api.get<PersistentVolumeClaim>(CLAIMS, { namespace: "shop", name: "web-scratch" });
  assert.deepEqual(claim.metadata.labels, { of: "web" });
  const [owner] = claim.metadata.ownerReferences!;
  assert.deepEqual([owner.kind, owner.uid, owner.controller], ["Pod", metadata.uid, true]);
  stop();
});

test("a claim of that name that is somebody else's is left alone, and the pod says so", async () => {
  const { api, clock, pod, stop } = await start();
  await api.create<PersistentVolumeClaim>(CLAIMS, {
    metadata: { name: "web-scratch", namespace: "shop" },
    spec,
  });
  await pod("web");
  await clock.advance(500);
  const { items } = await api.list<KubernetesObject & { message?: string }>(RESOURCES.events);
  assert.equal(
    items.find(({ message }) => message?.startsWith("ephemeral"))?.message,
    "ephemeral volume scratch: PVC shop/web-scratch was not created for pod shop/web (pod is not owner)",
  );
  stop();
});
