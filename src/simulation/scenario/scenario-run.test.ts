import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../virtual/virtual-clock.ts";
import { runScenario, type ScenarioWorld, type WorldState } from "./scenario-run.ts";
import { type ScenarioSource, scenario } from "./scenario-source.ts";
import type { Traffic } from "./traffic.ts";

const QUIET: Traffic = {
  served: 0,
  failed: 0,
  lost: 0,
  waited: 0,
  start: () => {},
  stop: () => {},
  verify: async () => {},
  activeTenants: () => ({ min: 0, max: 0 }),
};

/** A world that is slow to look at, as a live one is: by 4 ms. */
function runSlowly(source: ScenarioSource, replicasAt: (atMs: number) => number) {
  const clock = new VirtualClock();
  const startMs = clock.monotonic();
  const state: WorldState = {
    replicas: 1,
    ready: 1,
    tenants: 0,
    toldMs: 0,
    conflicts: 0,
    errors: 0,
    asleep: () => 0,
  };
  const world: ScenarioWorld = {
    clock,
    network: undefined as never,
    routerUrl: "",
    activeWindowMs: 300_000,
    toldAgeMs: 17_000,
    traffic: QUIET,
    async observe() {
      const replicas = replicasAt(clock.monotonic() - startMs);
      await clock.sleep(4);
      return { ...state, replicas };
    },
    inflict: async () => undefined,
    onEvent: () => {},
  };
  return clock.runUntil(runScenario(scenario(source), world), 600_000);
}

test("runScenario() what is seen first after a deadline stands for it", async () => {
  const source: ScenarioSource = { name: "slow", for: "30s", expect: [{ by: "13s", replicas: 2 }] };
  assert.equal((await runSlowly(source, (atMs) => (atMs >= 12_500 ? 2 : 1))).broken, undefined);
  const { broken } = await runSlowly(source, (atMs) => (atMs >= 13_500 ? 2 : 1));
  assert.deepEqual(broken, { expectation: "by 13s, replicas 2", atMs: 13_004, seen: "replicas is 1" });
});

test("runScenario() a deadline at the end is looked at at the end", async () => {
  const source: ScenarioSource = { name: "slow", for: "30s", expect: [{ by: "30s", replicas: 2 }] };
  assert.equal((await runSlowly(source, (atMs) => (atMs >= 29_500 ? 2 : 1))).broken, undefined);
  assert.equal((await runSlowly(source, () => 1)).broken?.seen, "replicas is 1");
});

test("runScenario() a moment is looked at once, and a span as long as it lasts", async () => {
  const expect = [
    { at: "10s", replicas: 2 },
    { from: "12s", to: "14s", replicas: 3 },
  ];
  const source: ScenarioSource = { name: "spans", for: "30s", expect };
  const steps = (atMs: number) => (atMs < 11_000 ? 2 : atMs < 14_000 ? 3 : 1);
  assert.equal((await runSlowly(source, steps)).broken, undefined);
  const early = (atMs: number) => (atMs < 13_000 ? steps(atMs) : 1);
  assert.match((await runSlowly(source, early)).broken!.expectation, /^from 12s, to 14s/);
});
