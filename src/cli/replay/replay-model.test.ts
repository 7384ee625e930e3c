import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScaledObject, ScaledObjectSpec } from "../../keda/mod.ts";
import { LoadedPods } from "./replay-capacity.ts";
import type { Grid, QueryHistory } from "./replay-history.ts";
import { type ReplayPolicy, replay, STEP_MS } from "./replay-model.ts";
import { summarize } from "./replay-summary.ts";
import { MAX_VARIANTS, variantsOf } from "./replay-variants.ts";

const QUERY = "sum(percolate_active_tenants)";

function policy(spec: Partial<ScaledObjectSpec> = {}, metadata: Record<string, string> = {}): ReplayPolicy {
  const object: ScaledObject = {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "test-db-small", namespace: "percolate-test" },
    spec: {
      scaleTargetRef: { name: "test-db-small" },
      minReplicaCount: 1,
      maxReplicaCount: 10,
      pollingInterval: 15,
      triggers: [
        {
          type: "prometheus",
          metadata: { serverAddress: "http://prometheus", query: QUERY, threshold: "2", ...metadata },
        },
      ],
      ...spec,
    },
  };
  return { object, kubernetes: "1.37", tolerance: 0.1 };
}

/** Values for so many minutes each; undefined is an empty answer. */
function history(...parts: [minutes: number, value: number | undefined][]): {
  grid: Grid;
  histories: Map<string, QueryHistory>;
} {
  const values = parts.flatMap(([minutes, value]) => Array<number>(minutes * 4).fill(value ?? Number.NaN));
  const grid = { startMs: Date.UTC(2026, 0, 1), stepMs: STEP_MS, count: values.length };
  const answers = { values: Float64Array.from(values), several: new Uint8Array(values.length) };
  return { grid, histories: new Map([[QUERY, answers]]) };
}

function run(
  input: ReturnType<typeof history>,
  of: ReplayPolicy,
  initialReplicas: number,
  outage: [number, number] = [0, 0],
) {
  const outages = new Uint8Array(input.grid.count);
  outages.fill(1, outage[0] * 4, outage[1] * 4);
  return replay({ ...input, policy: of, outages, initialReplicas });
}

test("replay() finds the eleventh tenant on five pods, which the tolerance hides", async () => {
  const load = history([10, 10], [10, 11]);
  const steps = await run(load, policy(), 5);
  assert.equal(steps.replicas.at(-1), 5);
  assert.equal(
    steps.hidden.reduce((sum, flag) => sum + flag, 0),
    40,
  );
  const [, cured] = variantsOf(policy(), ["tolerance=0"]);
  assert.equal((await run(load, cured.policy, 5)).replicas.at(-1), 6);
  assert.equal((await run(load, { ...policy(), kubernetes: "1.28" }, 5)).replicas.at(-1), 6);
});

test("replay() reads an empty answer as idleness only where KEDA would", async () => {
  const load = history([10, 8], [20, undefined]);
  const naive = await run(load, policy(), 4);
  assert.equal(naive.replicas.at(-1), 1);
  assert.equal(
    naive.readAsIdle.reduce((sum, flag) => sum + flag, 0),
    80,
  );
  const fallback = { failureThreshold: 3, replicas: 1, behavior: "currentReplicas" as const };
  const careful = await run(load, policy({ fallback }, { ignoreNullValues: "false" }), 4);
  assert.equal(careful.replicas.at(-1), 4);
  assert.equal(
    careful.readAsIdle.reduce((sum, flag) => sum + flag, 0),
    0,
  );
  assert.ok(careful.fallback.some((flag) => flag === 1));
});

test("replay() takes an outage of Prometheus for an error: without a fallback nothing moves", async () => {
  const load = history([5, 8], [10, 8], [5, 8]);
  const steps = await run(load, policy(), 4, [5, 15]);
  assert.deepEqual([...new Set(steps.replicas)], [4]);
});

test("replay() activates from zero at a poll, and goes back after the cooldown, in one step", async () => {
  const load = history([5, 0], [5, 3], [20, 0]);
  const steps = await run(load, policy({ minReplicaCount: 0, cooldownPeriod: 60, pollingInterval: 30 }), 0);
  const shown = steps.changes.map(({ from, to, by }) => `${from} → ${to} ${by}`);
  assert.deepEqual(shown, ["0 → 1 keda", "1 → 2 hpa", "2 → 0 keda"]);
});

