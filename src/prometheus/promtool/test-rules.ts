/** `promtool test rules`: unit tests of rules (`cmd/promtool/unittest.go` of Prometheus 3.14). */
import { posix } from "node:path";
import type { CliCommand, Machine } from "../../base/machine.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import { glob } from "../config/glob.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { Regex } from "../regex/regex.ts";
import { parseRuleFile, RuleFileError } from "../rules/rule-file.ts";
import { parseToolArguments, requireFiles } from "./arguments.ts";
import { parserOf } from "./check-rules.ts";
import { junitReport, type TestSuite } from "./rule-tests/junit-report.ts";
import { parseTestFile, type TestFile } from "./rule-tests/test-file.ts";
import { type LoadedRules, runTestGroup, type TestRunOptions } from "./rule-tests/test-group.ts";

interface FileOptions extends Pick<TestRunOptions, "parser" | "delayedNameRemoval" | "isDiff"> {
  /** Tests of other names are left out. */
  run: Regex | undefined;
  ignoresUnknownFields: boolean;
  isDebugged: boolean;
}

export const testRules: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: ["run", "junit"],
    repeated: ["run"],
    switches: ["diff", "debug", "ignore-unknown-fields"],
    required: ["test-rule-file"],
    optional: Number.POSITIVE_INFINITY,
  });
  const names = given.list("run");
  const features = given.list("enable-feature").flatMap((each) => each.split(","));
  const options: FileOptions = {
    run: names.length === 0 ? undefined : nameFilter(names.join("|")),
    parser: parserOf(given),
    delayedNameRemoval: features.includes("promql-delayed-name-removal"),
    ignoresUnknownFields: given.has("ignore-unknown-fields"),
    isDiff: given.has("diff"),
    isDebugged: given.has("debug"),
  };
  await requireFiles(given.rest, machine);
  const suites: TestSuite[] = [];
  for (const file of given.rest) {
    const timestamp = new Date(machine.clock.now()).toISOString().slice(0, 19);
    const suite: TestSuite = { name: file, timestamp, error: undefined, cases: [] };
    suites.push(suite);
    await testFile(file, suite, options, machine);
    report(suite, machine);
  }
  const path = given.text("junit");
  if (path !== "") await machine.disk.writeFile(path, junitReport(suites));
  return suites.some((suite) => problemsOf(suite).length > 0) ? 1 : 0;
};

/** Found anywhere in a name. @throws ConfigError */
function nameFilter(pattern: string): Regex {
  try {
    // On its own first, so that a complaint names the pattern as it was given.
    new Regex(pattern);
    return new Regex(`(?s:.*)(?:${pattern})(?s:.*)`);
  } catch (error) {
    throw new ConfigError(`--run: ${(error as Error).message}`);
  }
}

function problemsOf({ error, cases }: TestSuite): string[] {
  return error === undefined ? cases.flatMap(({ failures }) => failures) : [error];
}

function report(suite: TestSuite, { print, printError }: Machine): void {
  const problems = problemsOf(suite);
  if (problems.length === 0) print("  SUCCESS\n\n");
  else {
    printError("  FAILED:\n");
    for (const problem of problems) {
      printError(`${problem}\n`);
      print("\n");
    }
    print("\n");
  }
}

/** Puts what was found into the suite. */
async function testFile(
  path: string,
  suite: TestSuite,
  options: FileOptions,
  machine: Machine,
): Promise<void> {
  const { disk, clock } = machine;
  try {
    const file = parseTestFile(new TextDecoder().decode(await disk.readFile(path)));
    const paths = await rulePaths(path, file, machine);
    const order = evaluationOrder(file);
    for (const [index, test] of (file.tests ?? []).entries()) {
      if (options.run?.matches(test.name) === false) continue;
      const name = test.name === "" ? `unnamed#${index}` : test.name;
      const startedMs = clock.monotonic();
      const debug = options.isDebugged ? machine.printError : undefined;
      debug?.(`DEBUG: Starting test ${name}\n`);
      let failures: string[];
      try {
        failures = await runTestGroup(test, {
          ...{ ...options, file, clock, debug },
          loadRules: () => loadRules(paths, order, options, machine),
        });
      } catch (error) {
        if (!(error instanceof RuleFileError)) throw error;
        failures = error.problems;
      }
      debug?.(`DEBUG: Test ${name} finished, took ${formatGoDuration(clock.monotonic() - startedMs)}\n`);
      suite.cases.push({ name, failures });
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    suite.error = error.message;
  }
}

async function rulePaths(path: string, file: TestFile, { disk, printError }: Machine): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of file.rule_files ?? []) {
    const absolute = posix.isAbsolute(pattern) ? pattern : posix.join(posix.dirname(path), pattern);
    const paths = await glob(disk, absolute);
    if (paths.length === 0) printError(`  WARNING: no file match pattern ${absolute}\n`);
    found.push(...paths);
  }
  return found;
}

/** Places by name of group. @throws ConfigError for a name that comes twice */
function evaluationOrder(file: TestFile): Map<string, number> {
  const order = new Map<string, number>();
  for (const name of file.group_eval_order ?? []) {
    if (order.has(name)) throw new ConfigError(`group name repeated in evaluation order: ${name}`);
    order.set(name, order.size);
  }
  return order;
}

/** Groups without a place come along with the first. @throws RuleFileError with the files' names */
async function loadRules(
  paths: readonly string[],
  order: ReadonlyMap<string, number>,
  options: FileOptions,
  { disk }: Machine,
): Promise<LoadedRules[]> {
  const rules: LoadedRules[] = [];
  for (const path of paths) {
    try {
      const content = new TextDecoder().decode(await disk.readFile(path));
      for (const config of parseRuleFile(content, options)) rules.push({ config, file: path });
    } catch (error) {
      if (!(error instanceof RuleFileError)) throw error;
      throw new RuleFileError(error.problems.map((problem) => `${path}: ${problem}`));
    }
  }
  return rules.sort((a, b) => (order.get(a.config.name) ?? 0) - (order.get(b.config.name) ?? 0));
}
