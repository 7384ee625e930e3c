/** OpenTelemetry's logs (`opentelemetry/proto/logs/v1`). Times are nanoseconds since the Unix epoch, 0 for none. */
import type { AnyValue, Attributes, InstrumentationScope, Resource } from "./otlp-attributes.ts";

export interface ResourceLogs {
  readonly resource: Resource;
  readonly scopeLogs: readonly ScopeLogs[];
  readonly schemaUrl: string;
}

export interface ScopeLogs {
  readonly scope: InstrumentationScope;
  readonly logRecords: readonly LogRecord[];
  readonly schemaUrl: string;
}

export interface LogRecord {
  readonly timeUnixNano: bigint;
  readonly observedTimeUnixNano: bigint;
  /** 1 to 24, 0 for none: see `severityName`. */
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  readonly flags: number;
  /** 32 hexadecimal digits, or "". */
  readonly traceId: string;
  /** 16 hexadecimal digits, or "". */
  readonly spanId: string;
  readonly eventName: string;
}

const SEVERITIES = ["Trace", "Debug", "Info", "Warn", "Error", "Fatal"];

/** 0 → `Unspecified`, 9 → `Info`, 10 → `Info2` (pdata `plog.SeverityNumber.String`). */
export function severityName(severityNumber: number): string {
  if (severityNumber < 1 || severityNumber > 24) return severityNumber === 0 ? "Unspecified" : "";
  const step = (severityNumber - 1) % 4;
  return SEVERITIES[(severityNumber - 1) >> 2] + (step === 0 ? "" : String(step + 1));
}

export function countLogRecords(data: readonly ResourceLogs[]): number {
  let count = 0;
  for (const { scopeLogs } of data) for (const { logRecords } of scopeLogs) count += logRecords.length;
  return count;
}
