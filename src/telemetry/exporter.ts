/**
 * What goes out by OTLP, in types that know nothing of an SDK, and the line that records wait in until there is one.
 * In virtual time there is none: nothing is exported, everything else is the same.
 */
import type { MetricFamily } from "./registry.ts";
import type { SpanContext } from "./trace-context.ts";

export interface SpanRecord {
  name: string;
  kind: "server" | "client" | "internal";
  context: SpanContext;
  /** The caller's span, when there is one. */
  parent?: SpanContext;
  /** Milliseconds since the Unix epoch, fractional. */
  startMs: number;
  endMs: number;
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** Set when the operation failed: what went wrong. */
  error?: string;
}

export interface LogEntry {
  timeMs: number;
  severity: "debug" | "info" | "warn" | "error";
  message: string;
  attributes: Readonly<Record<string, string | number | boolean>>;
  span?: SpanContext;
}

/** Takes records and sends them some time; never throws, never blocks. */
export interface TelemetryExporter {
  span(record: SpanRecord): void;
  log(entry: LogEntry): void;
  /** Sends what is there, metrics included, and lets go of connections. */
  shutdown(): Promise<void>;
}

export interface ExporterSource {
  /** The instruments as of now. */
  collect(): MetricFamily[];
  /** The variables of the OpenTelemetry specification: `OTEL_…`. */
  env: Readonly<Record<string, string | undefined>>;
  /** Attributes of the resource that the variables do not set: `service.instance.id`, `k8s.pod.name`. */
  resource: Readonly<Record<string, string>>;
  /** Told when sending fails, at most once a minute per message. */
  warn: (message: string) => void;
}

export type ExporterFactory = (source: ExporterSource) => Promise<TelemetryExporter>;

/** Records kept until the exporter has been loaded; the newest are dropped beyond it. */
export const MAX_WAITING_RECORDS = 2_048;

/** Hands records on to the exporter as soon as there is one. */
export class ExportLine {
  #exporter: TelemetryExporter | undefined;
  #waiting: ((exporter: TelemetryExporter) => void)[] | undefined = [];
  /** Records that came before the exporter and found the line full. */
  dropped = 0;

  /** Whether records are of any use: false when no exporter will come. */
  get open(): boolean {
    return this.#exporter !== undefined || this.#waiting !== undefined;
  }

  span(record: SpanRecord): void {
    if (record.context.sampled) this.#send((exporter) => exporter.span(record));
  }

  log(entry: LogEntry): void {
    this.#send((exporter) => exporter.log(entry));
  }

  #send(send: (exporter: TelemetryExporter) => void): void {
    if (this.#exporter !== undefined) send(this.#exporter);
    else if (this.#waiting === undefined) return;
    else if (this.#waiting.length < MAX_WAITING_RECORDS) this.#waiting.push(send);
    else this.dropped++;
  }

  connect(exporter: TelemetryExporter): void {
    this.#exporter = exporter;
    for (const send of this.#waiting ?? []) send(exporter);
    this.#waiting = undefined;
  }

  /** Nobody will come: nothing is kept from now on. */
  disconnect(): void {
    this.#exporter = undefined;
    this.#waiting = undefined;
  }

  async shutdown(): Promise<void> {
    const exporter = this.#exporter;
    this.disconnect();
    await exporter?.shutdown();
  }
}
