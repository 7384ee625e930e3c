/** `topology test`: scenarios in virtual time. */
import { parseArgs } from "node:util";
import { isMissing } from "../base/disk.ts";
import type { CliCommand, Machine } from "../base/machine.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { readTopologyManifests } from "./manifests.ts";
import { parseScenario, type Scenario, ScenarioError } from "./scenario.ts";
import {
  brokenReport,
  formatDuration,
  junitXml,
  replicaPicture,
  timelineLine,
  type Verdict,
} from "./scenario-report.ts";
import { simulateScenario } from "./simulated-world.ts";

const USAGE = `Usage: topology test [PATH…] [options]

Runs scenarios in virtual time: files, or folders of them (default: the library that comes along).

Options:
  --seeds N        run each with N seeds (default 1)
  --seed S         the first seed (default 1)
  --timeline FILE  write everything that happened, a JSON object a line
  --junit FILE     write a JUnit report
  --verbose        print the timeline of each
  --help

Exit code 1 when an expectation is broken, 2 when a scenario can't be read.
`;

/** Seeds that one run may take. */
const MAX_SEEDS = 1_000_000;

const FLAGS = {
  seeds: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  timeline: { type: "string" },
  junit: { type: "string" },
  verbose: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

export const command: CliCommand = async (args, machine) => {
  const { values, positionals } = parseArgs({ args, options: FLAGS, allowPositionals: true, strict: true });
  const { print, disk, clock } = machine;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const seeds = wholeNumber("--seeds", values.seeds, MAX_SEEDS);
  const first = wholeNumber("--seed", values.seed, 2 ** 31);
  const paths = positionals.length > 0 ? positionals : [`${PACKAGE_ROOT}/scenarios`];
  const scenarios = await readScenarios(machine, paths);
  const manifests = await readTopologyManifests(disk);
  const verdicts: Verdict[] = [];
  const timeline: string[] = [];
  for (const [file, scenario] of scenarios) {
    for (let seed = first; seed < first + seeds && !machine.signal.aborted; seed++) {
      const startMs = clock.monotonic();
      const result = await simulateScenario(scenario, seed, manifests);
      const seconds = (clock.monotonic() - startMs) / 1000;
      verdicts.push({ file, seed, result, seconds });
      if (values.timeline !== undefined) {
        for (const entry of result.timeline)
          timeline.push(JSON.stringify({ scenario: scenario.name, seed, ...entry }));
      }
      if (seeds === 1 || result.broken !== undefined) report(machine, verdicts.at(-1)!, values.verbose);
    }
  }
  const broken = verdicts.filter(({ result }) => result.broken !== undefined).length;
  const virtualMs = verdicts.reduce((sum, { result }) => sum + result.scenario.durationMs, 0);
  const seconds = verdicts.reduce((sum, verdict) => sum + verdict.seconds, 0);
  print(
    `${verdicts.length - broken} of ${verdicts.length} runs hold; ${formatDuration(virtualMs)} of virtual time in ${seconds.toFixed(1)} s\n`,
  );
  if (values.timeline !== undefined)
    await disk.writeFile(values.timeline, timeline.map((line) => `${line}\n`).join(""));
  if (values.junit !== undefined) await disk.writeFile(values.junit, junitXml(verdicts));
  return broken > 0 ? 1 : 0;
};

function report({ print }: Machine, verdict: Verdict, verbose: boolean): void {
  const { result, seed, seconds } = verdict;
  const { scenario, broken, timeline } = result;
  print(
    `${broken === undefined ? "ok    " : "BROKEN"} ${scenario.name}  (${formatDuration(scenario.durationMs)} in ${seconds.toFixed(2)} s)\n`,
  );
  print(`       ${replicaPicture(result)}\n`);
  if (verbose) for (const entry of timeline) print(`  ${timelineLine(entry)}\n`);
  if (broken !== undefined) print(`${brokenReport(result, seed)}\n`);
}

/** All scenarios below the paths, sorted. @throws ScenarioError */
export async function readScenarios(
  { disk }: Pick<Machine, "disk">,
  paths: string[],
): Promise<[file: string, scenario: Scenario][]> {
  const scenarios: [string, Scenario][] = [];
  for (const path of paths) {
    const stat = await disk.stat(path);
    if (stat === undefined) throw new ScenarioError(`${path}: no such file or directory`);
    const files = stat.isDirectory
      ? (await disk.list(path)).filter((name) => /\.(ya?ml|ts)$/.test(name)).map((name) => `${path}/${name}`)
      : [path];
    for (const file of files) {
      if (file.endsWith(".ts")) {
        const module = (await import(await disk.realPath(file))) as { scenario?: Scenario };
        if (module.scenario === undefined) throw new ScenarioError(`${file}: exports no scenario`);
        scenarios.push([file, module.scenario]);
        continue;
      }
      try {
        scenarios.push([file, parseScenario(new TextDecoder().decode(await disk.readFile(file)), file)]);
      } catch (error) {
        throw isMissing(error) ? new ScenarioError(`${file}: no such file`) : error;
      }
    }
  }
  if (scenarios.length === 0) throw new ScenarioError(`${paths.join(", ")}: no scenarios`);
  return scenarios;
}

function wholeNumber(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new ScenarioError(`${flag} ${text}: must be a whole number from 1 to ${most}`);
}
