import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import {
  FORCE_ACTIVATION_ANNOTATION,
  PAUSED_ANNOTATION,
  PAUSED_REPLICAS_ANNOTATION,
  PAUSED_SCALE_IN_ANNOTATION,
  PAUSED_SCALE_OUT_ANNOTATION,
  type ScaledObject,
  type ScaledObjectSpec,
  type ScaledObjectStatus,
} from "../scaled-object.ts";
import { type ObservedHpa, type Poll, requestScale } from "./scale-executor.ts";

interface Given {
  current?: number | Error;
  spec?: Partial<ScaledObjectSpec>;
  status?: ScaledObjectStatus;
  annotations?: Record<string, string>;
  poll?: Partial<Poll>;
  /** Setting the replicas fails. */
  refuses?: boolean;
  hpa?: ObservedHpa;
  /** Since the ScaledObject was created; null where nothing says when. @default 1000 */
  ageSeconds?: number | null;
}

async function execute(given: Given) {
  const clock = new VirtualClock();
  const ago = (seconds: number) => new Date(clock.now() - seconds * 1000).toISOString();
  const object: ScaledObject = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: {
      name: "workload",
      namespace: "shop",
      annotations: given.annotations,
      creationTimestamp: given.ageSeconds === null ? undefined : ago(given.ageSeconds ?? 1000),
    },
    spec: {
      scaleTargetRef: { name: "workload" },
      triggers: [{ type: "prometheus", metadata: {} }],
      ...given.spec,
    },
    status: {
      scaleTargetKind: "apps/v1.Deployment",
      externalMetricNames: ["s0-prometheus"],
      ...given.status,
    },
  };
  const scaledTo: number[] = [];
  const events: string[] = [];
  const current = given.current ?? 2;
  const result = await requestScale(
    object,
    { active: false, failed: false, activeTriggers: [], ...given.poll },
    {
      clock,
      log: silentLogger,
      events: {
        record: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
      } as Parameters<typeof requestScale>[2]["events"],
      async currentReplicas() {
        if (current instanceof Error) throw current;
        return current;
      },
      async setReplicas(_, replicas) {
        if (given.refuses) throw new Error("forbidden");
        scaledTo.push(replicas);
        return current as number;
      },
      hpa: async () => given.hpa,
    },
  );
  const conditions = Object.fromEntries(
    result.conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
  return { ...result, conditions, scaledTo, events, listed: result.conditions };
}

const ACTIVE = { active: true, activeTriggers: ["s0-prometheus"] };
const LONG_AGO = { lastActiveTime: "1970-01-01T00:00:00Z" };

test("an active trigger wakes a target at zero, and touches no other", async () => {
  const cases: [name: string, given: Given, scaledTo: number[]][] = [
    ["from zero to one", { current: 0 }, [1]],
    ["from zero to the minimum", { current: 0, spec: { minReplicaCount: 5 } }, [5]],
    ["from idle to the minimum", { current: 2, spec: { idleReplicaCount: 2, minReplicaCount: 5 } }, [5]],
    ["from zero, which is idle", { current: 0, spec: { idleReplicaCount: 0, minReplicaCount: 5 } }, [5]],
    ["at the minimum with idle", { current: 5, spec: { idleReplicaCount: 2, minReplicaCount: 5 } }, []],
    ["above the minimum with idle", { current: 6, spec: { idleReplicaCount: 2, minReplicaCount: 5 } }, []],
    ["below the minimum without idle", { current: 2, spec: { minReplicaCount: 5 } }, []],
    ["running", { current: 3 }, []],
  ];
  for (const [name, given, scaledTo] of cases) {
    const result = await execute({ ...given, poll: ACTIVE });
    assert.deepEqual(result.scaledTo, scaledTo, name);
    assert.equal(result.conditions.Active, "True ScalerActive", name);
    assert.equal(result.conditions.Ready, "True ScaledObjectReady", name);
    assert.equal(result.lastActiveTime, "2026-01-01T00:00:00Z", name);
  }
});

