/** `promtool check rules` (`cmd/promtool/main.go` of Prometheus 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { compareLabels, compareStrings, Labels } from "../../model/labels.ts";
import { languageOf, parseFlags } from "../flags.ts";
import type { ParserOptions } from "../promql/mod.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { parseRuleFile, RuleFileError, type RuleGroupConfig } from "../rules/rule-file.ts";
import { parseToolArguments, requireFiles, type ToolArguments } from "./arguments.ts";
import { LINT_EXIT_CODE, readInput } from "./input.ts";

export interface RuleLint {
  findsDuplicates: boolean;
  /** Remarks make the command fail. */
  isFatal: boolean;
  ignoresUnknownFields: boolean;
  parser: ParserOptions;
}

/** `failed`: something was said. `hasErrors`: more than remarks. */
export interface RuleVerdict {
  failed: boolean;
  hasErrors: boolean;
}

export const checkRules: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: ["lint", "query.lookback-delta"],
    switches: ["lint-fatal", "ignore-unknown-fields"],
    optional: Number.POSITIVE_INFINITY,
  });
  await requireFiles(given.rest, machine);
  const lint = ruleLint(given.text("lint", "duplicate-rules"), given, machine);
  const verdict =
    given.rest.length > 0 ? await checkRuleFiles(given.rest, lint, machine) : await checkInput(lint, machine);
  return exitCode(verdict, lint.isFatal);
};

/** @param options names of checks, separated by commas */
export function ruleLint(options: string, given: ToolArguments, { print }: Pick<Machine, "print">): RuleLint {
  let findsDuplicates = false;
  for (const option of options === "" ? [] : options.split(",")) {
    if (option === "all" || option === "duplicate-rules") findsDuplicates = true;
    else if (option !== "none") print(`WARNING: unknown lint option: ${quoteString(option)}\n`);
  }
  return {
    findsDuplicates,
    isFatal: given.has("lint-fatal"),
    ignoresUnknownFields: given.has("ignore-unknown-fields"),
    parser: parserOf(given),
  };
}

/** The parts of PromQL that `--enable-feature` turns on. */
export function parserOf(given: ToolArguments): ParserOptions {
  return languageOf(parseFlags([`--enable-feature=${given.list("enable-feature").join(",")}`]));
}

export function exitCode({ failed, hasErrors }: RuleVerdict, isFatal: boolean): number {
  if (!failed) return 0;
  if (hasErrors) return 1;
  return isFatal ? LINT_EXIT_CODE : 0;
}

async function checkInput(lint: RuleLint, machine: Machine): Promise<RuleVerdict> {
  machine.print("Checking standard input\n");
  return checkText(new TextDecoder().decode(await readInput(machine)), "", lint, machine);
}

export async function checkRuleFiles(
  files: readonly string[],
  lint: RuleLint,
  machine: Machine,
): Promise<RuleVerdict> {
  const verdict = { failed: false, hasErrors: false };
  for (const file of files) {
    machine.print(`Checking ${file}\n`);
    const text = new TextDecoder().decode(await readInput(machine, file));
    const one = checkText(text, `${file}: `, lint, machine);
    verdict.failed ||= one.failed;
    verdict.hasErrors ||= one.hasErrors;
  }
  return verdict;
}

/** @param prefix what comes before each problem */
function checkText(
  text: string,
  prefix: string,
  lint: RuleLint,
  { print, printError }: Machine,
): RuleVerdict {
  let groups: RuleGroupConfig[];
  try {
    groups = parseRuleFile(text, lint);
  } catch (error) {
    if (!(error instanceof RuleFileError)) throw error;
    printError(`  FAILED:\n${error.problems.map((problem) => `${prefix}${problem}\n`).join("")}`);
    return { failed: true, hasErrors: true };
  }
  const duplicates = lint.findsDuplicates ? duplicateRules(groups) : [];
  if (duplicates.length > 0) {
    printError(`  FAILED:\nlint error ${describeDuplicates(duplicates)}\n`);
    print("\n");
    return { failed: true, hasErrors: false };
  }
  print(`  SUCCESS: ${groups.reduce((sum, group) => sum + group.rules.length, 0)} rules found\n\n`);
  return { failed: false, hasErrors: false };
}

interface NamedRule {
  metric: string;
  labels: Labels;
}

/** Rules that write, or alert under, the same name and labels: one for each such name and labels. */
function duplicateRules(groups: readonly RuleGroupConfig[]): NamedRule[] {
  const all = groups.flatMap(({ rules, labels: shared }) =>
    rules.map(({ record, alert, labels }) => ({
      metric: alert || record,
      labels: Labels.of({ ...shared, ...labels }),
    })),
  );
  all.sort((a, b) => compareStrings(a.metric, b.metric) || compareLabels(a.labels, b.labels));
  const isSame = (a: NamedRule | undefined, b: NamedRule) =>
    a !== undefined && a.metric === b.metric && a.labels.equals(b.labels);
  const repeated = all.filter((rule, i) => isSame(all[i - 1], rule));
  return repeated.filter((rule, i) => !isSame(repeated[i - 1], rule));
}

function describeDuplicates(duplicates: readonly NamedRule[]): string {
  const lines = duplicates.map(({ metric, labels }) => {
    const pairs = [...labels].map(([name, value]) => `\t${name}: ${value}\n`);
    return `Metric: ${metric}\nLabel(s):\n${pairs.join("")}`;
  });
  return `${duplicates.length} duplicate rule(s) found.\n${lines.join("")}Might cause inconsistency while recording expressions`;
}
