import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, type FetchOptions, type Network } from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";

const V1 = { group: "x.y", version: "v1", resource: "doors" };
const V2 = { ...V1, version: "v2" };
const KEY = { namespace: "t", name: "a" };

type Review = {
  request: { uid: string; desiredAPIVersion: string; objects: KubernetesObject[] };
  response?: object;
};

/** v1 has `at: "host:port"`, v2 the two apart. */
function converted(object: KubernetesObject, apiVersion: string): KubernetesObject {
  const { spec = {} } = object;
  const [host, port] = (spec.at ?? "").split(":");
  if (apiVersion.endsWith("/v2")) return { ...object, apiVersion, spec: { host, port } };
  return { ...object, apiVersion, spec: { at: `${spec.host}:${spec.port}` } };
}

/** @param answer what is made of a right answer */
async function newStore(answer: (review: Review) => unknown = (review) => review) {
  const calls: string[] = [];
  const fetch = async (_url: string, { body }: FetchOptions = {}) => {
    const review = JSON.parse(String(body)) as Review;
    const { uid, desiredAPIVersion: wanted, objects } = review.request;
    calls.push(`${wanted} ${objects.map(({ metadata }) => metadata.name).join(",")}`);
    const convertedObjects = objects.map((object) => converted(object, wanted));
    const right = { ...review, response: { uid, result: { status: "Success" }, convertedObjects } };
    return { status: 200, headers: {}, body: bodyOf(JSON.stringify(answer(right))) };
  };
  const store = new ClusterStore({ clock: new VirtualClock(1_700_000_000_000), random: seededRandom(1) });
  store.context.network = { fetch } as unknown as Network;
  await store.create(RESOURCES.namespaces, { metadata: { name: "t" } });
  const version = (name: string, fields: string[]) => ({
    name,
    served: true,
    storage: name === "v2",
    subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
    schema: {
      openAPIV3Schema: {
        type: "object",
        properties: {
          spec: {
            type: "object",
            properties: Object.fromEntries(fields.map((field) => [field, { type: "string" }])),
          },
        },
      },
    },
  });
  const webhook = { clientConfig: { url: "https://127.0.0.1:1/x" }, conversionReviewVersions: ["v1"] };
  await store.create(RESOURCES.customResourceDefinitions, {
    metadata: { name: "doors.x.y" },
    spec: {
      group: "x.y",
      scope: "Namespaced",
      names: { plural: "doors", kind: "Door" },
      conversion: { strategy: "Webhook", webhook },
      versions: [version("v1", ["at"]), version("v2", ["host", "port"])],
    },
  } as unknown as KubernetesObject);
  const door = (at: string, name = "a") =>
    ({ metadata: { name, namespace: "t" }, spec: { at } }) as unknown as KubernetesObject;
  return { store, calls, door };
}

test("what is written in one version is stored in the version to store and read in each", async () => {
  const { store, calls, door } = await newStore();
  const made = await store.create(V1, door("h:1"));
  assert.deepEqual([made.apiVersion, made.spec], ["x.y/v1", { at: "h:1" }]);
  assert.deepEqual((await store.get<KubernetesObject>(V2, KEY)).spec, { host: "h", port: "1" });
  const patched = await store.patch<KubernetesObject>(V1, KEY, {
    type: "merge",
    body: { spec: { at: "g:2" } },
  });
  assert.deepEqual([patched.spec, patched.metadata.generation], [{ at: "g:2" }, 2]);
  assert.deepEqual((await store.get<KubernetesObject>(V2, KEY)).spec, { host: "g", port: "2" });
  calls.length = 0;
  // What was converted once is kept.
  await store.get(V1, KEY);
  await store.list(V1);
  assert.deepEqual(calls, []);
  await store.create(V1, door("i:3", "b"));
  await store.create(V1, door("j:4", "c"));
  const same = await store.patch<KubernetesObject>(V1, KEY, { type: "merge", body: { spec: { at: "g:2" } } });
  assert.equal(same.metadata.resourceVersion, patched.metadata.resourceVersion);
});

test("a list is converted by one call, a watch in the order of its events", async () => {
  const { store, calls, door } = await newStore();
  for (const name of ["a", "b"])
    await store.create(V2, {
      metadata: { name, namespace: "t" },
      spec: { host: name, port: "1" },
    } as unknown as KubernetesObject);
  calls.length = 0;
  const { items } = await store.list<KubernetesObject>(V1);
  assert.deepEqual(
    items.map(({ spec }) => spec.at),
    ["a:1", "b:1"],
  );
  assert.deepEqual(calls, ["x.y/v1 a,b"]);
  const seen: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { type, object } of store.watch<KubernetesObject>(V1, { signal: stop.signal })) {
      seen.push(`${type} ${object.spec.at}`);
      if (seen.length === 4) stop.abort();
    }
  })();
  await store.create(V1, door("c:1", "c"));
  await store.delete(V1, { namespace: "t", name: "a" });
  await watching;
  assert.deepEqual(seen, ["ADDED a:1", "ADDED b:1", "ADDED c:1", "DELETED a:1"]);
});

test("a change that comes first is not written over: the operation is begun anew", async () => {
  const { store, door } = await newStore();
  await store.create(V1, door("h:1"));
  const labels = (name: string) => ({
    type: "merge" as const,
    body: { metadata: { labels: { [name]: "1" } } },
  });
  await Promise.all(["a", "b", "c"].map((name) => store.patch(V1, KEY, labels(name))));
  const { metadata } = await store.get<KubernetesObject>(V1, KEY);
  assert.deepEqual(Object.keys(metadata.labels!).sort(), ["a", "b", "c"]);
});

test("answers that are no conversion are told as upstream does", async () => {
  const result = (change: (object: KubernetesObject) => object) => (review: Review) => {
    const response = review.response as { convertedObjects: KubernetesObject[] };
    return { ...review, response: { ...response, convertedObjects: response.convertedObjects.map(change) } };
  };
  const cases: [answer: (review: Review) => unknown, problem: string][] = [
    [
      result((object) => ({ ...object, kind: "Gate" })),
      "returned invalid object at index 0: invalid kind (expected Door, received Gate)",
    ],
    [
      result((object) => ({ ...object, metadata: { ...object.metadata, name: "z" } })),
      "returned invalid object: must have the same name: a != z",
    ],
    [
      (review) => ({ ...review, response: { ...review.response, convertedObjects: [] } }),
      "returned 0 objects, expected 1",
    ],
    [
      (review) => ({ ...review, response: { ...review.response, result: { message: "cannot" } } }),
      "failed: cannot",
    ],
    [({ response: _, ...review }) => review, "failed: no response provided"],
  ];
  for (const [answer, problem] of cases) {
    const { store, door } = await newStore(answer);
    await assert.rejects(store.create(V1, door("h:1")), {
      message: `conversion webhook for x.y/v1, Kind=Door ${problem}`,
    });
    assert.deepEqual((await store.list(V2)).items, []);
  }
  const { store, door } = await newStore(
    result((object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { l: "1" }, finalizers: ["a/b"] },
    })),
  );
  const { metadata } = await store.create(V1, door("h:1"));
  assert.deepEqual([metadata.labels, metadata.finalizers], [{ l: "1" }, undefined]);
});
