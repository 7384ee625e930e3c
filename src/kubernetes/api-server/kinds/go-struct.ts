/**
 * Objects as kube-apiserver's own Go types hold them, for messages that print a whole struct: Go's names and order of the
 * fields, all of them, absent lists and pointers as null.
 *
 * The notation of the generated types: a field is `Name=name:type`, with the name that it has in the served version
 * (`../name` where that stands in the struct around); `+type` is an embedded struct, whose fields stand among ours. `*` is
 * a pointer, `[]` a list, `{}` a map.
 */
import { INTERNAL_TYPES } from "./internal-types.generated.ts";

// biome-ignore lint/suspicious/noExplicitAny: objects of any kind
type Anything = any;

interface GoField {
  /** "" for an embedded struct. */
  name: string;
  source: string;
  type: string;
}

const parsed = new Map<string, GoField[]>();

function fieldsOf(type: string): GoField[] {
  let fields = parsed.get(type);
  if (fields === undefined) {
    fields = INTERNAL_TYPES[type].split(" ").map((text) => {
      if (text.startsWith("+")) return { name: "", source: "", type: text.slice(1) };
      const [, name, source, of] = /^(\w+)=([^:]*):(.*)$/.exec(text)!;
      return { name, source, type: of };
    });
    parsed.set(type, fields);
  }
  return fields;
}

const ZEROS: Record<string, unknown> = {
  string: "",
  bool: false,
  number: 0,
  quantity: "0",
  intorstring: 0,
  time: null,
  bytes: null,
  any: null,
};

/** The order of a template's metadata; members that are empty are left out. */
const METADATA = (
  "name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp " +
  "deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields"
).split(" ");

/**
 * @param type an internal type, e.g. `core.PodSpec`
 * @param value an object of the served version
 * @param owner the struct around it
 * @returns what `goJson` prints
 */
export function goStruct(type: string, value: Anything, owner?: Anything): Record<string, unknown> {
  const struct: Record<string, unknown> = {};
  for (const { name, source, type: of } of fieldsOf(type)) {
    if (of === "meta") Object.assign(struct, metadata(value?.metadata));
    else if (name === "") Object.assign(struct, goStruct(of, value));
    else if (source.startsWith("../")) struct[name] = goValue(of, owner?.[source.slice(3)], owner);
    else struct[name] = goValue(of, value?.[source], value);
  }
  return struct;
}

/** A value of any internal type: `[]core.ServicePort`. */
export function goValue(type: string, value: Anything, owner?: Anything): unknown {
  if (type.startsWith("*"))
    return value === undefined || value === null ? null : goValue(type.slice(1), value, owner);
  if (type.startsWith("[]"))
    return Array.isArray(value) ? value.map((item) => goValue(type.slice(2), item)) : null;
  if (type.startsWith("{}")) {
    if (value === undefined || value === null) return null;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, goValue(type.slice(2), item)]),
    );
  }
  if (type.includes(".")) return goStruct(type, value, owner);
  return value ?? ZEROS[type];
}

function metadata(value: Anything): Record<string, unknown> {
  const struct: Record<string, unknown> = {};
  for (const name of METADATA) {
    const member = value?.[name];
    const isEmpty = !member || (typeof member === "object" && Object.keys(member).length === 0);
    if (!isEmpty) struct[name] = name === "labels" || name === "annotations" ? sorted(member) : member;
  }
  return struct;
}

function sorted(map: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether two results of `goStruct` mean the same; lists and maps without members are as good as none. */
export function sameStruct(a: unknown, b: unknown): boolean {
  if (a === b || (isNothing(a) && isNothing(b))) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameStruct(item, b[at]));
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    sameStruct(left[key], right[key]),
  );
}

function isNothing(value: unknown): boolean {
  return (
    value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0)
  );
}
