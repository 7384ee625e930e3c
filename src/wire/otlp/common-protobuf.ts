/** The messages of `common.proto` and `resource.proto`, for the three signals. */
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
import { ProtobufError, type ProtobufReader } from "../protobuf/reader.ts";
import type { ProtobufWriter } from "../protobuf/writer.ts";

/** How deep arrays and maps may be nested in an attribute's value. */
export const MAX_VALUE_DEPTH = 32;

export function readKeyValue(reader: ProtobufReader, limit: number, depth = 0): KeyValue {
  const end = reader.delimited(limit);
  let key = "";
  let value: AnyValue = null;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.string(end);
    else if (tag === 0x12) value = readAnyValue(reader, end, depth);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { key, value };
}

export function readAnyValue(reader: ProtobufReader, limit: number, depth = 0): AnyValue {
  if (depth > MAX_VALUE_DEPTH) throw new ProtobufError(`values are nested deeper than ${MAX_VALUE_DEPTH}`);
  const end = reader.delimited(limit);
  let value: AnyValue = null;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) value = reader.string(end);
    else if (tag === 0x10) value = reader.bool();
    else if (tag === 0x18) value = reader.int64();
    else if (tag === 0x21) value = reader.double();
    else if (tag === 0x2a) value = readList(reader, end, (limit) => readAnyValue(reader, limit, depth + 1));
    else if (tag === 0x32)
      value = { entries: readList(reader, end, (limit) => readKeyValue(reader, limit, depth + 1)) };
    else if (tag === 0x3a) value = reader.bytesField(end).slice();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return value;
}

