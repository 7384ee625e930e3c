/** `topology test`: scenarios in virtual time. */
import { parseArgs } from "node:util";
import type { Disk } from "../base/disk.ts";
import type { CliCommand, Machine } from "../base/machine.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { requireApplicable } from "./applicable.ts";
import { readTopologyManifests } from "./manifests.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import { ScenarioError } from "./scenario.ts";
import { readScenarioFiles } from "./scenario-files.ts";
import {
  beginFile,
  formatDuration,
  junitXml,
  openTimelineFile,
  printVerdict,
  slug,
  type Verdict,
  verdictOf,
} from "./scenario-report.ts";
import { type SimulatedWorld, simulateScenario } from "./simulated-world.ts";

const USAGE = `Usage: topology test [PATH…] [options]

Runs scenarios in virtual time: files, or folders of them (default: the library that comes along).

Options:
  --seeds N        run each with N seeds (default 1)
  --seed S         the first seed (default 1)
  --timeline FILE  write everything that happened, a JSON object a line
  --junit FILE     write a JUnit report
  --record DIR     keep what Prometheus stored, a data directory below DIR for each run, for topology replay
  --verbose        print the timeline of each
  --help

Exit code 1 when an expectation is broken, 2 when a scenario can't be read.
`;

/** Seeds that one run may take. */
export const MAX_SEEDS = 1_000_000;

/** What a shell expects of a program that Ctrl-C ended: runs that were not made say nothing. */
const INTERRUPTED = 130;

/** Of many seeds a sign of life. */
const TELL_EVERY_SEEDS = 250;

const FLAGS = {
  seeds: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  timeline: { type: "string" },
  junit: { type: "string" },
  record: { type: "string" },
  verbose: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

export const command: CliCommand = async (args, machine) => {
  const { values, positionals } = readArguments(args);
  const { print, disk, clock } = machine;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const seeds = wholeNumber("--seeds", values.seeds, MAX_SEEDS);
  const first = wholeNumber("--seed", values.seed, 2 ** 31);
  const files = await readScenarioFiles(
    disk,
    positionals.length > 0 ? positionals : [`${PACKAGE_ROOT}/scenarios`],
  );
  const manifests = await readTopologyManifests(disk);
  const timeline = await openTimelineFile(disk, values.timeline);
  if (values.junit !== undefined) await beginFile(disk, "--junit", values.junit);
  const verdicts: Verdict[] = [];
  for (const file of files) {
    const { path, scenarioOf } = file;
    for (let seed = first; seed < first + seeds && !machine.signal.aborted; seed++) {
      const startMs = clock.monotonic();
      const scenario = scenarioOf(seed);
      await requireApplicable(file, scenario, manifests);
      const keep =
        values.record === undefined ? undefined : `${values.record}/${slug(scenario.name)}-${seed}`;
      const onEnd = async (world: SimulatedWorld) => {
        if (keep !== undefined) await copyFiles(world.diskOf("prometheus-0"), "/prometheus", disk, keep);
      };
      const result = await simulateScenario(scenario, seed, manifests, { onEnd }).catch(inFile(path, seed));
      const verdict = verdictOf(result, path, seed, (clock.monotonic() - startMs) / 1000);
      verdicts.push(verdict);
      await timeline.write(result, seed);
      if (seeds === 1 || verdict.broken !== undefined) printVerdict(print, verdict, result, values.verbose);
      const done = seed - first + 1;
      if (done % TELL_EVERY_SEEDS === 0) print(`${verdict.name}: ${done} of ${seeds} seeds\n`);
    }
  }
  await timeline.close();
  if (values.junit !== undefined) await disk.writeFile(values.junit, junitXml(verdicts));
  printSum(machine, verdicts);
  if (machine.signal.aborted) {
    machine.printError(`topology: interrupted after ${verdicts.length} of ${files.length * seeds} runs\n`);
    return INTERRUPTED;
  }
  return verdicts.some(({ broken }) => broken !== undefined) ? 1 : 0;
};

/** A world that doesn't get ready is the file's matter. */
function inFile(path: string, seed: number): (error: unknown) => never {
  return (error) => {
    throw error instanceof ScenarioError
      ? new ScenarioError(`${path}: seed ${seed}: ${error.message}`)
      : error;
  };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new ScenarioError((error as Error).message.split(". To specify")[0]);
  }
}

function printSum({ print }: Machine, verdicts: Verdict[]): void {
  const held = verdicts.filter(({ broken }) => broken === undefined).length;
  const virtualMs = verdicts.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const seconds = verdicts.reduce((sum, verdict) => sum + verdict.seconds, 0);
  print(
    `${held} of ${verdicts.length} runs hold; ${formatDuration(virtualMs)} of virtual time in ${seconds.toFixed(1)} s\n`,
  );
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

function wholeNumber(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new ScenarioError(`${flag} ${text}: must be a whole number from 1 to ${most}`);
}
