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
      'Apply failed with 1 conflict: conflict with "other" using apps/v1: .spec.replicas',
    );
    assert.deepEqual(error.status.details?.causes, [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "other" using apps/v1',
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
    /failed to create typed patch object \(\/web; apps\/v1, Kind=Deployment\): \.spec\.replicaz: field not declared in schema/,
  );
});

test("apply refuses what does not fit the schema, with paths by keys", async () => {
  const ports = (...list: object[]) => deployment({}, { ports: list });
  const cases: [body: object, problem: string][] = [
    [deployment({ replicaz: 1 }), ".spec.replicaz: field not declared in schema"],
    [
      deployment({}, { imag: "x" }),
      '.spec.template.spec.containers[name="c"].imag: field not declared in schema',
    ],
    [deployment({ replicas: "two" }), ".spec.replicas: expected numeric (int or float), got string"],
    [deployment({ paused: "no" }), ".spec.paused: expected boolean, got &{no}"],
    [
      deployment({}, { name: "c", args: [7] }),
      '.spec.template.spec.containers[name="c"].args[0]: expected string, got &value.valueUnstructured{Value:7}',
    ],
    [
      ports({ containerPort: 80 }, { containerPort: 80, protocol: "TCP" }),
      '.spec.template.spec.containers[name="c"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]',
    ],
    [
      ports([] as object),
      /\.ports: element 0: associative list with keys may not have non-map elements$/.source,
    ],
  ];
  const where = "failed to create typed patch object (/web; apps/v1, Kind=Deployment): ";
  for (const [body, problem] of cases) {
    const store = await newStore();
    await assert.rejects(apply(store, body, "me"), ({ code, message }: KubernetesError) => {
      assert.equal(code, 500);
      if (problem.endsWith("$")) assert.match(message, new RegExp(problem));
      else assert.equal(message, where + problem);
      return true;
    });
  }
});

test("kubectl goes over from client-side to server-side apply without a conflict, others do not", async () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const store = await newStore();
  const config = (data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web" }, data });
  const first = { ...config({ color: "red", size: "1" }), metadata: KEY } as KubernetesObject;
  first.metadata = {
    ...KEY,
    annotations: { [annotation]: JSON.stringify(config({ color: "red", size: "1" })) },
  };
  await store.create(RESOURCES.configMaps, first, { fieldManager: "kubectl-client-side-apply" });
  const change = (manager: string, data: object) =>
    store.patch<KubernetesObject & { data: object }>(
      RESOURCES.configMaps,
      KEY,
      { type: "apply", body: config(data) },
      { fieldManager: manager },
    );
  await assert.rejects(change("other", { color: "blue" }), (error) => isStatus(error, "Conflict"));
  const changed = await change("kubectl", { color: "blue" });
  assert.deepEqual(changed.data, { color: "blue", size: "1" });
  assert.equal(
    changed.metadata.annotations![annotation],
    `${JSON.stringify({ apiVersion: "v1", data: { color: "blue" }, kind: "ConfigMap", metadata: { name: "web" } })}\n`,
  );
  // What was changed since by somebody else is theirs.
  const body = { data: { color: "green" } };
  await store.patch(RESOURCES.configMaps, KEY, { type: "merge", body }, { fieldManager: "editor" });
  await assert.rejects(change("kubectl", { color: "red" }), /conflict with "editor"/);
});

test("a new object's fields are its maker's: what it set and the defaults, not what the server decides", async () => {
  const store = await newStore();
  const service: KubernetesObject = {
    metadata: KEY,
    spec: { ports: [{ port: 80 }], selector: { app: "web" } },
  };
  const made = await store.create(RESOURCES.services, service, { fieldManager: "maker" });
  const port = { ".": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {} };
  assert.deepEqual(made.metadata.managedFields![0].fieldsV1, {
    "f:spec": {
      "f:internalTrafficPolicy": {},
      "f:ports": { ".": {}, 'k:{"port":80,"protocol":"TCP"}': port },
      "f:selector": {},
      "f:sessionAffinity": {},
      "f:type": {},
    },
  });
});

test("what was created by an update and is a manager's by migration keeps its places", async () => {
  const store = await newStore();
  await store.create(RESOURCES.customResourceDefinitions, {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              required: ["spec"],
              properties: {
                spec: {
                  type: "object",
                  properties: { size: { type: "integer" }, max: { type: "integer", default: 5 } },
                },
              },
            },
          },
        },
      ],
    },
  } as unknown as KubernetesObject);
  const widgets = { group: "example.com", version: "v1", resource: "widgets" };
  const key = { namespace: "default", name: "w" };
  const widget = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "w", labels: { a: "b" } },
    spec: { size: 3 },
  };
  const made = await store.create<KubernetesObject>(
    widgets,
    { ...widget, metadata: { ...widget.metadata, namespace: "default" } } as KubernetesObject,
    { fieldManager: "kubectl-client-side-apply" },
  );
  const [entry] = made.metadata.managedFields!;
  assert.ok("." in (entry.fieldsV1 as Record<string, object>)["f:spec"]);
  // What kubectl does before its first server-side apply.
  const body = [
    {
      op: "replace",
      path: "/metadata/managedFields",
      value: [{ ...entry, manager: "kubectl", operation: "Apply" }],
    },
  ];
  await store.patch(widgets, key, { type: "json", body });
  const options = { fieldManager: "kubectl" };
  const applied = await store.patch<KubernetesObject>(widgets, key, { type: "apply", body: widget }, options);
  assert.deepEqual(applied.spec, { size: 3, max: 5 });
  assert.deepEqual(applied.metadata.labels, { a: "b" });
  assert.deepEqual(
    applied.metadata.managedFields!.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [["kubectl", { "f:metadata": { "f:labels": { "f:a": {} } }, "f:spec": { "f:size": {} } }]],
  );
});

test("no finalizer is added to what is being deleted", async () => {
  const store = await newStore();
  const metadata = { name: "held", namespace: "default", finalizers: ["example.com/hold"] };
  await store.create(RESOURCES.configMaps, { metadata });
  await store.delete(RESOURCES.configMaps, metadata);
  const body = { metadata: { finalizers: ["example.com/hold", "example.com/new"] } };
  await assert.rejects(store.patch(RESOURCES.configMaps, metadata, { type: "merge", body }), (error) => {
    const { details } = (error as KubernetesError).status;
    assert.deepEqual(details?.causes, [
      {
        reason: "FieldValueForbidden",
        field: "metadata.finalizers",
        message:
          "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers " +
          '[]string{"example.com/new"}',
      },
    ]);
    return isStatus(error, "Invalid");
  });
});

test("what may be anything is owned as one", async () => {
  const store = await newStore();
  const revision = {
    metadata: { name: "r", namespace: "default" },
    data: { spec: { template: { a: 1 } } },
    revision: 1,
  } as unknown as KubernetesObject;
  const made = await store.create<KubernetesObject>(RESOURCES.controllerRevisions, revision, {
    fieldManager: "me",
  });
  assert.deepEqual(made.metadata.managedFields![0].fieldsV1, { "f:data": {}, "f:revision": {} });
});
