/** Target groups in JSON, as files and HTTP servers give them (`discovery/targetgroup`); complaints are those of Go. */

import { quoteGo } from "../../wire/exposition/go-float.ts";
import { jsonProblem } from "../../wire/json-text.ts";

export interface JsonTargetGroup {
  targets: string[];
  labels: Record<string, string>;
}

/** @throws Error in upstream's words */
export function decodeTargetGroups(text: string): JsonTargetGroup[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(jsonProblem(text));
  }
  if (value === null) return [];
  if (!Array.isArray(value)) throw mismatch(value, "Go value of type []*targetgroup.Group");
  const groups = value.map((each: unknown) => (each === null ? undefined : groupOf(each)));
  return groups.map((group) => {
    if (group === undefined) throw new Error("nil target group item found");
    return group;
  });
}

const GROUP_TYPE =
  'struct { Targets []string "json:\\"targets\\""; Labels model.LabelSet "json:\\"labels\\"" }';

function groupOf(value: unknown): JsonTargetGroup {
  if (!isObject(value)) throw mismatch(value, `Go value of type ${GROUP_TYPE}`);
  const group: JsonTargetGroup = { targets: [], labels: {} };
  for (const [name, field] of Object.entries(value)) {
    const known = name.toLowerCase();
    if (known !== "targets" && known !== "labels") throw new Error(`json: unknown field ${quoteGo(name)}`);
    if (field === null) continue;
    if (known === "targets") group.targets = targetsOf(field);
    else group.labels = labelsOf(field);
  }
  return group;
}

function targetsOf(value: unknown): string[] {
  if (!Array.isArray(value)) throw mismatch(value, "Go struct field .targets of type []string");
  return value.map((each: unknown) => textOf(each, "Go struct field .targets of type string"));
}

function labelsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) throw mismatch(value, "Go struct field .labels of type model.LabelSet");
  const labels: Record<string, string> = Object.create(null);
  for (const [name, each] of Object.entries(value)) {
    labels[name.toWellFormed()] = textOf(each, "Go struct field .labels of type model.LabelValue");
    if (name === "") throw new Error('"" is not a valid label name');
  }
  return labels;
}

/** A null leaves what is there: nothing. */
function textOf(value: unknown, place: string): string {
  if (value === null) return "";
  if (typeof value !== "string") throw mismatch(value, place);
  return value.toWellFormed();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, place: string): Error {
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return new Error(`json: cannot unmarshal ${kind} into ${place}`);
}
