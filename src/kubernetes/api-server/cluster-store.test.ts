import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES, type WatchEvent } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { ClusterStore } from "./cluster-store.ts";

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: { ...systemClock, now: () => 1000 }, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

const configMap = (name: string, data: Record<string, string>, labels?: Record<string, string>) => ({
  metadata: { name, namespace: "default", ...(labels && { labels }) },
  data,
});

test("ClusterStore.create() gives identity and version", async () => {
  const store = await newStore();
  const made = await store.create<KubernetesObject>(RESOURCES.configMaps, configMap("a", { x: "1" }));
  assert.equal(made.kind, "ConfigMap");
  assert.equal(made.metadata.creationTimestamp, "1970-01-01T00:00:01Z");
  assert.match(made.metadata.uid!, /^[0-9a-f-]{36}$/);
  assert.equal(made.metadata.resourceVersion, "1002");
  await assert.rejects(store.create(RESOURCES.configMaps, configMap("a", {})), (error) => {
    return isStatus(error, "AlreadyExists") && error.message === 'configmaps "a" already exists';
  });
});

test("ClusterStore.create() refuses a namespace that does not exist", async () => {
  const store = await newStore();
  const lost = { metadata: { name: "a", namespace: "nowhere" } };
  await assert.rejects(store.create(RESOURCES.configMaps, lost), /namespaces "nowhere" not found/);
});

test("ClusterStore.replace() checks the version and keeps it when nothing changes", async () => {
  const store = await newStore();
  const made = await store.create<KubernetesObject>(RESOURCES.configMaps, configMap("a", { x: "1" }));
  const same = await store.replace(RESOURCES.configMaps, made);
  assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion);
  const changed = await store.replace(RESOURCES.configMaps, {
    ...made,
    data: { x: "2" },
  } as KubernetesObject);
  assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion);
  await assert.rejects(
    store.replace(RESOURCES.configMaps, { ...made, data: {} } as KubernetesObject),
    (error) => isStatus(error, "Conflict"),
  );
});

test("ClusterStore.watch() shows the present, then changes, through a selector", async () => {
  const store = await newStore();
  await store.create(RESOURCES.configMaps, configMap("a", {}, { app: "x" }));
  await store.create(RESOURCES.configMaps, configMap("b", {}));
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { type, object } of store.watch(RESOURCES.configMaps, {
      labelSelector: "app=x",
      signal: stop.signal,
    })) {
      seen.push(`${type} ${object.metadata.name}`);
    }
  })();
  const relabel = (name: string, app: string | null) =>
    store.patch(
      RESOURCES.configMaps,
      { namespace: "default", name },
      { type: "merge", body: { metadata: { labels: { app } } } },
    );
  await relabel("b", "x");
  await relabel("a", "y");
  await store.delete(RESOURCES.configMaps, { namespace: "default", name: "b" });
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await watching;
  assert.deepEqual(seen, ["ADDED a", "ADDED b", "DELETED a", "DELETED b"]);
});

test("ClusterStore.watch() goes on from a version, and answers 410 when it is from another life", async () => {
  const store = await newStore();
  const made = await store.create<KubernetesObject>(RESOURCES.configMaps, configMap("a", {}));
  await store.create(RESOURCES.configMaps, configMap("b", {}));
  const first = async (resourceVersion: string): Promise<WatchEvent | undefined> => {
    for await (const event of store.watch(RESOURCES.configMaps, { resourceVersion })) return event;
    return undefined;
  };
  assert.equal((await first(made.metadata.resourceVersion!))?.object.metadata.name, "b");
  await assert.rejects(first("999"), (error) => isStatus(error, "Expired"));
  await assert.rejects(first("999999"), (error) => isStatus(error, "Expired"));
});

test("ClusterStore.delete() of a scheduled pod waits for the kubelet", async () => {
  const store = await newStore();
  const pods = RESOURCES.pods;
  const key = { namespace: "default", name: "p" };
  await store.create(pods, {
    metadata: { name: "p", namespace: "default" },
    spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
  });
  const going = await store.delete(pods, key, { gracePeriodSeconds: 5 });
  assert.equal(going.metadata.deletionTimestamp, "1970-01-01T00:00:06Z");
  assert.equal((await store.get<KubernetesObject>(pods, key)).metadata.deletionGracePeriodSeconds, 5);
  await store.delete(pods, key, { gracePeriodSeconds: 0 });
  await assert.rejects(store.get(pods, key), (error) => isStatus(error, "NotFound"));
});
