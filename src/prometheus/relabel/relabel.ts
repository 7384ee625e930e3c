/** Relabelling (`model/relabel/relabel.go`): configuration, its checks, and what each action does. */
import { createHash } from "node:crypto";
import { Labels } from "../../model/labels.ts";
import { lowerCase, upperCase } from "../../model/letter-case.ts";
import { compileAnchored, hasTemplateVariable } from "../config/go-regexp.ts";
import { isValidLabelName, type NameValidation } from "../config/names.ts";
import { ConfigError, integer, list, nullable, parsed, struct, text } from "../config/strict-yaml.ts";
import { expandTemplate, type Regex } from "../regex/regex.ts";

export const RELABEL_ACTIONS = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;
export type RelabelAction = (typeof RELABEL_ACTIONS)[number];

export interface RelabelConfig {
  source_labels?: string[];
  separator: string;
  /** As configured, not anchored. */
  regex: string;
  modulus: number;
  target_label: string;
  replacement: string;
  action: RelabelAction | "";
  /** `regex`, compiled; not part of the file. `DEFAULT_COMPILED`, and no other, where the file has none. */
  compiled: Regex;
}

const DEFAULT_REGEX = "(.*)";
export const DEFAULT_COMPILED = compileAnchored(DEFAULT_REGEX);
/** Label names as `$1_x` or `${1}`. */
const LEGACY_TEMPLATE = /^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$/;

export function defaultRelabelConfig(): RelabelConfig {
  return {
    separator: ";",
    regex: DEFAULT_REGEX,
    modulus: 0,
    target_label: "",
    replacement: "$1",
    action: "replace",
    compiled: DEFAULT_COMPILED,
  };
}

function parseAction(action: string): RelabelAction {
  const known = RELABEL_ACTIONS.find((each) => each === action.toLowerCase());
  if (known === undefined) throw new ConfigError(`unknown relabel action ${JSON.stringify(action)}`);
  return known;
}

const relabelConfig = struct<RelabelConfig>({
  type: "relabel.plain",
  // Upstream tells a default that is written down from one that is not.
  defaults: () => ({ ...defaultRelabelConfig(), regex: undefined as unknown as string }),
  fields: {
    source_labels: list(text(), "model.LabelNames"),
    separator: text(),
    regex: parsed((source) => {
      compileAnchored(source);
      return source;
    }, ""),
    modulus: integer("uint64"),
    target_label: text(),
    replacement: text(),
    action: parsed<RelabelAction | "">(parseAction, ""),
  },
  check(config) {
    if (config.regex === undefined) config.regex = DEFAULT_REGEX;
    else config.compiled = compileAnchored(config.regex);
  },
});

export const relabelList = list(nullable(relabelConfig), "[]*relabel.Config");

/** @throws ConfigError with upstream's texts (`Config.Validate`) */
export function validateRelabelConfig(config: RelabelConfig, names: NameValidation): void {
  const { action, target_label: target } = config;
  if (action === "") throw new ConfigError("relabel action cannot be empty");
  if (config.modulus === 0 && action === "hashmod")
    throw new ConfigError("relabel configuration for hashmod requires non-zero modulus");
  const needsTarget = /^(replace|hashmod|lowercase|uppercase|keepequal|dropequal)$/.test(action);
  if (needsTarget && target === "")
    throw new ConfigError(`relabel configuration for ${action} action requires 'target_label' value`);
  const isTemplateName = (name: string) =>
    names === "utf8" ? isValidLabelName(name, names) : LEGACY_TEMPLATE.test(name);
  const isTargetValid =
    action === "replace" && hasTemplateVariable(target)
      ? isTemplateName(target)
      : isValidLabelName(target, names);
  if (needsTarget && !isTargetValid)
    throw new ConfigError(`${JSON.stringify(target)} is invalid 'target_label' for ${action} action`);
  const { replacement } = config;
  if (/^(lowercase|uppercase|keepequal|dropequal)$/.test(action) && replacement !== "$1")
    throw new ConfigError(`'replacement' can not be set for ${action} action`);
  if (action === "labelmap" && !isTemplateName(replacement))
    throw new ConfigError(`${JSON.stringify(replacement)} is invalid 'replacement' for ${action} action`);
  checkLoneFields(config);
}

