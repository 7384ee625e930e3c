import assert from "node:assert/strict";
import { test } from "node:test";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Deployment, ReplicaSet } from "../../types.ts";
import { isScalingEvent, planScaling } from "./proportional-scaling.ts";

interface Case {
  from: number;
  to: number;
  surge?: number;
  /** Oldest first; the last one is the current set unless `current` is false. */
  sizes: number[];
  current?: boolean;
  becomes: number[];
}

function deployment(replicas: number, maxSurge = 0): Deployment {
  const strategy = { type: "RollingUpdate" as const, rollingUpdate: { maxSurge, maxUnavailable: 1 } };
  return {
    metadata: { name: "web" },
    spec: { replicas, strategy, selector: {}, template: { spec: { containers: [] } } },
  } as unknown as Deployment;
}

function replicaSets({ from, surge = 0, sizes }: Case): ReplicaSet[] {
  return sizes.map(
    (replicas, index) =>
      ({
        metadata: {
          name: `web-${index}`,
          creationTimestamp: kubernetesTime(index * 60_000),
          annotations: {
            "deployment.kubernetes.io/desired-replicas": String(from),
            "deployment.kubernetes.io/max-replicas": String(from + surge),
          },
        },
        spec: { replicas },
      }) as unknown as ReplicaSet,
  );
}

const CASES: Case[] = [
  { from: 4, to: 9, sizes: [4], becomes: [9] },
  { from: 4, to: 0, sizes: [4], becomes: [0] },
  // All are empty: the newest gets everything.
  { from: 0, to: 3, sizes: [0, 0], becomes: [0, 3] },
  { from: 6, to: 12, sizes: [4, 2], becomes: [8, 4] },
  { from: 12, to: 6, sizes: [8, 4], becomes: [4, 2] },
  // What is left over by rounding is the largest one's; of equals the newest grows and the oldest shrinks.
  { from: 3, to: 4, sizes: [1, 1, 1], becomes: [1, 1, 2] },
  { from: 3, to: 2, sizes: [1, 1, 1], becomes: [0, 1, 1] },
  { from: 4, to: 5, sizes: [2, 2], current: false, becomes: [2, 3] },
  { from: 6, to: 0, sizes: [1, 2, 3], becomes: [0, 0, 0] },
  { from: 10, to: 20, surge: 2, sizes: [6, 6], becomes: [11, 11] },
  { from: 10, to: 15, surge: 3, sizes: [8, 5], becomes: [11, 7] },
];

test("planScaling() keeps every set's share", () => {
  for (const example of CASES) {
    const sets = replicaSets(example);
    const current = example.current === false ? undefined : sets.at(-1);
    const old = current === undefined ? sets : sets.slice(0, -1);
    const scaled = deployment(example.to, example.surge);
    const steps = planScaling(scaled, old, current);
    const sizes = sets.map((set) => steps.find((step) => step.set === set)?.replicas ?? set.spec.replicas);
    assert.deepEqual(sizes, example.becomes, JSON.stringify(example));
    const isEvent = example.from !== example.to && example.sizes.some((size) => size > 0);
    assert.equal(isScalingEvent(scaled, sets), isEvent, JSON.stringify(example));
  }
});

test("planScaling() does without annotations that nobody can read", () => {
  const sets = replicaSets({ from: 4, to: 8, sizes: [2, 2], becomes: [] });
  for (const { metadata } of sets) metadata.annotations!["deployment.kubernetes.io/max-replicas"] = "many";
  const scaled = { ...deployment(8), status: { replicas: 4 } } as Deployment;
  assert.deepEqual(
    planScaling(scaled, [sets[0]], sets[1]).map(({ replicas }) => replicas),
    [4, 4],
  );
});
