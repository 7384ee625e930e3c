/** Traces as OTLP/JSON. */
import {
  type ResourceSpans,
  type ScopeSpans,
  SPAN_KINDS,
  type Span,
  STATUS_CODES,
} from "../../model/otlp-traces.ts";
import {
  attributesJson,
  integerJson,
  JsonFields,
  readResource,
  readScope,
  resourceJson,
  scopeJson,
  withoutDefaults,
} from "./common-json.ts";

/** @throws OtlpJsonError */
export function decodeTracesJson(bytes: Uint8Array): ResourceSpans[] {
  return JsonFields.parse(bytes).messages("resourceSpans", (fields) => ({
    resource: readResource(fields),
    scopeSpans: fields.messages("scopeSpans", readScopeSpans),
    schemaUrl: fields.string("schemaUrl"),
  }));
}

function readScopeSpans(fields: JsonFields): ScopeSpans {
  return {
    scope: readScope(fields),
    spans: fields.messages("spans", readSpan),
    schemaUrl: fields.string("schemaUrl"),
  };
}

function readSpan(fields: JsonFields): Span {
  return {
    traceId: fields.hex("traceId"),
    spanId: fields.hex("spanId"),
    traceState: fields.string("traceState"),
    parentSpanId: fields.hex("parentSpanId"),
    flags: fields.integer("flags"),
    name: fields.string("name"),
    kind: fields.enumeration("kind", "SPAN_KIND_", SPAN_KINDS),
    startTimeUnixNano: fields.uint64("startTimeUnixNano"),
    endTimeUnixNano: fields.uint64("endTimeUnixNano"),
    attributes: fields.attributes("attributes"),
    droppedAttributesCount: fields.integer("droppedAttributesCount"),
    events: fields.messages("events", (event) => ({
      timeUnixNano: event.uint64("timeUnixNano"),
      name: event.string("name"),
      attributes: event.attributes("attributes"),
      droppedAttributesCount: event.integer("droppedAttributesCount"),
    })),
    droppedEventsCount: fields.integer("droppedEventsCount"),
    links: fields.messages("links", (link) => ({
      traceId: link.hex("traceId"),
      spanId: link.hex("spanId"),
      traceState: link.string("traceState"),
      attributes: link.attributes("attributes"),
      droppedAttributesCount: link.integer("droppedAttributesCount"),
      flags: link.integer("flags"),
    })),
    droppedLinksCount: fields.integer("droppedLinksCount"),
    status: fields.message("status", { message: "", code: 0 }, (status) => ({
      message: status.string("message"),
      code: status.enumeration("code", "STATUS_CODE_", STATUS_CODES),
    })),
  };
}

export function encodeTracesJson(data: readonly ResourceSpans[]): string {
  return JSON.stringify({ resourceSpans: data.map(resourceSpansJson) });
}

/** Spans of one resource as an OTLP/JSON object. */
export function resourceSpansJson(resourceSpans: ResourceSpans): object {
  return withoutDefaults({
    resource: resourceJson(resourceSpans.resource),
    scopeSpans: resourceSpans.scopeSpans.map((scopeSpans) =>
      withoutDefaults({
        scope: scopeJson(scopeSpans.scope),
        spans: scopeSpans.spans.map(spanJson),
        schemaUrl: scopeSpans.schemaUrl,
      }),
    ),
    schemaUrl: resourceSpans.schemaUrl,
  });
}

/** A span as an OTLP/JSON object. */
export function spanJson(span: Span): object {
  return withoutDefaults({
    ...span,
    startTimeUnixNano: integerJson(span.startTimeUnixNano),
    endTimeUnixNano: integerJson(span.endTimeUnixNano),
    attributes: attributesJson(span.attributes),
    events: span.events.map((event) =>
      withoutDefaults({
        ...event,
        timeUnixNano: integerJson(event.timeUnixNano),
        attributes: attributesJson(event.attributes),
      }),
    ),
    links: span.links.map((link) =>
      withoutDefaults({ ...link, attributes: attributesJson(link.attributes) }),
    ),
    status: withoutDefaults({ ...span.status }),
  });
}
