import assert from "node:assert/strict";
import { test } from "node:test";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { replicasForAverage, type Tolerances } from "./horizontal-pod-autoscaler-replicas.ts";
import type { AutoscaledPod } from "./horizontal-pod-autoscaler-types.ts";

const NOW = Date.UTC(2026, 0, 1);
const TOLERANCES: Tolerances = { scaleUp: 0.1, scaleDown: 0.1, version: "1.37" };

const podOf = (status: object) =>
  ({ metadata: { name: "pod-0" }, spec: { containers: [{ name: "main" }] }, status }) as AutoscaledPod;

test("a pod that nobody has said anything of yet counts as starting", () => {
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: kubernetesTime(NOW - 3_600_000) }];
  const startTime = kubernetesTime(NOW - 3_600_000);
  const sample = { milli: 2000, timestampMs: NOW, windowMs: 60_000 };
  for (const [status, counts] of [
    [{ phase: "Running", startTime, conditions }, true],
    [{ phase: "Running", conditions }, false],
    [{ phase: "Running", startTime }, false],
    [{ phase: "Running" }, false],
  ] as const) {
    const pods = [podOf(status)];
    const input = { metrics: new Map([["pod-0", sample]]), pods, tolerances: TOLERANCES, nowMs: NOW };
    const compute = () => replicasForAverage(1, 1000, { ...input, resource: "cpu" }).replicas;
    if (counts) assert.equal(compute(), 2);
    else assert.throws(compute, /did not receive metrics/);
  }
});

test("a pod counts as starting by readiness, age and freshness (CPU alone)", () => {
  const cases: [
    name: string,
    age: number,
    transitionAge: number,
    ready: string,
    metricAge: number,
    window: number,
    counts: boolean,
  ][] = [
    ["fresh number in the initial time", 60, 30, "True", 0, 30, true],
    ["number from before a whole window was ready", 60, 30, "True", 0, 60, false],
    ["old number after the initial time", 400, 400, "True", 120, 60, true],
    ["unready now, was ready later than at its start", 600, 540, "False", 0, 60, true],
    ["never ready since its start", 600, 594, "False", 0, 60, false],
    ["at the end of the initial time", 300, 30, "True", 0, 60, true],
    ["a moment before the end of the initial time", 299, 30, "True", 0, 60, false],
    ["a number as old as the whole window", 60, 30, "True", 0, 30, true],
    ["unready since just the delay", 600, 570, "False", 0, 60, true],
  ];
  for (const [name, age, transitionAge, ready, metricAge, windowSeconds, counts] of cases) {
    const one = podOf({
      phase: "Running",
      startTime: kubernetesTime(NOW - age * 1000),
      conditions: [
        { type: "Ready", status: ready, lastTransitionTime: kubernetesTime(NOW - transitionAge * 1000) },
      ],
    });
    const sample = { milli: 2000, timestampMs: NOW - metricAge * 1000, windowMs: windowSeconds * 1000 };
    const input = { metrics: new Map([["pod-0", sample]]), pods: [one], tolerances: TOLERANCES, nowMs: NOW };
    const compute = (resource: string) => replicasForAverage(1, 1000, { ...input, resource }).replicas;
    if (counts) assert.equal(compute("cpu"), 2, name);
    else assert.throws(() => compute("cpu"), /did not receive metrics/, name);
    assert.equal(compute("memory"), 2, name);
  }
});
