/** Rule files (`model/rulefmt/rulefmt.go`). */
import { duration } from "../config/discovery-config.ts";
import {
  isValidLabelName,
  isValidLabelValue,
  isValidMetricName,
  type NameValidation,
} from "../config/names.ts";
import {
  anything,
  ConfigError,
  type Decoder,
  decodeYaml,
  integer,
  list,
  mapping,
  nullable,
  struct,
  text,
} from "../config/strict-yaml.ts";
import { type ParserOptions, parseExpression } from "../promql/mod.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { RulePositions } from "./rule-positions.ts";
import { checkTemplate } from "./template/expand.ts";

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

/**
 * Upstream reads a file twice, the second time for the places of what it complains about: what is of the wrong kind
 * is then complained about twice.
 */
const SECOND_NAMES = { file: "rulefmt.ruleGroups", group: "rulefmt.RuleGroupNode", rule: "rulefmt.RuleNode" };

function fileDecoder(types: typeof SECOND_NAMES, isStrict: boolean): Decoder<RuleFile> {
  const other = isStrict ? undefined : () => true;
  const asText = types === SECOND_NAMES ? anything : text();
  const rule = struct<RuleConfig>({
    type: types.rule,
    defaults: () => ({ record: "", alert: "", expr: "", for: 0, keep_firing_for: 0 }),
    fields: {
      record: asText,
      alert: asText,
      expr: asText,
      for: duration,
      keep_firing_for: duration,
      labels,
      annotations: labels,
    },
    other,
  });
  const group = struct<RuleGroupConfig>({
    type: types.group,
    defaults: () => ({ name: "", interval: 0, limit: 0, rules: [] }),
    fields: {
      name: text(),
      interval: duration,
      query_offset: nullable(duration),
      limit: integer("int"),
      labels,
      rules: list(rule, `[]${types.rule}`),
    },
    other,
  });
  return struct<RuleFile>({
    type: types.file,
    defaults: () => ({ groups: [] }),
    fields: { groups: list(group, `[]${types.group}`) },
    other,
  });
}

const NAMES = { file: "rulefmt.RuleGroups", group: "rulefmt.RuleGroup", rule: "rulefmt.Rule" };
const strictFile = fileDecoder(NAMES, true);
const lenientFile = fileDecoder(NAMES, false);
const secondFile = fileDecoder(SECOND_NAMES, false);

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
  /** @default false */
  ignoresUnknownFields?: boolean;
}

/** @throws RuleFileError */
export function parseRuleFile(content: string, options: RuleFileOptions = {}): RuleGroupConfig[] {
  const problems: string[] = [];
  const read = (decoder: Decoder<RuleFile>): RuleFile => {
    try {
      return decodeYaml<RuleFile>(content, decoder, () => ({ groups: [] }), true);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
      return { groups: [] };
    }
  };
  const file = read(options.ignoresUnknownFields ? lenientFile : strictFile);
  if (problems.length > 0) read(secondFile);
  const groups = file.groups ?? [];
  if (problems.length === 0) problems.push(...checkGroups(groups, options, () => new RulePositions(content)));
  if (problems.length > 0) throw new RuleFileError(problems);
  return groups;
}

function checkGroups(
  groups: RuleGroupConfig[],
  { names = "utf8", parser }: RuleFileOptions,
  readPositions: () => RulePositions,
): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  let positions: RulePositions | undefined;
  groups.forEach((group, groupIndex) => {
    group.rules ??= [];
    // Upstream does not know where the group stands.
    if (group.name === "") problems.push("0:0: Groupname must not be empty");
    if (seen.has(group.name)) problems.push(`0:0: groupname: "${group.name}" is repeated in the same file`);
    seen.add(group.name);
    problems.push(...checkLabels(group.labels, names));
    group.rules.forEach((each, index) => {
      const subject = `group ${quoteString(group.name)}, rule ${index + 1}, ${quoteString(each.alert || each.record)}`;
      for (const { message, fields } of checkRule(each, names, parser)) {
        const at = fields.map(
          (field) => `${((positions ??= readPositions())).of(groupIndex, index, field)}: `,
        );
        problems.push(`${at.join("")}${subject}: ${message}`);
      }
    });
  });
  return problems;
}

/** What is wrong with a rule, and the fields whose places are shown. */
interface RuleProblem {
  message: string;
  fields: ("record" | "alert" | "expr")[];
}

function checkLabels(set: Record<string, string> | undefined, names: NameValidation): string[] {
  return Object.entries(set ?? {}).flatMap(([name, value]) => [
    ...(isValidLabelName(name, names) && name !== "__name__" ? [] : [`invalid label name: ${name}`]),
    ...(isValidLabelValue(value) ? [] : [`invalid label value: ${value}`]),
  ]);
}

function checkRule(
  each: RuleConfig,
  names: NameValidation,
  parser: ParserOptions | undefined,
): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const say = (message: string, ...fields: RuleProblem["fields"]) => problems.push({ message, fields });
  if (each.record !== "" && each.alert !== "")
    say("only one of 'record' and 'alert' must be set", "record", "alert");
  if (each.record === "" && each.alert === "")
    say("one of 'record' or 'alert' must be set", "record", "alert");
  if (each.expr === "") say("field 'expr' must be set in rule", "expr");
  else {
    try {
      parseExpression(each.expr, parser);
    } catch (error) {
      say(`could not parse expression: ${(error as Error).message}`, "expr");
    }
  }
  if (each.record !== "") for (const message of checkRecord(each, names)) say(message, "record");
  for (const message of checkLabels(each.labels, names)) say(message);
  for (const name of Object.keys(each.annotations ?? {}))
    if (!isValidLabelName(name, names)) say(`invalid annotation name: ${name}`);
  if (each.alert !== "") for (const message of checkTemplates(each)) say(message);
  return problems;
}

function checkTemplates({ alert, labels, annotations }: RuleConfig): string[] {
  const problems: string[] = [];
  const check = (what: string, set: Record<string, string> | undefined) => {
    for (const [name, value] of Object.entries(set ?? {})) {
      const problem = checkTemplate(value, `__alert_${alert}`);
      if (problem !== undefined) problems.push(`${what} ${quoteString(name)}: ${problem}`);
    }
  };
  check("label", labels);
  check("annotation", annotations);
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
