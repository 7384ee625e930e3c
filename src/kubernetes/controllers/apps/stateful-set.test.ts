import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { Pod, StatefulSet } from "../../types.ts";
import { startGarbageCollector } from "../core/garbage-collector.ts";
import { startVolumeProtectionControllers } from "../storage/volume-protection.ts";
import { createWorkloadWorld, type WorkloadWorldOptions } from "../workload-world.ts";
import { startStatefulSetController } from "./stateful-set.ts";

const NAME = { namespace: "default", name: "web" };

function statefulSet(spec: Partial<StatefulSet["spec"]> = {}): StatefulSet {
  return {
    metadata: NAME,
    spec: {
      replicas: 3,
      serviceName: "web",
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "app", image: "web:1" }] },
      },
      ...spec,
    },
  };
}

async function worldWith(set: StatefulSet, options: Partial<WorkloadWorldOptions> = {}) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock, ...options });
  await world.api.create(RESOURCES.namespaces, { metadata: { name: "default" } }).catch(() => {});
  startStatefulSetController(world.context);
  await world.api.create(RESOURCES.statefulSets, set);
  const names = async () => (await world.pods()).map(({ metadata }) => metadata.name);
  const get = () => world.api.get<StatefulSet>(RESOURCES.statefulSets, NAME);
  const patch = (spec: object) =>
    world.api.patch(RESOURCES.statefulSets, NAME, { type: "merge", body: { spec } });
  return { clock, world, names, get, patch };
}

const image = (tag: string) => ({
  template: { spec: { containers: [{ name: "app", image: `web:${tag}` }] } },
});
const imagesOf = (pods: Pod[]) =>
  pods.map(({ metadata, spec }) => `${metadata.name}=${spec.containers[0].image}`);

