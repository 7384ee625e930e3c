/** Custom resources against their schema, in the words of kube-openapi's validator. */
import { parseGoDuration } from "../../../model/go-duration.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, notSupported, required } from "../field-error.ts";
import { addressFamily } from "../kinds/address-family.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import type { JsonSchema } from "./json-schema.ts";

/** More than these are not reported. */
const MAX_CAUSES = 100;

/**
 * What is wrong with a value; `path` names it.
 *
 * @param previous what was in its place: what did not change is not looked at again (CRDValidationRatcheting)
 */
export function validateSchema(
  schema: JsonSchema,
  value: unknown,
  path: string,
  previous?: unknown,
): StatusCause[] {
  const causes: StatusCause[] = [];
  check(schema, value, path, causes, previous);
  return causes;
}

function check(
  schema: JsonSchema,
  value: unknown,
  path: string,
  causes: StatusCause[],
  previous?: unknown,
): void {
  if (causes.length >= MAX_CAUSES) return;
  if (previous !== undefined && deepEqual(value, previous)) return;
  if (value === null && schema.nullable) return;
  if (!checkType(schema, value, path, causes)) return;
  if (schema.enum !== undefined && !schema.enum.some((allowed) => deepEqual(allowed, value))) {
    causes.push(notSupported(path, value, schema.enum.map(String)));
  }
  if (typeof value === "number") checkNumber(schema, value, path, causes);
  else if (typeof value === "string") checkString(schema, value, path, causes);
  else if (Array.isArray(value)) checkList(schema, value, path, causes, previous);
  else if (isJsonObject(value)) checkObject(schema, value, path, causes, previous);
  checkCombinations(schema, value, path, causes);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkType(schema: JsonSchema, value: unknown, path: string, causes: StatusCause[]): boolean {
  const actual = typeOf(value);
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  if (isIntOrString ? actual === "integer" || actual === "string" : fits(schema.type, actual)) return true;
  const wanted = isIntOrString ? "integer,string" : schema.type;
  causes.push({
    reason: "FieldValueTypeInvalid",
    field: path || "<nil>",
    message: `Invalid value: ${JSON.stringify(actual)}: ${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`,
  });
  return false;
}

function fits(wanted: string | undefined, actual: string): boolean {
  return wanted === undefined || wanted === actual || (wanted === "number" && actual === "integer");
}

function checkNumber(schema: JsonSchema, value: number, path: string, causes: StatusCause[]): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (multipleOf !== undefined && value % multipleOf !== 0)
    causes.push(invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const word = exclusiveMinimum ? "greater than" : "greater than or equal to";
    causes.push(invalidValue(path, value, `${path} in body should be ${word} ${minimum}`));
  }
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const word = exclusiveMaximum ? "less than" : "less than or equal to";
    causes.push(invalidValue(path, value, `${path} in body should be ${word} ${maximum}`));
  }
}

function checkString(schema: JsonSchema, value: string, path: string, causes: StatusCause[]): void {
  const { minLength, maxLength, pattern } = schema;
  if (minLength !== undefined && [...value].length < minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (maxLength !== undefined && [...value].length > maxLength) {
    const message = `Too long: may not be more than ${maxLength} bytes`;
    causes.push({ reason: "FieldValueTooLong", field: path, message });
  }
  if (pattern !== undefined && !patternOf(pattern).test(value)) {
    causes.push(invalidValue(path, value, `${path} in body should match '${pattern}'`));
  }
  if (schema.format !== undefined && formatProblem(schema.format, value)) {
    const text = JSON.stringify(value);
    const message = `Invalid value: ${text}: ${path} in body must be of type ${schema.format}: ${text}`;
    causes.push({ reason: "FieldValueTypeInvalid", field: path, message });
  }
}

const FORMATS: Record<string, (value: string) => boolean> = {
  "date-time": (value) => !Number.isNaN(Date.parse(value)) && /^\d{4}-\d\d-\d\d[Tt]/.test(value),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  duration: (value) => {
    try {
      parseGoDuration(value);
      return true;
    } catch {
      return /^\d+ ?(d|day|w|wk|week)s?$/.test(value);
    }
  },
  byte: (value) =>
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value) && value !== "",
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  hostname: (value) => value.length <= 253 && /^(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(value),
  ipv4: (value) => addressFamily(value) === 4,
  ipv6: (value) => addressFamily(value) === 6,
  uri: (value) => /^([a-z][a-z0-9+.-]*:|\/)/i.test(value) && !/%(?![0-9a-f]{2})|\s/i.test(value),
  uuid: (value) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value),
};

/** Formats that are not known say nothing. */
function formatProblem(format: string, value: string): boolean {
  return Object.hasOwn(FORMATS, format) && !FORMATS[format](value);
}

