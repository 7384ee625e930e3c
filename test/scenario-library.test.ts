/** The library of scenarios holds in virtual time, and its cures are what makes it hold. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { systemDisk } from "../src/base/disk.ts";
import { readTopologyManifests } from "../src/simulation/manifests.ts";
import type { Scenario } from "../src/simulation/scenario/scenario.ts";
import { readScenarioFiles } from "../src/simulation/scenario/scenario-files.ts";
import { brokenReport } from "../src/simulation/scenario/scenario-report.ts";
import { parseScenario } from "../src/simulation/scenario/scenario-yaml.ts";
import { simulateScenario } from "../src/simulation/simulated-world.ts";
import { ROOT } from "./cli-process.ts";

const manifests = await readTopologyManifests(systemDisk);

const SCRIPTS = [
  `${ROOT}scenarios`,
  `${ROOT}scenarios/large/throttled.yaml`,
  `${ROOT}scenarios/large/not-throttled.yaml`,
];

for (const { path, scenarioOf } of await readScenarioFiles(systemDisk, SCRIPTS)) {
  test(`scenario ${path.slice(`${ROOT}scenarios/`.length)} holds`, async () => {
    const result = await simulateScenario(scenarioOf(1), 1, manifests);
    assert.equal(result.broken, undefined, result.broken && brokenReport(result, 1));
  });
}

function libraryScenario(name: string): Scenario {
  return parseScenario(readFileSync(`${ROOT}scenarios/${name}.yaml`, "utf8"), name);
}

/** What upstream's defaults are in place of each cure. */
const DEFAULTS: [cured: string, reproduced: string][] = [
  ["eleventh-tenant-seen", "eleventh-tenant-hidden"],
  ["fallback-headroom", "fallback-missing"],
  ["five-tenants", "gauge-never-falls"],
  ["five-tenants", "metric-type-value"],
  ["five-tenants", "short-service-name"],
  ["both-pipelines", "both-pipelines-collide"],
  ["from-zero", "stuck-at-zero"],
  ["ghost-after-prometheus-restart", "ghost-counts-five-minutes"],
  ["large/not-throttled", "large/throttled"],
  ["metric-errors-few", "metric-errors"],
  ["prometheus-down-ten-minutes", "fallback-shrinks"],
  ["scale-down-window", "cooldown-is-not-scale-down"],
  ["to-zero-one-by-one", "n-to-zero-bypasses-behaviour"],
  ["zero-stays-zero", "fallback-oscillates"],
];

for (const [cured, reproduced] of DEFAULTS) {
  test(`scenario ${cured}.yaml breaks with the manifests of ${reproduced}.yaml`, async () => {
    const { patches } = libraryScenario(reproduced);
    const { broken } = await simulateScenario({ ...libraryScenario(cured), patches }, 1, manifests);
    assert.notEqual(broken, undefined);
  });
}

/** Cures of what a fault does: there the fault is without the cure. */
const FAULTS: [cured: string, reproduced: string][] = [
  ["metric-lost", "empty-answer-reads-as-zero"],
  ["metric-lost-may-sleep", "empty-answer-reads-as-zero"],
  ["gitops-leaves-replicas", "gitops-resets-replicas"],
];

for (const [cured, reproduced] of FAULTS) {
  test(`scenario ${cured}.yaml breaks with the faults of ${reproduced}.yaml`, async () => {
    const { faults } = libraryScenario(reproduced);
    const { broken } = await simulateScenario({ ...libraryScenario(cured), faults }, 1, manifests);
    assert.notEqual(broken, undefined);
  });
}

/** What a fault does is what the scenario expects. */
const EFFECTS = [
  "clock-skew-keda",
  "fallback-missing",
  "latency",
  "lossy-network",
  "metric-errors",
  "partition",
  "pod-hangs",
  "slow-disk",
];

for (const name of EFFECTS) {
  test(`scenario ${name}.yaml breaks without its faults`, async () => {
    const { broken } = await simulateScenario({ ...libraryScenario(name), faults: [] }, 1, manifests);
    assert.notEqual(broken, undefined);
  });
}

for (const [name, happens] of [
  ["pod-killed", /^test-db-small-1 crashed$/],
  ["pod-deleted", /^test-db-small-2 gone$/],
] as const) {
  test(`in scenario ${name}.yaml the pod goes, and its tenants wait`, async () => {
    const { timeline, samples } = await simulateScenario(libraryScenario(name), 1, manifests);
    const { atMs } = timeline.find(({ text }) => happens.test(text))!;
    const waited = (sample: (typeof samples)[number]) => sample.observation.waited;
    const before = samples.findLast((sample) => sample.atMs <= atMs)!;
    assert.equal(waited(before), 0);
    assert.ok(waited(samples.at(-1)!) > 0);
  });
}