test("OrderedReady makes one pod after the other is ready, and removes them from the top", async () => {
  const { clock, world, names, patch } = await worldWith(statefulSet());
  await clock.advance(50);
  assert.deepEqual(await names(), ["web-0"]);
  await clock.advance(100);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  await clock.advance(500);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  await patch({ replicas: 1 });
  await clock.advance(20);
  const leaving = (await world.pods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.deepEqual(
    leaving.map(({ metadata }) => metadata.name),
    ["web-2"],
  );
  await clock.advance(500);
  assert.deepEqual(await names(), ["web-0"]);
  world.stop();
});

test("Parallel makes all at once, also when none gets ready", async () => {
  const { clock, world, names } = await worldWith(statefulSet({ podManagementPolicy: "Parallel" }), {
    readyAfterMs: () => undefined,
  });
  await clock.advance(50);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  world.stop();
});

test("pods get their names, their revision and the claims of their ordinal", async () => {
  const set = statefulSet({
    replicas: 1,
    ordinals: { start: 5 },
    volumeClaimTemplates: [
      {
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    ],
  });
  const { clock, world, get } = await worldWith(set);
  await clock.advance(500);
  const [pod] = await world.pods();
  const { status } = await get();
  assert.equal(pod.metadata.name, "web-5");
  assert.equal(pod.spec.hostname, "web-5");
  assert.equal(pod.spec.subdomain, "web");
  assert.deepEqual(pod.metadata.labels, {
    app: "web",
    "statefulset.kubernetes.io/pod-name": "web-5",
    "apps.kubernetes.io/pod-index": "5",
    "controller-revision-hash": status!.updateRevision,
  });
  const claim = pod.spec.volumes?.find(({ name }) => name === "data")?.persistentVolumeClaim;
  assert.deepEqual(claim, { claimName: "data-web-5" });
  const claims = await world.api.list(RESOURCES.persistentVolumeClaims, { namespace: "default" });
  assert.deepEqual(
    claims.items.map(({ metadata }) => metadata.name),
    ["data-web-5"],
  );
  world.stop();
});

test("a rolling update goes from the highest ordinal down to the partition", async () => {
  const { clock, world, get, patch } = await worldWith(statefulSet());
  await clock.advance(1_000);
  await patch({ ...image("2"), updateStrategy: { rollingUpdate: { partition: 1 } } });
  await clock.advance(60);
  const replaced = (await world.pods()).filter(({ spec }) => spec.containers[0].image === "web:2");
  assert.deepEqual(imagesOf(replaced), ["web-2=web:2"]);
  await clock.advance(2_000);
  assert.deepEqual(imagesOf(await world.pods()), ["web-0=web:1", "web-1=web:2", "web-2=web:2"]);
  let { status } = await get();
  assert.equal(status!.currentReplicas, 1);
  assert.equal(status!.updatedReplicas, 2);
  assert.notEqual(status!.currentRevision, status!.updateRevision);
  await patch({ updateStrategy: { rollingUpdate: { partition: 0 } } });
  await clock.advance(2_000);
  ({ status } = await get());
  assert.deepEqual(imagesOf(await world.pods()), ["web-0=web:2", "web-1=web:2", "web-2=web:2"]);
  assert.equal(status!.currentRevision, status!.updateRevision);
  world.stop();
});

test("a pod that is lost during an update comes back as it was, until its turn", async () => {
  const { clock, world, patch } = await worldWith(statefulSet());
  await clock.advance(1_000);
  await patch({ ...image("2"), updateStrategy: { rollingUpdate: { partition: 2 } } });
  await clock.advance(2_000);
  await world.api.delete(RESOURCES.pods, { namespace: "default", name: "web-0" });
  await clock.advance(2_000);
  assert.deepEqual(imagesOf(await world.pods()), ["web-0=web:1", "web-1=web:1", "web-2=web:2"]);
  world.stop();
});

test("OnDelete waits for somebody to delete", async () => {
  const { clock, world, patch } = await worldWith(statefulSet({ updateStrategy: { type: "OnDelete" } }));
  await clock.advance(1_000);
  await patch(image("2"));
  await clock.advance(2_000);
  assert.deepEqual(imagesOf(await world.pods()), ["web-0=web:1", "web-1=web:1", "web-2=web:1"]);
  await world.api.delete(RESOURCES.pods, { namespace: "default", name: "web-1" });
  await clock.advance(2_000);
  assert.deepEqual(imagesOf(await world.pods()), ["web-0=web:1", "web-1=web:2", "web-2=web:1"]);
  world.stop();
});

test("minReadySeconds holds the next pod back", async () => {
  const { clock, world, names } = await worldWith(statefulSet({ minReadySeconds: 10 }));
  await clock.advance(5_000);
  assert.deepEqual(await names(), ["web-0"]);
  await clock.advance(6_000);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  world.stop();
});

test("persistentVolumeClaimRetentionPolicy makes claims the set's or a condemned pod's", async () => {
  const set = statefulSet({
    replicas: 2,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" },
    volumeClaimTemplates: [
      {
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    ],
  });
  const { clock, world, names, patch } = await worldWith(set, { goneAfterMs: 1_000 });
  startGarbageCollector(world.context, { resources: () => world.served() });
  startVolumeProtectionControllers(world.context);
  await clock.advance(2_000);
  const owners = async (name: string) => {
    const claim = await world.api.get(RESOURCES.persistentVolumeClaims, { namespace: "default", name });
    return (claim.metadata.ownerReferences ?? []).map(({ kind, name: owner }) => `${kind}/${owner}`);
  };
  assert.deepEqual(await owners("data-web-1"), ["StatefulSet/web"]);
  await patch({ replicas: 1 });
  await clock.advance(200);
  assert.deepEqual(await owners("data-web-1"), ["Pod/web-1"]);
  assert.deepEqual(await owners("data-web-0"), ["StatefulSet/web"]);
  await clock.advance(3_000);
  await assert.rejects(owners("data-web-1"), /not found/);
  await patch({ replicas: 2 });
  await clock.advance(3_000);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  assert.deepEqual(await owners("data-web-1"), ["StatefulSet/web"]);
  await world.api.delete(RESOURCES.statefulSets, NAME);
  await clock.advance(5_000);
  const { items } = await world.api.list(RESOURCES.persistentVolumeClaims, { namespace: "default" });
  assert.deepEqual(items, []);
  world.stop();
});

test("a pod that is lost before its turn comes back as the new one when there is no partition", async () => {
  const { clock, world, patch } = await worldWith(statefulSet(), { goneAfterMs: 2_000 });
  await clock.advance(3_000);
  await world.api.delete(RESOURCES.pods, { namespace: "default", name: "web-0" });
  await patch(image("2"));
  await clock.advance(2_500);
  const [first] = (await world.pods()).filter(({ metadata }) => metadata.name === "web-0");
  assert.equal(first.spec.containers[0].image, "web:2");
  world.stop();
});

test("maxUnavailable lets several pods be replaced at a time", async () => {
  const updateStrategy = { rollingUpdate: { maxUnavailable: "50%" } };
  const { clock, world, patch } = await worldWith(statefulSet({ replicas: 5, updateStrategy }), {
    goneAfterMs: 1_000,
  });
  await clock.advance(3_000);
  await patch(image("2"));
  await clock.advance(100);
  const going = (await world.pods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.deepEqual(going.map(({ metadata }) => metadata.name).sort(), ["web-3", "web-4"]);
  await clock.advance(10_000);
  assert.deepEqual([...new Set((await world.pods()).map(({ spec }) => spec.containers[0].image))], ["web:2"]);
  world.stop();
});

test("a parallel update gets past old pods that never were ready", async () => {
  const isBroken = ({ metadata, spec }: Pod) =>
    spec.containers[0].image === "web:1" && ["web-0", "web-1"].includes(metadata.name);
  const { clock, world, patch } = await worldWith(statefulSet({ podManagementPolicy: "Parallel" }), {
    readyAfterMs: (pod) => (isBroken(pod) ? undefined : 100),
  });
  await clock.advance(1_000);
  await patch(image("2"));
  await clock.advance(5_000);
  assert.deepEqual(imagesOf(await world.pods()).sort(), ["web-0=web:2", "web-1=web:2", "web-2=web:2"]);
  world.stop();
});

test("a pod gets back the labels that make it who it is, and events say what was done", async () => {
  const { clock, world } = await worldWith(statefulSet({ replicas: 1 }));
  await clock.advance(1_000);
  const label = "apps.kubernetes.io/pod-index";
  const key = { namespace: "default", name: "web-0" };
  const body = { metadata: { labels: { [label]: null } } };
  await world.api.patch(RESOURCES.pods, key, { type: "merge", body });
  await clock.advance(1_000);
  assert.equal((await world.api.get(RESOURCES.pods, key)).metadata.labels?.[label], "0");
  const { items } = await world.api.list(RESOURCES.events, { namespace: "default" });
  assert.deepEqual(
    items.map((event) => (event as unknown as { message: string }).message),
    ["Create Pod web-0 in StatefulSet web successful", "Update Pod web-0 in StatefulSet web successful"],
  );
  world.stop();
});

test("revisions are kept up to the limit, and an old template's comes back as the newest", async () => {
  const { clock, world, patch } = await worldWith(statefulSet({ replicas: 1, revisionHistoryLimit: 2 }));
  await clock.advance(1_000);
  for (const tag of ["2", "3", "4", "5", "4"]) {
    await patch(image(tag));
    await clock.advance(2_000);
  }
  const { items } = await world.api.list(RESOURCES.controllerRevisions, { namespace: "default" });
  const revisions = items as unknown as {
    revision: number;
    data: { spec: { template: { spec: Pod["spec"] } } };
  }[];
  const history = revisions
    .toSorted((a, b) => a.revision - b.revision)
    .map(({ revision, data }) => [revision, data.spec.template.spec.containers[0].image]);
  assert.deepEqual(history, [
    [3, "web:3"],
    [5, "web:5"],
    [6, "web:4"],
  ]);
  world.stop();
});
