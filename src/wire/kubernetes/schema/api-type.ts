/**
 * The types of the built-in kinds, read from their compact notation: fields, protobuf numbers, how lists merge.
 *
 * A type is its fields with blanks between: `name!1:string` is required and has protobuf number 1, `image?2:string`
 * is optional, `^` after the type is a Go pointer (a zero value is kept), `*2:core/v1.VolumeSource` is a struct whose
 * fields stand among ours in JSON and in a message of its own in protobuf. `[]` is a list, `{}` a map by name.
 * `@map(name)`, `@set`, `@atomic` are list types of server-side apply, `@merge(name)` the key of strategic merge
 * patches, `@replace` and `@retain` their strategies `replace` and `retainKeys`. Go writes required fields and structs that
 * are no pointers even when they are empty: `@omit` and `@zero` mark those where it is the other way round. A first `@atomic` makes the whole struct one. `~v1.URIScheme`
 * is Go's name of a type that is another by that name. `=A|B` is an enumeration.
 */
import { BUILTIN_TYPES } from "./builtin-types.generated.ts";

/**
 * `string`, `bool`, `int32`, `int64`, `float64`, `bytes`, `quantity`, `intorstring`, `time`, `any`, or a type's name. What
 * a schema has in the place of a schema: `schemaorlist`, `schemaorbool`, `schemaorstrings`.
 */
export type ScalarOrTypeName = string;

export interface FieldType {
  container: "list" | "map" | undefined;
  /** Of the items where there is a container (lists of lists do not occur). */
  item: ScalarOrTypeName;
}

export interface ApiField {
  name: string;
  number: number;
  type: FieldType;
  isRequired: boolean;
  isPointer: boolean;
  /** Marked so: Go leaves it out where it is empty, although it is required. */
  isOmitted: boolean;
  /** Go writes it when it is empty, too. */
  keepsZero: boolean;
  listType: "map" | "set" | "atomic" | undefined;
  /** With list type `map`: the members that tell items apart. */
  listMapKeys: readonly string[];
  /** Strategic merge patches merge items; by this member, or as plain values where it is "". */
  mergeKey: string | undefined;
  /** Strategic merge patches replace the struct as a whole. */
  isReplaced: boolean;
  retainKeys: boolean;
  /** What Go calls the type, where that is a name for another type: `v1.URIScheme`, `[]v1.Capability`. */
  goName?: string;
  /** The struct whose fields stand among the owner's: `VolumeSource`. */
  inlinedFrom?: string;
}

export interface ApiType {
  name: string;
  /** By name in JSON, those of inlined structs too. */
  fields: ReadonlyMap<string, ApiField>;
  /** By number in protobuf. */
  wireFields: ReadonlyMap<number, ApiField | InlineStruct>;
  isAtomic: boolean;
  /** The allowed values of an enumeration, sorted. */
  values: readonly string[] | undefined;
}

export interface InlineStruct {
  number: number;
  inline: ApiType;
}

const types = new Map<string, ApiType>();

/** The type of that name (`core/v1.PodSpec`), or undefined: scalars have none. */
export function apiType(name: string): ApiType | undefined {
  let type = types.get(name);
  if (type === undefined && Object.hasOwn(BUILTIN_TYPES, name)) {
    type = readType(name, BUILTIN_TYPES[name]);
    types.set(name, type);
  }
  return type;
}

export function builtinTypeNames(): string[] {
  return Object.keys(BUILTIN_TYPES);
}

/** The groups' short names in type names: `rbac.authorization.k8s.io` is `rbac`, the core group `core`. */
export function builtinTypeName(group: string, version: string, kind: string): string {
  return `${group === "" ? "core" : group.split(".")[0]}/${version}.${kind}`;
}

/** The type of a built-in kind. */
export function kindType(group: string, version: string, kind: string): ApiType | undefined {
  return apiType(builtinTypeName(group, version, kind));
}

function readType(name: string, text: string): ApiType {
  const values = text.startsWith("=") ? text.slice(1).split("|") : undefined;
  const isAtomic = text.startsWith("@atomic ");
  const fields = new Map<string, ApiField>();
  const wireFields = new Map<number, ApiField | InlineStruct>();
  const words = values === undefined ? text.split(" ") : [];
  for (const word of words) {
    if (word === "" || word === "@atomic") continue;
    if (word.startsWith("*")) {
      const [number, inlineName] = word.slice(1).split(":");
      const inline = apiType(inlineName)!;
      const inlinedFrom = inlineName.slice(inlineName.lastIndexOf(".") + 1);
      for (const [fieldName, field] of inline.fields) fields.set(fieldName, { ...field, inlinedFrom });
      wireFields.set(Number(number), { number: Number(number), inline });
      continue;
    }
    const field = readField(word);
    fields.set(field.name, field);
    if (field.number > 0) wireFields.set(field.number, field);
  }
  return { name, fields, wireFields, isAtomic, values };
}

function isStruct(name: string): boolean {
  return Object.hasOwn(BUILTIN_TYPES, name) && !BUILTIN_TYPES[name].startsWith("=");
}

const FIELD =
  /^([\w$-]+)([!?])(\d+):(\[\]|\{\}(?:\[\])?)?([\w./]+)(\^?)((?:@\w+(?:\([^)]*\))?)*)(?:~((?:\[\])?[\w.]+))?$/;

function readField(word: string): ApiField {
  const match = FIELD.exec(word);
  if (match === null) throw new Error(`bad field notation ${word}`);
  const [, name, required, number, container, item, pointer, marks, goName] = match;
  const mark = (wanted: string) => new RegExp(`@${wanted}(?:\\(([^)]*)\\))?`).exec(marks);
  const map = mark("map");
  return {
    name,
    number: Number(number),
    type: {
      container: container === undefined ? undefined : container === "[]" ? "list" : "map",
      item: container === "{}[]" ? "any" : item,
    },
    isRequired: required === "!",
    isPointer: pointer === "^",
    isOmitted: mark("omit") !== null,
    keepsZero:
      pointer !== "^" &&
      mark("omit") === null &&
      (required === "!" || mark("zero") !== null || (container === undefined && isStruct(item))),
    listType: map ? "map" : mark("set") ? "set" : mark("atomic") ? "atomic" : undefined,
    listMapKeys: map ? map[1].split(",") : [],
    mergeKey: mark("merge")?.[1],
    isReplaced: mark("replace") !== null,
    retainKeys: mark("retain") !== null,
    goName,
  };
}
