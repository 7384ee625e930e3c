import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScaledObject } from "../keda/mod.ts";
import type { HorizontalPodAutoscaler } from "../kubernetes/mod.ts";
import { explain } from "./explain.ts";

function facts(options: {
  average: string;
  pods: number;
  min?: number;
  tolerance?: string;
  lastActive?: string;
}) {
  const { average, pods, min = 1, tolerance, lastActive } = options;
  const metric = { name: "s0-prometheus" };
  const object: ScaledObject = {
    metadata: { name: "test-db-small", namespace: "percolate-test" },
    spec: {
      scaleTargetRef: { kind: "StatefulSet", name: "test-db-small" },
      minReplicaCount: min,
      maxReplicaCount: 10,
      cooldownPeriod: 60,
      triggers: [],
    },
    status: {
      conditions: [{ type: "Ready", status: "True", reason: "ScaledObjectReady", message: "fine" }],
      lastActiveTime: lastActive,
    },
  };
  const hpa = {
    metadata: { name: "keda-hpa-test-db-small" },
    spec: {
      scaleTargetRef: { kind: "StatefulSet", name: "test-db-small" },
      maxReplicas: 10,
      metrics: [
        { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "2" } } },
      ],
      ...(tolerance === undefined ? {} : { behavior: { scaleUp: { tolerance } } }),
    },
    status: {
      currentMetrics: [{ type: "External", external: { metric, current: { averageValue: average } } }],
    },
  } as HorizontalPodAutoscaler;
  return { object, hpa, specReplicas: pods, statusReplicas: pods };
}

test("explain() says what the tolerance hides, and what would change the number", () => {
  const lines = explain(facts({ average: "2200m", pods: 5 }), 0).join("\n");
  assert.match(lines, /s0-prometheus: 11 in all, 2\.2 a pod, target 2 a pod: ratio 1\.1/);
  assert.match(lines, /within the tolerance \(0\.9 to 1\.1\): asks for the 5 that there are/);
  assert.match(lines, /the tolerance hides 1: 11 needs 6/);
  assert.match(lines, /more than 11 asks for more, less than 9 for fewer/);
});

test("explain() shows the arithmetic where the metric asks for other replicas", () => {
  const lines = explain(facts({ average: "2200m", pods: 5, tolerance: "0" }), 0).join("\n");
  assert.match(lines, /asks for ⌈11 \/ 2⌉ = 6/);
});

test("explain() tells of the cooldown where zero is allowed, and that there is none where not", () => {
  const lastActive = "2026-01-01T00:00:00Z";
  const idle = explain(
    facts({ average: "0", pods: 1, min: 0, lastActive }),
    Date.parse(lastActive) + 20_000,
  ).join("\n");
  assert.match(idle, /last active 20 s ago; 60 s \(cooldownPeriod\) without activity set 0, in one step/);
  assert.match(explain(facts({ average: "0", pods: 1 }), 0).join("\n"), /never goes below 1/);
});

test("explain() does without an HPA", () => {
  const lines = explain({ ...facts({ average: "0", pods: 0 }), hpa: undefined }, 0);
  assert.match(lines.at(-1)!, /There is none/);
});
