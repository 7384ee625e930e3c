import type { EntityRef, InstrumentationScope, Resource } from "../../../model/otlp-attributes.ts";
import { type ResourceLogs, severityName } from "../../../model/otlp-logs.ts";
import type { ResourceMetrics } from "../../../model/otlp-metrics.ts";
import { type ResourceSpans, SPAN_KINDS, type Span, STATUS_CODES } from "../../../model/otlp-traces.ts";
import type { Payload } from "../../component.ts";
import { writeMetric } from "./detailed-metric.ts";
import { Lines, timeText, valueText } from "./lines.ts";

export function detailedText(payload: Payload): string {
  const lines = new Lines();
  if (payload.signal === "metrics") writeMetrics(lines, payload.data);
  else if (payload.signal === "traces") writeTraces(lines, payload.data);
  else writeLogs(lines, payload.data);
  return lines.text();
}

function writeHead(lines: Lines, resource: Resource, schemaUrl: string): void {
  lines.add(`Resource SchemaURL: ${schemaUrl}`);
  lines.attributes("Resource attributes", resource.attributes);
  writeEntityRefs(lines, resource.entityRefs ?? []);
}

function writeEntityRefs(lines: Lines, refs: readonly EntityRef[]): void {
  if (refs.length > 0) lines.add("Resource entity refs:");
  for (const [i, { type, schemaUrl, idKeys, descriptionKeys }] of refs.entries()) {
    lines.add(`     -> Entity ref #${i}:`);
    lines.add(`          -> Type: ${type}`);
    if (schemaUrl !== "") lines.add(`          -> Schema URL: ${schemaUrl}`);
    if (idKeys.length > 0) lines.add("          -> ID keys:");
    for (const key of idKeys) lines.add(`               -> ${key}`);
    if (descriptionKeys.length > 0) lines.add("          -> Description keys:");
    for (const key of descriptionKeys) lines.add(`               -> ${key}`);
  }
}

function writeScope(lines: Lines, scope: InstrumentationScope): void {
  lines.add(`InstrumentationScope ${scope.name} ${scope.version}`);
  lines.attributes("InstrumentationScope attributes", scope.attributes);
}

function writeMetrics(lines: Lines, data: readonly ResourceMetrics[]): void {
  for (const [i, { resource, schemaUrl, scopeMetrics }] of data.entries()) {
    lines.add(`ResourceMetrics #${i}`);
    writeHead(lines, resource, schemaUrl);
    for (const [j, { scope, schemaUrl, metrics }] of scopeMetrics.entries()) {
      lines.add(`ScopeMetrics #${j}`);
      lines.add(`ScopeMetrics SchemaURL: ${schemaUrl}`);
      writeScope(lines, scope);
      for (const [k, metric] of metrics.entries()) {
        lines.add(`Metric #${k}`);
        writeMetric(lines, metric);
      }
    }
  }
}

function writeTraces(lines: Lines, data: readonly ResourceSpans[]): void {
  for (const [i, { resource, schemaUrl, scopeSpans }] of data.entries()) {
    lines.add(`ResourceSpans #${i}`);
    writeHead(lines, resource, schemaUrl);
    for (const [j, { scope, schemaUrl, spans }] of scopeSpans.entries()) {
      lines.add(`ScopeSpans #${j}`);
      lines.add(`ScopeSpans SchemaURL: ${schemaUrl}`);
      writeScope(lines, scope);
      for (const [k, span] of spans.entries()) {
        lines.add(`Span #${k}`);
        writeSpan(lines, span);
      }
    }
  }
}

function writeSpan(lines: Lines, span: Span): void {
  const field = (name: string, value: string) => lines.add(`    ${name.padEnd(15)}: ${value}`);
  field("Trace ID", span.traceId);
  field("Parent ID", span.parentSpanId);
  field("ID", span.spanId);
  field("Name", span.name);
  field("Kind", SPAN_KINDS[span.kind] ?? "");
  if (span.traceState !== "") field("TraceState", span.traceState);
  field("Start time", timeText(span.startTimeUnixNano));
  field("End time", timeText(span.endTimeUnixNano));
  field("Status code", STATUS_CODES[span.status.code] ?? "");
  field("Status message", span.status.message);
  field("DroppedAttributesCount", String(span.droppedAttributesCount));
  field("DroppedEventsCount", String(span.droppedEventsCount));
  field("DroppedLinksCount", String(span.droppedLinksCount));
  lines.attributes("Attributes", span.attributes);
  if (span.events.length > 0) lines.add("Events:");
  for (const [i, event] of span.events.entries()) {
    lines.add(`SpanEvent #${i}`);
    lines.add(`     -> Name: ${event.name}`);
    lines.add(`     -> Timestamp: ${timeText(event.timeUnixNano)}`);
    lines.add(`     -> DroppedAttributesCount: ${event.droppedAttributesCount}`);
    // Two colons, as upstream has it.
    lines.attributes("     -> Attributes:", event.attributes, "     ");
  }
  if (span.links.length > 0) lines.add("Links:");
  for (const [i, link] of span.links.entries()) {
    lines.add(`SpanLink #${i}`);
    lines.add(`     -> Trace ID: ${link.traceId}`);
    lines.add(`     -> ID: ${link.spanId}`);
    lines.add(`     -> TraceState: ${link.traceState}`);
    lines.add(`     -> DroppedAttributesCount: ${link.droppedAttributesCount}`);
    lines.attributes("     -> Attributes:", link.attributes, "     ");
  }
}

function writeLogs(lines: Lines, data: readonly ResourceLogs[]): void {
  for (const [i, { resource, schemaUrl, scopeLogs }] of data.entries()) {
    lines.add(`ResourceLog #${i}`);
    writeHead(lines, resource, schemaUrl);
    for (const [j, { scope, schemaUrl, logRecords }] of scopeLogs.entries()) {
      lines.add(`ScopeLogs #${j}`);
      lines.add(`ScopeLogs SchemaURL: ${schemaUrl}`);
      writeScope(lines, scope);
      for (const [k, record] of logRecords.entries()) {
        lines.add(`LogRecord #${k}`);
        lines.add(`ObservedTimestamp: ${timeText(record.observedTimeUnixNano)}`);
        lines.add(`Timestamp: ${timeText(record.timeUnixNano)}`);
        lines.add(`SeverityText: ${record.severityText}`);
        lines.add(`SeverityNumber: ${severityName(record.severityNumber)}(${record.severityNumber})`);
        if (record.eventName !== "") lines.add(`EventName: ${record.eventName}`);
        lines.add(`Body: ${valueText(record.body)}`);
        lines.attributes("Attributes", record.attributes);
        lines.add(`Trace ID: ${record.traceId}`);
        lines.add(`Span ID: ${record.spanId}`);
        lines.add(`Flags: ${record.flags}`);
      }
    }
  }
}
