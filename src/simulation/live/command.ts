/** `topology verify`: scenarios against the live topology, in real time. */
import { parseArgs } from "node:util";
import type { CliCommand, Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { type Scenario, ScenarioError } from "../scenario/scenario.ts";
import { readScenarioFiles } from "../scenario/scenario-files.ts";
import {
  beginFile,
  formatDuration,
  junitXml,
  openTimelineFile,
  printReport,
  reportOf,
  slug,
  type TimelineFile,
  type Verdict,
} from "../scenario/scenario-report.ts";
import { runScenario } from "../scenario/scenario-run.ts";
import { LiveWorld } from "./live-world.ts";
import { liveObstacles } from "./obstacles.ts";
import {
  findTopology,
  isQuiet,
  type RunningTopology,
  startTopology,
  untilMetricsAreRead,
} from "./topology.ts";

const USAGE = `Usage: topology verify [PATH…] [options]

Runs scenarios against the live topology, in real time: files, or folders of them (default: the library that comes
along). Where a topology runs on the data directory it is used; otherwise each scenario gets one of its own, booted from
the YAML with the scenario's patches. What can't be done live is listed with the reason, and not run.

Options:
  --data-dir DIR   a running topology's data directory (default .topology)
  --own            boot one for each scenario even if one runs
  --manifests DIR  the YAML to boot from: manifests/ and embedded/ below it
  --horizontal-pod-autoscaler-sync-period DURATION
  --timeline FILE  write everything that happened, a JSON object a line
  --junit FILE     write a JUnit report
  --keep DIR       keep the data of topologies of its own, a folder below DIR for each scenario
  --list           only say what would run, for how long, and what would not
  --verbose        print the timeline of each
  --help

Exit code 1 when an expectation is broken, 2 when a scenario can't be read.
`;

/** A running topology may take so long to come to rest before a scenario: two windows of five minutes, and some. */
const QUIET_LIMIT_MS = 15 * 60_000;
const QUIET_POLL_MS = 2_000;

const FLAGS = {
  "data-dir": { type: "string", default: ".topology" },
  own: { type: "boolean", default: false },
  manifests: { type: "string" },
  "horizontal-pod-autoscaler-sync-period": { type: "string" },
  timeline: { type: "string" },
  junit: { type: "string" },
  keep: { type: "string" },
  list: { type: "boolean", default: false },
  verbose: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Planned {
  path: string;
  scenario: Scenario;
}

export const command: CliCommand = async (args, machine) => {
  const { values, positionals } = readArguments(args);
  const { print, disk } = machine;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const paths = positionals.length > 0 ? positionals : [`${PACKAGE_ROOT}/scenarios`];
  const planned = (await readScenarioFiles(disk, paths)).map(({ path, scenarioOf }) => {
    return { path, scenario: scenarioOf(1) };
  });
  const running = values.own ? undefined : await findTopology(machine, values["data-dir"]);
  const obstaclesOf = ({ scenario }: Planned) => [
    ...liveObstacles(scenario),
    ...(running === undefined ? [] : runningObstacles(scenario)),
  ];
  const able = planned.filter((each) => obstaclesOf(each).length === 0);
  const unable = planned.filter((each) => obstaclesOf(each).length > 0);
  const verdicts = unable.map((each) => skippedVerdict(each, obstaclesOf(each)));
  for (const { name, skipped } of verdicts) print(`not live  ${name}: ${skipped}\n`);
  const wholeMs = able.reduce((sum, { scenario }) => sum + scenario.durationMs, 0);
  print(`${able.length} of ${planned.length} scenarios can run live, and take ${formatDuration(wholeMs)}\n`);
  if (values.list) {
    for (const { scenario } of able)
      print(`live      ${scenario.name} (${formatDuration(scenario.durationMs)})\n`);
    return 0;
  }
  const sync = values["horizontal-pod-autoscaler-sync-period"];
  const start = {
    manifests: values.manifests,
    keep: values.keep,
    args: sync === undefined ? [] : ["--horizontal-pod-autoscaler-sync-period", sync],
  };
  const timeline = await openTimelineFile(disk, values.timeline);
  if (values.junit !== undefined) await beginFile(disk, "--junit", values.junit);
  for (const each of able) {
    if (machine.signal.aborted) break;
    const run = running === undefined ? runOnOwn(machine, each, start) : runOnRunning(machine, each, running);
    verdicts.push(await tell(machine, each, await run.catch(inFile(each.path)), timeline, values.verbose));
  }
  await timeline.close();
  if (values.junit !== undefined) await disk.writeFile(values.junit, junitXml(verdicts));
  const ran = verdicts.filter(({ skipped }) => skipped === undefined);
  const held = ran.filter(({ broken }) => broken === undefined).length;
  print(`${held} of ${ran.length} scenarios hold live; ${unable.length} were not run\n`);
  return held < ran.length || ran.length < able.length ? 1 : 0;
};

/** What a topology makes of the file is the file's matter. */
function inFile(path: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof ScenarioError ? new ScenarioError(`${path}: ${error.message}`) : error;
  };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new ScenarioError((error as Error).message.split(". To specify")[0]);
  }
}

