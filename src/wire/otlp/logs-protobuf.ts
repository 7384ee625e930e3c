/** Logs as protobuf: `ExportLogsServiceRequest`, which has the layout of `LogsData`. */
import { type AnyValue, EMPTY_RESOURCE, EMPTY_SCOPE, type KeyValue } from "../../model/otlp-attributes.ts";
import type { LogRecord, ResourceLogs, ScopeLogs } from "../../model/otlp-logs.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import {
  readAnyValue,
  readItems,
  readKeyValue,
  readResource,
  readScope,
  writeAnyValue,
  writeAttributes,
  writeResource,
  writeScope,
} from "./common-protobuf.ts";

/** @throws ProtobufError */
export function decodeLogs(bytes: Uint8Array): ResourceLogs[] {
  return readItems(new ProtobufReader(bytes), readResourceLogs);
}

function readResourceLogs(reader: ProtobufReader, limit: number): ResourceLogs {
  const end = reader.delimited(limit);
  let resource = EMPTY_RESOURCE;
  let schemaUrl = "";
  const scopeLogs: ScopeLogs[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) resource = readResource(reader, end);
    else if (tag === 0x12) scopeLogs.push(readScopeLogs(reader, end));
    else if (tag === 0x1a) schemaUrl = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { resource, scopeLogs, schemaUrl };
}

function readScopeLogs(reader: ProtobufReader, limit: number): ScopeLogs {
  const end = reader.delimited(limit);
  let scope = EMPTY_SCOPE;
  let schemaUrl = "";
  const logRecords: LogRecord[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) scope = readScope(reader, end);
    else if (tag === 0x12) logRecords.push(readLogRecord(reader, end));
    else if (tag === 0x1a) schemaUrl = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { scope, logRecords, schemaUrl };
}

function readLogRecord(reader: ProtobufReader, limit: number): LogRecord {
  const end = reader.delimited(limit);
  let [timeUnixNano, observedTimeUnixNano] = [0n, 0n];
  let [severityNumber, droppedAttributesCount, flags] = [0, 0, 0];
  let [severityText, traceId, spanId, eventName] = ["", "", "", ""];
  let body: AnyValue = null;
  const attributes: KeyValue[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x09) timeUnixNano = reader.fixed64();
    else if (tag === 0x10) severityNumber = reader.int32();
    else if (tag === 0x1a) severityText = reader.string(end);
    else if (tag === 0x2a) body = readAnyValue(reader, end);
    else if (tag === 0x32) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x38) droppedAttributesCount = reader.uint32();
    else if (tag === 0x45) flags = reader.fixed32();
    else if (tag === 0x4a) traceId = reader.hex(end);
    else if (tag === 0x52) spanId = reader.hex(end);
    else if (tag === 0x59) observedTimeUnixNano = reader.fixed64();
    else if (tag === 0x62) eventName = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return {
    timeUnixNano,
    observedTimeUnixNano,
    severityNumber,
    severityText,
    body,
    attributes,
    droppedAttributesCount,
    flags,
    traceId,
    spanId,
    eventName,
  };
}

export function encodeLogs(data: readonly ResourceLogs[]): Uint8Array {
  const writer = new ProtobufWriter();
  for (const resourceLogs of data) {
    const message = writer.begin(0x0a);
    writeResource(writer, 0x0a, resourceLogs.resource);
    for (const scopeLogs of resourceLogs.scopeLogs) {
      const inner = writer.begin(0x12);
      writeScope(writer, 0x0a, scopeLogs.scope);
      for (const record of scopeLogs.logRecords) writeLogRecord(writer, record);
      if (scopeLogs.schemaUrl !== "") writer.string(0x1a, scopeLogs.schemaUrl);
      writer.end(inner);
    }
    if (resourceLogs.schemaUrl !== "") writer.string(0x1a, resourceLogs.schemaUrl);
    writer.end(message);
  }
  return writer.finish();
}

function writeLogRecord(writer: ProtobufWriter, record: LogRecord): void {
  const message = writer.begin(0x12);
  if (record.timeUnixNano !== 0n) writer.fixed64(0x09, record.timeUnixNano);
  if (record.severityNumber !== 0) writer.int32(0x10, record.severityNumber);
  if (record.severityText !== "") writer.string(0x1a, record.severityText);
  if (record.body !== null) writeAnyValue(writer, 0x2a, record.body);
  writeAttributes(writer, 0x32, record.attributes);
  if (record.droppedAttributesCount !== 0) writer.uint32(0x38, record.droppedAttributesCount);
  if (record.flags !== 0) writer.fixed32(0x45, record.flags);
  if (record.traceId !== "") writer.hex(0x4a, record.traceId);
  if (record.spanId !== "") writer.hex(0x52, record.spanId);
  if (record.observedTimeUnixNano !== 0n) writer.fixed64(0x59, record.observedTimeUnixNano);
  if (record.eventName !== "") writer.string(0x62, record.eventName);
  writer.end(message);
}
