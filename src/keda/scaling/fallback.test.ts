import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fallback, ScaledObject, ScalingModifiers } from "../scaled-object.ts";
import type { HpaMetricSpec } from "../scalers/scaler.ts";
import {
  type FallbackTarget,
  fallbackMetrics,
  hasValidFallback,
  isThresholdExceeded,
  nextHealth,
} from "./fallback.ts";

const TIMESTAMP = "2026-01-01T00:00:00Z";
const FAILURE = new Error("no number to be had");

function scaledObject(
  fallback?: Fallback,
  scalingModifiers?: ScalingModifiers,
  status: ScaledObject["status"] = {},
): ScaledObject {
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "workload", namespace: "default" },
    spec: {
      scaleTargetRef: { name: "workload" },
      fallback,
      advanced: { scalingModifiers },
      triggers: [{ type: "prometheus", metadata: {} }],
    },
    status,
  };
}

const target = (current: number | Error, ready: number | Error = current): FallbackTarget => ({
  currentReplicas: async () => given(current),
  readyReplicas: async () => given(ready),
});

function given(count: number | Error): number {
  if (count instanceof Error) throw count;
  return count;
}

const perReplica = (averageValue: string): HpaMetricSpec => ({
  type: "External",
  external: { metric: { name: "s0-prometheus" }, target: { type: "AverageValue", averageValue } },
});

const inTotal = (value: string): HpaMetricSpec => ({
  type: "External",
  external: { metric: { name: "s0-prometheus" }, target: { type: "Value", value } },
});

function outcome(
  object: ScaledObject,
  spec: HpaMetricSpec,
  failures: number,
  of: FallbackTarget = target(0),
) {
  return fallbackMetrics(object, "s0-prometheus", spec, FAILURE, failures, of, TIMESTAMP);
}

test("hasValidFallback() refuses negative numbers, and targets of a formula that are no whole number", () => {
  const formula = (formulaTarget: string): ScalingModifiers => ({ formula: "a", target: formulaTarget });
  const cases: [
    fallback: Fallback | undefined,
    modifiers: ScalingModifiers | undefined,
    expected: boolean,
  ][] = [
    [undefined, undefined, false],
    [{ failureThreshold: 3, replicas: 2 }, undefined, true],
    [{ failureThreshold: 0, replicas: 0 }, undefined, true],
    [{ failureThreshold: -1, replicas: 2 }, undefined, false],
    [{ failureThreshold: 3, replicas: -2 }, undefined, false],
    [{ failureThreshold: 3, replicas: 2 }, formula("5"), true],
    [{ failureThreshold: 3, replicas: 2 }, formula("5.5"), false],
    [{ failureThreshold: 3, replicas: 2 }, formula("0"), false],
    [{ failureThreshold: 3, replicas: 2 }, formula(""), false],
  ];
  for (const [fallback, modifiers, expected] of cases) {
    assert.equal(hasValidFallback(scaledObject(fallback, modifiers)), expected, JSON.stringify([fallback]));
  }
});

test("nextHealth() counts failures in a row, from nothing too, and forgets them with a success", () => {
  assert.deepEqual(nextHealth(undefined, true), { numberOfFailures: 1, status: "Failing" });
  assert.deepEqual(nextHealth(undefined, false), { numberOfFailures: 0, status: "Happy" });
  const failing = { numberOfFailures: 5, status: "Failing" as const };
  assert.deepEqual(nextHealth(failing, true), { numberOfFailures: 6, status: "Failing" });
  assert.deepEqual(nextHealth(failing, false), { numberOfFailures: 0, status: "Happy" });
});

test("isThresholdExceeded() asks for more failures than the threshold, of any metric", () => {
  const cases: [failures: Record<string, number>, expected: boolean][] = [
    [{}, false],
    [{ a: 3 }, false],
    [{ a: 4 }, true],
    [{ a: 0, b: 4 }, true],
  ];
  for (const [failures, expected] of cases) {
    const health = Object.fromEntries(
      Object.entries(failures).map(([name, numberOfFailures]) => [
        name,
        { numberOfFailures, status: numberOfFailures > 0 ? ("Failing" as const) : ("Happy" as const) },
      ]),
    );
    const object = scaledObject({ failureThreshold: 3, replicas: 1 }, undefined, { health });
    assert.equal(isThresholdExceeded(object), expected, JSON.stringify(failures));
  }
});

