/** Logs as protobuf: `ExportLogsServiceRequest`, which has the layout of `LogsData`. */
import type { AnyValue, KeyValue } from "../../model/otlp-attributes.ts";
import type { LogRecord, ResourceLogs, ScopeLogs } from "../../model/otlp-logs.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import {
  readAnyValue,
  readItems,
  readKeyValue,
  readResourceGroup,
  readScopeGroup,
  writeAnyValue,
  writeAttributes,
  writeResourceGroup,
  writeScopeGroup,
} from "./common-protobuf.ts";

/** @throws ProtobufError */
export function decodeLogs(bytes: Uint8Array): ResourceLogs[] {
  return readItems(new ProtobufReader(bytes), readResourceLogs);
}

function readResourceLogs(reader: ProtobufReader, limit: number): ResourceLogs {
  const { head, items, schemaUrl } = readResourceGroup(reader, limit, readScopeLogs);
  return { resource: head, scopeLogs: items, schemaUrl };
}

function readScopeLogs(reader: ProtobufReader, limit: number): ScopeLogs {
  const { head, items, schemaUrl } = readScopeGroup(reader, limit, readLogRecord);
  return { scope: head, logRecords: items, schemaUrl };
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
  for (const { resource, scopeLogs, schemaUrl } of data) {
    writeResourceGroup(writer, resource, schemaUrl, () => {
      for (const { scope, logRecords, schemaUrl } of scopeLogs) {
        writeScopeGroup(writer, scope, schemaUrl, () => {
          for (const record of logRecords) writeLogRecord(writer, record);
        });
      }
    });
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
