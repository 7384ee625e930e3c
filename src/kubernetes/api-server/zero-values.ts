/** What Go writes of an object although it is empty: numbers that are 0, structs without members. Clients count on them. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type ApiType, apiType, kindType } from "../../wire/kubernetes/schema/api-type.ts";
import { isNullWhenAbsent } from "./go-nulls.ts";
import { isJsonObject, type JsonObject } from "./patch/merge-patch.ts";
import type { ResourceInfo } from "./resource-info.ts";

interface ZeroFields {
  /** Members that are never absent. */
  kept: [name: string, zero: string | number | false | ApiType][];
  /** Members with structs in them. */
  nested: Map<string, ApiType>;
}

const zeroFields = new WeakMap<ApiType, ZeroFields>();

function zeroFieldsOf(type: ApiType): ZeroFields {
  let found = zeroFields.get(type);
  if (found === undefined) {
    found = { kept: [], nested: new Map() };
    zeroFields.set(type, found);
    for (const { name, type: of, keepsZero } of type.fields.values()) {
      const struct = apiType(of.item);
      const isStruct = struct !== undefined && struct.values === undefined;
      if (isStruct && !KEPT_AS_SENT.has(name)) found.nested.set(name, struct);
      if (!keepsZero || of.container !== undefined) continue;
      const zero = isStruct ? struct : struct !== undefined ? "" : SCALARS[of.item];
      if (zero !== undefined) found.kept.push([name, zero]);
    }
  }
  return found;
}

/**
 * A StatefulSet's claims stay as they were sent. Upstream fills them in, which makes `kubectl apply` of an unchanged
 * StatefulSet say "configured" each time.
 */
const KEPT_AS_SENT = new Set(["volumeClaimTemplates"]);

/** Lists, maps and times are left out here: Go writes null (`go-nulls.ts`). */
const SCALARS: Record<string, string | number | false> = {
  string: "",
  bool: false,
  int32: 0,
  int64: 0,
  float64: 0,
  intorstring: 0,
  quantity: "0",
};

/** An object of a built-in kind, in the version that is stored. */
export function completeObject(info: ResourceInfo, object: KubernetesObject): void {
  if (info.isCustom) return;
  const [version, group = ""] = (object.apiVersion ?? "").split("/").reverse();
  const type = kindType(group, version, info.kind);
  if (type !== undefined) fillZeroValues(type, object as unknown as JsonObject);
}

const emptyObjects = new WeakMap<ApiType, JsonObject>();

/**
 * An object of the kind with nothing in it, as Go writes it: what a new object is compared with to say which fields its
 * maker has set. Lists and maps that are always written are null here.
 */
export function emptyObject(info: ResourceInfo): JsonObject {
  const type = info.isCustom ? undefined : kindType(info.group, info.version, info.kind);
  return type === undefined ? { metadata: {} } : emptyStruct(type);
}

function emptyStruct(type: ApiType): JsonObject {
  let object = emptyObjects.get(type);
  if (object === undefined) {
    object = {};
    emptyObjects.set(type, object);
    for (const [name, zero] of zeroFieldsOf(type).kept)
      object[name] = typeof zero === "object" ? emptyStruct(zero) : zero;
    for (const field of type.fields.values()) if (isNullWhenAbsent(field)) object[field.name] = null;
  }
  return object;
}

/** Adds them to the object in place. */
export function fillZeroValues(type: ApiType, object: JsonObject): void {
  const { kept, nested } = zeroFieldsOf(type);
  for (const [name, zero] of kept) {
    if (object[name] === undefined) object[name] = typeof zero === "object" ? {} : zero;
  }
  for (const [name, value] of Object.entries(object)) {
    const struct = nested.get(name);
    if (struct === undefined) continue;
    const { container } = type.fields.get(name)!.type;
    if (container === undefined) {
      if (isJsonObject(value)) fillZeroValues(struct, value);
      continue;
    }
    const items = container === "list" ? value : Object.values(value ?? {});
    if (!Array.isArray(items)) continue;
    for (const item of items) if (isJsonObject(item)) fillZeroValues(struct, item);
  }
}
