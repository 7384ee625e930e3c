import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { systemDisk } from "../../../base/disk.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startPersistentVolumeControllers } from "./persistent-volume.ts";

const directory = mkdtempSync(join(tmpdir(), "volumes-"));
after(() => rmSync(directory, { recursive: true, force: true }));

async function start() {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  await world.api.create(RESOURCES.namespaces, { metadata: { name: "shop" } });
  startPersistentVolumeControllers(world.context, { disk: systemDisk, directory });
  const { api } = world;
  await api.create(RESOURCES.storageClasses, {
    metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    provisioner: "example.org/folders",
  } as KubernetesObject);
  const claim = (name: string, spec: Partial<PersistentVolumeClaim["spec"]> = {}) =>
    api.create<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
      metadata: { name, namespace: "shop" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
    });
  const volume = (name: string, spec: Partial<PersistentVolume["spec"]> = {}) =>
    api.create<PersistentVolume>(RESOURCES.persistentVolumes, {
      metadata: { name },
      spec: {
        capacity: { storage: "5Gi" },
        accessModes: ["ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "own",
        hostPath: { path: `/somewhere/${name}` },
        ...spec,
      },
    });
  const getClaim = (name: string) =>
    api.get<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, { namespace: "shop", name });
  const getVolume = (name: string) => api.get<PersistentVolume>(RESOURCES.persistentVolumes, { name });
  /** Folders are made on the real disk, so virtual time alone does not do. */
  const settled = async () => {
    for (let round = 0; round < 20; round++) {
      await clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  return { ...world, claim, volume, getClaim, getVolume, settled };
}

test("a claim gets a folder, and both go when the claim is deleted and unused", async () => {
  const { api, claim, getClaim, getVolume, settled, stop } = await start();
  const { metadata } = await claim("data");
  await settled();
  const bound = await getClaim("data");
  assert.equal(bound.status?.phase, "Bound");
  assert.equal(bound.spec.volumeName, `pvc-${metadata.uid}`);
  assert.deepEqual(bound.status?.capacity, { storage: "1Gi" });
  const { spec, status } = await getVolume(bound.spec.volumeName!);
  assert.equal(status?.phase, "Bound");
  assert.equal(spec.storageClassName, "standard");
  assert.deepEqual(readdirSync(directory), [`pvc-${metadata.uid}_shop_data`]);
  await api.delete(RESOURCES.persistentVolumeClaims, { namespace: "shop", name: "data" });
  await settled();
  assert.deepEqual(readdirSync(directory), []);
  assert.deepEqual((await api.list(RESOURCES.persistentVolumes)).items, []);
  stop();
});

test("a claim in use stays until its pod has gone", async () => {
  const { api, claim, getClaim, settled, stop } = await start();
  await claim("data");
  await settled();
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  await api.create(RESOURCES.pods, {
    metadata: { name: "user", namespace: "shop" },
    spec: { containers: [{ name: "app", image: "x" }], volumes },
  });
  await settled();
  await api.delete(RESOURCES.persistentVolumeClaims, { namespace: "shop", name: "data" });
  await settled();
  assert.ok((await getClaim("data")).metadata.deletionTimestamp !== undefined);
  await api.delete(RESOURCES.pods, { namespace: "shop", name: "user" });
  await settled();
  await assert.rejects(getClaim("data"), { code: 404 });
  stop();
});

test("a claim takes the smallest free volume that fits, and a retained one is released, not removed", async () => {
  const { api, claim, volume, getClaim, getVolume, settled, stop } = await start();
  await volume("large", { capacity: { storage: "50Gi" } });
  await volume("small");
  await volume("tiny", { capacity: { storage: "1Mi" } });
  await settled();
  assert.equal((await getVolume("small")).status?.phase, "Available");
  await claim("data", { storageClassName: "own" });
  await settled();
  assert.equal((await getClaim("data")).spec.volumeName, "small");
  await api.delete(RESOURCES.persistentVolumeClaims, { namespace: "shop", name: "data" });
  await settled();
  assert.equal((await getVolume("small")).status?.phase, "Released");
  stop();
});

test("a claim of an unknown class waits and says why", async () => {
  const { api, claim, getClaim, settled, stop } = await start();
  await claim("data", { storageClassName: "fast" });
  await settled();
  assert.equal((await getClaim("data")).status?.phase, "Pending");
  const { items } = await api.list(RESOURCES.events, { namespace: "shop" });
  const messages = items.map((event) => (event as unknown as { message: string }).message);
  assert.ok(messages.includes('storageclass.storage.k8s.io "fast" not found'));
  stop();
});

test("a claim that found nothing looks again, and says what is missing", async () => {
  const { api, claim, volume, getClaim, settled, stop } = await start();
  await claim("later", { storageClassName: "own" });
  await claim("classless", { storageClassName: "" });
  await settled();
  const { items } = await api.list<{ metadata: { name: string }; reason: string; message: string }>(
    RESOURCES.events,
  );
  assert.deepEqual(items.map(({ reason, message }) => `${reason}: ${message}`).sort(), [
    "FailedBinding: no persistent volumes available for this claim and no storage class is set",
    'ProvisioningFailed: storageclass.storage.k8s.io "own" not found',
  ]);
  await volume("v");
  for (let round = 0; round < 3; round++) await settled();
  assert.equal((await getClaim("later")).status?.phase, "Bound");
  stop();
});

test("a class may keep its claims waiting for a pod and its node, and makes the volume then", async () => {
  const { api, claim, getClaim, settled, stop } = await start();
  await api.create<KubernetesObject>(RESOURCES.storageClasses, {
    metadata: { name: "late" },
    provisioner: "example.org/folders",
    volumeBindingMode: "WaitForFirstConsumer",
  } as KubernetesObject);
  const told = async () =>
    (
      await api.list<{ metadata: { name: string }; reason: string; message: string }>(RESOURCES.events)
    ).items.map(({ reason, message }) => `${reason}: ${message}`);
  await claim("data", { storageClassName: "late" });
  await settled();
  assert.equal((await getClaim("data")).status?.phase, "Pending");
  assert.deepEqual(await told(), [
    "WaitForFirstConsumer: waiting for first consumer to be created before binding",
  ]);
  const annotations = { "volume.kubernetes.io/selected-node": "node-1" };
  const key = { namespace: "shop", name: "data" };
  await api.patch(RESOURCES.persistentVolumeClaims, key, {
    type: "merge",
    body: { metadata: { annotations } },
  });
  await settled();
  assert.equal((await getClaim("data")).status?.phase, "Bound");
  stop();
});

test("a claim that names a volume says why it can't have it", async () => {
  const { api, claim, volume, getClaim, settled, stop } = await start();
  await volume("taken", { claimRef: { namespace: "shop", name: "somebody", uid: "else" } });
  await volume("small", { capacity: { storage: "1Mi" } });
  await volume("fits", { storageClassName: "own" });
  for (const name of ["taken", "small", "fits"])
    await claim(`of-${name}`, { storageClassName: "own", volumeName: name });
  await settled();
  const { items } = await api.list<{ metadata: { name: string }; reason: string; message: string }>(
    RESOURCES.events,
  );
  assert.deepEqual(items.map(({ reason, message }) => `${reason}: ${message}`).sort(), [
    'FailedBinding: volume "taken" already bound to a different claim.',
    'VolumeMismatch: Cannot bind to requested volume "small": requested PV is too small',
  ]);
  assert.equal((await getClaim("of-fits")).status?.phase, "Bound");
  stop();
});

test("a claim chooses by its selector, and loses its data with its volume", async () => {
  const { api, claim, volume, getClaim, settled, stop } = await start();
  await volume("plain");
  const fast = await volume("fast");
  const body = { metadata: { labels: { disk: "fast" } } };
  await api.patch(RESOURCES.persistentVolumes, { name: fast.metadata.name }, { type: "merge", body });
  const selector = { matchLabels: { disk: "fast" } };
  await claim("data", { storageClassName: "own", selector } as Partial<PersistentVolumeClaim["spec"]>);
  await settled();
  // The volumes were not known to be available when the claim came: the next turn finds them.
  await settled();
  assert.equal((await getClaim("data")).spec.volumeName, "fast");
  const finalizers = { metadata: { finalizers: null } };
  await api.patch(RESOURCES.persistentVolumes, { name: "fast" }, { type: "merge", body: finalizers });
  await api.delete(RESOURCES.persistentVolumes, { name: "fast" }).catch(() => {});
  await api
    .patch(RESOURCES.persistentVolumes, { name: "fast" }, { type: "merge", body: finalizers })
    .catch(() => {});
  await settled();
  assert.equal((await getClaim("data")).status?.phase, "Lost");
  stop();
});

test("what the controller has put together says so, what the user has does not", async () => {
  const { claim, volume, getClaim, getVolume, settled, stop } = await start();
  await volume("chosen");
  await claim("free", { storageClassName: "own" });
  await settled();
  await volume("reserved", { claimRef: { namespace: "shop", name: "meant" } });
  await claim("meant", { storageClassName: "own", volumeName: "reserved" });
  await settled();
  const by = "pv.kubernetes.io/bound-by-controller";
  const done = "pv.kubernetes.io/bind-completed";
  assert.deepEqual((await getVolume("chosen")).metadata.annotations, { [by]: "yes" });
  assert.deepEqual((await getClaim("free")).metadata.annotations, { [by]: "yes", [done]: "yes" });
  assert.deepEqual((await getVolume("reserved")).metadata.annotations ?? {}, {});
  assert.deepEqual((await getClaim("meant")).metadata.annotations, { [done]: "yes" });
  stop();
});

test("a volume whose claim has got another one is free again, or still reserved", async () => {
  const { api, claim, volume, getClaim, getVolume, settled, stop } = await start();
  await volume("first");
  const { metadata } = await claim("data", { storageClassName: "own" });
  await settled();
  assert.equal((await getClaim("data")).spec.volumeName, "first");
  const claimRef = { namespace: "shop", name: "data", uid: metadata.uid };
  await volume("second", { claimRef });
  const annotations = { "pv.kubernetes.io/bound-by-controller": "yes" };
  await api.create<PersistentVolume>(RESOURCES.persistentVolumes, {
    ...(await getVolume("second")),
    metadata: { name: "third", annotations },
  });
  await settled();
  const [second, third] = [await getVolume("second"), await getVolume("third")];
  assert.deepEqual(second.spec.claimRef, { namespace: "shop", name: "data" });
  assert.equal(third.spec.claimRef, undefined);
  assert.deepEqual([second.status?.phase, third.status?.phase], ["Available", "Available"]);
  stop();
});

test("a volume that can't be deleted or recycled is Failed and says why", async () => {
  const { api, claim, volume, getVolume, settled, stop } = await start();
  const policies = { gone: "Delete", kept: "Delete", recycled: "Recycle" };
  for (const [name, persistentVolumeReclaimPolicy] of Object.entries(policies)) {
    const path = name === "gone" ? "/tmp/gone" : "/srv/x";
    await volume(name, { persistentVolumeReclaimPolicy, hostPath: { path } });
    await claim(name, { storageClassName: "own", volumeName: name });
  }
  await settled();
  for (const name of Object.keys(policies))
    await api.delete(RESOURCES.persistentVolumeClaims, { namespace: "shop", name });
  await settled();
  await assert.rejects(getVolume("gone"), /not found/);
  const told = async (name: string) => {
    const { status } = await getVolume(name);
    return [status?.phase, status?.message];
  };
  assert.deepEqual(await told("kept"), [
    "Failed",
    "host_path deleter only supports /tmp/.+ but received provided /srv/x",
  ]);
  assert.deepEqual(await told("recycled"), ["Failed", "No recycler plugin found for the volume!"]);
  stop();
});
