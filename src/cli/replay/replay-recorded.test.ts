/** What Prometheus stored of a run is enough to tell its scaling again, step by step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { seededRandom } from "../../base/random.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import { readTopologyManifests } from "../../simulation/manifests.ts";
import { type ScenarioSource, scenario } from "../../simulation/scenario/scenario-source.ts";
import { simulateScenario } from "../../simulation/simulated-world.ts";
import type { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { patched } from "../../simulation/world/world-objects.ts";
import { openDirectoryHistory } from "./replay-history.ts";
import { queriesOf, replay, STEP_MS } from "./replay-model.ts";

const manifests = await readTopologyManifests(systemDisk);

/** `--query.lookback-delta` of the manifests. */
const LOOKBACK_MS = 60_000;

/** A scenario's scaling as it happened, and as the replay of what its Prometheus stored has it: `1 → 3 at 40 s`. */
async function happenedAndReplayed(source: ScenarioSource, seed: number, lookbackMs = LOOKBACK_MS) {
  const parsed = scenario(source);
  let disk: MemoryDisk | undefined;
  const result = await simulateScenario(parsed, seed, manifests, {
    onEnd: async (world) => void (disk = world.diskOf("prometheus-0")),
  });
  assert.equal(result.broken, undefined);
  const happened = result.timeline.flatMap(({ what, text, atMs }) => {
    const change = what === "hpa" ? /^(\d+) → (\d+)/.exec(text) : null;
    return change === null ? [] : [{ from: Number(change[1]), to: Number(change[2]), atMs }];
  });
  const parts = { disk: disk!, clock: new VirtualClock(), random: seededRandom(1) };
  const history = await openDirectoryHistory("/prometheus", parts, lookbackMs);
  const object = patched(manifests.find(({ kind }) => kind === "ScaledObject")!, parsed) as ScaledObject;
  const count = Math.floor(parsed.durationMs / STEP_MS);
  const grid = { startMs: result.startMs, stepMs: STEP_MS, count };
  const histories = new Map<string, Awaited<ReturnType<typeof history.query>>>();
  for (const query of queriesOf(object)) histories.set(query, await history.query(query, grid));
  await history.close();
  const steps = await replay({
    policy: { object, kubernetes: "1.37", tolerance: 0.1 },
    grid,
    histories,
    outages: new Uint8Array(count),
    initialReplicas: 1,
  });
  const replayed = steps.changes.map(({ from, to, step }) => ({ from, to, atMs: step * STEP_MS }));
  return { happened, replayed };
}

const RECORDED: [source: ScenarioSource, changes: number][] = [
  [
    {
      name: "five tenants come and go",
      for: "16m",
      load: [{ from: "10s", to: "4m", tenants: 5, every: "4s" }],
      expect: [{ by: "75s", replicas: 3 }],
    },
    3,
  ],
  [
    {
      name: "the eleventh is hidden",
      for: "5m",
      patch: {
        "ScaledObject/test-db-small": {
          spec: {
            advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleUp: { tolerance: null } } } },
          },
        },
      },
      load: [
        { from: "10s", tenants: 10, every: "5s" },
        { from: "2m", tenants: 1, first: 10, every: "5s" },
      ],
      expect: [{ from: "90s", replicas: 5 }],
    },
    1,
  ],
];

for (const [source, changes] of RECORDED) {
  test(`replay of what a run's Prometheus stored scales as the run did: ${source.name}`, async () => {
    for (const seed of [1, 2, 3]) {
      const { happened, replayed } = await happenedAndReplayed(source, seed);
      assert.ok(happened.length >= changes, JSON.stringify(happened));
      const steps = (of: typeof happened) => of.map(({ from, to }) => `${from} → ${to}`);
      assert.deepEqual(steps(replayed), steps(happened), `seed ${seed}`);
      // The HPA looks at its own moment of every 15 s, and so does the replay.
      for (const [index, { atMs }] of happened.entries()) {
        const apartMs = Math.abs(replayed[index].atMs - atMs);
        assert.ok(apartMs <= STEP_MS, `seed ${seed}, step ${index}: ${apartMs} ms apart`);
      }
    }
  });
}

test("replay looks back as far as the Prometheus did: a pod that moved while it was away counts for as long", async () => {
  const source: ScenarioSource = {
    name: "a pod moves while Prometheus is away",
    for: "6m",
    load: [{ from: "10s", tenants: 4, every: "4s" }],
    faults: [
      { from: "2m", to: "2m30s", scale: { "StatefulSet/prometheus": 0 } },
      { at: "2m10s", delete: "test-db-small-1" },
    ],
    expect: [{ by: "90s", replicas: 2 }],
  };
  const steps = (of: { from: number; to: number }[]) => of.map(({ from, to }) => `${from} → ${to}`);
  const { happened, replayed } = await happenedAndReplayed(source, 1);
  assert.deepEqual(steps(replayed), steps(happened));
  const further = await happenedAndReplayed(source, 1, 5 * 60_000);
  assert.notDeepEqual(steps(further.replayed), steps(happened));
});
