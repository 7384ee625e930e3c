import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";
import { updateObject } from "./update.ts";

const USER = { name: "admin", groups: ["system:masters"] };

const containers = [{ name: "c", image: "i:1" }];
const template = { metadata: { labels: { a: "b" } }, spec: { containers } };

test("a client's status brings metadata along, but for what its kind keeps", async () => {
  const cases: [resource: GroupVersionResource, object: object, kept: string[]][] = [
    [RESOURCES.services, { spec: { ports: [{ port: 80 }] } }, []],
    [RESOURCES.pods, { spec: { containers } }, ["ownerReferences"]],
    [RESOURCES.deployments, { spec: { selector: { matchLabels: { a: "b" } }, template } }, ["labels"]],
  ];
  for (const [resource, object, kept] of cases) {
    const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
    await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
    const metadata = { name: "x", namespace: "default" };
    const written = { metadata, ...object } as KubernetesObject;
    const made = await store.create<KubernetesObject>(resource, written, { fieldManager: "maker" });
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" };
    const given = { labels: { l: "1" }, annotations: { n: "1" }, ownerReferences: [owner] };
    const input = { ...made, metadata: { ...made.metadata, ...given } };
    const info = store.context.registry.find(resource)!;
    const options = { subresource: "status", fieldManager: "me" };
    const updated = updateObject(store.context, info, input, { ...options, user: USER });
    for (const [field, value] of Object.entries(given)) {
      const expected = kept.includes(field) ? undefined : value;
      assert.deepEqual(updated.metadata[field as "labels"], expected, `${info.kind} ${field}`);
    }
    const own = updated.metadata.managedFields!.find(({ manager }) => manager === "me")!;
    const fields = Object.keys((own.fieldsV1 as Record<string, object>)["f:metadata"]);
    const taken = Object.keys(given).filter((field) => !kept.includes(field));
    assert.deepEqual(fields.sort(), taken.map((field) => `f:${field}`).sort(), info.kind);
  }
});

test("nobody owns what is changed of an object that had nothing to own, until somebody applies", async () => {
  const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const key = { name: "empty", namespace: "default" };
  const me = { fieldManager: "me" };
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: key };
  await store.create(RESOURCES.configMaps, map, me);
  const changed = await store.patch(
    RESOURCES.configMaps,
    key,
    { type: "merge", body: { data: { a: "1" } } },
    me,
  );
  assert.equal(changed.metadata.managedFields, undefined);
  const body = { ...map, data: { b: "2" } };
  const applied = await store.patch(RESOURCES.configMaps, key, { type: "apply", body }, me);
  const managers = applied.metadata.managedFields!.map(({ manager, operation }) => `${manager} ${operation}`);
  assert.deepEqual(managers, ["me Apply", "before-first-apply Update"]);
});

test("a DaemonSet's template that says the same in fewer words has no other generation", async () => {
  const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const key = { name: "agent", namespace: "default" };
  const body = (image: string) => ({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: key,
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image }] } },
    },
  });
  const generation = async (image: string) => {
    const change = { type: "apply", body: body(image) } as const;
    const { metadata } = await store.patch(RESOURCES.daemonSets, key, change, { fieldManager: "me" });
    return metadata.annotations!["deprecated.daemonset.template.generation"];
  };
  assert.equal(await generation("i:1"), "1");
  assert.equal(await generation("i:1"), "1");
  assert.equal(await generation("i:2"), "2");
});
