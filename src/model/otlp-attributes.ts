/** OpenTelemetry's attributes and what they belong to (`opentelemetry/proto/{common,resource}/v1`). */

/**
 * A value, in the type that stands for it: `bigint` is an int (64 bits), `number` a double, `Uint8Array` bytes, `null`
 * a value that is not set. Values are never changed in place.
 */
export type AnyValue =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | null
  | readonly AnyValue[]
  | KeyValueList;

/** A map as a value. */
export interface KeyValueList {
  readonly entries: Attributes;
}

export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** In the order sent. Keys should be unique, but nobody guarantees it. */
export type Attributes = readonly KeyValue[];

export interface Resource {
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  /** Which of the attributes identify and describe what; absent for none. */
  readonly entityRefs?: readonly EntityRef[];
}

/** An entity that a resource stands for, by the keys of its attributes. */
export interface EntityRef {
  readonly type: string;
  readonly schemaUrl: string;
  readonly idKeys: readonly string[];
  readonly descriptionKeys: readonly string[];
}

/** What in a program made the telemetry: a library and its version. */
export interface InstrumentationScope {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

export const EMPTY_RESOURCE: Resource = { attributes: [], droppedAttributesCount: 0 };
export const EMPTY_SCOPE: InstrumentationScope = {
  name: "",
  version: "",
  attributes: [],
  droppedAttributesCount: 0,
};

/** The first value with this key. */
export function attributeOf(attributes: Attributes, key: string): AnyValue | undefined {
  for (const attribute of attributes) if (attribute.key === key) return attribute.value;
  return undefined;
}

/** A plain object's string, number, boolean and bigint members as attributes; whole numbers become ints. */
export function attributesOf(values: Record<string, string | number | boolean | bigint>): Attributes {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value,
  }));
}

export function isKeyValueList(value: AnyValue): value is KeyValueList {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** `Str`, `Bool`, `Int`, `Double`, `Map`, `Slice`, `Bytes` or `Empty` (pdata `pcommon.ValueType.String`). */
export function typeNameOf(value: AnyValue): string {
  if (value === null) return "Empty";
  if (typeof value === "string") return "Str";
  if (typeof value === "boolean") return "Bool";
  if (typeof value === "bigint") return "Int";
  if (typeof value === "number") return "Double";
  if (value instanceof Uint8Array) return "Bytes";
  return Array.isArray(value) ? "Slice" : "Map";
}

/** The value as text (pdata `pcommon.Value.AsString`): bytes in base64, maps and arrays as JSON, unset as "". */
export function textOf(value: AnyValue): string {
  if (value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  // Numbers that JSON has no text for leave a list or map without any, as upstream's encoder gives up.
  return holdsNonFinite(value) ? "" : jsonOf(value);
}

function holdsNonFinite(value: AnyValue): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return false;
  return isKeyValueList(value)
    ? value.entries.some((entry) => holdsNonFinite(entry.value))
    : (value as readonly AnyValue[]).some(holdsNonFinite);
}

function jsonOf(value: AnyValue): string {
  if (value === null) return "null";
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object") return JSON.stringify(value);
  if (value instanceof Uint8Array) return value.length === 0 ? "null" : JSON.stringify(textOf(value));
  if (!isKeyValueList(value)) return `[${(value as readonly AnyValue[]).map(jsonOf).join(",")}]`;
  // Go sorts the keys of a map.
  const entries = [...value.entries].sort((a, b) => (a.key < b.key ? -1 : 1));
  return `{${entries.map((entry) => `${JSON.stringify(entry.key)}:${jsonOf(entry.value)}`).join(",")}}`;
}
