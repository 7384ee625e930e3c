/** Scenarios in virtual time, each run in this process: wall time in seconds. */
import { fileURLToPath } from "node:url";
import { systemDisk } from "../../src/base/disk.ts";
import { readTopologyManifests } from "../../src/simulation/manifests.ts";
import type { Scenario } from "../../src/simulation/scenario/scenario.ts";
import { readScenarioFiles } from "../../src/simulation/scenario/scenario-files.ts";
import { scenario } from "../../src/simulation/scenario/scenario-source.ts";
import { simulateScenario } from "../../src/simulation/simulated-world.ts";

const FLEET_DAY = fileURLToPath(new URL("../../scenarios/large/fleet-day.ts", import.meta.url));

const TEN_MINUTES = scenario({
  name: "ten minutes",
  for: "10m",
  load: [{ from: "10s", tenants: 20, every: "5s" }],
  expect: [
    { by: "2m", replicas: 10 },
    { drift: 0, failed: 0 },
    { at: "10m", lost: 0 },
  ],
});

/** The first run, in which everything is compiled, is one of them. */
export function tenMinutesSeconds(rounds: number): Promise<number[]> {
  return secondsOf(() => TEN_MINUTES, rounds);
}

export async function fleetDaySeconds(rounds: number): Promise<number[]> {
  const [file] = await readScenarioFiles(systemDisk, [FLEET_DAY]);
  return secondsOf((seed) => file.scenarioOf(seed), rounds);
}

async function secondsOf(scenarioOf: (seed: number) => Scenario, rounds: number): Promise<number[]> {
  const manifests = await readTopologyManifests(systemDisk);
  const seconds: number[] = [];
  for (let seed = 1; seed <= rounds; seed++) {
    const start = performance.now();
    const { broken } = await simulateScenario(scenarioOf(seed), seed, manifests);
    seconds.push((performance.now() - start) / 1000);
    if (broken !== undefined) throw new Error(`seed ${seed}: expected ${broken.expectation}; ${broken.seen}`);
  }
  return seconds;
}
