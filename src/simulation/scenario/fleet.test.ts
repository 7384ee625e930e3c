import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { readTopologyManifests } from "../manifests.ts";
import { simulateScenario } from "../simulated-world.ts";
import { eventsOf, isModelled, MAX_FULL_EVENTS } from "./fleet.ts";
import { type ScenarioSource, scenario } from "./scenario-source.ts";

const manifests = await readTopologyManifests(systemDisk);

async function scalingOf(source: ScenarioSource, seed: number) {
  const { broken, timeline } = await simulateScenario(scenario(source), seed, manifests);
  assert.equal(broken, undefined, JSON.stringify(broken));
  return timeline.flatMap(({ what, text, atMs }) => {
    const change = what === "hpa" ? /^(\d+) → (\d+)/.exec(text) : null;
    return change === null ? [] : [{ change: change[0], atMs }];
  });
}

test("a modelled fleet scales as the real pods do, within a scrape", async () => {
  const sources: ScenarioSource[] = [
    {
      name: "come and go",
      for: "16m",
      load: [{ from: "10s", to: "4m", tenants: 5, every: "4s" }],
      expect: [
        { by: "75s", replicas: 3 },
        { drift: 0, failed: 0 },
      ],
    },
    {
      name: "from zero",
      for: "3m",
      patch: {
        "ScaledObject/test-db-small": { spec: { minReplicaCount: 0 } },
        "StatefulSet/test-db-small": { spec: { replicas: 0 } },
      },
      load: [{ from: "10s", tenants: 4, every: "5s" }],
      expect: [{ by: "15s", ready: 1, served: ">= 1" }, { failed: 0 }],
    },
    {
      name: "Prometheus away",
      for: "8m",
      load: [{ from: "10s", tenants: 7, every: "5s" }],
      faults: [{ from: "3m", to: "5m", hang: "prometheus-0" }],
      expect: [
        { by: "90s", replicas: 4 },
        { from: "90s", replicas: 4 },
      ],
    },
  ];
  for (const source of sources) {
    const real = await scalingOf({ ...source, pods: "real" }, 3);
    const modelled = await scalingOf({ ...source, pods: "modelled" }, 3);
    assert.ok(real.length > 0);
    assert.deepEqual(
      modelled.map(({ change }) => change),
      real.map(({ change }) => change),
      source.name,
    );
    for (const [index, { atMs }] of real.entries()) {
      assert.ok(
        Math.abs(modelled[index].atMs - atMs) <= 15_100,
        `${source.name}: ${modelled[index].atMs}, ${atMs}`,
      );
    }
  }
});

test("a scenario is modelled when it says so, or when it is large and can be", () => {
  const sized = (tenants: number, more: Partial<ScenarioSource> = {}) =>
    scenario({
      name: "x",
      for: "1h",
      load: [{ tenants, every: "10s" }],
      expect: [{ replicas: ">= 0" }],
      ...more,
    });
  assert.equal(isModelled(sized(20)), false);
  assert.equal(isModelled(sized(20, { pods: "modelled" })), true);
  assert.ok(eventsOf(sized(400)) > MAX_FULL_EVENTS);
  assert.equal(isModelled(sized(400)), true);
  assert.equal(isModelled(sized(400, { pods: "real" })), false);
  assert.equal(isModelled(sized(400, { expect: [{ at: "1h", lost: 0 }] })), false);
  assert.equal(isModelled(sized(400, { faults: [{ at: "1m", kill: "test-db-small-0" }] })), true);
  assert.equal(isModelled(sized(400, { faults: [{ at: "1m", hang: "test-db-small-0" }] })), false);
  assert.throws(
    () => sized(400, { pods: "modelled", expect: [{ at: "1h", lost: 0 }] }),
    /pods: modelled pods have no lost/,
  );
});
