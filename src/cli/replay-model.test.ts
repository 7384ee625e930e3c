import assert from "node:assert/strict";
import { test } from "node:test";
import type { ScaledObject, ScaledObjectSpec } from "../keda/mod.ts";
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
  const summary = summarize(steps, need, STEP_MS, { perPodHour: 1, perShortPodHour: 10 });
  assert.equal(summary.peak, 6);
  assert.ok(summary.shortPodHours > 0 && summary.shortPodHours < 0.1);
  assert.ok(summary.wastedPodHours > 0.3, "five minutes of four pods");
  assert.equal(summary.flaps, 0);
  assert.ok(Math.abs(summary.cost - (summary.podHours + 10 * summary.shortPodHours)) < 1e-9);
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
