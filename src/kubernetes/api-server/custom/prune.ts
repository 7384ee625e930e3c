/** Custom resources in the shape of their schema: fields that it does not have removed, defaults filled in. */
import { isJsonObject, type JsonObject, setMember } from "../patch/merge-patch.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Removes unknown fields from a writable object and returns their paths. */
export function pruneObject(object: JsonObject, schema: JsonSchema): string[] {
  const pruned: string[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (name === "apiVersion" || name === "kind" || name === "metadata") continue;
    pruneMember(object, name, value, schema, name, pruned);
  }
  return pruned.sort();
}

function pruneMember(
  object: JsonObject,
  name: string,
  value: unknown,
  schema: JsonSchema,
  path: string,
  pruned: string[],
): void {
  const property = propertyOf(schema, name);
  if (property !== undefined) pruneValue(value, property, path, pruned);
  else if (!schema["x-kubernetes-preserve-unknown-fields"]) {
    delete object[name];
    pruned.push(path);
  }
}

function propertyOf(schema: JsonSchema, name: string): JsonSchema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name))
    return schema.properties[name];
  const { additionalProperties } = schema;
  if (additionalProperties === true) return { "x-kubernetes-preserve-unknown-fields": true };
  return additionalProperties || undefined;
}

function pruneValue(value: unknown, schema: JsonSchema, path: string, pruned: string[]): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined)
      for (const [index, item] of value.entries()) pruneValue(item, items, `${path}[${index}]`, pruned);
    return;
  }
  if (
    !isJsonObject(value) ||
    (schema["x-kubernetes-preserve-unknown-fields"] && schema.properties === undefined)
  )
    return;
  for (const [name, member] of Object.entries(value)) {
    const isTypeMeta =
      schema["x-kubernetes-embedded-resource"] && ["apiVersion", "kind", "metadata"].includes(name);
    if (!isTypeMeta) pruneMember(value, name, member, schema, `${path}.${name}`, pruned);
  }
}

/** Fills in defaults, and drops nulls where the schema does not allow them. */
export function applyDefaults(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (value[name] === null && !property.nullable) delete value[name];
    if (value[name] === undefined && property.default !== undefined)
      setMember(value, name, structuredClone(property.default));
    if (value[name] !== undefined) applyDefaults(value[name], property);
  }
  if (typeof schema.additionalProperties === "object") {
    for (const [name, member] of Object.entries(value)) {
      if (schema.properties === undefined || !Object.hasOwn(schema.properties, name)) {
        applyDefaults(member, schema.additionalProperties);
      }
    }
  }
}

/** Whether a default has fields that its schema does not know. */
export function pruneDefault(value: unknown, schema: JsonSchema): boolean {
  const pruned: string[] = [];
  pruneValue(structuredClone(value), schema, "", pruned);
  return pruned.length > 0;
}
