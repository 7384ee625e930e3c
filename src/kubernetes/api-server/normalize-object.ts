/**
 * Objects of built-in kinds as Go would hand them back: checked against the kind's types, quantities and times in
 * canonical form, optional fields with zero values gone, fields that the kind does not have left out and named.
 */
import { canonicalQuantity } from "../../model/quantity.ts";
import { type ApiField, type ApiType, apiType } from "../../wire/kubernetes/schema/api-type.ts";
import { parseGoTime } from "./go-time.ts";
import { isJsonObject, type JsonObject, setMember } from "./patch/merge-patch.ts";

/** A value that does not fit its field. The message is that of Go's decoder. */
export class FieldTypeError extends Error {}

/** Where a value is: as warnings name it, with indexes, and as Go's decoder does, without indexes and keys of maps. */
interface Place {
  path: string;
  goPath: string;
  /** The field's type, where Go has a name of its own for it. */
  goName?: string;
}

/**
 * @param unknownFields takes the paths of the fields that the kind does not have:
 * `spec.template.spec.containers[0].imag`
 * @throws FieldTypeError `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`
 */
export function normalizeObject(type: ApiType, object: JsonObject, unknownFields: string[]): JsonObject {
  const { apiVersion, kind, ...members } = object;
  return { apiVersion, kind, ...normalizeStruct(type, members, { path: "", goPath: "" }, unknownFields) };
}

function normalizeStruct(type: ApiType, value: JsonObject, place: Place, unknown: string[]): JsonObject {
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const field = type.fields.get(name);
    const path = place.path === "" ? name : `${place.path}.${name}`;
    if (field === undefined) {
      if (!isEmbeddedTypeMeta(type, name)) unknown.push(path);
      else result[name] = member;
      continue;
    }
    if (member === null || member === undefined) continue;
    const inlined = field.inlinedFrom === undefined ? name : `${field.inlinedFrom}.${name}`;
    const goPath = place.goPath === "" ? inlined : `${place.goPath}.${inlined}`;
    const normalized = normalizeField(type, field, member, { path, goPath }, unknown);
    if (field.isRequired || field.isPointer || !isZero(normalized)) result[name] = normalized;
  }
  return result;
}

/** Objects within objects (claim templates) may say what they are. */
function isEmbeddedTypeMeta(type: ApiType, name: string): boolean {
  return (name === "apiVersion" || name === "kind") && type.fields.has("metadata");
}

function isZero(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function wrongType(owner: ApiType, value: unknown, { goPath }: Place, goType: string): FieldTypeError {
  const struct = owner.name.slice(owner.name.lastIndexOf(".") + 1);
  const found = jsonKind(value, goType);
  return new FieldTypeError(
    `json: cannot unmarshal ${found} into Go struct field ${struct}.${goPath} of type ${goType}`,
  );
}

function normalizeField(
  owner: ApiType,
  field: ApiField,
  value: unknown,
  place: Place,
  unknown: string[],
): unknown {
  const { container, item } = field.type;
  const { goName } = field;
  const itemName = goName?.startsWith("[]") ? goName.slice(2) : undefined;
  const one = (entry: unknown, at: Place) =>
    entry === null ? zeroOf(item) : normalizeValue(owner, item, entry, { ...at, goName: itemName }, unknown);
  if (container === "list") {
    if (!Array.isArray(value)) throw wrongType(owner, value, place, goName ?? `[]${goType(item)}`);
    return value.map((entry, index) => one(entry, { ...place, path: `${place.path}[${index}]` }));
  }
  if (container === "map") {
    if (!isJsonObject(value)) throw wrongType(owner, value, place, goName ?? `map[string]${goType(item)}`);
    const result: JsonObject = {};
    for (const [key, entry] of Object.entries(value))
      setMember(result, key, one(entry, { ...place, path: `${place.path}.${key}` }));
    return result;
  }
  return normalizeValue(owner, item, value, { ...place, goName }, unknown);
}

/** What Go has where a list or a map says null. */
function zeroOf(type: string): unknown {
  switch (type) {
    case "string":
    case "bytes":
      return "";
    case "bool":
      return false;
    case "quantity":
      return "0";
    case "int32":
    case "int64":
    case "float64":
    case "intorstring":
      return 0;
  }
  const struct = apiType(type);
  if (struct === undefined) return null;
  return struct.values === undefined ? {} : "";
}

function normalizeValue(
  owner: ApiType,
  type: string,
  value: unknown,
  place: Place,
  unknown: string[],
): unknown {
  const fail = (wanted = type): never => {
    throw wrongType(owner, value, place, wanted === type ? (place.goName ?? goType(type)) : goType(wanted));
  };
  switch (type) {
    case "string":
      return typeof value === "string" ? value : fail();
    case "bool":
      return typeof value === "boolean" ? value : fail();
    case "int32":
    case "int64":
      return typeof value === "number" && isWhole(value, type) ? value : fail();
    case "float64":
    case "duration":
      return typeof value === "number" || type === "duration" ? value : fail();
    case "intorstring":
      if (typeof value === "number" && !isWhole(value, "int32")) return fail("int32");
      return typeof value === "string" || typeof value === "number" ? value : fail();
    case "bytes":
      return typeof value === "string" ? checkBase64(value) : fail();
    case "quantity":
      return normalizeQuantity(value);
    case "time":
    case "microtime":
      return typeof value === "string" ? normalizeTime(value, type) : fail();
    case "any":
    case "schemaorlist":
    case "schemaorbool":
    case "schemaorstrings":
      return value;
  }
  const struct = apiType(type);
  if (struct === undefined) throw new Error(`unknown type ${type}`);
  if (struct.values !== undefined) return typeof value === "string" ? value : fail();
  return isJsonObject(value) ? normalizeStruct(struct, value, place, unknown) : fail();
}

function isWhole(value: number, type: string): boolean {
  return Number.isInteger(value) && (type === "int64" || (value >= -(2 ** 31) && value < 2 ** 31));
}

function normalizeQuantity(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new FieldTypeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  try {
    return canonicalQuantity(value);
  } catch (error) {
    throw new FieldTypeError((error as Error).message);
  }
}

function normalizeTime(value: string, type: string): string {
  let parsed: number;
  try {
    parsed = parseGoTime(value, type === "microtime");
  } catch (error) {
    throw new FieldTypeError((error as Error).message);
  }
  const seconds = new Date(parsed).toISOString().slice(0, 19);
  return type === "time" ? `${seconds}Z` : `${seconds}.${/[.,](\d{6})/.exec(value)![1]}Z`;
}

function checkBase64(value: string): string {
  const text = value.replace(/[\r\n]/g, "");
  // What is cut off is told by where its last group of four starts.
  const cut = text.length % 4 === 0 ? -1 : text.length - (text.length % 4);
  const bad = /[^A-Za-z0-9+/=]/.exec(text)?.index ?? cut;
  if (bad >= 0) throw new FieldTypeError(`illegal base64 data at input byte ${bad}`);
  return text;
}

function jsonKind(value: unknown, type = ""): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // A number of the wrong size is quoted.
  if (typeof value === "number") return /^int\d/.test(type) ? `number ${value}` : "number";
  return typeof value;
}

/** A type's name as Go's messages have it. */
function goType(type: string): string {
  const names: Record<string, string> = {
    bytes: "[]uint8",
    time: "string",
    microtime: "string",
    any: "v1.JSON",
    intorstring: "intstr.IntOrString",
  };
  if (names[type] !== undefined) return names[type];
  const match = /^(?:.*\/)?(\w+)\.(\w+)$/.exec(type);
  return match === null ? type : `${match[1]}.${match[2]}`;
}
