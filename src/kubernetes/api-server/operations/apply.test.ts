import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus, type KubernetesError } from "../../../model/kubernetes-status.ts";
import { ClusterStore } from "../cluster-store.ts";

const KEY = { namespace: "default", name: "web" };

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

// biome-ignore lint/suspicious/noExplicitAny: a spec in the making
function deployment(spec: any = {}, container: object = {}) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "c", image: "i:1", ...container }] },
      },
      ...spec,
    },
  };
}

const apply = (store: ClusterStore, body: object, fieldManager: string, force = false) =>
  store.patch<KubernetesObject>(RESOURCES.deployments, KEY, { type: "apply", body }, { fieldManager, force });

test("apply creates, owns, and changes nothing the second time", async () => {
  const store = await newStore();
  const first = await apply(store, deployment({ replicas: 2 }), "me");
  assert.equal(first.spec.replicas, 2);
  assert.equal(first.spec.revisionHistoryLimit, 10);
  const [entry, ...rest] = first.metadata.managedFields!;
  assert.equal(rest.length, 0);
  assert.equal(entry.manager, "me");
  assert.equal(entry.operation, "Apply");
  assert.deepEqual(entry.fieldsV1, {
    "f:metadata": { "f:labels": { "f:app": {} } },
    "f:spec": {
      "f:replicas": {},
      "f:selector": {},
      "f:template": {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:image": {}, "f:name": {} } } },
      },
    },
  });
  const second = await apply(store, deployment({ replicas: 2 }), "me");
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
});

test("apply refuses to change what another manager owns, unless forced", async () => {
  const store = await newStore();
  await apply(store, deployment({ replicas: 2 }), "me");
  await store.patch(
    RESOURCES.deployments,
    KEY,
    { type: "merge", body: { spec: { replicas: 5 } } },
    { fieldManager: "other" },
  );
  await assert.rejects(apply(store, deployment({ replicas: 2 }), "me"), (error: KubernetesError) => {
    assert.ok(isStatus(error, "Conflict"));
    assert.equal(
      error.message,
      'Apply failed with 1 conflict: conflict with "other" using apps/v1 at 1970-01-01T00:00:01Z: .spec.replicas',
    );
    assert.deepEqual(error.status.details?.causes, [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "other" using apps/v1 at 1970-01-01T00:00:01Z',
        field: ".spec.replicas",
      },
    ]);
    return true;
  });
  const forced = await apply(store, deployment({ replicas: 2 }), "me", true);
  assert.equal(forced.spec.replicas, 2);
  assert.deepEqual(
    forced.metadata.managedFields!.map(({ manager }) => manager),
    ["me"],
  );
});

test("apply names all conflicts, by manager", async () => {
  const store = await newStore();
  await apply(store, deployment({ replicas: 2 }), "first");
  await assert.rejects(
    apply(store, deployment({ replicas: 3 }, { image: "i:2" }), "second"),
    /Apply failed with 2 conflicts: conflicts with "first":\n- \.spec\.replicas\n- \.spec\.template\.spec\.containers\[name="c"\]\.image/,
  );
});

test("apply shares fields on which managers agree, and removes one when the last of them drops it", async () => {
  const store = await newStore();
  await apply(store, deployment({}, { workingDir: "/a" }), "first");
  await apply(store, deployment({}, { workingDir: "/a" }), "second");
  const containerOf = (object: KubernetesObject) => object.spec.template.spec.containers[0];
  assert.equal(containerOf(await apply(store, deployment(), "first")).workingDir, "/a");
  assert.equal(containerOf(await apply(store, deployment(), "second")).workingDir, undefined);
});

test("apply removes list items that the manager had added", async () => {
  const store = await newStore();
  const withEnv = (...names: string[]) =>
    deployment({}, { env: names.map((name) => ({ name, value: "1" })) });
  await apply(store, withEnv("A", "B"), "me");
  await apply(store, { ...withEnv("C"), spec: { ...withEnv("C").spec } }, "other", true);
  const left = await apply(store, withEnv("B"), "me");
  assert.deepEqual(
    left.spec.template.spec.containers[0].env.map(({ name }: { name: string }) => name),
    ["B", "C"],
  );
});

test("apply on an object that nobody applied before meets its owner", async () => {
  const store = await newStore();
  const made = { ...deployment({ replicas: 1 }), metadata: { ...KEY, labels: { app: "web" } } };
  await store.create(RESOURCES.deployments, made);
  await assert.rejects(
    apply(store, deployment({ replicas: 4 }), "me"),
    /conflict with "before-first-apply" using apps\/v1/,
  );
});

test("apply refuses fields that the kind does not have", async () => {
  const store = await newStore();
  await assert.rejects(
    apply(store, deployment({ replicaz: 2 }), "me"),
    /failed to create typed patch object \(default\/web; apps\/v1, Kind=Deployment\): \.spec\.replicaz: field not declared in schema/,
  );
});
