/** Traces as protobuf: `ExportTraceServiceRequest`, which has the layout of `TracesData`. */
import type { KeyValue } from "../../model/otlp-attributes.ts";
import type {
  ResourceSpans,
  ScopeSpans,
  Span,
  SpanEvent,
  SpanLink,
  SpanStatus,
} from "../../model/otlp-traces.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import {
  readItems,
  readKeyValue,
  readResourceGroup,
  readScopeGroup,
  writeAttributes,
  writeResourceGroup,
  writeScopeGroup,
} from "./common-protobuf.ts";

/** @throws ProtobufError */
export function decodeTraces(bytes: Uint8Array): ResourceSpans[] {
  return readItems(new ProtobufReader(bytes), readResourceSpans);
}

function readResourceSpans(reader: ProtobufReader, limit: number): ResourceSpans {
  const { head, items, schemaUrl } = readResourceGroup(reader, limit, readScopeSpans);
  return { resource: head, scopeSpans: items, schemaUrl };
}

function readScopeSpans(reader: ProtobufReader, limit: number): ScopeSpans {
  const { head, items, schemaUrl } = readScopeGroup(reader, limit, readSpan);
  return { scope: head, spans: items, schemaUrl };
}

const OK: SpanStatus = { message: "", code: 0 };

function readSpan(reader: ProtobufReader, limit: number): Span {
  const end = reader.delimited(limit);
  let [traceId, spanId, traceState, parentSpanId, name] = ["", "", "", "", ""];
  let [flags, kind, droppedAttributesCount, droppedEventsCount, droppedLinksCount] = [0, 0, 0, 0, 0];
  let [startTimeUnixNano, endTimeUnixNano] = [0n, 0n];
  let status = OK;
  const attributes: KeyValue[] = [];
  const events: SpanEvent[] = [];
  const links: SpanLink[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) traceId = reader.hex(end);
    else if (tag === 0x12) spanId = reader.hex(end);
    else if (tag === 0x1a) traceState = reader.string(end);
    else if (tag === 0x22) parentSpanId = reader.hex(end);
    else if (tag === 0x2a) name = reader.string(end);
    else if (tag === 0x30) kind = reader.int32();
    else if (tag === 0x39) startTimeUnixNano = reader.fixed64();
    else if (tag === 0x41) endTimeUnixNano = reader.fixed64();
    else if (tag === 0x4a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x50) droppedAttributesCount = reader.uint32();
    else if (tag === 0x5a) events.push(readEvent(reader, end));
    else if (tag === 0x60) droppedEventsCount = reader.uint32();
    else if (tag === 0x6a) links.push(readLink(reader, end));
    else if (tag === 0x70) droppedLinksCount = reader.uint32();
    else if (tag === 0x7a) status = readStatus(reader, end);
    else if (tag === 0x85) flags = reader.fixed32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return {
    traceId,
    spanId,
    traceState,
    parentSpanId,
    flags,
    name,
    kind,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes,
    droppedAttributesCount,
    events,
    droppedEventsCount,
    links,
    droppedLinksCount,
    status,
  };
}

function readEvent(reader: ProtobufReader, limit: number): SpanEvent {
  const end = reader.delimited(limit);
  let [name, timeUnixNano, droppedAttributesCount] = ["", 0n, 0];
  const attributes: KeyValue[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x09) timeUnixNano = reader.fixed64();
    else if (tag === 0x12) name = reader.string(end);
    else if (tag === 0x1a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x20) droppedAttributesCount = reader.uint32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { timeUnixNano, name, attributes, droppedAttributesCount };
}

function readLink(reader: ProtobufReader, limit: number): SpanLink {
  const end = reader.delimited(limit);
  let [traceId, spanId, traceState, droppedAttributesCount, flags] = ["", "", "", 0, 0];
  const attributes: KeyValue[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) traceId = reader.hex(end);
    else if (tag === 0x12) spanId = reader.hex(end);
    else if (tag === 0x1a) traceState = reader.string(end);
    else if (tag === 0x22) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x28) droppedAttributesCount = reader.uint32();
    else if (tag === 0x35) flags = reader.fixed32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { traceId, spanId, traceState, attributes, droppedAttributesCount, flags };
}

function readStatus(reader: ProtobufReader, limit: number): SpanStatus {
  const end = reader.delimited(limit);
  let [message, code] = ["", 0];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x12) message = reader.string(end);
    else if (tag === 0x18) code = reader.int32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { message, code };
}

export function encodeTraces(data: readonly ResourceSpans[]): Uint8Array {
  const writer = new ProtobufWriter();
  for (const { resource, scopeSpans, schemaUrl } of data) {
    writeResourceGroup(writer, resource, schemaUrl, () => {
      for (const { scope, spans, schemaUrl } of scopeSpans) {
        writeScopeGroup(writer, scope, schemaUrl, () => {
          for (const span of spans) writeSpan(writer, span);
        });
      }
    });
  }
  return writer.finish();
}

function writeSpan(writer: ProtobufWriter, span: Span): void {
  const message = writer.begin(0x12);
  if (span.traceId !== "") writer.hex(0x0a, span.traceId);
  if (span.spanId !== "") writer.hex(0x12, span.spanId);
  if (span.traceState !== "") writer.string(0x1a, span.traceState);
  if (span.parentSpanId !== "") writer.hex(0x22, span.parentSpanId);
  if (span.name !== "") writer.string(0x2a, span.name);
  if (span.kind !== 0) writer.int32(0x30, span.kind);
  if (span.startTimeUnixNano !== 0n) writer.fixed64(0x39, span.startTimeUnixNano);
  if (span.endTimeUnixNano !== 0n) writer.fixed64(0x41, span.endTimeUnixNano);
  writeAttributes(writer, 0x4a, span.attributes);
  if (span.droppedAttributesCount !== 0) writer.uint32(0x50, span.droppedAttributesCount);
  for (const event of span.events) writeEvent(writer, event);
  if (span.droppedEventsCount !== 0) writer.uint32(0x60, span.droppedEventsCount);
  for (const link of span.links) writeLink(writer, link);
  if (span.droppedLinksCount !== 0) writer.uint32(0x70, span.droppedLinksCount);
  const status = writer.begin(0x7a);
  if (span.status.message !== "") writer.string(0x12, span.status.message);
  if (span.status.code !== 0) writer.int32(0x18, span.status.code);
  writer.end(status);
  if (span.flags !== 0) writer.fixed32(0x85, span.flags);
  writer.end(message);
}

function writeEvent(writer: ProtobufWriter, event: SpanEvent): void {
  const message = writer.begin(0x5a);
  if (event.timeUnixNano !== 0n) writer.fixed64(0x09, event.timeUnixNano);
  if (event.name !== "") writer.string(0x12, event.name);
  writeAttributes(writer, 0x1a, event.attributes);
  if (event.droppedAttributesCount !== 0) writer.uint32(0x20, event.droppedAttributesCount);
  writer.end(message);
}

function writeLink(writer: ProtobufWriter, link: SpanLink): void {
  const message = writer.begin(0x6a);
  if (link.traceId !== "") writer.hex(0x0a, link.traceId);
  if (link.spanId !== "") writer.hex(0x12, link.spanId);
  if (link.traceState !== "") writer.string(0x1a, link.traceState);
  writeAttributes(writer, 0x22, link.attributes);
  if (link.droppedAttributesCount !== 0) writer.uint32(0x28, link.droppedAttributesCount);
  if (link.flags !== 0) writer.fixed32(0x35, link.flags);
  writer.end(message);
}