/** A message whose one field, number 1, is repeated. */
function readList<T>(reader: ProtobufReader, limit: number, readItem: (limit: number) => T): T[] {
  const end = reader.delimited(limit);
  const items: T[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) items.push(readItem(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return items;
}

function readResource(reader: ProtobufReader, limit: number): Resource {
  const end = reader.delimited(limit);
  if (reader.position === end) return EMPTY_RESOURCE;
  const attributes: KeyValue[] = [];
  const entityRefs: EntityRef[] = [];
  let droppedAttributesCount = 0;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x10) droppedAttributesCount = reader.uint32();
    else if (tag === 0x1a) entityRefs.push(readEntityRef(reader, end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return entityRefs.length === 0
    ? { attributes, droppedAttributesCount }
    : { attributes, droppedAttributesCount, entityRefs };
}

function readEntityRef(reader: ProtobufReader, limit: number): EntityRef {
  const end = reader.delimited(limit);
  const idKeys: string[] = [];
  const descriptionKeys: string[] = [];
  let [schemaUrl, type] = ["", ""];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) schemaUrl = reader.string(end);
    else if (tag === 0x12) type = reader.string(end);
    else if (tag === 0x1a) idKeys.push(reader.string(end));
    else if (tag === 0x22) descriptionKeys.push(reader.string(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { type, schemaUrl, idKeys, descriptionKeys };
}

function readScope(reader: ProtobufReader, limit: number): InstrumentationScope {
  const end = reader.delimited(limit);
  if (reader.position === end) return EMPTY_SCOPE;
  const attributes: KeyValue[] = [];
  let [name, version, droppedAttributesCount] = ["", "", 0];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string(end);
    else if (tag === 0x12) version = reader.string(end);
    else if (tag === 0x1a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x20) droppedAttributesCount = reader.uint32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { name, version, attributes, droppedAttributesCount };
}

export function writeAttributes(writer: ProtobufWriter, tag: number, attributes: Attributes): void {
  for (const { key, value } of attributes) {
    const message = writer.begin(tag);
    if (key !== "") writer.string(0x0a, key);
    if (value !== null) writeAnyValue(writer, 0x12, value);
    writer.end(message);
  }
}

export function writeAnyValue(writer: ProtobufWriter, tag: number, value: AnyValue): void {
  const message = writer.begin(tag);
  if (typeof value === "string") writer.string(0x0a, value);
  else if (typeof value === "boolean") writer.bool(0x10, value);
  else if (typeof value === "bigint") writer.int64(0x18, value);
  else if (typeof value === "number") writer.double(0x21, value);
  else if (value instanceof Uint8Array) writer.bytes(0x3a, value);
  else if (value !== null && isKeyValueList(value)) {
    const list = writer.begin(0x32);
    writeAttributes(writer, 0x0a, value.entries);
    writer.end(list);
  } else if (value !== null) {
    const list = writer.begin(0x2a);
    for (const item of value as readonly AnyValue[]) writeAnyValue(writer, 0x0a, item);
    writer.end(list);
  }
  writer.end(message);
}

function writeResource(writer: ProtobufWriter, tag: number, resource: Resource): void {
  const message = writer.begin(tag);
  writeAttributes(writer, 0x0a, resource.attributes);
  if (resource.droppedAttributesCount !== 0) writer.uint32(0x10, resource.droppedAttributesCount);
  for (const ref of resource.entityRefs ?? []) writeEntityRef(writer, ref);
  writer.end(message);
}

function writeEntityRef(writer: ProtobufWriter, ref: EntityRef): void {
  const message = writer.begin(0x1a);
  if (ref.schemaUrl !== "") writer.string(0x0a, ref.schemaUrl);
  if (ref.type !== "") writer.string(0x12, ref.type);
  for (const key of ref.idKeys) writer.string(0x1a, key);
  for (const key of ref.descriptionKeys) writer.string(0x22, key);
  writer.end(message);
}

function writeScope(writer: ProtobufWriter, tag: number, scope: InstrumentationScope): void {
  const message = writer.begin(tag);
  if (scope.name !== "") writer.string(0x0a, scope.name);
  if (scope.version !== "") writer.string(0x12, scope.version);
  writeAttributes(writer, 0x1a, scope.attributes);
  if (scope.droppedAttributesCount !== 0) writer.uint32(0x20, scope.droppedAttributesCount);
  writer.end(message);
}

/** What is of one resource, or of one scope: every signal has the same layout. */
interface Group<H, I> {
  head: H;
  items: I[];
  schemaUrl: string;
}

type Read<T> = (reader: ProtobufReader, limit: number) => T;

/** `ResourceMetrics` and its like. */
export function readResourceGroup<I>(
  reader: ProtobufReader,
  limit: number,
  readItem: Read<I>,
): Group<Resource, I> {
  return readGroup(reader, limit, EMPTY_RESOURCE, readResource, readItem);
}

/** `ScopeMetrics` and its like. */
export function readScopeGroup<I>(
  reader: ProtobufReader,
  limit: number,
  readItem: Read<I>,
): Group<InstrumentationScope, I> {
  return readGroup(reader, limit, EMPTY_SCOPE, readScope, readItem);
}

function readGroup<H, I>(
  reader: ProtobufReader,
  limit: number,
  absent: H,
  readHead: Read<H>,
  readItem: Read<I>,
): Group<H, I> {
  const end = reader.delimited(limit);
  const group: Group<H, I> = { head: absent, items: [], schemaUrl: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) group.head = readHead(reader, end);
    else if (tag === 0x12) group.items.push(readItem(reader, end));
    else if (tag === 0x1a) group.schemaUrl = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return group;
}

/** Field 1 of a request: what is of one resource. */
export function writeResourceGroup(
  writer: ProtobufWriter,
  resource: Resource,
  schemaUrl: string,
  writeItems: () => void,
): void {
  const message = writer.begin(0x0a);
  writeResource(writer, 0x0a, resource);
  writeItems();
  if (schemaUrl !== "") writer.string(0x1a, schemaUrl);
  writer.end(message);
}

/** Field 2 of that: what is of one scope. */
export function writeScopeGroup(
  writer: ProtobufWriter,
  scope: InstrumentationScope,
  schemaUrl: string,
  writeItems: () => void,
): void {
  const message = writer.begin(0x12);
  writeScope(writer, 0x0a, scope);
  writeItems();
  if (schemaUrl !== "") writer.string(0x1a, schemaUrl);
  writer.end(message);
}

/** A signal's request or data message: field 1 is repeated, one item for each resource. */
export function readItems<T>(
  reader: ProtobufReader,
  readItem: (reader: ProtobufReader, limit: number) => T,
): T[] {
  const items: T[] = [];
  const end = reader.length;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) items.push(readItem(reader, end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return items;
}
