/** `topology test`: scenarios in virtual time. */
import { parseArgs } from "node:util";
import type { CliCommand, Machine } from "../base/machine.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { readTopologyManifests } from "./manifests.ts";
import { ScenarioError } from "./scenario/scenario.ts";
import { readScenarioFiles } from "./scenario/scenario-files.ts";
import {
  beginFile,
  formatDuration,
  junitXml,
  openTimelineFile,
  printReport,
  type RunReport,
  type Verdict,
} from "./scenario/scenario-report.ts";
import { type RunPlan, runHere, runsOf, type Shard } from "./scenario-runs.ts";
import { defaultWorkers, runInWorkers } from "./scenario-workers.ts";

const USAGE = `Usage: topology test [PATH…] [options]

Runs scenarios in virtual time: files, or folders of them (default: the library that comes along).

Options:
  --seeds N        run each with N seeds (default 1)
  --seed S         the first seed (default 1)
  --workers N      processes that share the runs (default one a processor; 1: this one alone)
  --shard K/N      only every Nth run, from the Kth: for several machines that share the runs
  --timeline FILE  write everything that happened, a JSON object a line
  --junit FILE     write a JUnit report
  --record DIR     keep what Prometheus stored, a data directory below DIR for each run, for topology replay
  --verbose        print the timeline of each
  --json           print each run as a JSON object a line, with its timeline, and nothing else
  --help

What is written and printed is in the same order whatever the number of processes.
Exit code 1 when an expectation is broken, 2 when a scenario can't be read.
`;

/** Seeds that one run may take. */
export const MAX_SEEDS = 1_000_000;
export const MAX_WORKERS = 256;
export const MAX_SHARDS = 10_000;

/** What a shell expects of a program that Ctrl-C ended: runs that were not made say nothing. */
const INTERRUPTED = 130;

/** Of many seeds a sign of life. */
const TELL_EVERY_SEEDS = 250;

const FLAGS = {
  seeds: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  workers: { type: "string" },
  shard: { type: "string", default: "1/1" },
  timeline: { type: "string" },
  junit: { type: "string" },
  record: { type: "string" },
  verbose: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

export const command: CliCommand = async (args, machine) => {
  const { values, positionals } = readArguments(args);
  const { print, disk, clock } = machine;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const startMs = clock.monotonic();
  const paths = positionals.length > 0 ? positionals : [`${PACKAGE_ROOT}/scenarios`];
  const plan: RunPlan = {
    seeds: wholeNumber("--seeds", values.seeds, MAX_SEEDS),
    firstSeed: wholeNumber("--seed", values.seed, 2 ** 31),
    shard: shardOf(values.shard),
    files: await readScenarioFiles(disk, paths),
    manifests: await readTopologyManifests(disk),
    record: values.record,
  };
  const runs = runsOf(plan);
  const workers =
    values.workers === undefined
      ? defaultWorkers(runs, machine)
      : wholeNumber("--workers", values.workers, MAX_WORKERS);
  const timeline = await openTimelineFile(disk, values.timeline);
  if (values.junit !== undefined) await beginFile(disk, "--junit", values.junit);
  const verdicts: Verdict[] = [];
  for await (const report of reportsOf(plan, paths, workers, machine)) {
    verdicts.push(report.verdict);
    await timeline.write(report);
    if (values.json) print(`${JSON.stringify(report)}\n`);
    else tell(print, report, plan, values.verbose);
  }
  await timeline.close();
  if (values.junit !== undefined) await disk.writeFile(values.junit, junitXml(verdicts));
  if (!values.json) printSum(print, verdicts, (clock.monotonic() - startMs) / 1000);
  if (machine.signal.aborted) {
    machine.printError(`topology: interrupted after ${verdicts.length} of ${runs} runs\n`);
    return INTERRUPTED;
  }
  return verdicts.some(({ broken }) => broken !== undefined) ? 1 : 0;
};

function reportsOf(
  plan: RunPlan,
  paths: string[],
  workers: number,
  machine: Machine,
): AsyncIterable<RunReport> {
  if (workers === 1) return runHere(plan, machine);
  const { seeds, firstSeed, shard, record } = plan;
  const args = [...paths, "--seeds", String(seeds), "--seed", String(firstSeed)];
  if (record !== undefined) args.push("--record", record);
  return runInWorkers(args, { workers, runs: runsOf(plan), shard }, machine);
}

/** One seed with its picture; of many those that broke, and how far they are. */
function tell(print: Machine["print"], report: RunReport, { seeds, firstSeed }: RunPlan, verbose: boolean) {
  const { name, seed, broken } = report.verdict;
  if (seeds === 1 || broken !== undefined) printReport(print, report, verbose);
  const done = seed - firstSeed + 1;
  if (done % TELL_EVERY_SEEDS === 0) print(`${name}: ${done} of ${seeds} seeds\n`);
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new ScenarioError((error as Error).message.split(". To specify")[0]);
  }
}

function printSum(print: Machine["print"], verdicts: Verdict[], seconds: number): void {
  const held = verdicts.filter(({ broken }) => broken === undefined).length;
  const virtualMs = verdicts.reduce((sum, { durationMs }) => sum + durationMs, 0);
  print(
    `${held} of ${verdicts.length} runs hold; ${formatDuration(virtualMs)} of virtual time in ${seconds.toFixed(1)} s\n`,
  );
}

function wholeNumber(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new ScenarioError(`${flag} ${text}: must be a whole number from 1 to ${most}`);
}

function shardOf(text: string): Shard {
  const [, number, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (number >= 1 && number <= of && of <= MAX_SHARDS) return { number, of };
  throw new ScenarioError(`--shard ${text}: must be K/N, with K from 1 to N and N up to ${MAX_SHARDS}`);
}
