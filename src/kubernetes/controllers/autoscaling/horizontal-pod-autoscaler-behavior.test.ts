import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AutoscalerMemory,
  completeBehavior,
  type NormalizeInput,
  newAutoscalerMemory,
  normalizeReplicas,
  rememberScaling,
  scaleDownLimit,
  scaleUpLimit,
} from "./horizontal-pod-autoscaler-behavior.ts";
import type { Behavior, ScalingRules } from "./horizontal-pod-autoscaler-types.ts";

const NOW = Date.UTC(2026, 0, 1);

function normalize(input: Partial<NormalizeInput> & { currentReplicas: number; desiredReplicas: number }) {
  const memory = input.memory ?? { recommendations: [], scaleUps: [], scaleDowns: [] };
  return normalizeReplicas({
    memory,
    behavior: undefined,
    minReplicas: 1,
    maxReplicas: 10,
    nowMs: NOW,
    ...input,
  });
}

const rules = (
  type: "Pods" | "Percent",
  value: number,
  periodSeconds = 60,
  windowSeconds = 300,
): ScalingRules => ({
  stabilizationWindowSeconds: windowSeconds,
  policies: [{ type, value, periodSeconds }],
});

test("without behavior: bounds, and at most twice as many or four", () => {
  const cases: [
    name: string,
    current: number,
    desired: number,
    min: number,
    max: number,
    expected: number,
    reason: string,
  ][] = [
    ["within the bounds", 5, 7, 3, 10, 7, "DesiredWithinRange"],
    ["below the minimum", 5, 2, 3, 10, 3, "TooFewReplicas"],
    ["above the maximum", 5, 15, 3, 10, 10, "TooManyReplicas"],
    ["faster than twice", 3, 9, 1, 20, 6, "ScaleUpLimit"],
    ["four from one", 1, 9, 1, 20, 4, "ScaleUpLimit"],
  ];
  for (const [name, current, desired, minReplicas, maxReplicas, expected, reason] of cases) {
    const { replicas, limited } = normalize({
      currentReplicas: current,
      desiredReplicas: desired,
      minReplicas,
      maxReplicas,
    });
    assert.equal(replicas, expected, name);
    assert.equal(limited.reason, reason, name);
    assert.equal(limited.status, expected === desired ? "False" : "True", name);
  }
});

test("without behavior: down only to the highest recommendation of five minutes", () => {
  const memory = newAutoscalerMemory(6, NOW - 299_000);
  const held = normalize({ memory, currentReplicas: 6, desiredReplicas: 2 });
  assert.equal(held.replicas, 6);
  assert.equal(held.ableToScale.reason, "ScaleDownStabilized");
  const free = normalize({ memory, currentReplicas: 6, desiredReplicas: 2, nowMs: NOW + 2_000 });
  assert.equal(free.replicas, 2);
  assert.equal(free.ableToScale.reason, "ReadyForNewScale");
});

test("with behavior: rates in pods and per cent, and the bounds", () => {
  const both: Behavior = { scaleUp: rules("Percent", 200, 60, 0), scaleDown: rules("Percent", 50, 60, 0) };
  const cases: [
    name: string,
    behavior: Behavior,
    current: number,
    desired: number,
    expected: number,
    reason: string,
  ][] = [
    ["up within the rate", both, 5, 8, 8, "DesiredWithinRange"],
    ["up beyond the maximum", both, 8, 12, 10, "TooManyReplicas"],
    ["up beyond maximum and rate", both, 5, 15, 10, "TooManyReplicas"],
    ["up beyond the rate", { ...both, scaleUp: rules("Pods", 2, 60, 0) }, 3, 8, 5, "ScaleUpLimit"],
    [
      "up by a small percentage still adds one",
      { ...both, scaleUp: rules("Percent", 10, 60, 0) },
      3,
      8,
      4,
      "ScaleUpLimit",
    ],
    ["down by half", both, 8, 2, 4, "ScaleDownLimit"],
    ["down by pods", { ...both, scaleDown: rules("Pods", 1, 60, 0) }, 8, 2, 7, "ScaleDownLimit"],
    ["down to the minimum", { ...both, scaleDown: rules("Percent", 100, 60, 0) }, 3, 0, 1, "TooFewReplicas"],
    [
      "up is disabled",
      { ...both, scaleUp: { ...rules("Pods", 9, 60, 0), selectPolicy: "Disabled" } },
      3,
      8,
      3,
      "ScaleUpLimit",
    ],
    [
      "down is disabled",
      { ...both, scaleDown: { ...rules("Pods", 9, 60, 0), selectPolicy: "Disabled" } },
      3,
      1,
      3,
      "ScaleDownLimit",
    ],
    ["defaults give four or twice as many", {}, 1, 9, 5, "ScaleUpLimit"],
    ["defaults give twice as many when that is more", {}, 5, 20, 10, "TooManyReplicas"],
  ];
  for (const [name, behavior, current, desired, expected, reason] of cases) {
    const { replicas, limited } = normalize({ behavior, currentReplicas: current, desiredReplicas: desired });
    assert.equal(replicas, expected, name);
    assert.equal(limited.reason, reason, name);
  }
});

