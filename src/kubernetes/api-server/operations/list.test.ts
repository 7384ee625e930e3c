import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";
import { MAX_HISTORY_EVENTS } from "../object-store.ts";

const MAPS = RESOURCES.configMaps;
const key = (index: number) => ({ namespace: "default", name: `m-${String(index).padStart(3, "0")}` });

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

/** One change by chance: something new, something else in it, or something gone. */
async function change(store: ClusterStore, random: ReturnType<typeof seededRandom>): Promise<void> {
  const at = key(randomInteger(random, 40));
  const text = String(random.float());
  const exists = await store.get(MAPS, at).then(
    () => true,
    () => false,
  );
  if (!exists) await store.create(MAPS, { metadata: at, data: { text } } as KubernetesObject);
  else if (random.float() < 0.4) await store.delete(MAPS, at);
  else await store.patch(MAPS, at, { type: "merge", body: { data: { text } } });
}

test("a list can be had as it was at an earlier version, and its pages are of one version", async () => {
  const random = seededRandom(5);
  for (let round = 0; round < 30; round++) {
    const store = await newStore();
    for (let i = 0; i < 60; i++) await change(store, random);
    const then = await store.list<KubernetesObject>(MAPS);
    const pages = await store.list<KubernetesObject>(MAPS, { limit: 7 });
    for (let i = 0; i < 40; i++) await change(store, random);
    const exactVersion = Number(then.metadata.resourceVersion);
    const again = await store.list<KubernetesObject>(MAPS, { exactVersion });
    assert.deepEqual(again.items, then.items);
    const items = [...pages.items];
    let next = pages.metadata.continue;
    while (next !== undefined) {
      const page = await store.list<KubernetesObject>(MAPS, { limit: 7, continue: next });
      assert.equal(page.metadata.resourceVersion, then.metadata.resourceVersion);
      items.push(...page.items);
      next = page.metadata.continue;
      await change(store, random);
    }
    assert.deepEqual(items, then.items);
  }
});

test("versions that are forgotten can't be listed; pages go on with what is there now", async () => {
  const store = await newStore();
  for (const index of [0, 1, 2]) await store.create(MAPS, { metadata: key(index) });
  const first = await store.list<KubernetesObject>(MAPS, { limit: 1 });
  const exactVersion = store.context.store.revision;
  for (let i = 0; i <= 2 * MAX_HISTORY_EVENTS; i++)
    await store.patch(MAPS, key(0), { type: "merge", body: { data: { i: String(i) } } });
  await assert.rejects(store.list(MAPS, { exactVersion }), (error) => {
    assert.ok(isStatus(error, "Expired"));
    assert.equal(error.message, "The resourceVersion for the provided list is too old.");
    return true;
  });
  await store.create(MAPS, { metadata: key(3) });
  let token: string | undefined;
  await assert.rejects(store.list(MAPS, { continue: first.metadata.continue }), (error) => {
    assert.ok(isStatus(error, "Expired"));
    token = error.status.metadata.continue;
    return /^The provided continue parameter is too old to display a consistent list result\. /.test(
      error.message,
    );
  });
  const rest = await store.list<KubernetesObject>(MAPS, { continue: token });
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    [1, 2, 3].map((index) => key(index).name),
  );
});
