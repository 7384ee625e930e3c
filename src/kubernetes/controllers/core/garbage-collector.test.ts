import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject, OwnerReference } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startGarbageCollector } from "./garbage-collector.ts";
import type { ServedResource } from "./served-resource.ts";

const MAPS = RESOURCES.configMaps;
const LEASES = { group: "coordination.k8s.io", version: "v1", resource: "leases" };
const LEASE = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

async function start(served = (all: ServedResource[]) => all) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  const { api } = world;
  for (const name of ["a", "b"]) await api.create(RESOURCES.namespaces, { metadata: { name } });
  startGarbageCollector(world.context, { resources: () => served(world.served()) });
  const map = (name: string, ownerReferences: OwnerReference[] = [], metadata: object = {}) =>
    api.create<KubernetesObject>(MAPS, { metadata: { namespace: "a", name, ownerReferences, ...metadata } });
  const settle = () => clock.advance(2_000);
  const names = async (namespace = "a") =>
    (await api.list(MAPS, { namespace })).items.map(({ metadata }) => metadata.name);
  const ownersOf = async (name: string) =>
    ((await api.get(MAPS, { namespace: "a", name })).metadata.ownerReferences ?? []).map((each) => each.name);
  return { ...world, clock, map, settle, names, ownersOf };
}

const owner = (
  { metadata: { name, uid } }: KubernetesObject,
  more: Partial<OwnerReference> = {},
): OwnerReference => ({ apiVersion: "v1", kind: "ConfigMap", name, uid: uid!, ...more });

test("a dependent goes with its last owner, of any kind that is served", async () => {
  const { api, map, settle, names, ownersOf, stop } = await start();
  const [one, two] = [await map("one"), await map("two")];
  const held = await api.create<KubernetesObject>(LEASES, {
    metadata: { namespace: "a", name: "held" },
    spec: {},
  });
  await map("both", [owner(one), owner(two)]);
  await map("leased", [owner(held, LEASE)]);
  await settle();
  await api.delete(MAPS, one.metadata);
  await settle();
  assert.deepEqual(await ownersOf("both"), ["two"]);
  await api.delete(MAPS, two.metadata);
  await api.delete(LEASES, held.metadata);
  await settle();
  assert.deepEqual(await names(), []);
  stop();
});

test("an owner that is not there, or is another one by now, keeps nothing", async () => {
  const { map, settle, names, stop } = await start();
  const one = await map("one");
  await map("absent", [owner(one, { name: "two" })]);
  await map("former", [owner(one, { uid: "another" })]);
  await map("unknown", [owner(one, { apiVersion: "example.com/v1", kind: "Thing" })]);
  await settle();
  assert.deepEqual(await names(), ["one", "unknown"]);
  stop();
});

test("an owner in another namespace is none, and an event says so", async () => {
  const { api, map, settle, names, stop } = await start();
  const one = await map("one");
  await settle();
  await map("strange", [owner(one)], { namespace: "b" });
  await settle();
  assert.deepEqual(await names("b"), []);
  const { items } = await api.list<KubernetesObject & { message?: string }>(RESOURCES.events, {
    namespace: "b",
  });
  assert.deepEqual(
    items.map(({ message }) => message),
    [
      `ownerRef [v1/ConfigMap, namespace: b, name: one, uid: ${one.metadata.uid}] does not exist in namespace "b"`,
    ],
  );
  stop();
});

test("Foreground: the owner goes last, but not what another owner keeps, and does not wait for what blocks nothing", async () => {
  const { api, map, settle, names, ownersOf, stop } = await start();
  const [one, two] = [await map("one"), await map("two")];
  const blocks = { blockOwnerDeletion: true };
  const child = await map("child", [owner(one, blocks)]);
  await map("grandchild", [owner(child, blocks)], { finalizers: ["a.b/c"] });
  await map("kept", [owner(one, blocks), owner(two)]);
  await map("free", [owner(one)], { finalizers: ["a.b/c"] });
  await settle();
  await api.delete(MAPS, one.metadata, { propagationPolicy: "Foreground" });
  await settle();
  assert.deepEqual(await names(), ["child", "free", "grandchild", "kept", "one", "two"]);
  assert.deepEqual(await ownersOf("kept"), ["two"]);
  const release = (name: string) =>
    api.patch(MAPS, { namespace: "a", name }, { type: "merge", body: { metadata: { finalizers: null } } });
  await release("grandchild");
  await settle();
  assert.deepEqual(await names(), ["free", "kept", "two"]);
  await release("free");
  assert.deepEqual(await names(), ["kept", "two"]);
  stop();
});

test("Foreground: two that own each other both go", async () => {
  const { api, map, settle, names, stop } = await start();
  const one = await map("one");
  const two = await map("two", [owner(one, { blockOwnerDeletion: true })]);
  const body = { metadata: { ownerReferences: [owner(two, { blockOwnerDeletion: true })] } };
  await api.patch(MAPS, one.metadata, { type: "merge", body });
  await settle();
  await api.delete(MAPS, one.metadata, { propagationPolicy: "Foreground" });
  await settle();
  assert.deepEqual(await names(), []);
  stop();
});

test("Orphan: dependents stay, without the owner", async () => {
  const { api, map, settle, names, ownersOf, stop } = await start();
  const one = await map("one");
  await map("child", [owner(one)]);
  await settle();
  await api.delete(MAPS, one.metadata, { propagationPolicy: "Orphan" });
  await settle();
  assert.deepEqual(await names(), ["child"]);
  assert.deepEqual(await ownersOf("child"), []);
  stop();
});

test("kinds are followed from when they are served until they no longer are", async () => {
  let isServed = false;
  const without = (all: ServedResource[]) => all.filter(({ kind }) => isServed || kind !== "Lease");
  const { api, map, settle, names, stop } = await start(without);
  const lease = (name: string) =>
    api.create<KubernetesObject>(LEASES, { metadata: { namespace: "a", name }, spec: {} });
  const [first, second] = [await lease("first"), await lease("second")];
  await map("one", [owner(first, LEASE)]);
  await map("two", [owner(second, LEASE)]);
  await api.delete(LEASES, first.metadata);
  await settle();
  assert.deepEqual(await names(), ["one", "two"]);
  isServed = true;
  const kindNames = { plural: "things", kind: "Thing", singular: "thing", listKind: "ThingList" };
  const schema = { openAPIV3Schema: { type: "object" } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const definition = await api.create<KubernetesObject>(RESOURCES.customResourceDefinitions, {
    metadata: { name: "things.example.com" },
    spec: { group: "example.com", scope: "Namespaced", names: kindNames, versions },
  });
  await settle();
  assert.deepEqual(await names(), ["two"]);
  isServed = false;
  await api.delete(RESOURCES.customResourceDefinitions, definition.metadata);
  await settle();
  await api.delete(LEASES, second.metadata);
  await settle();
  assert.deepEqual(await names(), ["two"]);
  stop();
});
