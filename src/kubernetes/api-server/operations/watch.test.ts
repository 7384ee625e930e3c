import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES, type WatchEvent, type WatchOptions } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { settle, VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";
import { MAX_HISTORY_EVENTS } from "../object-store.ts";
import { BOOKMARK_INTERVAL_MS, MAX_WAITING_EVENTS } from "./watch.ts";

const MAPS = RESOURCES.configMaps;
const key = (name: string) => ({ namespace: "default", name });

async function newStore(clock = new VirtualClock()): Promise<ClusterStore> {
  const store = new ClusterStore({ clock, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

const create = (store: ClusterStore, name: string) =>
  store.create<KubernetesObject>(MAPS, { metadata: key(name) });
const touch = (store: ClusterStore, name: string, text: string) =>
  store.patch<KubernetesObject>(MAPS, key(name), { type: "merge", body: { data: { text } } });

function follow(store: ClusterStore, options: WatchOptions) {
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  const done = (async () => {
    for await (const event of store.watch(MAPS, { signal: stop.signal, ...options })) events.push(event);
  })();
  done.catch(() => {});
  return { events, stop: () => stop.abort(), done };
}

const short = (events: WatchEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ""}`.trim());

test("a watch with sendInitialEvents shows the present, then says that it has", async () => {
  const store = await newStore();
  await create(store, "a");
  await create(store, "b");
  const watch = follow(store, { sendInitialEvents: true, allowWatchBookmarks: true });
  await settle();
  await create(store, "c");
  await settle();
  assert.deepEqual(short(watch.events), ["ADDED a", "ADDED b", "BOOKMARK", "ADDED c"]);
  const { metadata } = watch.events[2].object;
  assert.equal(metadata.annotations?.["k8s.io/initial-events-end"], "true");
  watch.stop();
  await watch.done;
});

test("bookmarks come in between, with the current version", async () => {
  const clock = new VirtualClock();
  const store = await newStore(clock);
  const watch = follow(store, { allowWatchBookmarks: true });
  await settle();
  await create(store, "a");
  await clock.advance(BOOKMARK_INTERVAL_MS);
  assert.deepEqual(short(watch.events), ["ADDED a", "BOOKMARK"]);
  assert.equal(watch.events[1].object.metadata.resourceVersion, String(store.context.store.revision));
  watch.stop();
  await watch.done;
});

test("a reader who is too slow is cut off, not buffered for ever", async () => {
  const store = await newStore();
  await create(store, "a");
  const iterator = store.watch(MAPS, {})[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value.type, "ADDED");
  for (let i = 0; i < MAX_WAITING_EVENTS; i++) await touch(store, "a", String(i));
  assert.equal((await iterator.next()).value.type, "MODIFIED");
  for (let i = 0; i < MAX_WAITING_EVENTS + 2; i++) await touch(store, "a", `again ${i}`);
  await assert.rejects(
    async () => {
      for (;;) await iterator.next();
    },
    (error) => isStatus(error, "Expired"),
  );
  assert.deepEqual(await iterator.next().catch((error) => error.reason), "Expired");
});

test("a watch goes on from every version that is kept, and from no older one", async () => {
  const store = await newStore();
  const first = await create(store, "a");
  for (let i = 0; i < 2 * MAX_HISTORY_EVENTS + 10; i++) await touch(store, "a", String(i));
  const old = follow(store, { resourceVersion: first.metadata.resourceVersion });
  await assert.rejects(
    old.done,
    (error) => isStatus(error, "Expired") && /too old resource version/.test(error.message),
  );
  const recent = String(store.context.store.revision - MAX_HISTORY_EVENTS);
  const watch = follow(store, { resourceVersion: recent });
  await settle();
  assert.equal(watch.events.length, MAX_HISTORY_EVENTS);
  watch.stop();
  await watch.done;
});

test("a watch that is refused leaves no timer and no listener", async () => {
  const clock = new VirtualClock();
  const store = await newStore(clock);
  const before = clock.pending;
  let heard = 0;
  const { listen } = store.context.store;
  store.context.store.listen = (collection, listener) => {
    heard++;
    const release = listen.call(store.context.store, collection, listener);
    return () => {
      heard--;
      release();
    };
  };
  const watch = follow(store, { resourceVersion: "1", allowWatchBookmarks: true });
  await assert.rejects(watch.done, (error) => isStatus(error, "Expired"));
  assert.deepEqual([clock.pending, heard], [before, 0]);
});

test("no initial events where none are wanted, and no mark where no bookmarks are taken", async () => {
  const store = await newStore();
  await create(store, "a");
  const none = follow(store, { sendInitialEvents: false });
  const unmarked = follow(store, { sendInitialEvents: true });
  await settle();
  await create(store, "b");
  await settle();
  assert.deepEqual(short(none.events), ["ADDED b"]);
  assert.deepEqual(short(unmarked.events), ["ADDED a", "ADDED b"]);
  for (const watch of [none, unmarked]) {
    watch.stop();
    await watch.done;
  }
});

test("watches of one namespace, of one name and of another kind see their own only", async () => {
  const store = await newStore();
  await store.create(RESOURCES.namespaces, { metadata: { name: "other" } });
  const mine = follow(store, { namespace: "default" });
  const named = follow(store, { namespace: "default", fieldSelector: "metadata.name=b" });
  await settle();
  await create(store, "a");
  await create(store, "b");
  await store.create(MAPS, { metadata: { namespace: "other", name: "c" } });
  await store.delete(MAPS, key("b"));
  await settle();
  assert.deepEqual(short(mine.events), ["ADDED a", "ADDED b", "DELETED b"]);
  assert.deepEqual(short(named.events), ["ADDED b", "DELETED b"]);
  for (const watch of [mine, named]) {
    watch.stop();
    await watch.done;
  }
});
