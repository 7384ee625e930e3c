/**
 * The OpenTelemetry side: the official SDK (sdk-metrics, sdk-trace, sdk-logs 2.12/0.223) with its OTLP gRPC exporters.
 *
 * Instruments are aggregated once, in the `Registry`; the SDK's periodic reader gets them through the specification's
 * MetricProducer interface. So both pipelines show the same numbers, recording does not pay the SDK's hashing of
 * attributes, and series can expire, which the SDK cannot do. Temporality is always cumulative (for a backend that
 * wants deltas, the Collector has a processor).
 *
 * Loading this file loads the SDK, most of a second: import it lazily.
 */
import {
  createTraceState,
  DiagLogLevel,
  diag,
  type HrTime,
  type SpanContext as OtelSpanContext,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  ValueType,
} from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { defaultResource, type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  DataPointType,
  type Histogram,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace";
import type { ExporterSource, LogEntry, SpanRecord, TelemetryExporter } from "./exporter.ts";
import {
  exportsSignal,
  millisecondsOf,
  otlpEndpoint,
  resourceAttributes,
  type Signal,
} from "./otel-environment.ts";
import type { HistogramPoint, MetricFamily } from "./registry.ts";
import type { SpanContext } from "./trace-context.ts";

const SCOPE = { name: "percolate-topology/telemetry", version: "0.1.0" };
/** The specification's default of `OTEL_METRIC_EXPORT_INTERVAL`. */
const METRIC_INTERVAL_MS = 60_000;
/** A failing collector would otherwise fill the log. */
const WARN_INTERVAL_MS = 60_000;
const MAX_DISTINCT_WARNINGS = 100;

export function createOpenTelemetryExporter(source: ExporterSource, now: () => number): TelemetryExporter {
  reportFailures(source, now);
  const resource = defaultResource().merge(
    resourceFromAttributes(resourceAttributes(source.env, source.resource)),
  );
  const settings = (signal: Signal) => ({ url: otlpEndpoint(source.env, signal) });
  const wants = (signal: Signal) => exportsSignal(source.env, signal);
  const meters = wants("metrics") ? meterProvider(source, resource, now, settings("metrics")) : undefined;
  const spans = wants("traces")
    ? new BatchSpanProcessor({ exporter: new OTLPTraceExporter(settings("traces")) })
    : undefined;
  const logs = wants("logs") ? loggerProvider(resource, settings("logs")) : undefined;
  const logger = logs?.getLogger(SCOPE.name, SCOPE.version);
  return {
    span: (record) => spans?.onEnd(readableSpan(record, resource)),
    log: (entry) => logger?.emit(logRecord(entry)),
    async shutdown() {
      await Promise.allSettled([meters?.shutdown(), spans?.shutdown(), logs?.shutdown()]);
    },
  };
}

/** The SDK tells of failed exports through its global `diag`. */
function reportFailures(source: ExporterSource, now: () => number): void {
  const told = new Map<string, number>();
  const tell = (message: string) => {
    const text = message.slice(0, 300);
    if (now() - (told.get(text) ?? Number.NEGATIVE_INFINITY) < WARN_INTERVAL_MS) return;
    if (told.size >= MAX_DISTINCT_WARNINGS) told.clear();
    told.set(text, now());
    source.warn(text);
  };
  const quiet = () => {};
  diag.setLogger(
    { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function meterProvider(
  source: ExporterSource,
  resource: Resource,
  now: () => number,
  settings: { url: string },
) {
  const exportIntervalMillis = millisecondsOf(source.env, "OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL_MS);
  const timeoutMs = millisecondsOf(source.env, "OTEL_METRIC_EXPORT_TIMEOUT", 30_000);
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(settings),
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(timeoutMs, exportIntervalMillis),
    metricProducers: [metricProducer(source.collect, resource, now)],
  });
  return new MeterProvider({ resource, readers: [reader] });
}

function loggerProvider(resource: Resource, settings: { url: string }): LoggerProvider {
  const processor = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(settings) });
  return new LoggerProvider({ resource, processors: [processor] });
}

/** The registry as the SDK's readers want it. Exported for tests. */
export function metricProducer(
  collect: () => MetricFamily[],
  resource: Resource,
  now: () => number,
): MetricProducer {
  return {
    async collect() {
      const endTime = hrTime(now());
      const metrics = collect()
        .filter((family) => family.points.length > 0)
        .map((family) => metricData(family, endTime));
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: SCOPE, metrics }] }, errors: [] };
    },
  };
}

function metricData(family: MetricFamily, endTime: HrTime): MetricData {
  const head = {
    descriptor: {
      name: family.name,
      description: family.description,
      unit: family.unit,
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (family.kind === "histogram") {
    const dataPoints = family.points.map((point) => ({
      startTime: hrTime(point.startMs),
      endTime,
      attributes: point.attributes,
      value: histogramValue(point),
    }));
    return { ...head, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const constants = family.kind === "counter" ? {} : family.otlpConstants;
  const dataPoints = family.points.map(({ attributes, startMs, value }) => ({
    startTime: hrTime(startMs),
    endTime,
    attributes: { ...attributes, ...constants },
    value,
  }));
  if (family.kind === "gauge") return { ...head, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...head, dataPointType: DataPointType.SUM, isMonotonic: family.kind === "counter", dataPoints };
}

function histogramValue({ series }: HistogramPoint): Histogram {
  return {
    buckets: { boundaries: [...series.bounds], counts: [...series.counts] },
    sum: series.sum,
    count: series.count,
    ...(series.count > 0 && { min: series.min, max: series.max }),
  };
}

const SPAN_KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

function readableSpan(record: SpanRecord, resource: Resource): ReadableSpan {
  const startTime = hrTime(record.startMs);
  return {
    name: record.name,
    kind: SPAN_KINDS[record.kind],
    spanContext: () => otelContext(record.context),
    parentSpanContext: record.parent && { ...otelContext(record.parent), isRemote: true },
    startTime,
    endTime: hrTime(record.endMs),
    duration: hrTime(record.endMs - record.startMs),
    status:
      record.error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: record.error },
    attributes: record.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

const SEVERITIES = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

function logRecord(entry: LogEntry) {
  return {
    timestamp: hrTime(entry.timeMs),
    observedTimestamp: hrTime(entry.timeMs),
    severityNumber: SEVERITIES[entry.severity],
    severityText: entry.severity.toUpperCase(),
    body: entry.message,
    attributes: entry.attributes,
    context: entry.span && trace.setSpanContext(ROOT_CONTEXT, otelContext(entry.span)),
  };
}

function otelContext(span: SpanContext): OtelSpanContext {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    traceFlags: span.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(span.traceState !== undefined && { traceState: createTraceState(span.traceState) }),
  };
}

/** Milliseconds, of an instant or a duration, as seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
