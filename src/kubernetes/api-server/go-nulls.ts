/**
 * What Go writes as null: lists, maps and pointers without `omitempty`, and times, which are structs. The store does
 * without them, so that what runs beside it need not look for them; answers and the ownership of fields have them.
 */
import { type ApiField, type ApiType, apiType, kindType } from "../../wire/kubernetes/schema/api-type.ts";
import { isJsonObject, type JsonObject } from "./patch/merge-patch.ts";

interface NullFields {
  nulls: string[];
  /** Members with such fields in them. */
  nested: [name: string, type: ApiType][];
}

const known = new Map<ApiType, NullFields>();

/** Whether Go writes null where the field is absent. */
export function isNullWhenAbsent({
  name,
  type,
  isPointer,
  isRequired,
  isOmitted,
  keepsZero,
}: ApiField): boolean {
  if (KEPT_AS_SENT.has(name)) return false;
  if (type.container !== undefined) return keepsZero;
  if (isPointer) return isRequired && !isOmitted;
  return (type.item === "time" || type.item === "microtime") && name !== "creationTimestamp";
}

/** See `zero-values.ts`: a StatefulSet's claims. */
const KEPT_AS_SENT = new Set(["volumeClaimTemplates"]);

function nullFieldsOf(type: ApiType): NullFields {
  let found = known.get(type);
  if (found === undefined) {
    const fields = [...type.fields.values()];
    const nulls = fields.filter(isNullWhenAbsent).map(({ name }) => name);
    found = { nulls, nested: [] };
    known.set(type, found);
    for (const { name, type: of } of fields) {
      const struct = apiType(of.item);
      if (struct !== undefined && hasNulls(struct, new Set())) found.nested.push([name, struct]);
    }
  }
  return found;
}

function hasNulls(type: ApiType, seen: Set<ApiType>): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return [...type.fields.values()].some((field) => {
    const struct = apiType(field.type.item);
    return isNullWhenAbsent(field) || (struct !== undefined && hasNulls(struct, seen));
  });
}

/** An object of a built-in kind as Go writes it: itself where nothing is missing, else a copy of what changes. */
export function withGoNulls<T extends object>(object: T): T {
  const { apiVersion, kind } = object as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string") return object;
  const slash = apiVersion.indexOf("/");
  const type = kindType(slash === -1 ? "" : apiVersion.slice(0, slash), apiVersion.slice(slash + 1), kind);
  return type === undefined ? object : (filled(type, object as unknown as JsonObject) as T);
}

function filled(type: ApiType, object: JsonObject): JsonObject {
  const { nulls, nested } = nullFieldsOf(type);
  let result = object;
  const set = (name: string, value: unknown) => {
    if (result === object) result = { ...object };
    result[name] = value as JsonObject;
  };
  for (const name of nulls) if (object[name] === undefined) set(name, null);
  for (const [name, struct] of nested) {
    const value = object[name];
    if (value === undefined || value === null) continue;
    const { container } = type.fields.get(name)!.type;
    const next =
      container === undefined
        ? filledItem(struct, value)
        : container === "list"
          ? filledList(struct, value)
          : filledMap(struct, value);
    if (next !== value) set(name, next);
  }
  return result;
}

function filledItem(type: ApiType, value: unknown): unknown {
  return isJsonObject(value) ? filled(type, value) : value;
}

function filledList(type: ApiType, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const items = value.map((item) => filledItem(type, item));
  return items.some((item, index) => item !== value[index]) ? items : value;
}

function filledMap(type: ApiType, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, filledItem(type, item)] as const);
  return entries.some(([name, item]) => item !== value[name]) ? Object.fromEntries(entries) : value;
}
