/**
 * The instruments of a service whose tenants drive its scaling, as one object: what a request handler records here
 * appears on `/metrics` and in OTLP. The inventory and its names are those of the design ("Metrics Inventory").
 */
import type { Clock } from "../base/clock.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { HttpRequest, HttpResponse } from "../base/network.ts";
import type { Random } from "../base/random.ts";
import { ACTIVE_WINDOW_MS, ActiveTenants } from "./active-tenants.ts";
import { type ExporterFactory, ExportLine } from "./exporter.ts";
import { CONTENT_TYPES, negotiateFormat, renderExposition } from "./exposition.ts";
import { HttpServerMetrics } from "./http-server-metrics.ts";
import type { Counter } from "./instruments.ts";
import { DEFAULT_SERIES_LIMIT } from "./instruments.ts";
import { type Environment, httpNames, isSdkDisabled } from "./otel-environment.ts";
import { Registry } from "./registry.ts";
import { RequestScope } from "./request-scope.ts";
import { childSpan, parseTraceParent, type Sampler, type SpanContext, samplerOf } from "./trace-context.ts";

/** A tenant's series are no longer exported when it was idle for this long. Longer than the active window. */
export const TENANT_IDLE_EXPIRY_MS = 15 * 60_000;
/** Ending the process does not wait longer than this for the last export. */
export const SHUTDOWN_TIMEOUT_MS = 2_000;

export interface ServiceTelemetryOptions {
  clock: Clock;
  random: Random;
  log: Logger;
  env: Environment;
  pod: string;
  tier: string;
  /** Makes the OTLP side. @default none: `/metrics` only */
  exporter?: ExporterFactory;
  /** Attributes of the OTLP resource beside `OTEL_RESOURCE_ATTRIBUTES`. */
  resource?: Readonly<Record<string, string>>;
  /** @default `ACTIVE_WINDOW_MS` */
  activeWindowMs?: number;
  /** Series per instrument with a tenant label. @default `DEFAULT_SERIES_LIMIT` */
  tenantSeriesLimit?: number;
}

export class ServiceTelemetry {
  readonly registry: Registry;
  readonly activeTenants: ActiveTenants;
  /** Logs to the process' output and, as records that carry the trace, to OTLP. */
  readonly log: Logger;
  readonly #options: ServiceTelemetryOptions;
  readonly #line = new ExportLine();
  readonly #sampler: Sampler;
  readonly #http: HttpServerMetrics;
  readonly #requests: Counter<"tenant_id">;
  readonly #hits: Counter<"tenant_id">;

  constructor(options: ServiceTelemetryOptions) {
    this.#options = options;
    const { clock, env, pod, tier, tenantSeriesLimit = DEFAULT_SERIES_LIMIT } = options;
    this.#sampler = samplerOf(env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"]);
    this.registry = new Registry(clock);
    this.activeTenants = new ActiveTenants(options.activeWindowMs ?? ACTIVE_WINDOW_MS);
    this.log = dualLogger(options.log, clock, this.#line);
    this.registry.observe({
      name: "percolate.active_tenants",
      description: "Number of active tenants (last 5 minutes)",
      unit: "tenants",
      kind: "upDownCounter",
      otlpConstants: { pod },
      // By elapsed time: a wall clock that is set right must not make tenants come or go.
      read: () => [{ value: this.activeTenants.count(clock.monotonic()), attributes: { tier } }],
    });
    const perTenant = { seriesLimit: tenantSeriesLimit, idleExpiryMs: TENANT_IDLE_EXPIRY_MS };
    this.#requests = this.registry.counter({
      name: "percolate.tenant_requests",
      description: "Total requests per tenant",
      unit: "requests",
      labels: ["tenant_id"],
      constants: { pod, tier },
      ...perTenant,
    });
    this.#hits = this.registry.counter({
      name: "percolate.affinity_hits",
      description: "Requests of a tenant that met its data on this pod",
      unit: "hits",
      labels: ["tenant_id"],
      constants: { pod },
      ...perTenant,
    });
    this.#http = new HttpServerMetrics(this.registry, httpNames(env));
    const wanted = options.exporter !== undefined && !isSdkDisabled(env);
    if (!wanted) this.#line.disconnect();
  }

  /**
   * Loads the OTLP side and connects it. Call it when the service answers already: loading the SDK takes most of a
   * second of this process' time. Failing is logged and has no other effect.
   */
  async connect(): Promise<void> {
    const { exporter, env, log, resource } = this.#options;
    if (exporter === undefined || !this.#line.open) return;
    try {
      const made = await exporter({
        collect: () => this.registry.collect(),
        env,
        resource: {
          "k8s.pod.name": this.#options.pod,
          "service.instance.id": this.#options.pod,
          ...resource,
        },
        warn: (message) => log.warn("OTLP export failed", { error: message }),
      });
      this.#line.connect(made);
    } catch (error) {
      this.#line.disconnect();
      log.error("cannot load the OpenTelemetry SDK: nothing is exported by OTLP", { error });
    }
  }

  /** Begins the span and the measurement of a request. */
  begin(request: HttpRequest): RequestScope {
    const parent = parseTraceParent(request.headers);
    const span = childSpan(this.#options.random, this.#sampler, parent);
    return new RequestScope(request, span, parent, this.#options.clock, this.#http, this.#line);
  }

  /** A tenant was served here. @param hit whether its data was on this pod when the request came */
  tenantServed(tenant: string, hit: boolean, span?: SpanContext): void {
    this.activeTenants.touch(tenant, this.#options.clock.monotonic());
    this.#requests.add(1, { tenant_id: tenant }, span);
    if (hit) this.#hits.add(1, { tenant_id: tenant }, span);
  }

  /** The `/metrics` page. */
  metrics(request: HttpRequest): HttpResponse {
    const format = negotiateFormat(request.headers["accept"]);
    return {
      status: 200,
      headers: { "content-type": CONTENT_TYPES[format] },
      body: renderExposition(this.registry.collect(), format),
    };
  }

  /** Sends what is left, for `SHUTDOWN_TIMEOUT_MS` at most. */
  async shutdown(): Promise<void> {
    const { clock } = this.#options;
    const done = this.#line.shutdown().catch(() => {});
    await Promise.race([done, clock.sleep(SHUTDOWN_TIMEOUT_MS)]);
  }
}

/** Log fields that hold the trace: pass them with `traceFields(span)`. */
const TRACE_FIELD = "trace_id";
const SPAN_FIELD = "span_id";

/** Fields that tie a log line to a span. */
export function traceFields(span: SpanContext): LogFields {
  return { [TRACE_FIELD]: span.traceId, [SPAN_FIELD]: span.spanId };
}

function dualLogger(base: Logger, clock: Clock, line: ExportLine, bound: LogFields = {}): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    base[level](message, fields);
    if (level === "debug" || !line.open) return;
    const { [TRACE_FIELD]: traceId, [SPAN_FIELD]: spanId, ...rest } = { ...bound, ...fields };
    const span =
      typeof traceId === "string" && typeof spanId === "string"
        ? { traceId, spanId, sampled: true }
        : undefined;
    line.log({ timeMs: clock.now(), severity: level, message, attributes: plainAttributes(rest), span });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => dualLogger(base.with(fields), clock, line, { ...bound, ...fields }),
  };
}

function plainAttributes(fields: LogFields): Record<string, string | number | boolean> {
  const attributes: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      attributes[name] = value;
    } else if (value instanceof Error) attributes[name] = value.message;
    else if (value !== undefined) attributes[name] = JSON.stringify(value) ?? "";
  }
  return attributes;
}