test("with behavior: windows hold up at the lowest and down at the highest recommendation", () => {
  const behavior: Behavior = {
    scaleUp: rules("Percent", 900, 60, 300),
    scaleDown: rules("Percent", 100, 60, 600),
  };
  const cases: [
    name: string,
    current: number,
    desired: number,
    earlier: [minutesAgo: number, replicas: number][],
    expected: number,
    reason: string,
  ][] = [
    [
      "up to the lowest",
      5,
      10,
      [
        [2, 8],
        [4, 7],
      ],
      7,
      "ScaleUpStabilized",
    ],
    [
      "down to the highest",
      8,
      3,
      [
        [5, 5],
        [8, 4],
      ],
      5,
      "ScaleDownStabilized",
    ],
    ["no change", 5, 5, [[1, 5]], 5, "ReadyForNewScale"],
    ["what is older than the window is forgotten", 5, 10, [[6, 2]], 10, "ReadyForNewScale"],
    ["not down below what is there, when up is held lower", 5, 10, [[2, 3]], 5, "ScaleUpStabilized"],
  ];
  for (const [name, current, desired, earlier, expected, reason] of cases) {
    const recommendations = earlier.map(([minutes, replicas]) => ({
      replicas,
      atMs: NOW - minutes * 60_000,
    }));
    const memory: AutoscalerMemory = { recommendations, scaleUps: [], scaleDowns: [] };
    const { replicas, ableToScale } = normalize({
      memory,
      behavior,
      currentReplicas: current,
      desiredReplicas: desired,
    });
    assert.equal(replicas, expected, name);
    assert.equal(ableToScale.reason, reason, name);
    assert.equal(memory.recommendations.at(-1)!.replicas, desired, name);
  }
});

test("limits count from the replicas at the beginning of the period", () => {
  const at = (seconds: number, change: number) => ({ change, atMs: NOW - seconds * 1000 });
  const memory: AutoscalerMemory = {
    recommendations: [],
    scaleUps: [at(30, 3), at(45, 2), at(70, 1)],
    scaleDowns: [],
  };
  const complete = (scaleUp: ScalingRules) => completeBehavior({ scaleUp }).scaleUp;
  assert.equal(scaleUpLimit(10, memory, complete(rules("Pods", 4)), NOW), 9, "five were added in 60 s");
  assert.equal(scaleUpLimit(10, memory, complete(rules("Pods", 4, 90)), NOW), 8, "six in 90 s");
  assert.equal(scaleUpLimit(10, memory, complete(rules("Percent", 100)), NOW), 10);
  assert.equal(
    scaleUpLimit(10, memory, complete(rules("Pods", 4, 45)), NOW),
    11,
    "what is 45 s ago is not in 45 s",
  );
  const down: AutoscalerMemory = { recommendations: [], scaleUps: [], scaleDowns: [at(30, 2)] };
  assert.equal(scaleDownLimit(6, down, complete(rules("Pods", 3)), NOW), 5);
  assert.equal(scaleDownLimit(6, down, complete(rules("Percent", 50)), NOW), 4);
});

test("selectPolicy takes the largest change or the smallest, in both directions", () => {
  const policies = [
    { type: "Pods" as const, value: 4, periodSeconds: 60 },
    { type: "Percent" as const, value: 10, periodSeconds: 60 },
  ];
  const memory: AutoscalerMemory = { recommendations: [], scaleUps: [], scaleDowns: [] };
  const of = (selectPolicy: "Max" | "Min") =>
    completeBehavior({ scaleUp: { policies, selectPolicy } }).scaleUp;
  assert.equal(scaleUpLimit(10, memory, of("Max"), NOW), 14);
  assert.equal(scaleUpLimit(10, memory, of("Min"), NOW), 11);
  assert.equal(scaleDownLimit(10, memory, of("Max"), NOW), 6);
  assert.equal(scaleDownLimit(10, memory, of("Min"), NOW), 9);
});

test("rememberScaling() keeps a change only with behavior, and takes the place of one that is out of date", () => {
  const behavior: Behavior = { scaleUp: rules("Pods", 4, 60), scaleDown: rules("Pods", 4, 120) };
  const memory = newAutoscalerMemory(5, NOW);
  rememberScaling(memory, undefined, 5, 9, NOW);
  assert.deepEqual([memory.scaleUps, memory.scaleDowns], [[], []]);
  rememberScaling(memory, behavior, 5, 9, NOW);
  rememberScaling(memory, behavior, 9, 7, NOW + 1000);
  assert.deepEqual(memory.scaleUps, [{ change: 4, atMs: NOW }]);
  assert.deepEqual(memory.scaleDowns, [{ change: 2, atMs: NOW + 1000 }]);
  rememberScaling(memory, behavior, 7, 8, NOW + 61_000);
  assert.deepEqual(memory.scaleUps, [{ change: 1, atMs: NOW + 61_000 }]);
  rememberScaling(memory, behavior, 8, 9, NOW + 62_000);
  assert.equal(memory.scaleUps.length, 2);
});

