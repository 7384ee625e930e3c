/** Rule files (`model/rulefmt/rulefmt.go`). */
import { duration } from "../config/discovery-config.ts";
import {
  isValidLabelName,
  isValidLabelValue,
  isValidMetricName,
  type NameValidation,
} from "../config/names.ts";
import {
  ConfigError,
  decodeYaml,
  integer,
  list,
  mapping,
  nullable,
  struct,
  text,
} from "../config/strict-yaml.ts";
import { type ParserOptions, parseExpression } from "../promql/mod.ts";
import { checkTemplate } from "./template.ts";

export interface RuleConfig {
  record: string;
  alert: string;
  expr: string;
  /** Milliseconds, as all durations here. */
  for: number;
  keep_firing_for: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface RuleGroupConfig {
  name: string;
  /** 0: the configuration's evaluation interval. */
  interval: number;
  query_offset?: number;
  limit: number;
  labels?: Record<string, string>;
  rules: RuleConfig[];
}

interface RuleFile {
  groups: RuleGroupConfig[];
}

const labels = mapping(text(), "map[string]string");

const rule = struct<RuleConfig>({
  type: "rulefmt.Rule",
  defaults: () => ({ record: "", alert: "", expr: "", for: 0, keep_firing_for: 0 }),
  fields: {
    record: text(),
    alert: text(),
    expr: text(),
    for: duration,
    keep_firing_for: duration,
    labels,
    annotations: labels,
  },
});

const ruleFile = struct<RuleFile>({
  type: "rulefmt.RuleGroups",
  defaults: () => ({ groups: [] }),
  fields: {
    groups: list(
      struct<RuleGroupConfig>({
        type: "rulefmt.RuleGroup",
        defaults: () => ({ name: "", interval: 0, limit: 0, rules: [] }),
        fields: {
          name: text(),
          interval: duration,
          query_offset: nullable(duration),
          limit: integer("int"),
          labels,
          rules: list(rule, "[]rulefmt.Rule"),
        },
      }),
      "[]rulefmt.RuleGroup",
    ),
  },
});

/** What is wrong with a rule file: one text per problem, without the file's name. */
export class RuleFileError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.name = "RuleFileError";
    this.problems = problems;
  }
}

export interface RuleFileOptions {
  /** @default "utf8" */
  names?: NameValidation;
  /** The parts of PromQL that are on. */
  parser?: ParserOptions;
}

/** @throws RuleFileError */
export function parseRuleFile(content: string, options: RuleFileOptions = {}): RuleGroupConfig[] {
  let file: RuleFile;
  try {
    file = decodeYaml<RuleFile>(content, ruleFile, () => ({ groups: [] }));
  } catch (error) {
    if (error instanceof ConfigError) throw new RuleFileError([error.message]);
    throw error;
  }
  const groups = file.groups ?? [];
  const problems = checkGroups(groups, options.names ?? "utf8", options.parser);
  if (problems.length > 0) throw new RuleFileError(problems);
  return groups;
}

function checkGroups(
  groups: RuleGroupConfig[],
  names: NameValidation,
  parser: ParserOptions | undefined,
): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const group of groups) {
    group.rules ??= [];
    if (group.name === "") problems.push("Groupname must not be empty");
    if (seen.has(group.name)) problems.push(`groupname: "${group.name}" is repeated in the same file`);
    seen.add(group.name);
    problems.push(...checkLabels(group.labels, names));
    for (const [index, each] of group.rules.entries()) {
      const name = each.alert || each.record;
      for (const problem of checkRule(each, names, parser))
        problems.push(`group "${group.name}", rule ${index + 1}, "${name}": ${problem}`);
    }
  }
  return problems;
}

function checkLabels(set: Record<string, string> | undefined, names: NameValidation): string[] {
  return Object.entries(set ?? {}).flatMap(([name, value]) => [
    ...(isValidLabelName(name, names) && name !== "__name__" ? [] : [`invalid label name: ${name}`]),
    ...(isValidLabelValue(value) ? [] : [`invalid label value: ${value}`]),
  ]);
}

function checkRule(each: RuleConfig, names: NameValidation, parser: ParserOptions | undefined): string[] {
  const problems: string[] = [];
  if (each.record !== "" && each.alert !== "") problems.push("only one of 'record' and 'alert' must be set");
  if (each.record === "" && each.alert === "") problems.push("one of 'record' or 'alert' must be set");
  if (each.expr === "") problems.push("field 'expr' must be set in rule");
  else {
    try {
      parseExpression(each.expr, parser);
    } catch (error) {
      problems.push(`could not parse expression: ${(error as Error).message}`);
    }
  }
  if (each.record !== "") problems.push(...checkRecord(each, names));
  problems.push(...checkLabels(each.labels, names));
  for (const name of Object.keys(each.annotations ?? {}))
    if (!isValidLabelName(name, names)) problems.push(`invalid annotation name: ${name}`);
  if (each.alert !== "") {
    const check = (what: string, set: Record<string, string> | undefined) => {
      for (const [name, value] of Object.entries(set ?? {})) {
        const problem = checkTemplate(value, `__alert_${each.alert}`);
        if (problem !== undefined) problems.push(`${what} "${name}": ${problem}`);
      }
    };
    check("label", each.labels);
    check("annotation", each.annotations);
  }
  return problems;
}

function checkRecord(each: RuleConfig, names: NameValidation): string[] {
  const problems: string[] = [];
  if (Object.keys(each.annotations ?? {}).length > 0)
    problems.push("invalid field 'annotations' in recording rule");
  if (each.for !== 0) problems.push("invalid field 'for' in recording rule");
  if (each.keep_firing_for !== 0) problems.push("invalid field 'keep_firing_for' in recording rule");
  if (!isValidMetricName(each.record, names)) problems.push(`invalid recording rule name: ${each.record}`);
  if (/[{}]/.test(each.record))
    problems.push(`braces present in the recording rule name; should it be in expr?: ${each.record}`);
  return problems;
}
