/**
 * Writes `scenario-digests.json`: a hash of what happens in some scenarios and seeds. Whoever runs the tests compares, so
 * every machine that does proves again that a seed gives the same bytes there. With `--check` it only says what differs.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemDisk } from "../src/base/disk.ts";
import { readTopologyManifests } from "../src/simulation/manifests.ts";
import type { ScenarioResult } from "../src/simulation/mod.ts";
import { readScenarioFiles } from "../src/simulation/scenario/scenario-files.ts";
import { simulateScenario } from "../src/simulation/simulated-world.ts";
import { ROOT } from "./source-files.ts";

const FILE = join(ROOT, "tools/scenario-digests.json");

/** Of each part of the simulation one, and none that names Deployments' pods, which any change of a template renames: both pipelines, each kind of fault, scale from zero, modelled pods, chance. */
const RUNS: [file: string, seed: number][] = [
  ["both-pipelines.yaml", 1],
  ["five-tenants.yaml", 2],
  ["hundred-first-requests.yaml", 3],
  ["lossy-network.yaml", 4],
  ["pod-hangs.yaml", 5],
  ["prometheus-down-two-minutes.yaml", 6],
  ["large/not-throttled.yaml", 7],
  ["faults-at-random.ts", 9003],
  ["faults-at-random.ts", 9010],
];

/** By `five-tenants.yaml seed 2`. */
type Digests = Record<string, string>;

/** SHA-256 of the timeline, and of what was seen each second. */
export function digestOf({
  broken,
  timeline,
  samples,
}: Pick<ScenarioResult, "broken" | "timeline" | "samples">) {
  return createHash("sha256")
    .update(JSON.stringify([broken, timeline, samples]))
    .digest("hex");
}

async function computeDigests(): Promise<Digests> {
  const manifests = await readTopologyManifests(systemDisk);
  const digests: Digests = {};
  for (const [name, seed] of RUNS) {
    const [file] = await readScenarioFiles(systemDisk, [join(ROOT, "scenarios", name)]);
    digests[`${name} seed ${seed}`] = digestOf(
      await simulateScenario(file.scenarioOf(seed), seed, manifests),
    );
  }
  return digests;
}

/** What is not as it was committed, and what to do about it: undefined when nothing is. */
export async function differences(): Promise<string | undefined> {
  const committed = JSON.parse(readFileSync(FILE, "utf8")) as Digests;
  const computed = await computeDigests();
  const names = new Set([...Object.keys(committed), ...Object.keys(computed)]);
  const different = [...names].filter((name) => committed[name] !== computed[name]);
  if (different.length === 0) return undefined;
  return `${different.join(", ")}: not the timeline that was committed.
If scenarios are meant to run otherwise now, renew the digests by "npm run digests" and commit them with the change.
If nothing was changed, this machine (${process.version}, ${process.platform} ${process.arch}) computes something
otherwise than the one that wrote them: compare what "topology test scenarios/FILE --seed N --timeline FILE" writes on both.`;
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const problem = await differences();
    if (problem !== undefined) console.error(problem);
    process.exitCode = problem === undefined ? 0 : 1;
  } else writeFileSync(FILE, `${JSON.stringify(await computeDigests(), null, 2)}\n`);
}