test("memory stays bounded by its windows", () => {
  const memory = newAutoscalerMemory(1, NOW);
  for (let i = 0; i < 10_000; i++) {
    normalize({ memory, behavior: {}, currentReplicas: 3, desiredReplicas: 3, nowMs: NOW + i * 15_000 });
  }
  assert.ok(memory.recommendations.length <= 22, String(memory.recommendations.length));
});

test("at the very end of a window a recommendation counts without behavior, and not with it", () => {
  const windows: Behavior = { scaleUp: rules("Pods", 99, 60, 60), scaleDown: rules("Pods", 99, 60, 300) };
  const cases: [
    behavior: Behavior | undefined,
    ageMs: number,
    recommended: number,
    desired: number,
    expected: number,
  ][] = [
    [undefined, 299_999, 6, 2, 6],
    [undefined, 300_000, 6, 2, 6],
    [undefined, 300_001, 6, 2, 2],
    [windows, 299_999, 6, 2, 6],
    [windows, 300_000, 6, 2, 2],
    [windows, 59_999, 7, 9, 7],
    [windows, 60_000, 7, 9, 9],
  ];
  for (const [behavior, ageMs, recommended, desired, expected] of cases) {
    const memory = newAutoscalerMemory(recommended, NOW - ageMs);
    const { replicas } = normalize({ memory, behavior, currentReplicas: 6, desiredReplicas: desired });
    assert.equal(replicas, expected, `${ageMs} ms, ${behavior === undefined ? "without" : "with"} behavior`);
  }
});

test("what is kept is replaced only when no window needs it any more", () => {
  const windows: Behavior = { scaleUp: rules("Pods", 9, 30, 60), scaleDown: rules("Pods", 9, 90, 300) };
  const recommendationsAfter = (ageMs: number, behavior: Behavior | undefined) => {
    const memory = newAutoscalerMemory(6, NOW - ageMs);
    normalize({ memory, behavior, currentReplicas: 6, desiredReplicas: 5 });
    return memory.recommendations.length;
  };
  for (const behavior of [undefined, windows]) {
    assert.equal(recommendationsAfter(300_000, behavior), 2);
    assert.equal(recommendationsAfter(300_001, behavior), 1);
  }
  const changesAfter = (seconds: number, previous: number, next: number) => {
    const memory = newAutoscalerMemory(6, NOW);
    rememberScaling(memory, windows, previous, next, NOW);
    rememberScaling(memory, windows, previous, next, NOW + seconds * 1000);
    return next > previous ? memory.scaleUps.length : memory.scaleDowns.length;
  };
  assert.deepEqual([changesAfter(30, 5, 6), changesAfter(30.001, 5, 6)], [2, 1]);
  assert.deepEqual([changesAfter(90, 6, 5), changesAfter(90.001, 6, 5)], [2, 1]);
});

test("what is held says in which direction, up where nothing was to change", () => {
  const behavior: Behavior = { scaleUp: rules("Pods", 9, 60, 300), scaleDown: rules("Pods", 9, 60, 300) };
  const held = (recommended: number, current: number, desired: number) => {
    const memory = newAutoscalerMemory(recommended, NOW - 1000);
    const { replicas, ableToScale } = normalize({
      memory,
      behavior,
      currentReplicas: current,
      desiredReplicas: desired,
    });
    return `${replicas} ${ableToScale.reason}`;
  };
  assert.equal(held(4, 5, 9), "5 ScaleUpStabilized");
  assert.equal(held(7, 8, 3), "7 ScaleDownStabilized");
  assert.equal(held(5, 6, 6), "6 ReadyForNewScale");
});

test("a limit that is just reached limits nothing", () => {
  const behavior: Behavior = { scaleUp: rules("Pods", 3, 60, 0), scaleDown: rules("Pods", 3, 60, 0) };
  const reasonOf = (
    current: number,
    desired: number,
    bounds: object = {},
    given: Behavior | undefined = behavior,
  ) =>
    normalize({ behavior: given, currentReplicas: current, desiredReplicas: desired, ...bounds }).limited
      .reason;
  assert.equal(reasonOf(5, 8), "DesiredWithinRange");
  assert.equal(reasonOf(5, 9), "ScaleUpLimit");
  assert.equal(reasonOf(5, 9, { maxReplicas: 8 }), "TooManyReplicas");
  assert.equal(reasonOf(8, 5), "DesiredWithinRange");
  assert.equal(reasonOf(8, 4), "ScaleDownLimit");
  assert.equal(reasonOf(8, 4, { minReplicas: 5 }), "TooFewReplicas");
  const legacy = (current: number, desired: number, bounds: object = {}) => {
    const input = { currentReplicas: current, desiredReplicas: desired, ...bounds };
    return normalize(input).limited.reason;
  };
  assert.equal(legacy(4, 8), "DesiredWithinRange");
  assert.equal(legacy(4, 9), "ScaleUpLimit");
  assert.equal(legacy(4, 9, { maxReplicas: 8 }), "TooManyReplicas");
  assert.equal(legacy(4, 3, { minReplicas: 3 }), "DesiredWithinRange");
});
