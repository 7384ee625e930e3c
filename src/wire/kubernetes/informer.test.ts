import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  GroupVersionResource,
  KubernetesApi,
  WatchEvent,
  WatchOptions,
} from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { startInformer } from "./informer.ts";

const PODS: GroupVersionResource = { group: "", version: "v1", resource: "pods" };

const pod = (name: string, version: number, uid = name): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns", uid, resourceVersion: String(version) },
});

/** Answers each list and each watch with the next of what it was given; the last watch stays open. */
function scriptedApi(lists: KubernetesObject[][], watches: (WatchEvent | Error)[][]) {
  const asked: (string | undefined)[] = [];
  const api = {
    async list() {
      const items = lists.shift();
      if (items === undefined) throw new Error("connection refused");
      return { metadata: { resourceVersion: String(10 * (asked.length + 1)) }, items };
    },
    async *watch(_: GroupVersionResource, options: WatchOptions) {
      asked.push(options.resourceVersion);
      const events = watches.shift();
      if (events === undefined)
        return void (await new Promise((end) => options.signal!.addEventListener("abort", end)));
      for (const event of events) {
        if (event instanceof Error) throw event;
        yield event;
      }
    },
  } as unknown as KubernetesApi;
  return { api, asked };
}

function follow(lists: KubernetesObject[][], watches: (WatchEvent | Error)[][]) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const { api, asked } = scriptedApi(lists, watches);
  const informer = startInformer({
    api,
    clock,
    resource: PODS,
    signal: stop.signal,
    onAdd: (object) => seen.push(`+${object.metadata.name}`),
    onUpdate: (object) => seen.push(`~${object.metadata.name}`),
    onDelete: (object) => seen.push(`-${object.metadata.name}`),
    onError: (error) => seen.push((error as Error).message),
  });
  return { clock, stop, seen, asked, informer };
}

test("startInformer() follows a watch and goes on from its last version", async () => {
  const { clock, stop, seen, asked, informer } = follow(
    [[pod("a", 1)]],
    [
      [
        { type: "ADDED", object: pod("b", 11) },
        { type: "MODIFIED", object: pod("a", 12) },
        { type: "DELETED", object: pod("b", 13) },
        { type: "BOOKMARK", object: { metadata: { name: "", resourceVersion: "15" } } },
      ],
    ],
  );
  await informer.synced;
  await clock.advance(100);
  assert.deepEqual(seen, ["+a", "+b", "~a", "-b"]);
  assert.deepEqual([...informer.objects.keys()], ["ns/a"]);
  assert.deepEqual(asked, ["10", "15"]);
  stop.abort();
});

test("startInformer() lists again after 410 and tells what the gap hid", async () => {
  const { clock, stop, seen, informer } = follow(
    [
      [pod("a", 1), pod("b", 2), pod("c", 3)],
      [pod("b", 2), pod("c", 8, "another"), pod("d", 9)],
    ],
    [[statusError("Expired", "too old resource version")]],
  );
  await informer.synced;
  await clock.advance(1_000);
  assert.deepEqual(seen, ["+a", "+b", "+c", "too old resource version", "-c", "+c", "+d", "-a"]);
  assert.deepEqual([...informer.objects.keys()].sort(), ["ns/b", "ns/c", "ns/d"]);
  stop.abort();
});

test("startInformer() keeps its copy while the server is away", async () => {
  const { clock, stop, seen, informer } = follow([[pod("a", 1)]], [[new Error("socket hang up")]]);
  await informer.synced;
  await clock.advance(5_000);
  assert.deepEqual([...informer.objects.keys()], ["ns/a"]);
  assert.deepEqual(seen.slice(0, 3), ["+a", "socket hang up", "connection refused"]);
  stop.abort();
});