const patterns = new Map<string, RegExp>();

/** Definitions are written by the cluster's administrator; a pattern that is none matches everything. */
function patternOf(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (found === undefined) {
    try {
      found = new RegExp(pattern, "u");
    } catch {
      found = /(?:)/;
    }
    patterns.set(pattern, found);
  }
  return found;
}

function checkList(
  schema: JsonSchema,
  value: unknown[],
  path: string,
  causes: StatusCause[],
  previous: unknown,
): void {
  const { minItems, maxItems, uniqueItems, items } = schema;
  if (minItems !== undefined && value.length < minItems) {
    causes.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) {
    const message = `Too many: ${value.length}: must have at most ${maxItems} items`;
    causes.push({ reason: "FieldValueTooMany", field: path, message });
  }
  const isSet = uniqueItems || schema["x-kubernetes-list-type"] === "set";
  const keys = schema["x-kubernetes-list-type"] === "map" ? schema["x-kubernetes-list-map-keys"] : undefined;
  if (isSet || keys !== undefined) checkUnique(value, keys, path, causes);
  if (items === undefined) return;
  const before = formerItems(schema, previous);
  for (const [index, item] of value.entries()) check(items, item, `${path}[${index}]`, causes, before(item));
}

/** Finds what an item was before: those of a list by keys are told apart by these, those of others have no past. */
export function formerItems(schema: JsonSchema, previous: unknown): (item: unknown) => unknown {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(previous)) return () => undefined;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const identity = (item: unknown) =>
    JSON.stringify(keys.map((key) => (isJsonObject(item) ? item[key] : undefined)));
  const former = new Map(previous.map((item) => [identity(item), item]));
  return (item) => former.get(identity(item));
}

function checkUnique(list: unknown[], keys: string[] | undefined, path: string, causes: StatusCause[]): void {
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const identity =
      keys === undefined ? item : keys.map((key) => (item as Record<string, unknown>)?.[key] ?? null);
    const text = JSON.stringify(identity);
    if (seen.has(text)) {
      const value =
        keys === undefined
          ? item
          : Object.fromEntries(keys.map((key, at) => [key, (identity as unknown[])[at]]));
      causes.push({
        reason: "FieldValueDuplicate",
        field: `${path}[${index}]`,
        message: `Duplicate value: ${JSON.stringify(value)}`,
      });
    }
    seen.add(text);
  }
}

function checkObject(
  schema: JsonSchema,
  value: Record<string, unknown>,
  path: string,
  causes: StatusCause[],
  previous: unknown,
): void {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const size = Object.keys(value).length;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    causes.push(
      invalidValue(path, size, `${path} in body should have at least ${schema.minProperties} properties`),
    );
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    const message = `Too many: ${size}: must have at most ${schema.maxProperties} items`;
    causes.push({ reason: "FieldValueTooMany", field: path, message });
  }
  for (const name of requiredOf(schema)) {
    if (value[name] === undefined) causes.push(required(at(name)));
  }
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : undefined;
    const before = isJsonObject(previous) ? previous[name] : undefined;
    if (property !== undefined) check(property, member, at(name), causes, before);
    else if (typeof schema.additionalProperties === "object")
      check(schema.additionalProperties, member, at(name), causes, before);
  }
}

/** An object in an object says what it is. */
function requiredOf(schema: JsonSchema): string[] {
  const own = schema.required ?? [];
  if (!schema["x-kubernetes-embedded-resource"]) return own;
  return [...new Set(["apiVersion", "kind", ...own])];
}

function checkCombinations(schema: JsonSchema, value: unknown, path: string, causes: StatusCause[]): void {
  const holds = (each: JsonSchema) => validateSchema(each, value, path).length === 0;
  // Upstream does not name the field here.
  const fail = (problem: string) => causes.push(invalidValue("<nil>", "", problem));
  /** Of no alternative that fits, the first one's problems are told too. */
  const explain = ([first]: JsonSchema[]) => check(first, value, path, causes);
  for (const each of schema.allOf ?? []) check(each, value, path, causes);
  if (schema.anyOf !== undefined && !schema.anyOf.some(holds)) {
    fail(`${JSON.stringify(path)} must validate at least one schema (anyOf)`);
    explain(schema.anyOf);
  }
  if (schema.oneOf !== undefined) {
    const matching = schema.oneOf.filter(holds).length;
    const found = matching === 0 ? "none valid" : `${matching} valid alternatives`;
    if (matching !== 1)
      fail(`${JSON.stringify(path)} must validate one and only one schema (oneOf). Found ${found}`);
    if (matching === 0) explain(schema.oneOf);
  }
  if (schema.not !== undefined && holds(schema.not))
    fail(`${JSON.stringify(path)} must not validate the schema (not)`);
}
