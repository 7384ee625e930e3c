/** Values of the Common Expression Language: equality, order, types, and JSON as they see it. */
import { parseGoDuration } from "../../../../model/go-duration.ts";
import type { JsonSchema } from "../json-schema.ts";

/** Nanoseconds since 1970. */
export class CelTimestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class CelDuration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** What `optional.of` makes; without a value, `optional.none()`. */
export class CelOptional {
  readonly value: CelValue | undefined;
  constructor(value?: CelValue) {
    this.value = value;
  }
}

/** What `type(x)` answers. */
export class CelType {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A value that a library makes: what can be asked of it, and what it is equal by. */
export class CelObject {
  /** `net.IP` */
  readonly type: string;
  readonly key: string;
  readonly methods: Readonly<Record<string, (...values: CelValue[]) => CelValue>>;
  constructor(
    type: string,
    key: string,
    methods: Readonly<Record<string, (...values: CelValue[]) => CelValue>>,
  ) {
    this.type = type;
    this.key = key;
    this.methods = methods;
  }
}

export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelValue[]
  | CelMap
  | CelTimestamp
  | CelDuration
  | CelOptional
  | CelObject
  | CelType;

/** Maps and objects alike. Keys are text, whole numbers or booleans. */
export type CelMap = Map<CelValue, CelValue>;

/** A rule that can't be evaluated. */
export class CelError extends Error {}

export function noOverload(): CelError {
  return new CelError("no such overload");
}

export function typeName(value: CelValue): string {
  if (value === null) return "null_type";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "double";
  if (typeof value === "string") return "string";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "list";
  if (value instanceof CelTimestamp) return "google.protobuf.Timestamp";
  if (value instanceof CelDuration) return "google.protobuf.Duration";
  if (value instanceof CelOptional) return "optional_type";
  if (value instanceof CelObject) return value.type;
  return value instanceof CelType ? "type" : "map";
}

export function celEqual(a: CelValue, b: CelValue): boolean {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) === 0;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => celEqual(item, b[index]));
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos;
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos;
  if (a instanceof CelType) return b instanceof CelType && a.name === b.name;
  if (a instanceof CelObject) return b instanceof CelObject && a.type === b.type && a.key === b.key;
  if (a instanceof CelOptional) {
    if (!(b instanceof CelOptional)) return false;
    return a.value === undefined || b.value === undefined ? a.value === b.value : celEqual(a.value, b.value);
  }
  if (!(b instanceof Map) || a.size !== b.size) return false;
  return [...a].every(([key, value]) => {
    const other = b.get(key);
    return other !== undefined && celEqual(value, other);
  });
}

function isNumber(value: CelValue): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

function compareNumbers(a: bigint | number, b: bigint | number): number | undefined {
  if (Number.isNaN(a) || Number.isNaN(b)) return undefined;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Less than 0, 0, or more than 0; undefined where a number is none.
 *
 * @throws CelError for values that have no order, or not with each other
 */
export function celCompare(a: CelValue, b: CelValue): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof CelTimestamp && b instanceof CelTimestamp) return compareNumbers(a.nanos, b.nanos);
  if (a instanceof CelDuration && b instanceof CelDuration) return compareNumbers(a.nanos, b.nanos);
  throw noOverload();
}

/** JSON as rules see it: the schema tells whole numbers from others, and times from texts. */
export function celValueOf(value: unknown, schema: JsonSchema | undefined): CelValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "number")
    return schema?.type !== "number" && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === "string") return textValue(value, schema?.format);
  if (Array.isArray(value)) return value.map((item) => celValueOf(item, schema?.items));
  const map: CelMap = new Map();
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const { additionalProperties } = schema ?? {};
    const inner =
      schema?.properties?.[name] ??
      (typeof additionalProperties === "object" ? additionalProperties : undefined);
    map.set(name, celValueOf(member, inner));
  }
  return map;
}

function textValue(text: string, format: string | undefined): CelValue {
  if (format === "date-time" || format === "date") return parseTimestamp(text) ?? text;
  if (format === "duration") {
    const seconds = parseDuration(text);
    return seconds ?? text;
  }
  return format === "byte" ? new Uint8Array(Buffer.from(text, "base64")) : text;
}

export function parseTimestamp(text: string): CelTimestamp | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?$/.exec(text);
  if (match === null) return undefined;
  const [, date, time = "00:00:00", fraction = "", zone = "Z"] = match;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms)
    ? undefined
    : new CelTimestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0")));
}

export function parseDuration(text: string): CelDuration | undefined {
  try {
    return new CelDuration(BigInt(Math.round(parseGoDuration(text) * 1e6)));
  } catch {
    return undefined;
  }
}
