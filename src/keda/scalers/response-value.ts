/** Where the number is in an answer: a path into JSON, or a selector in the Prometheus text format. */
import { parseQuantity } from "../../model/quantity.ts";
import { valueAtPath } from "./json-path.ts";
import { parsePrometheusText, parseTextSelector } from "./prometheus-text.ts";

/**
 * The value at a path into JSON (`json-path.ts`).
 *
 * @throws Error with upstream's text
 */
export function valueFromJson(body: string, location: string): number {
  let root: unknown;
  try {
    root = JSON.parse(body);
  } catch {
    // Upstream does not look whether the whole is well-formed: what is not there is null.
  }
  const value = valueAtPath(root, location);
  if (typeof value === "number") return value;
  if (typeof value === "string") return quantityAt(value, location);
  throw notANumber(location, jsonTypeOf(value));
}

function jsonTypeOf(value: unknown): string {
  if (value === undefined || value === null) return "Null";
  if (typeof value === "boolean") return value ? "True" : "False";
  return "JSON";
}

/**
 * The value at `a.b.0.c` of a YAML document that is a map: names and indexes alone. The first value that is neither map
 * nor list is taken, whatever the path says after it.
 *
 * @throws Error with upstream's text
 */
export function valueFromMap(root: unknown, location: string): number {
  if (root !== null && (typeof root !== "object" || Array.isArray(root))) throw notAMap(root);
  const value = atPlainPath(root, location);
  if (typeof value === "number") return value;
  if (typeof value === "string") return quantityAt(value, location);
  throw notANumber(location, value === null ? "<nil>" : typeof value === "boolean" ? "bool" : typeof value);
}

/** In the words of upstream's YAML library. */
function notAMap(root: unknown): Error {
  const tag = typeof root === "string" ? "str" : typeof root === "boolean" ? "bool" : "int";
  const what = Array.isArray(root) ? "!!seq" : `!!${tag} \`${root}\``;
  return new Error(
    `yaml: unmarshal errors:\n  line 1: cannot unmarshal ${what} into map[string]interface {}`,
  );
}

function atPlainPath(root: unknown, location: string): unknown {
  let current = root;
  for (const key of location.split(".")) {
    const value = Object.hasOwn(Object(current), key) ? (current as Record<string, unknown>)[key] : undefined;
    if (value === undefined) throw new Error(`key '${key}' not found in path '${location}'`);
    if (typeof value !== "object" || value === null) return value;
    current = Array.isArray(value) ? { ...value } : value;
  }
  throw new Error(`path '${location}' does not lead to a value`);
}

function quantityAt(text: string, location: string): number {
  try {
    return parseQuantity(text);
  } catch {
    const where = JSON.stringify(location);
    throw new Error(`valueLocation ${where} points to a string that is not parseable as a Quantity`);
  }
}

function notANumber(location: string, type: string): Error {
  const where = JSON.stringify(location);
  return new Error(
    `valueLocation ${where} must point to a numeric value or a string parseable as a Quantity, got ${type}`,
  );
}

/**
 * The first sample that a selector (`name{label="value"}`) matches.
 *
 * @throws Error with upstream's text when there is none, or when the body is malformed anywhere
 */
export function valueFromPrometheus(body: string, location: string): number {
  const { name, labels } = parseTextSelector(location);
  const { samples, names } = parsePrometheusText(body);
  if (!names.has(name)) throw new Error(`metric '${name}' not found`);
  const wanted = Array.from(labels);
  const found = samples.find(
    (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels.get(label) === value),
  );
  if (found === undefined) throw new Error(`value ${location} not found`);
  return found.value;
}
