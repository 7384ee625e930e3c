/**
 * OTLP/JSON's rules (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), for the three signals: keys in
 * lowerCamelCase, trace and span ids in hexadecimal digits, 64-bit integers as strings (numbers are read too), enums as
 * integers, bytes in base64, unknown fields ignored.
 *
 * Decoders walk what `JSON.parse` made and only look up the keys they know, so a key such as `__proto__` is never used.
 */
import {
  type AnyValue,
  type Attributes,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type EntityRef,
  type InstrumentationScope,
  isKeyValueList,
  type KeyValue,
  type Resource,
} from "../../model/otlp-attributes.ts";
import { MAX_VALUE_DEPTH } from "./common-protobuf.ts";

/** JSON that is not the OTLP message it should be; says at which field. */
export class OtlpJsonError extends Error {
  constructor(path: string, problem: string) {
    super(`${path || "request"}: ${problem}`);
    this.name = "OtlpJsonError";
  }
}

type JsonObject = Record<string, unknown>;

/** A JSON object being read, with where it stands. */
export class JsonFields {
  readonly #object: JsonObject;
  readonly path: string;

  /** @throws OtlpJsonError when `value` is no object */
  constructor(value: unknown, path = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new OtlpJsonError(path, "expected an object");
    }
    this.#object = value as JsonObject;
    this.path = path;
  }

  /** A document. @throws OtlpJsonError */
  static parse(bytes: Uint8Array): JsonFields {
    try {
      return new JsonFields(JSON.parse(new TextDecoder().decode(bytes)));
    } catch (error) {
      if (error instanceof OtlpJsonError) throw error;
      throw new OtlpJsonError("", (error as Error).message);
    }
  }

  /** The value, undefined when it is absent or null. The snake_case spelling of the protobuf is accepted too. */
  get(name: string): unknown {
    const object = this.#object;
    if (Object.hasOwn(object, name)) return object[name] ?? undefined;
    const original = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return original !== name && Object.hasOwn(object, original) ? (object[original] ?? undefined) : undefined;
  }

  string(name: string): string {
    const value = this.get(name) ?? "";
    if (typeof value !== "string") throw this.#wrong(name, "a string");
    return value;
  }

  bool(name: string): boolean {
    const value = this.get(name) ?? false;
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value;
  }

  /** A number that may come as a string; `NaN`, `Infinity` and `-Infinity` are strings. */
  double(name: string): number {
    return this.optionalDouble(name) ?? 0;
  }

  optionalDouble(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    return numberOf(value, `${this.path}.${name}`);
  }

  /** A 32-bit integer. */
  integer(name: string): number {
    const value = this.double(name);
    if (!Number.isInteger(value) || Math.abs(value) > 0xffffffff) throw this.#wrong(name, "an integer");
    return value;
  }

  /** An enum: its number; the name that ends in a known value's is accepted too (`SPAN_KIND_SERVER`). */
  enumeration(name: string, prefix: string, names: readonly string[]): number {
    const value = this.get(name);
    if (typeof value !== "string" || /^\d+$/.test(value)) return this.integer(name);
    const index = names.findIndex((known) => `${prefix}${known.toUpperCase()}` === value);
    if (index === -1) throw this.#wrong(name, `an integer`);
    return index;
  }

  uint64(name: string): bigint {
    return BigInt.asUintN(64, this.int64(name));
  }

  int64(name: string): bigint {
    const value = this.get(name);
    return value === undefined ? 0n : bigintOf(value, `${this.path}.${name}`);
  }

  /** An unsigned integer as a number: exact to 2^53. */
  count(name: string): number {
    const value = this.get(name);
    return value === undefined ? 0 : Number(bigintOf(value, `${this.path}.${name}`));
  }

  /** Hexadecimal digits, in lower case. */
  hex(name: string): string {
    const value = this.string(name);
    if (!/^([0-9a-fA-F]{2})*$/.test(value)) throw this.#wrong(name, "hexadecimal digits");
    return value.toLowerCase();
  }

  /** An array's items. */
  list<T>(name: string, read: (item: unknown, path: string) => T): T[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(name, "an array");
    return value.map((item, index) => read(item, `${this.path}.${name}[${index}]`));
  }

  /** A message field. */
  message<T>(name: string, absent: T, read: (fields: JsonFields) => T): T {
    const value = this.get(name);
    return value === undefined ? absent : read(new JsonFields(value, `${this.path}.${name}`));
  }

  /** Repeated message fields. */
  messages<T>(name: string, read: (fields: JsonFields) => T): T[] {
    return this.list(name, (item, path) => read(new JsonFields(item, path)));
  }

  /** Repeated texts. */
  strings(name: string): string[] {
    return this.list(name, (item, path) => {
      if (typeof item !== "string") throw new OtlpJsonError(path.replace(/^\./, ""), "expected a string");
      return item;
    });
  }

  attributes(name: string, depth = 0): KeyValue[] {
    return this.list(name, (item, path) => readKeyValue(new JsonFields(item, path), depth));
  }

  #wrong(name: string, expected: string): OtlpJsonError {
    return new OtlpJsonError(`${this.path}.${name}`.replace(/^\./, ""), `expected ${expected}`);
  }
}

