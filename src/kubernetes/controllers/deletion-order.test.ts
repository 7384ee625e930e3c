import assert from "node:assert/strict";
import test from "node:test";
import type { Pod } from "../types.ts";
import { compareActivePods, compareForDeletion } from "./deletion-order.ts";

const NOW_MS = Date.parse("2026-01-01T01:00:00Z");
const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1_000).toISOString();

function pod(name: string, { ready = 0, created = 600, restarts = 0, cost = 0, nodeName = "n" } = {}): Pod {
  const annotations = { "controller.kubernetes.io/pod-deletion-cost": String(cost) };
  return {
    metadata: { name, uid: name, creationTimestamp: at(created), annotations },
    spec: { nodeName, containers: [] },
    status: {
      phase: "Running",
      conditions: ready === 0 ? [] : [{ type: "Ready", status: "True", lastTransitionTime: at(ready) }],
      containerStatuses: [{ name: "c", restartCount: restarts }],
    },
  } as unknown as Pod;
}

test("a Job's pods go by time to the second, a ReplicaSet's by its order of magnitude and by cost", () => {
  const pods = [pod("a", { ready: 101 }), pod("b", { ready: 100 }), pod("c", { ready: 102, cost: -1 })];
  const order = (compare: (a: Pod, b: Pod) => number) =>
    pods.toSorted(compare).map(({ metadata }) => metadata.name);
  assert.deepEqual(order(compareActivePods), ["b", "a", "c"]);
  assert.deepEqual(
    order((a, b) => compareForDeletion(a, b, new Map(), NOW_MS)),
    ["c", "a", "b"],
  );
});

test("compareActivePods(): nowhere, not ready, restarted most, newest first", () => {
  const pods = [
    pod("ready", { ready: 10 }),
    pod("old", { created: 900 }),
    pod("new", { created: 300 }),
    pod("restarted", { created: 900, restarts: 3 }),
    pod("nowhere", { nodeName: "", created: 900 }),
  ];
  assert.deepEqual(
    pods.toSorted(compareActivePods).map(({ metadata }) => metadata.name),
    ["nowhere", "restarted", "new", "old", "ready"],
  );
});