test("fallbackMetrics() hands the failure on until the threshold is passed", async () => {
  const object = scaledObject({ failureThreshold: 3, replicas: 10 });
  for (const failures of [1, 3]) await assert.rejects(outcome(object, perReplica("2"), failures), FAILURE);
  const { active, metrics } = await outcome(object, perReplica("2"), 4);
  assert.equal(active, true);
  assert.deepEqual(metrics, [{ metricName: "s0-prometheus", value: "20", timestamp: TIMESTAMP }]);
});

test("fallbackMetrics() makes the number that asks for the fallback's replicas", async () => {
  const fallback = (replicas: number, behavior?: Fallback["behavior"]): Fallback => ({
    failureThreshold: 3,
    replicas,
    behavior,
  });
  const cases: [
    name: string,
    fallback: Fallback,
    spec: HpaMetricSpec,
    target: FallbackTarget,
    expected: string,
  ][] = [
    ["static by default", fallback(10), perReplica("2"), target(3), "20"],
    ["static", fallback(10, "static"), perReplica("2500m"), target(3), "25"],
    ["static asks for nothing of the target", fallback(4), perReplica("2"), target(FAILURE), "8"],
    ["current replicas", fallback(10, "currentReplicas"), perReplica("2"), target(3), "6"],
    ["the higher is the current", fallback(4, "currentReplicasIfHigher"), perReplica("2"), target(7), "14"],
    ["the higher is the static", fallback(4, "currentReplicasIfHigher"), perReplica("2"), target(3), "8"],
    ["the lower is the current", fallback(4, "currentReplicasIfLower"), perReplica("2"), target(3), "6"],
    ["the lower is the static", fallback(4, "currentReplicasIfLower"), perReplica("2"), target(7), "8"],
    // The HPA multiplies the ratio by the ready pods, so the fallback divides by them.
    ["in total, over the ready pods", fallback(10), inTotal("5"), target(2, 2), "25"],
    ["in total, fewer ready than wanted", fallback(6), inTotal("10"), target(4, 3), "20"],
  ];
  for (const [name, given, spec, of, expected] of cases) {
    const { metrics } = await outcome(scaledObject(given), spec, 4, of);
    assert.equal(metrics[0].value, expected, name);
  }
});

test("fallbackMetrics() with a formula answers for the formula", async () => {
  const object = scaledObject({ failureThreshold: 3, replicas: 6 }, { formula: "a + b", target: "5" });
  const { metrics, active } = await outcome(object, perReplica("2"), 4);
  assert.equal(active, true);
  assert.deepEqual(metrics, [{ metricName: "composite-metric", value: "30", timestamp: TIMESTAMP }]);
  const total = scaledObject(
    { failureThreshold: 3, replicas: 6 },
    { formula: "a + b", target: "5", metricType: "Value" },
  );
  const divided = await outcome(total, perReplica("2"), 4, target(2, 2));
  assert.equal(divided.metrics[0].value, "15");
});

test("fallbackMetrics() leaves a formula that handles nil to itself", async () => {
  const object = scaledObject(
    { failureThreshold: 3, replicas: 6, behavior: "scalingModifiers" },
    { formula: "a ?? b", target: "5" },
  );
  const { metrics, active } = await outcome(object, perReplica("2"), 4);
  assert.equal(active, false);
  assert.deepEqual(metrics, [{ metricName: "s0-prometheus", value: "-1", timestamp: TIMESTAMP }]);
});

test("fallbackMetrics() fails when the target can't be read", async () => {
  const unreadable = target(new Error("forbidden"));
  const current = scaledObject({ failureThreshold: 3, replicas: 6, behavior: "currentReplicas" });
  await assert.rejects(outcome(current, perReplica("2"), 4, unreadable), FAILURE);
  const total = scaledObject({ failureThreshold: 3, replicas: 6 });
  const text = { message: "error performing fallback" };
  await assert.rejects(outcome(total, inTotal("2"), 4, unreadable), text);
  await assert.rejects(outcome(total, inTotal("2"), 4, target(3, 0)), text);
});
