/** Logs as OTLP/JSON. */
import type { AnyValue } from "../../model/otlp-attributes.ts";
import type { LogRecord, ResourceLogs } from "../../model/otlp-logs.ts";
import {
  anyValueJson,
  attributesJson,
  integerJson,
  JsonFields,
  readAnyValue,
  readResource,
  readScope,
  resourceJson,
  scopeJson,
  withoutDefaults,
} from "./common-json.ts";

/** @throws OtlpJsonError */
export function decodeLogsJson(bytes: Uint8Array): ResourceLogs[] {
  return JsonFields.parse(bytes).messages("resourceLogs", (fields) => ({
    resource: readResource(fields),
    scopeLogs: fields.messages("scopeLogs", (scopeFields) => ({
      scope: readScope(scopeFields),
      logRecords: scopeFields.messages("logRecords", readLogRecord),
      schemaUrl: scopeFields.string("schemaUrl"),
    })),
    schemaUrl: fields.string("schemaUrl"),
  }));
}

function readLogRecord(fields: JsonFields): LogRecord {
  return {
    timeUnixNano: fields.uint64("timeUnixNano"),
    observedTimeUnixNano: fields.uint64("observedTimeUnixNano"),
    severityNumber: fields.integer("severityNumber"),
    severityText: fields.string("severityText"),
    body: fields.message<AnyValue>("body", null, (body) => readAnyValue(body)),
    attributes: fields.attributes("attributes"),
    droppedAttributesCount: fields.integer("droppedAttributesCount"),
    flags: fields.integer("flags"),
    traceId: fields.hex("traceId"),
    spanId: fields.hex("spanId"),
    eventName: fields.string("eventName"),
  };
}

export function encodeLogsJson(data: readonly ResourceLogs[]): string {
  return JSON.stringify({ resourceLogs: data.map(resourceLogsJson) });
}

function resourceLogsJson(resourceLogs: ResourceLogs): object {
  return withoutDefaults({
    resource: resourceJson(resourceLogs.resource),
    scopeLogs: resourceLogs.scopeLogs.map((scopeLogs) =>
      withoutDefaults({
        scope: scopeJson(scopeLogs.scope),
        logRecords: scopeLogs.logRecords.map(logRecordJson),
        schemaUrl: scopeLogs.schemaUrl,
      }),
    ),
    schemaUrl: resourceLogs.schemaUrl,
  });
}

/** A log record as an OTLP/JSON object. */
export function logRecordJson(record: LogRecord): object {
  return withoutDefaults({
    ...record,
    timeUnixNano: integerJson(record.timeUnixNano),
    observedTimeUnixNano: integerJson(record.observedTimeUnixNano),
    body: record.body === null ? undefined : anyValueJson(record.body),
    attributes: attributesJson(record.attributes),
  });
}
