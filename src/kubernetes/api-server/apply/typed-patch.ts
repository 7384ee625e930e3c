/**
 * Whether a configuration that is to be applied fits the schema of its kind, in the words of structured-merge-diff
 * (`typed/validate.go`): it is looked at as it was sent, before anything is filled in.
 */
import { type ApiField, type ApiType, apiType } from "../../../wire/kubernetes/schema/api-type.ts";
import { goText } from "../patch/go-text.ts";
import { isJsonObject, type JsonObject } from "../patch/merge-patch.ts";
import { KEY_DEFAULTS } from "./object-fields.ts";

/** Problems with their paths: `.spec.containers[name="a"].imag: field not declared in schema`. */
export function typedProblems(type: ApiType, config: JsonObject): string[] {
  const { apiVersion: _, kind: __, ...members } = config;
  const problems: string[] = [];
  checkStruct(type, members, "", problems);
  return problems;
}

function checkStruct(type: ApiType, value: unknown, path: string, problems: string[]): void {
  if (value === null) return;
  if (!isJsonObject(value)) {
    problems.push(`${path}: expected map, got ${pointerText(value)}`);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    const at = `${path}.${name}`;
    const field = type.fields.get(name);
    if (field !== undefined) checkField(field, member, at, problems);
    else if (!isTypeMeta(type, name)) {
      problems.push(`${at}: field not declared in schema`);
      // Upstream looks no further in this object.
      return;
    }
  }
}

/** Objects within objects (claim templates) may say what they are. */
function isTypeMeta(type: ApiType, name: string): boolean {
  return (name === "apiVersion" || name === "kind") && type.fields.has("metadata");
}

function checkField(field: ApiField, value: unknown, path: string, problems: string[]): void {
  const { container, item } = field.type;
  if (value === null) return;
  if (container === undefined) checkValue(item, value, path, problems);
  else if (container === "map") {
    if (!isJsonObject(value)) problems.push(`${path}: expected map, got ${pointerText(value)}`);
    else
      for (const [key, entry] of Object.entries(value)) checkValue(item, entry, `${path}.${key}`, problems);
  } else if (!Array.isArray(value)) problems.push(`${path}: expected list, got ${pointerText(value)}`);
  else checkItems(field, value, path, problems);
}

function checkItems(field: ApiField, items: unknown[], path: string, problems: string[]): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    let step = `[${index}]`;
    if (field.listType === "map" || field.listType === "set") {
      const problem = field.listType === "map" ? keyedProblem(item) : setProblem(item);
      if (problem !== undefined) {
        problems.push(`${path}: element ${index}: ${problem}`);
        return;
      }
      step = field.listType === "map" ? keyStep(field, item as JsonObject) : `[=${JSON.stringify(item)}]`;
      if (seen.has(step)) problems.push(`${path}: duplicate entries for key ${step}`);
      seen.add(step);
    }
    checkValue(field.type.item, item, `${path}${step}`, problems);
  }
}

function keyedProblem(item: unknown): string | undefined {
  if (item === null) return "associative list with keys may not have a null element";
  return isJsonObject(item) ? undefined : "associative list with keys may not have non-map elements";
}

function setProblem(item: unknown): string | undefined {
  if (item === null) return "associative list without keys has an element that's an explicit null";
  if (Array.isArray(item)) return "not supported: associative list with lists as elements";
  return isJsonObject(item) ? "associative list without keys has an element that's a map type" : undefined;
}

/** `[containerPort=80,protocol="TCP"]` */
function keyStep({ listMapKeys }: ApiField, item: JsonObject): string {
  const given = [...listMapKeys].sort().flatMap((key) => {
    const value = item[key] ?? KEY_DEFAULTS[key];
    return value === undefined ? [] : [`${key}=${JSON.stringify(value)}`];
  });
  return `[${given.join(",")}]`;
}

function checkValue(type: string, value: unknown, path: string, problems: string[]): void {
  if (value === null) return;
  switch (type) {
    case "any":
    case "schemaorlist":
    case "schemaorbool":
    case "schemaorstrings":
      return;
    case "int32":
    case "int64":
    case "float64":
      if (typeof value !== "number")
        problems.push(`${path}: expected numeric (int or float), got ${goKind(value)}`);
      return;
    case "bool":
      if (typeof value !== "boolean") problems.push(`${path}: expected boolean, got ${pointerText(value)}`);
      return;
    case "string":
    case "bytes":
      checkString(value, path, problems);
      return;
    case "quantity":
    case "intorstring":
    case "time":
    case "microtime":
    case "duration":
      if (typeof value === "object") problems.push(`${path}: expected any scalar, got ${pointerText(value)}`);
      return;
  }
  const struct = apiType(type)!;
  if (struct.values !== undefined) checkString(value, path, problems);
  else checkStruct(struct, value, path, problems);
}

function checkString(value: unknown, path: string, problems: string[]): void {
  if (typeof value === "string") return;
  problems.push(`${path}: expected string, got &value.valueUnstructured{Value:${goText(value)}}`);
}

/** A value as Go prints the pointer to it. */
function pointerText(value: unknown): string {
  return `&{${goText(value)}}`;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "boolean") return "bool";
  return typeof value === "object" ? "map[string]interface {}" : "string";
}
