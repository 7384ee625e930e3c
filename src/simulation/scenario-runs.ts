/** Runs of scenarios by seed, one after the other, in this process. */
import type { Disk } from "../base/disk.ts";
import type { Machine } from "../base/machine.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { ScenarioError } from "./scenario/scenario.ts";
import type { ScenarioFile } from "./scenario/scenario-files.ts";
import { type RunReport, reportOf, slug } from "./scenario/scenario-report.ts";
import { isOrphan } from "./scenario-workers.ts";
import { type SimulatedWorld, simulateScenario } from "./simulated-world.ts";
import type { MemoryDisk } from "./virtual/memory-disk.ts";
import { requireApplicable } from "./world/applicable.ts";

/** Every K-th of N. */
export interface Shard {
  /** From 1. */
  number: number;
  of: number;
}

export interface RunPlan {
  files: ScenarioFile[];
  manifests: KubernetesObject[];
  firstSeed: number;
  /** Of each file. */
  seeds: number;
  /** Of the runs, counted file by file and seed by seed, those that are made. */
  shard: Shard;
  /** Where to keep what Prometheus stored. */
  record?: string;
}

/** How many runs a plan is. */
export function runsOf({ files, seeds, shard }: RunPlan): number {
  return Math.ceil((files.length * seeds - (shard.number - 1)) / shard.of);
}

/** @throws ScenarioError when a world doesn't get ready, or a cluster would not take what it patches */
export async function* runHere(plan: RunPlan, machine: Machine): AsyncGenerator<RunReport> {
  const { files, seeds, firstSeed, shard } = plan;
  for (let run = shard.number - 1; run < files.length * seeds; run += shard.of) {
    if (machine.signal.aborted || isOrphan(machine)) return;
    yield await runOne(plan, files[Math.floor(run / seeds)], firstSeed + (run % seeds), machine);
  }
}

async function runOne(
  { manifests, record }: RunPlan,
  file: ScenarioFile,
  seed: number,
  { clock, disk }: Machine,
): Promise<RunReport> {
  const { path, scenarioOf } = file;
  const startMs = clock.monotonic();
  const scenario = scenarioOf(seed);
  await requireApplicable(file, scenario, manifests);
  const keep = record === undefined ? undefined : `${record}/${slug(scenario.name)}-${seed}`;
  const onEnd = async (world: SimulatedWorld) => {
    if (keep !== undefined) await copyFiles(world.diskOf("prometheus-0"), "/prometheus", disk, keep);
  };
  const result = await simulateScenario(scenario, seed, manifests, { onEnd }).catch(inFile(path, seed));
  return reportOf(result, path, seed, (clock.monotonic() - startMs) / 1000);
}

/** A world that doesn't get ready is the file's matter. */
function inFile(path: string, seed: number): (error: unknown) => never {
  return (error) => {
    throw error instanceof ScenarioError
      ? new ScenarioError(`${path}: seed ${seed}: ${error.message}`)
      : error;
  };
}

async function copyFiles(from: MemoryDisk, folder: string, to: Disk, target: string): Promise<void> {
  for (const path of from
    .paths()
    .filter((each) => each.startsWith(`${folder}/`) && !each.endsWith("/lock"))) {
    const copy = target + path.slice(folder.length);
    await to.makeDirectory(copy.slice(0, copy.lastIndexOf("/")));
    await to.writeFile(copy, await from.readFile(path));
  }
}