test("replay() leaves out triggers that are not in Prometheus, and says so", async () => {
  const object = policy();
  object.object.spec.triggers.push({ type: "external-push", metadata: { scalerAddress: "router:6000" } });
  const steps = await run(history([1, 2]), object, 1);
  assert.deepEqual(steps.notes, ["trigger 1 (external-push) is not in Prometheus and is left out"]);
});

test("replay() computes formulas over several triggers", async () => {
  const of = policy({ advanced: { scalingModifiers: { formula: "max(a, b) * 2", target: "4" } } });
  const [trigger] = of.object.spec.triggers;
  of.object.spec.triggers = [
    { ...trigger, name: "a" },
    { ...trigger, name: "b" },
  ];
  assert.equal((await run(history([5, 6]), of, 1)).replicas.at(-1), 3);
});

test("summarize() counts what is short, wasted, flapping and slow", async () => {
  const load = history([10, 4], [10, 12], [30, 4]);
  const steps = await run(load, policy(), 2);
  const need = Float64Array.from(load.histories.get(QUERY)!.values, (value) => Math.ceil(value / 2));
  const summary = summarize(steps, need, STEP_MS, { perPodHour: 1, perShortPodHour: 10, perChange: 0.5 });
  assert.equal(summary.peak, 6);
  assert.ok(summary.shortPodMinutes > 0 && summary.shortPodMinutes < 6);
  assert.ok(summary.wastedPodMinutes > 18, "five minutes of four pods");
  assert.equal(summary.flaps, 0);
  assert.ok(
    Math.abs(summary.cost - (summary.podHours + summary.shortPodMinutes / 6 + 0.5 * summary.changes)) < 1e-9,
  );
});

test("LoadedPods: pods take load when they have started, the newest go first", () => {
  const pods = new LoadedPods({ kind: "queueing", perPod: 10, startupSteps: 2 }, 1);
  assert.deepEqual(pods.step(10, 1), { seen: 10, waiting: 0, ready: 1 });
  assert.deepEqual(pods.step(25, 3), { seen: 25, waiting: 15, ready: 1 });
  assert.deepEqual(pods.step(5, 3), { seen: 20, waiting: 10, ready: 1 });
  assert.deepEqual(pods.step(5, 3), { seen: 15, waiting: 0, ready: 3 });
  assert.deepEqual(pods.step(5, 4), { seen: 5, waiting: 0, ready: 3 });
  assert.deepEqual(pods.step(5, 3), { seen: 5, waiting: 0, ready: 3 });
  const full = new LoadedPods({ kind: "saturating", perPod: 2, startupSteps: 0 }, 2);
  assert.deepEqual(full.step(9, 2), { seen: 4, waiting: 0, ready: 2 });
});

test("replay() in a closed loop: a metric that pods cap never shows more than one pod too few asks for", async () => {
  const load = history([10, 20]);
  const capacity = { kind: "saturating", perPod: 2, startupSteps: 0 } as const;
  const steps = await replay({
    ...load,
    policy: policy(),
    outages: new Uint8Array(40),
    initialReplicas: 2,
    capacity,
  });
  assert.equal(steps.replicas.at(-1), 2, "full pods at the threshold look as if they were enough");
  const queueing = { ...capacity, kind: "queueing" } as const;
  const outages = new Uint8Array(40);
  const queued = await replay({ ...load, policy: policy(), outages, initialReplicas: 2, capacity: queueing });
  assert.equal(queued.replicas.at(-1), 10);
  assert.ok(Math.max(...queued.waiting) > 0);
});

test("variantsOf() makes every combination, and refuses fields and ranges that it does not know", () => {
  const names = variantsOf(policy(), ["threshold=1..3", "tolerance=0,0.1"]).map(({ name }) => name);
  assert.equal(names.length, 7);
  assert.equal(names[1], "threshold=1 tolerance=0");
  assert.deepEqual(
    variantsOf(policy(), ["threshold=0.5..1/0.25"]).map(
      ({ policy: { object } }) => object.spec.triggers[0].metadata.threshold,
    ),
    ["2", "0.5", "0.75", "1"],
  );
  assert.throws(() => variantsOf(policy(), ["colour=red"]), /FIELD is one of threshold/);
  assert.throws(() => variantsOf(policy(), ["kubernetes=1.20"]), /1\.28 or 1\.37/);
  assert.throws(() => variantsOf(policy(), [`threshold=1..${MAX_VARIANTS + 2}`]), /not a range/);
});
