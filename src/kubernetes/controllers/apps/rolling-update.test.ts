import assert from "node:assert/strict";
import test from "node:test";
import type { Deployment, ReplicaSet } from "../../types.ts";
import { planRollingUpdate } from "./rolling-update.ts";

const deployment = (replicas: number, maxSurge: number, maxUnavailable: number): Deployment => ({
  metadata: { name: "web" },
  spec: {
    replicas,
    strategy: { rollingUpdate: { maxSurge, maxUnavailable } },
    selector: {},
    template: { spec: { containers: [] } },
  },
});

let second = 0;
const set = (name: string, replicas: number, availableReplicas: number): ReplicaSet => ({
  metadata: { name, creationTimestamp: new Date(1_000 * ++second).toISOString() },
  spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
  status: { replicas, availableReplicas },
});

const plan = (...args: Parameters<typeof planRollingUpdate>): string[] =>
  planRollingUpdate(...args).map(({ set: { metadata }, replicas }) => `${metadata.name}=${replicas}`);

test("pods that serve nobody and pods that may be missed go in two steps", () => {
  const old = set("old", 5, 4);
  assert.deepEqual(plan(deployment(5, 1, 2), [old], set("new", 2, 2)), ["old=4", "old=1"]);
});

test("a set that still counts pods that it is to lose holds everything up", () => {
  assert.deepEqual(plan(deployment(10, 2, 2), [set("old", 8, 10)], set("new", 4, 2)), []);
  assert.deepEqual(plan(deployment(10, 2, 2), [set("old", 8, 8)], set("new", 4, 2)), ["old=6"]);
});

test("what a set without replicas still counts does not serve", () => {
  const gone = set("gone", 0, 3);
  assert.deepEqual(plan(deployment(4, 1, 1), [gone, set("old", 1, 1)], set("new", 4, 2)), []);
  assert.deepEqual(plan(deployment(4, 1, 1), [gone, set("old", 1, 1)], set("new", 4, 4)), ["old=0"]);
});