test("no active trigger takes the target back after the cooldown", async () => {
  const cases: [name: string, given: Given, scaledTo: number[], active: string][] = [
    ["to zero", { current: 2, status: LONG_AGO }, [0], "False ScalerNotActive"],
    [
      "to idle",
      { current: 8, spec: { idleReplicaCount: 1, minReplicaCount: 5 }, status: LONG_AGO },
      [1],
      "False ScalerNotActive",
    ],
    [
      "to idle at zero",
      { current: 8, spec: { idleReplicaCount: 0, minReplicaCount: 5 }, status: LONG_AGO },
      [0],
      "False ScalerNotActive",
    ],
    [
      "idle already",
      { current: 1, spec: { idleReplicaCount: 1, minReplicaCount: 5 }, status: LONG_AGO },
      [],
      "False ScalerNotActive",
    ],
    [
      "still cooling down",
      { current: 2, status: { lastActiveTime: "2025-12-31T23:55:00Z" } },
      [],
      "False ScalerCooldown",
    ],
    [
      "a second past the cooldown",
      { current: 2, status: { lastActiveTime: "2025-12-31T23:54:59Z" } },
      [0],
      "False ScalerNotActive",
    ],
    [
      "its own cooldown",
      { current: 2, spec: { cooldownPeriod: 60 }, status: { lastActiveTime: "2025-12-31T23:58:50Z" } },
      [0],
      "False ScalerNotActive",
    ],
    ["of no known age: at once", { current: 2, ageSeconds: null }, [0], "False ScalerNotActive"],
    ["never active: at once", { current: 2, ageSeconds: 1 }, [0], "False ScalerNotActive"],
    [
      "never active: the first cooldown",
      { current: 2, spec: { initialCooldownPeriod: 300 }, ageSeconds: 200 },
      [],
      "False ScalerCooldown",
    ],
    [
      "never active: at the end of the first cooldown",
      { current: 2, spec: { initialCooldownPeriod: 300 }, ageSeconds: 300 },
      [],
      "False ScalerCooldown",
    ],
    [
      "never active: past the first cooldown",
      { current: 2, spec: { initialCooldownPeriod: 300 }, ageSeconds: 301 },
      [0],
      "False ScalerNotActive",
    ],
    ["up to the minimum", { current: 0, spec: { minReplicaCount: 3 } }, [3], "False ScalerNotActive"],
    ["at the minimum", { current: 3, spec: { minReplicaCount: 3 } }, [], "False ScalerNotActive"],
    [
      "above the minimum: the HPA's",
      { current: 9, spec: { minReplicaCount: 3 } },
      [],
      "False ScalerNotActive",
    ],
    ["zero stays", { current: 0 }, [], "False ScalerNotActive"],
  ];
  for (const [name, given, scaledTo, active] of cases) {
    const result = await execute(given);
    assert.deepEqual(result.scaledTo, scaledTo, name);
    assert.equal(result.conditions.Active, active, name);
    assert.equal(result.lastActiveTime, undefined, name);
  }
});

test("a trigger that fails keeps the target where it is", async () => {
  const fallback = { failureThreshold: 3, replicas: 4 };
  const cases: [name: string, given: Given, scaledTo: number[], ready: string][] = [
    ["alone", { poll: { failed: true }, status: LONG_AGO }, [], "False TriggerError"],
    ["beside an active one", { poll: { ...ACTIVE, failed: true } }, [], "Unknown PartialTriggerError"],
    [
      "beside an active one, at zero: it still wakes",
      { current: 0, poll: { ...ACTIVE, failed: true } },
      [1],
      "True ScaledObjectReady",
    ],
    [
      "with a fallback",
      { poll: { failed: true }, spec: { fallback }, status: LONG_AGO },
      [],
      "True ScaledObjectReady",
    ],
    [
      "with a fallback to zero: deactivated",
      { poll: { failed: true }, spec: { fallback: { ...fallback, replicas: 0 } }, status: LONG_AGO },
      [0],
      "True ScaledObjectReady",
    ],
  ];
  for (const [name, given, scaledTo, ready] of cases) {
    const result = await execute(given);
    assert.deepEqual(result.scaledTo, scaledTo, name);
    assert.equal(result.conditions.Ready, ready, name);
  }
});

test("annotations pause and force", async () => {
  const cases: [name: string, given: Given, scaledTo: number[]][] = [
    ["paused", { current: 0, poll: ACTIVE, annotations: { [PAUSED_ANNOTATION]: "true" } }, []],
    [
      "paused at a count",
      { current: 0, poll: ACTIVE, annotations: { [PAUSED_REPLICAS_ANNOTATION]: "0" } },
      [],
    ],
    ["not paused", { current: 0, poll: ACTIVE, annotations: { [PAUSED_ANNOTATION]: "false" } }, [1]],
    [
      "no scaling out",
      { current: 0, poll: ACTIVE, annotations: { [PAUSED_SCALE_OUT_ANNOTATION]: "true" } },
      [],
    ],
    ["no scaling in", { status: LONG_AGO, annotations: { [PAUSED_SCALE_IN_ANNOTATION]: "true" } }, []],
    [
      "scaling in despite no scaling out",
      { status: LONG_AGO, annotations: { [PAUSED_SCALE_OUT_ANNOTATION]: "true" } },
      [0],
    ],
    ["forced", { current: 0, annotations: { [FORCE_ACTIVATION_ANNOTATION]: "true" } }, [1]],
    [
      "forced, running",
      { current: 2, status: LONG_AGO, annotations: { [FORCE_ACTIVATION_ANNOTATION]: "true" } },
      [],
    ],
    ["not forced", { current: 0, annotations: { [FORCE_ACTIVATION_ANNOTATION]: "false" } }, []],
  ];
  for (const [name, given, scaledTo] of cases) {
    const result = await execute(given);
    assert.deepEqual(result.scaledTo, scaledTo, name);
  }
  const paused = await execute({ annotations: { [PAUSED_ANNOTATION]: "true" } });
  assert.deepEqual(paused.conditions, { Ready: "True ScaledObjectReady", Paused: "True ScaledObjectPaused" });
});

