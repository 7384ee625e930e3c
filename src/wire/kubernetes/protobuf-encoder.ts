/** The inverse of `protobuf-decoder.ts`: an object of a built-in kind as `k8s\0` and protobuf. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import { PROTOBUF_MAGIC, SCHEMA_TYPE } from "./protobuf-decoder.ts";
import { type ApiField, type ApiType, apiType, kindType } from "./schema/api-type.ts";

/** @throws ProtobufError when the kind is not built in. */
export function encodeKubernetesProtobuf(object: KubernetesObject): Uint8Array {
  const { apiVersion = "", kind = "" } = object;
  const [version, group = ""] = apiVersion.split("/").reverse();
  const type = kindType(group, version, kind);
  if (type === undefined)
    throw new ProtobufError(`no kind ${JSON.stringify(kind)} is registered for ${apiVersion}`);
  const writer = new ProtobufWriter();
  const typeMeta = writer.begin(0x0a);
  writer.string(0x0a, apiVersion);
  writer.string(0x12, kind);
  writer.end(typeMeta);
  const raw = writer.begin(0x12);
  writeMessage(writer, object as unknown as Message, type);
  writer.end(raw);
  const message = writer.view();
  const bytes = new Uint8Array(PROTOBUF_MAGIC.length + message.length);
  bytes.set(PROTOBUF_MAGIC);
  bytes.set(message, PROTOBUF_MAGIC.length);
  return bytes;
}

type Message = Record<string, unknown>;

const varint = (number: number) => number << 3;
const delimited = (number: number) => (number << 3) | 2;

function writeMessage(writer: ProtobufWriter, message: Message, type: ApiType): void {
  for (const field of type.wireFields.values()) {
    if ("inline" in field) {
      const start = writer.begin(delimited(field.number));
      writeMessage(writer, message, field.inline);
      writer.end(start);
    } else if (Object.hasOwn(message, field.name)) writeField(writer, field, message[field.name]);
  }
}

function writeField(writer: ProtobufWriter, field: ApiField, value: unknown): void {
  const { container, item } = field.type;
  if (value === null || value === undefined) return;
  if (container === "list") {
    for (const entry of value as unknown[]) writeValue(writer, field.number, item, entry);
  } else if (container === "map") {
    for (const [key, entry] of Object.entries(value as Message)) {
      const start = writer.begin(delimited(field.number));
      writer.string(0x0a, key);
      writeValue(writer, 2, item, entry);
      writer.end(start);
    }
  } else writeValue(writer, field.number, item, value);
}

function writeValue(writer: ProtobufWriter, number: number, type: string, value: unknown): void {
  switch (type) {
    case "string":
      writer.string(delimited(number), value as string);
      return;
    case "bool":
      writer.bool(varint(number), value as boolean);
      return;
    case "int32":
    case "int64":
      writer.int64(varint(number), BigInt(value as number));
      return;
    case "float64":
      writer.double((number << 3) | 1, value as number);
      return;
    case "bytes":
      writer.bytes(delimited(number), Buffer.from(value as string, "base64"));
      return;
  }
  const message = apiType(type);
  if (message?.values !== undefined) {
    writer.string(delimited(number), value as string);
    return;
  }
  const start = writer.begin(delimited(number));
  if (message !== undefined) writeMessage(writer, value as Message, message);
  else writeSpecial(writer, type, value);
  writer.end(start);
}

function writeSpecial(writer: ProtobufWriter, type: string, value: unknown): void {
  switch (type) {
    case "time":
    case "microtime": {
      const milliseconds = Date.parse(value as string);
      writer.int64(0x08, BigInt(Math.floor(milliseconds / 1000)));
      const fraction = /\.(\d{1,9})/.exec(value as string)?.[1] ?? "";
      writer.int64(0x10, BigInt(fraction.padEnd(9, "0")));
      return;
    }
    case "duration":
      writer.int64(0x08, BigInt(value as number));
      return;
    case "quantity":
      writer.string(0x0a, value as string);
      return;
    case "any":
      writer.string(0x0a, JSON.stringify(value));
      return;
    case "intorstring":
      writer.int64(0x08, typeof value === "number" ? 0n : 1n);
      if (typeof value === "number") writer.int64(0x10, BigInt(value));
      else writer.string(0x1a, value as string);
      return;
  }
  if (!type.startsWith("schemaor")) throw new ProtobufError(`type ${type} has no protobuf form`);
  writeSchemaOr(writer, type, value);
}

/** The inverse of the decoder's `readSchemaOr`. */
function writeSchemaOr(writer: ProtobufWriter, type: string, value: unknown): void {
  if (typeof value === "boolean") writer.bool(0x08, value);
  else if (Array.isArray(value))
    for (const item of value) writeValue(writer, 2, type === "schemaorlist" ? SCHEMA_TYPE : "string", item);
  else {
    // A schema is allowed, too.
    if (type === "schemaorbool") writer.bool(0x08, true);
    writeValue(writer, type === "schemaorbool" ? 2 : 1, SCHEMA_TYPE, value);
  }
}