/** A topology that runs keeps its configuration: only what can be put back is changed. */
function runningObstacles({ patches, activeWindowMs }: Scenario): string[] {
  return Object.keys(patches).length === 0 && activeWindowMs === undefined
    ? []
    : ["patch, activeWindow: a topology that runs is not changed; --own boots one for the scenario"];
}

function skippedVerdict({ path, scenario }: Planned, obstacles: string[]): Verdict {
  const { name, durationMs } = scenario;
  return { file: path, name, seed: 1, durationMs, seconds: 0, skipped: obstacles.join("; ") };
}

type Run = { result: Awaited<ReturnType<typeof runScenario>>; seconds: number };

async function runOnOwn(
  machine: Machine,
  { scenario }: Planned,
  { manifests, args, keep }: { manifests?: string; args: string[]; keep?: string },
): Promise<Run> {
  const { disk } = machine;
  const directory =
    keep === undefined
      ? `${machine.env.TMPDIR ?? "/tmp"}/topology-verify-${machine.pid}`
      : `${keep}/${slug(scenario.name)}`;
  await disk.makeDirectory(directory, { mode: 0o700 });
  const topology = await startTopology(machine, { directory, manifests, changes: scenario, args });
  try {
    await untilMetricsAreRead(topology.api, machine.clock);
    return await runIn(machine, scenario, topology);
  } finally {
    await topology.stop();
    if (keep === undefined) await disk.remove(directory);
  }
}

async function runOnRunning(
  machine: Machine,
  { scenario }: Planned,
  topology: Omit<RunningTopology, "stop">,
): Promise<Run> {
  const { clock } = machine;
  const limitMs = clock.monotonic() + QUIET_LIMIT_MS;
  for (let told = false; !(await isQuiet(topology.api)); told = true) {
    if (!told) machine.print("waiting until nobody is active and the tier is at its minimum ...\n");
    if (clock.monotonic() > limitMs || machine.signal.aborted)
      throw new ScenarioError("the topology did not come to rest");
    await clock.sleep(QUIET_POLL_MS);
  }
  return runIn(machine, scenario, topology);
}

async function runIn(
  machine: Machine,
  scenario: Scenario,
  { api, routerUrl }: Omit<RunningTopology, "stop">,
): Promise<Run> {
  const following = new AbortController();
  const startMs = machine.clock.monotonic();
  try {
    const world = new LiveWorld({ machine, api, routerUrl, signal: following.signal });
    await world.start();
    const result = await runScenario(scenario, world);
    return { result, seconds: (machine.clock.monotonic() - startMs) / 1000 };
  } finally {
    following.abort(new Error("the scenario is over"));
  }
}

async function tell(
  { print }: Machine,
  { path }: Planned,
  { result, seconds }: Run,
  timeline: TimelineFile,
  verbose: boolean,
): Promise<Verdict> {
  const report = reportOf(result, path, 1, seconds);
  await timeline.write(report);
  printReport(print, report, verbose);
  return report.verdict;
}