test("events name the target, both counts and the cause", async () => {
  const target = "apps/v1.Deployment shop/workload";
  const cases: [given: Given, event: string][] = [
    [
      { current: 0, poll: { active: true, activeTriggers: ["s0-prometheus", "s1-cron"] } },
      `Normal KEDAScaleTargetActivated Scaled ${target} from 0 to 1, triggered by s0-prometheus;s1-cron`,
    ],
    [
      { current: 0, annotations: { [FORCE_ACTIVATION_ANNOTATION]: "true" } },
      `Normal KEDAScaleTargetActivated Scaled ${target} from 0 to 1, caused by forced activation annotation`,
    ],
    [
      { current: 0, poll: ACTIVE, refuses: true },
      `Warning KEDAScaleTargetActivationFailed Failed to scale ${target} from 0 to 1`,
    ],
    [{ current: 4, status: LONG_AGO }, `Normal KEDAScaleTargetDeactivated Deactivated ${target} from 4 to 0`],
    [
      { current: 4, status: LONG_AGO, refuses: true },
      `Warning KEDAScaleTargetDeactivationFailed Failed to deactivate ${target} from 4 to 0`,
    ],
  ];
  for (const [given, event] of cases) assert.deepEqual((await execute(given)).events, [event]);
  const failed = await execute({ current: 0, poll: ACTIVE, refuses: true });
  assert.equal(failed.lastActiveTime, undefined);
});

test("a target that can't be read is an error, and nothing else is done", async () => {
  const result = await execute({ current: new Error("gone"), poll: ACTIVE });
  assert.equal(result.error?.message, "error getting current replicas count for ScaleTarget: gone");
  assert.deepEqual(result.listed, [
    {
      type: "Ready",
      status: "False",
      reason: "ErrorGettingCurrentReplicas",
      message: "Error getting current replicas count for ScaleTarget: gone",
    },
  ]);
});

test("HPAActive mirrors what the HPA says of itself", async () => {
  const says = (status: string, reason?: string, message?: string): ObservedHpa => ({
    status: { conditions: [{ type: "ScalingActive", status, reason, message }] },
  });
  const cases: [name: string, hpa: ObservedHpa | undefined, expected: string | undefined][] = [
    ["scaling", says("True", "ValidMetricFound", "found"), "True HPAActive HPA is actively scaling"],
    [
      "no metrics",
      says("False", "FailedGetExternalMetric", "unable to get"),
      "False FailedGetExternalMetric HPA is not actively scaling: unable to get",
    ],
    ["at zero, which is meant", says("False", "ScalingDisabled", "is zero"), "True ScalingDisabled is zero"],
    ["no reason", says("False", "", "odd"), "False HPAMetricsUnavailable HPA is not actively scaling: odd"],
    ["unknown", says("Unknown", "Odd", ""), "False Odd HPA is not actively scaling: "],
    ["no condition yet", { status: { conditions: [] } }, undefined],
    ["no status yet", {}, undefined],
    ["none, or not readable", undefined, undefined],
  ];
  for (const [name, hpa, expected] of cases) {
    const { listed } = await execute({ hpa, poll: ACTIVE });
    const condition = listed.find(({ type }) => type === "HPAActive");
    const shown = condition && `${condition.status} ${condition.reason} ${condition.message}`;
    assert.equal(shown, expected, name);
  }
});

test("the activity of each trigger is kept: of all after a poll, of one after a push", async () => {
  const status = { externalMetricNames: ["s0-prometheus", "s1-cron"] };
  const polled = await execute({ status, poll: ACTIVE });
  assert.deepEqual(polled.triggersActivity, {
    "s0-prometheus": { isActive: true },
    "s1-cron": { isActive: false },
  });
  const pushed = await execute({
    status: { ...status, triggersActivity: { "s0-prometheus": { isActive: true } } },
    poll: { active: true, activeTriggers: ["s1-cron"], pushedMetric: "s1-cron" },
  });
  assert.deepEqual(pushed.triggersActivity, {
    "s0-prometheus": { isActive: true },
    "s1-cron": { isActive: true },
  });
});