export function numberOf(value: unknown, path: string): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    if (!Number.isNaN(number) || value === "NaN") return number;
  }
  throw new OtlpJsonError(path.replace(/^\./, ""), "expected a number");
}

export function bigintOf(value: unknown, path: string): bigint {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw new OtlpJsonError(path.replace(/^\./, ""), "expected an integer");
}

function readKeyValue(fields: JsonFields, depth: number): KeyValue {
  return {
    key: fields.string("key"),
    value: fields.message<AnyValue>("value", null, (value) => readAnyValue(value, depth)),
  };
}

export function readAnyValue(fields: JsonFields, depth = 0): AnyValue {
  if (depth > MAX_VALUE_DEPTH) {
    throw new OtlpJsonError(fields.path, `values are nested deeper than ${MAX_VALUE_DEPTH}`);
  }
  if (fields.get("stringValue") !== undefined) return fields.string("stringValue");
  if (fields.get("boolValue") !== undefined) return fields.bool("boolValue");
  if (fields.get("intValue") !== undefined) return BigInt.asIntN(64, fields.int64("intValue"));
  if (fields.get("doubleValue") !== undefined) return fields.double("doubleValue");
  if (fields.get("bytesValue") !== undefined) return base64Of(fields.string("bytesValue"));
  if (fields.get("arrayValue") !== undefined) {
    return fields.message<AnyValue>("arrayValue", null, (array) =>
      array.messages("values", (value) => readAnyValue(value, depth + 1)),
    );
  }
  return fields.message<AnyValue>("kvlistValue", null, (list) => ({
    entries: list.attributes("values", depth + 1),
  }));
}

function base64Of(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

export function readResource(fields: JsonFields): Resource {
  return fields.message("resource", EMPTY_RESOURCE, (resource) => {
    const entityRefs = resource.messages("entityRefs", readEntityRef);
    return {
      attributes: resource.attributes("attributes"),
      droppedAttributesCount: resource.integer("droppedAttributesCount"),
      ...(entityRefs.length === 0 ? {} : { entityRefs }),
    };
  });
}

function readEntityRef(ref: JsonFields): EntityRef {
  return {
    type: ref.string("type"),
    schemaUrl: ref.string("schemaUrl"),
    idKeys: ref.strings("idKeys"),
    descriptionKeys: ref.strings("descriptionKeys"),
  };
}

export function readScope(fields: JsonFields): InstrumentationScope {
  return fields.message("scope", EMPTY_SCOPE, (scope) => ({
    name: scope.string("name"),
    version: scope.string("version"),
    attributes: scope.attributes("attributes"),
    droppedAttributesCount: scope.integer("droppedAttributesCount"),
  }));
}

// ---- encoders: they make plain objects for JSON.stringify, without fields that have their default ----

/** A copy without what proto3 leaves out: undefined, "", 0, false and empty arrays. */
export function withoutDefaults(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => !isDefault(value)));
}

function isDefault(value: unknown): boolean {
  return (
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  );
}

/** A 64-bit integer, undefined where it is 0 and can be left out. */
export function integerJson(value: bigint | number): string | undefined {
  return value === 0n || value === 0 ? undefined : String(value);
}

/** A double; JSON has no NaN and no infinities. */
export function doubleJson(value: number | undefined): number | string | undefined {
  return value === undefined || Number.isFinite(value) ? value : String(value);
}

export function attributesJson(attributes: Attributes): JsonObject[] {
  return attributes.map(({ key, value }) => (value === null ? { key } : { key, value: anyValueJson(value) }));
}

export function anyValueJson(value: AnyValue): JsonObject {
  if (value === null) return {};
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint") return { intValue: String(value) };
  if (typeof value === "number") return { doubleValue: doubleJson(value) };
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString("base64") };
  if (isKeyValueList(value)) return { kvlistValue: { values: attributesJson(value.entries) } };
  return { arrayValue: { values: (value as readonly AnyValue[]).map(anyValueJson) } };
}

export function resourceJson(resource: Resource): JsonObject {
  return withoutDefaults({
    attributes: attributesJson(resource.attributes),
    droppedAttributesCount: resource.droppedAttributesCount,
    entityRefs: (resource.entityRefs ?? []).map((ref) => withoutDefaults({ ...ref })),
  });
}

export function scopeJson(scope: InstrumentationScope): JsonObject {
  return withoutDefaults({
    name: scope.name,
    version: scope.version,
    attributes: attributesJson(scope.attributes),
    droppedAttributesCount: scope.droppedAttributesCount,
  });
}