/** Actions that take a few fields only. */
function checkLoneFields(config: RelabelConfig): void {
  const { action } = config;
  const others = config.modulus !== 0 || config.separator !== ";" || config.replacement !== "$1";
  if (
    (action === "dropequal" || action === "keepequal") &&
    (others || config.compiled !== DEFAULT_COMPILED)
  ) {
    throw new ConfigError(
      `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`,
    );
  }
  if (
    (action === "labeldrop" || action === "labelkeep") &&
    (others || config.source_labels !== undefined || config.target_label !== "")
  )
    throw new ConfigError(`${action} action requires only 'regex', and no other fields`);
}

/** Applies the rules in order; undefined when one of them drops the labels. */
export function relabel(labels: Labels, rules: readonly RelabelConfig[]): Labels | undefined {
  if (rules.length === 0) return labels;
  const map = new Map<string, string>(labels);
  return relabelInPlace(map, rules) ? Labels.of(map) : undefined;
}

/** As `relabel`, on a map. Empty values count as missing. */
export function relabelInPlace(labels: Map<string, string>, rules: readonly RelabelConfig[]): boolean {
  for (const rule of rules) if (!applyRule(labels, rule)) return false;
  return true;
}

function applyRule(labels: Map<string, string>, rule: RelabelConfig): boolean {
  const source = (rule.source_labels ?? []).map((name) => labels.get(name) ?? "").join(rule.separator);
  const target = rule.target_label;
  switch (rule.action) {
    case "drop":
      return !rule.compiled.matches(source);
    case "keep":
      return rule.compiled.matches(source);
    case "dropequal":
      return (labels.get(target) ?? "") !== source;
    case "keepequal":
      return (labels.get(target) ?? "") === source;
    case "replace":
      replaceLabel(labels, rule, source);
      return true;
    case "lowercase":
      set(labels, target, lowerCase(source));
      return true;
    case "uppercase":
      set(labels, target, upperCase(source));
      return true;
    case "hashmod":
      set(labels, target, String(hashModulus(source, rule.modulus)));
      return true;
    case "labelmap":
      mapLabels(labels, rule);
      return true;
    case "labeldrop":
      for (const name of [...labels.keys()]) if (rule.compiled.matches(name)) labels.delete(name);
      return true;
    case "labelkeep":
      for (const name of [...labels.keys()]) if (!rule.compiled.matches(name)) labels.delete(name);
      return true;
    default:
      throw new ConfigError(`relabel: unknown relabel action type ${JSON.stringify(rule.action)}`);
  }
}

const NO_NAMES: ReadonlyMap<string, number> = new Map();

function replaceLabel(labels: Map<string, string>, rule: RelabelConfig, source: string): void {
  // Rules without an expression are the most common ones.
  const match =
    rule.regex === DEFAULT_REGEX ? { groups: [source, source], named: NO_NAMES } : rule.compiled.exec(source);
  if (match === undefined) return;
  const target = expandTemplate(rule.target_label, match);
  if (!isValidLabelName(target, "utf8")) return;
  set(labels, target, expandTemplate(rule.replacement, match));
}

function mapLabels(labels: Map<string, string>, rule: RelabelConfig): void {
  for (const [name, value] of [...labels]) {
    const match = rule.compiled.exec(name);
    if (match !== undefined) set(labels, expandTemplate(rule.replacement, match), value);
  }
}

function set(labels: Map<string, string>, name: string, value: string): void {
  if (value === "") labels.delete(name);
  else labels.set(name, value);
}

/** The last 8 bytes of the MD5, big-endian, modulo `modulus`. */
function hashModulus(source: string, modulus: number): number {
  const digest = createHash("md5").update(source).digest();
  return Number(digest.readBigUInt64BE(8) % BigInt(modulus));
}
