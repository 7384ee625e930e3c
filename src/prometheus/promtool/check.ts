/** `promtool check config|rules|metrics`. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { checkOpenMetrics } from "../../wire/exposition/check-openmetrics.ts";
import { ExpositionError, TextParser } from "../../wire/exposition/text-parser.ts";
import { glob, loadConfigFile, scrapeConfigsOf } from "../config/load-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { parseRuleFile, RuleFileError, type RuleGroupConfig } from "../rules/rule-file.ts";
import { parseToolArguments } from "./arguments.ts";

/** A file or standard input may measure so much. */
export const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/** Without a name, standard input. */
async function readInput(machine: Machine, path?: string): Promise<Uint8Array> {
  const bytes = await machine.disk.readFile(path ?? "/dev/stdin");
  if (bytes.length > MAX_INPUT_BYTES) throw new ConfigError(`larger than ${MAX_INPUT_BYTES} bytes`);
  return bytes;
}

export const checkConfig: CliCommand = async (args, machine) => {
  const { rest: files, has } = parseToolArguments(
    args,
    ["lint", "config.file"],
    ["agent", "syntax-only", "lint-fatal"],
  );
  const { disk, env, log, print } = machine;
  let failed = false;
  for (const file of files) {
    print(`Checking ${file}\n`);
    try {
      const config = await loadConfigFile(file, { disk, env, log, agent: has("agent") });
      await scrapeConfigsOf(config, disk);
      const ruleFiles = (
        await Promise.all((config.rule_files ?? []).map((pattern) => glob(disk, pattern)))
      ).flat();
      if (ruleFiles.length > 0) print(`  SUCCESS: ${ruleFiles.length} rule files found\n`);
      print(` SUCCESS: ${file} is valid prometheus config file syntax\n\n`);
      if (!has("syntax-only") && ruleFiles.length > 0)
        failed = !(await checkRuleFiles(ruleFiles, machine)) || failed;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      failed = true;
      print(`  FAILED: ${error.message}\n\n`);
    }
  }
  return failed ? 1 : 0;
};

export const checkRules: CliCommand = async (args, machine) => {
  const { rest: files } = parseToolArguments(args, ["lint"], ["lint-fatal", "ignore-unknown-fields"]);
  if (files.length > 0) return (await checkRuleFiles(files, machine)) ? 0 : 1;
  machine.print("Checking standard input\n");
  return checkRuleText(new TextDecoder().decode(await readInput(machine)), machine) ? 0 : 1;
};

async function checkRuleFiles(files: string[], machine: Machine): Promise<boolean> {
  let isFine = true;
  for (const file of files) {
    machine.print(`Checking ${file}\n`);
    isFine = checkRuleText(new TextDecoder().decode(await readInput(machine, file)), machine, file) && isFine;
  }
  return isFine;
}

function checkRuleText(text: string, { print }: Machine, file = "stdin"): boolean {
  try {
    const groups = parseRuleFile(text);
    const duplicates = duplicateRules(groups);
    const count = groups.reduce((sum, group) => sum + group.rules.length, 0);
    if (duplicates.length > 0) {
      print(`  FAILED:\n${duplicates.length} duplicate rule(s) found.\n`);
      for (const each of duplicates) print(`Metric: ${each}\n`);
      print("Might cause inconsistency while recording expressions\n\n");
      return false;
    }
    print(`  SUCCESS: ${count} rules found\n\n`);
    return true;
  } catch (error) {
    if (!(error instanceof RuleFileError)) throw error;
    print("  FAILED:\n");
    for (const problem of error.problems) print(`${file}: ${problem}\n`);
    print("\n");
    return false;
  }
}

/** Rules that write, or alert under, the same name and labels. */
function duplicateRules(groups: RuleGroupConfig[]): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const { rules, labels: shared } of groups) {
    for (const { record, alert, labels } of rules) {
      const all = Object.entries({ ...shared, ...labels }).sort();
      const text = `${alert || record}\nLabel(s):\n${all.map(([name, value]) => `\t${name}: ${value}`).join("\n")}`;
      if (seen.has(text)) found.push(text);
      seen.add(text);
    }
  }
  return found;
}

/** Reads the text format and says what is unusual in it; `--format=openmetrics` applies every rule of that format. */
export const checkMetrics: CliCommand = async (args, machine) => {
  const { rest, text } = parseToolArguments(args, ["format"], ["extended"]);
  const bytes = await readInput(machine, rest[0]);
  const isOpenMetrics = text("format") === "openmetrics" || endsWithEof(bytes);
  try {
    if (isOpenMetrics) {
      checkOpenMetrics(bytes);
      return 0;
    }
    const problems = lint(bytes);
    for (const problem of problems) machine.print(`${problem}\n`);
    return problems.length > 0 ? 3 : 0;
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    machine.print(`error while linting: ${error.message}\n`);
    return 1;
  }
};

function endsWithEof(bytes: Uint8Array): boolean {
  return /# EOF\n?$/.test(new TextDecoder().decode(bytes.subarray(-6)));
}

/** As client_golang's `promlint` words it. */
function lint(bytes: Uint8Array): string[] {
  const families = new Map<
    string,
    { type?: string; help?: string; suffixes: Set<string>; labels: Set<string> }
  >();
  const familyOf = (name: string) => {
    let family = families.get(name);
    if (family === undefined) families.set(name, (family = { suffixes: new Set(), labels: new Set() }));
    return family;
  };
  const parser = new TextParser(bytes, { format: "text" });
  for (let kind = parser.next(); kind !== "end"; kind = parser.next()) {
    if (kind === "help" || kind === "type")
      familyOf(parser.metricName)[kind] = kind === "help" ? parser.text : parser.metricType;
    if (kind !== "series") continue;
    const [, name, ...labels] = parser.labels();
    const base = name.replace(/_(bucket|sum|count)$/, "");
    const family = /^(histogram|summary)$/.test(families.get(base)?.type ?? "") ? base : name;
    for (let i = 0; i < labels.length; i += 2) familyOf(family).labels.add(labels[i]);
    if (labels.length === 0) familyOf(family);
  }
  const problems: string[] = [];
  for (const [name, { type, help, labels }] of families) {
    const say = (text: string) => problems.push(`${name} ${text}`);
    if (help === undefined || help === "") say("no help text");
    if (type === "counter" && !name.endsWith("_total")) say('counter metrics should have "_total" suffix');
    if (type !== "counter" && name.endsWith("_total"))
      say('non-counter metrics should not have "_total" suffix');
    if (type !== "histogram" && labels.has("le")) say('non-histogram metrics should not have "le" label');
    if (type !== "summary" && labels.has("quantile"))
      say('non-summary metrics should not have "quantile" label');
    if (/[a-z][A-Z]/.test(name)) say("metric names should be written in 'snake_case' not 'camelCase'");
    if (name.includes(":")) say("metric names should not contain ':'");
    if (type !== undefined && new RegExp(`_${type}$`).test(name))
      say(`metric name should not include type '${type}'`);
    if (/_(milliseconds|microseconds|minutes|hours|days|kilobytes|megabytes)(_total)?$/.test(name))
      say("use base unit instead");
  }
  return problems.sort();
}
