/**
 * The order in which Go writes an object of a built-in kind: kind and version, then the fields as their structs declare
 * them, and maps by their keys. Nobody should count on it; who compares texts does.
 */
import { type ApiType, apiType, kindType } from "../../../wire/kubernetes/schema/api-type.ts";
import { isJsonObject, type JsonObject } from "../patch/merge-patch.ts";

interface OrderedField {
  name: string;
  isMap: boolean;
  /** What the field, or each of its items, is made of. */
  struct: ApiType | undefined;
}

const known = new WeakMap<ApiType, OrderedField[]>();

function fieldsOf(type: ApiType): OrderedField[] {
  let fields = known.get(type);
  if (fields === undefined) {
    fields = [...type.fields.values()].map(({ name, type: of }) => {
      const found = apiType(of.item);
      return { name, isMap: of.container === "map", struct: found?.values === undefined ? found : undefined };
    });
    known.set(type, fields);
  }
  return fields;
}

/** The object with its members in Go's order; one of another kind as it is. */
export function inGoOrder<T extends object>(object: T): T {
  const { apiVersion, kind } = object as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string") return object;
  const slash = apiVersion.indexOf("/");
  const type = kindType(slash === -1 ? "" : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind);
  return type === undefined ? object : (ordered(type, object as JsonObject, { kind, apiVersion }) as T);
}

function ordered(type: ApiType, object: JsonObject, result: JsonObject = {}): JsonObject {
  for (const { name, isMap, struct } of fieldsOf(type)) {
    const value = object[name];
    if (value === undefined) continue;
    if (isMap && isJsonObject(value)) result[name] = byKey(value, struct);
    else if (struct === undefined) result[name] = value;
    else
      result[name] = Array.isArray(value) ? value.map((item) => member(struct, item)) : member(struct, value);
  }
  for (const name of Object.keys(object)) if (result[name] === undefined) result[name] = object[name];
  return result;
}

function member(struct: ApiType, value: unknown): unknown {
  return isJsonObject(value) ? ordered(struct, value) : value;
}

function byKey(map: JsonObject, struct: ApiType | undefined): JsonObject {
  const result: JsonObject = {};
  for (const key of Object.keys(map).sort())
    result[key] = struct === undefined ? map[key] : member(struct, map[key]);
  return result;
}
