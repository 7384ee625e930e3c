/**
 * Dual-export instrumentation: what a service records once is served on `/metrics` for Prometheus (and so for KEDA) and
 * sent by OTLP for everything else. Public as `percolate-topology/telemetry`.
 *
 * Stands for prom-client plus the OpenTelemetry JS SDK (2.12), and differs on purpose:
 * - one aggregation for both exports, so the two pipelines cannot disagree;
 * - bound instruments, series limits with an overflow series, expiry of idle series, exemplars: the SDK has none of
 *   them for the price of a few nanoseconds (or at all);
 * - gauges are computed when they are read: "active in the last 5 minutes" falls by itself;
 * - the SDK is loaded after the service answers, and its failing never reaches a request.
 *
 * ```ts
 * const telemetry = new ServiceTelemetry({ ...parts, pod, tier, exporter: openTelemetry(clock) });
 * server.listen(…); await telemetry.connect();
 * const scope = telemetry.begin(request);
 * telemetry.tenantServed(tenant, true, scope.span);
 * return scope.finish(response);
 * ```
 */
import type { Clock } from "../base/clock.ts";
import type { ExporterFactory } from "./exporter.ts";

export { ACTIVE_WINDOW_MS, ActiveTenants, MAX_ACTIVE_TENANTS } from "./active-tenants.ts";
export type { ExporterFactory, ExporterSource, LogEntry, SpanRecord, TelemetryExporter } from "./exporter.ts";
export { CONTENT_TYPES, type ExpositionFormat, negotiateFormat, renderExposition } from "./exposition.ts";
export { Counter, DEFAULT_SERIES_LIMIT, Histogram, type InstrumentOptions } from "./instruments.ts";
export { type MetricFamily, type ObservableOptions, Registry } from "./registry.ts";
export type { RequestScope } from "./request-scope.ts";
export type { Exemplar, HistogramSeries, SumSeries } from "./series.ts";
export { ServiceTelemetry, type ServiceTelemetryOptions, traceFields } from "./service-telemetry.ts";
export {
  childSpan,
  formatTraceParent,
  parseTraceParent,
  type SpanContext,
  samplerOf,
} from "./trace-context.ts";

/** The official OpenTelemetry SDK as the OTLP side, loaded when `connect` is called. */
export function openTelemetry(clock: Clock): ExporterFactory {
  return async (source) => {
    const { createOpenTelemetryExporter } = await import("./opentelemetry-exporter.ts");
    return createOpenTelemetryExporter(source, () => clock.now());
  };
}
