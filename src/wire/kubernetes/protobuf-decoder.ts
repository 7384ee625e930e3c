/**
 * Objects in protobuf, as kubectl from 1.32 on and helm 4 send them: `k8s\0`, then `runtime.Unknown` around the
 * object's own message (apimachinery `serializer/protobuf`). The result is what the same object is in JSON.
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { fieldOf, ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { type ApiField, type ApiType, apiType, kindType } from "./schema/api-type.ts";

export const PROTOBUF_MAGIC = Uint8Array.of(0x6b, 0x38, 0x73, 0);
/** Messages within messages, at most. Only the schemas of custom resources nest without end. */
export const MAX_PROTOBUF_DEPTH = 128;
export const SCHEMA_TYPE = "apiextensions/v1.JSONSchemaProps";

const NANOSECONDS = 1_000_000_000n;

/** @throws ProtobufError when the bytes are not such an object, or of a kind that is not built in. */
export function decodeKubernetesProtobuf(bytes: Uint8Array): KubernetesObject {
  if (PROTOBUF_MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new ProtobufError(
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    );
  }
  const { apiVersion, kind, raw } = readUnknown(new ProtobufReader(bytes.subarray(PROTOBUF_MAGIC.length)));
  const [version, group = ""] = apiVersion.split("/").reverse();
  const type = typeOfKind(group, version, kind);
  if (type === undefined)
    throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for ${apiVersion}`);
  const reader = new ProtobufReader(raw);
  return { apiVersion, kind, ...readMessage(reader, reader.length, type, 0) } as KubernetesObject;
}

/** DeleteOptions and the like belong to every group. */
function typeOfKind(group: string, version: string, kind: string): ApiType | undefined {
  return (
    kindType(group, version, kind) ??
    (kind === "DeleteOptions" ? apiType("meta/v1.DeleteOptions") : undefined)
  );
}

function readUnknown(reader: ProtobufReader): { apiVersion: string; kind: string; raw: Uint8Array } {
  let [apiVersion, kind, raw]: [string, string, Uint8Array] = ["", "", new Uint8Array()];
  while (reader.position < reader.length) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      const end = reader.delimited(reader.length);
      while (reader.position < end) {
        const inner = reader.tag();
        if (inner === 0x0a) apiVersion = reader.string(end);
        else if (inner === 0x12) kind = reader.string(end);
        else reader.skip(inner, end);
      }
    } else if (tag === 0x12) raw = reader.bytesField(reader.length);
    else reader.skip(tag, reader.length);
  }
  return { apiVersion, kind, raw };
}

type Message = Record<string, unknown>;

function readMessage(reader: ProtobufReader, end: number, type: ApiType, depth: number): Message {
  if (depth > MAX_PROTOBUF_DEPTH)
    throw new ProtobufError(`nested deeper than ${MAX_PROTOBUF_DEPTH} messages`);
  const message: Message = {};
  while (reader.position < end) {
    const tag = reader.tag();
    const field = type.wireFields.get(fieldOf(tag));
    if (field === undefined) reader.skip(tag, end);
    else if ("inline" in field) {
      Object.assign(message, readMessage(reader, reader.delimited(end), field.inline, depth + 1));
    } else readField(reader, end, message, field, depth);
  }
  reader.finish(end);
  return message;
}

function readField(
  reader: ProtobufReader,
  end: number,
  message: Message,
  field: ApiField,
  depth: number,
): void {
  const { container, item } = field.type;
  if (container === "map") {
    const map = (message[field.name] ??= {}) as Message;
    const [key, value] = readEntry(reader, reader.delimited(end), item, depth);
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else if (container === "list") {
    const list = (message[field.name] ??= []) as unknown[];
    list.push(readValue(reader, end, item, depth));
  } else {
    const value = readValue(reader, end, item, depth);
    // Go writes every plain field, set or not; JSON leaves those out that are zero.
    if (field.isPointer || field.isRequired || !isZero(value)) message[field.name] = value;
  }
}

function isZero(value: unknown): boolean {
  if (value === "" || value === 0 || value === false || value === null) return true;
  return typeof value === "object" && Object.keys(value as object).length === 0;
}

function readEntry(reader: ProtobufReader, end: number, item: string, depth: number): [string, unknown] {
  let [key, value]: [string, unknown] = ["", item === "string" || item === "bytes" ? "" : null];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.string(end);
    else if (fieldOf(tag) === 2) value = readValue(reader, end, item, depth);
    else reader.skip(tag, end);
  }
  return [key, value];
}

function readValue(reader: ProtobufReader, end: number, type: string, depth: number): unknown {
  switch (type) {
    case "string":
      return reader.string(end);
    case "bool":
      return reader.bool();
    case "int32":
    case "int64":
      return reader.int64Number();
    case "float64":
      return reader.double();
    case "bytes":
      return Buffer.from(reader.bytesField(end)).toString("base64");
    case "time":
    case "microtime":
      return readTime(reader, reader.delimited(end), type);
    case "duration":
      return readNumbers(reader, reader.delimited(end))[1] ?? 0;
    case "quantity":
      return readStrings(reader, reader.delimited(end))[1] ?? "0";
    case "any": {
      const raw = readStrings(reader, reader.delimited(end))[1];
      return raw === undefined ? null : JSON.parse(raw);
    }
    case "intorstring":
      return readIntOrString(reader, reader.delimited(end));
    case "schemaorlist":
    case "schemaorbool":
    case "schemaorstrings":
      return readSchemaOr(reader, reader.delimited(end), type, depth + 1);
    default: {
      const message = apiType(type)!;
      if (message.values !== undefined) return reader.string(end);
      return readMessage(reader, reader.delimited(end), message, depth + 1);
    }
  }
}

/** A schema, or what stands for one: a list of them, whether anything is allowed, the names of other properties. */
function readSchemaOr(reader: ProtobufReader, end: number, type: string, depth: number): unknown {
  const schema = apiType(SCHEMA_TYPE)!;
  let [found, isAllowed]: [Message | undefined, boolean] = [undefined, false];
  const list: unknown[] = [];
  const [one, other] = type === "schemaorbool" ? [0x12, 0x08] : [0x0a, 0x12];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === one) found = readMessage(reader, reader.delimited(end), schema, depth);
    else if (tag !== other) reader.skip(tag, end);
    else if (type === "schemaorbool") isAllowed = reader.bool();
    else if (type === "schemaorstrings") list.push(reader.string(end));
    else list.push(readMessage(reader, reader.delimited(end), schema, depth));
  }
  return found ?? (type === "schemaorbool" ? isAllowed : list);
}

/** RFC 3339; null where no time is set. */
function readTime(reader: ProtobufReader, end: number, type: string): string | null {
  let [seconds, nanoseconds, isSet] = [0n, 0, false];
  while (reader.position < end) {
    const tag = reader.tag();
    isSet = true;
    if (tag === 0x08) seconds = reader.int64();
    else if (tag === 0x10) nanoseconds = reader.int32();
    else reader.skip(tag, end);
  }
  const milliseconds = Number(seconds * 1000n);
  // An absent time is written as Go's zero time or as nothing at all.
  if (!isSet || seconds === -62_135_596_800n) return null;
  if (Math.abs(milliseconds) > 8.64e15) throw new ProtobufError("time is out of range");
  const text = new Date(milliseconds).toISOString().slice(0, 19);
  if (type === "time") return `${text}Z`;
  const fraction = BigInt(nanoseconds) % NANOSECONDS;
  return `${text}.${String(fraction).padStart(9, "0").slice(0, 6)}Z`;
}

function readNumbers(reader: ProtobufReader, end: number): Record<number, number> {
  const found: Record<number, number> = {};
  while (reader.position < end) {
    const tag = reader.tag();
    if ((tag & 7) === 0) found[fieldOf(tag)] = reader.int64Number();
    else reader.skip(tag, end);
  }
  return found;
}

function readStrings(reader: ProtobufReader, end: number): Record<number, string> {
  const found: Record<number, string> = {};
  while (reader.position < end) {
    const tag = reader.tag();
    if ((tag & 7) === 2) found[fieldOf(tag)] = reader.string(end);
    else reader.skip(tag, end);
  }
  return found;
}

function readIntOrString(reader: ProtobufReader, end: number): number | string {
  let [kind, number, text] = [0, 0, ""];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) kind = reader.int64Number();
    else if (tag === 0x10) number = reader.int32();
    else if (tag === 0x1a) text = reader.string(end);
    else reader.skip(tag, end);
  }
  return kind === 0 ? number : text;
}
