/** The actions of the `attributes` and `resource` processors (upstream contrib `internal/coreinternal/attraction`). */
import { createHash } from "node:crypto";
import type { AnyValue, Attributes, KeyValue } from "../../model/otlp-attributes.ts";
import { textOf } from "../../model/otlp-attributes.ts";
import { any, type Infer, list, object, oneOf, string } from "../config/schema.ts";

export const ACTION = object({
  key: string(),
  action: oneOf(["", "insert", "update", "upsert", "delete", "hash", "extract", "convert"], ""),
  value: any(),
  from_attribute: string(),
  from_context: string(),
  pattern: string(),
  converted_type: string(),
});

export const ACTIONS = list(ACTION);
export type ActionConfig = Infer<typeof ACTION>;

/** What is wrong with the actions, in upstream's words. */
export function validateActions(actions: readonly ActionConfig[]): string | undefined {
  for (const [index, action] of actions.entries()) {
    const problem = validateAction(action, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function validateAction(action: ActionConfig, index: number): string | undefined {
  const where = `at the ${index}-th actions of processor`;
  const set = ["insert", "update", "upsert"].includes(action.action);
  if (action.key === "" && !(action.action === "delete" && action.pattern !== "")) {
    return `error creating AttrProc due to missing required field "key" ${where}`;
  }
  if (action.action === "") {
    return `error creating AttrProc due to unsupported action "" ${where}`;
  }
  if (set) {
    const sources = [action.value !== undefined, action.from_attribute !== "", action.from_context !== ""];
    const count = sources.filter(Boolean).length;
    if (count === 0) {
      return `error creating AttrProc. Either field "value", "from_attribute" or "from_context" setting must be specified for ${index}-th action`;
    }
    if (count > 1) {
      return `error creating AttrProc due to multiple value sources being set ${where}`;
    }
    if (action.from_context !== "") return `error creating AttrProc: from_context is not supported here`;
  }
  if (action.pattern !== "") {
    try {
      regex(action.pattern);
    } catch (error) {
      return `error creating AttrProc due to invalid pattern "${action.pattern}" ${where}: ${(error as Error).message}`;
    }
  }
  if (action.action === "extract" && !/\(\?P?</.test(action.pattern)) {
    return `error creating AttrProc. Field "pattern" contains no named matcher groups ${where}`;
  }
  if (action.action === "convert" && !["int", "double", "string"].includes(action.converted_type)) {
    return `error creating AttrProc due to invalid value "${action.converted_type}" in field "converted_type" for action "convert" ${where}`;
  }
  return undefined;
}

/** Go writes named groups as `(?P<name>…)`. */
function regex(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll("(?P<", "(?<"));
}

/** Changes attributes into a new list. The same list when nothing changed. */
export type ChangeAttributes = (attributes: Attributes) => Attributes;

/** The actions, compiled: one function that applies them in order. */
export function compileActions(actions: readonly ActionConfig[]): ChangeAttributes {
  const changes = actions.map(compileAction);
  return (attributes) => changes.reduce((current, change) => change(current), attributes);
}

function compileAction(action: ActionConfig): ChangeAttributes {
  const { key } = action;
  if (action.action === "delete") {
    const pattern = action.pattern === "" ? undefined : regex(action.pattern);
    return (attributes) => {
      const kept = attributes.filter((item) => item.key !== key && pattern?.test(item.key) !== true);
      return kept.length === attributes.length ? attributes : kept;
    };
  }
  if (action.action === "hash") {
    return (attributes) => replace(attributes, key, (value) => sha256(value));
  }
  if (action.action === "convert") {
    return (attributes) => replace(attributes, key, (value) => convert(value, action.converted_type));
  }
  if (action.action === "extract") return compileExtract(key, regex(action.pattern));
  const fixed = action.value === undefined ? undefined : attributeValue(action.value);
  const source = (attributes: Attributes) =>
    fixed === undefined ? attributes.find((item) => item.key === action.from_attribute)?.value : fixed;
  return (attributes) => {
    const exists = attributes.some((item) => item.key === key);
    const value = source(attributes);
    if (value === undefined || (exists ? action.action === "insert" : action.action === "update"))
      return attributes;
    return set(attributes, key, value);
  };
}

function compileExtract(key: string, pattern: RegExp): ChangeAttributes {
  return (attributes) => {
    const value = attributes.find((item) => item.key === key)?.value;
    if (typeof value !== "string") return attributes;
    const groups = Object.entries(pattern.exec(value)?.groups ?? {});
    return groups.reduce((current, [name, text]) => set(current, name, text ?? ""), attributes);
  };
}

function set(attributes: Attributes, key: string, value: AnyValue): Attributes {
  if (attributes.some((item) => item.key === key)) return replace(attributes, key, () => value);
  return [...attributes, { key, value }];
}

function replace(attributes: Attributes, key: string, change: (value: AnyValue) => AnyValue): Attributes {
  return attributes.map((item): KeyValue => (item.key === key ? { key, value: change(item.value) } : item));
}

function sha256(value: AnyValue): string {
  return createHash("sha256").update(textOf(value)).digest("hex");
}

function convert(value: AnyValue, type: string): AnyValue {
  const text = textOf(value);
  if (type === "string") return text;
  const number = Number(text);
  if (text === "" || Number.isNaN(number)) return value;
  return type === "double" ? number : BigInt(Math.trunc(number));
}

/** A value from YAML: whole numbers are ints. */
function attributeValue(value: unknown): AnyValue {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(attributeValue);
  if (typeof value === "object" && value !== null) {
    return { entries: Object.entries(value).map(([key, item]) => ({ key, value: attributeValue(item) })) };
  }
  return null;
}
