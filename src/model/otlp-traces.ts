/** OpenTelemetry's traces (`opentelemetry/proto/trace/v1`). Times are nanoseconds since the Unix epoch. */
import type { Attributes, InstrumentationScope, Resource } from "./otlp-attributes.ts";

export interface ResourceSpans {
  readonly resource: Resource;
  readonly scopeSpans: readonly ScopeSpans[];
  readonly schemaUrl: string;
}

export interface ScopeSpans {
  readonly scope: InstrumentationScope;
  readonly spans: readonly Span[];
  readonly schemaUrl: string;
}

export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly traceState: string;
  /** "" for a root span. */
  readonly parentSpanId: string;
  readonly flags: number;
  readonly name: string;
  /** An index of `SPAN_KINDS`. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  readonly events: readonly SpanEvent[];
  readonly droppedEventsCount: number;
  readonly links: readonly SpanLink[];
  readonly droppedLinksCount: number;
  readonly status: SpanStatus;
}

export interface SpanEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  readonly flags: number;
}

export interface SpanStatus {
  readonly message: string;
  /** An index of `STATUS_CODES`. */
  readonly code: number;
}

export const SPAN_KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"] as const;
export const STATUS_CODES = ["Unset", "Ok", "Error"] as const;

export function countSpans(data: readonly ResourceSpans[]): number {
  let count = 0;
  for (const { scopeSpans } of data) for (const { spans } of scopeSpans) count += spans.length;
  return count;
}
