/**
 * What a Collector's configuration holds once it is decoded, and the schema of its section `service` (upstream
 * `otelcol/config.go`, `service/config.go`, `service/telemetry/otelconftelemetry`).
 */
import type { Signal } from "../../wire/otlp/signal.ts";
import { formatComponentId, parseComponentId } from "./component-id.ts";
import { ExpandedValue } from "./expand.ts";
import {
  any,
  bool,
  goKind,
  type Infer,
  int,
  list,
  map,
  object,
  oneOf,
  rawValue,
  type Schema,
  separate,
  string,
} from "./schema.ts";

const PROMETHEUS_READER = object({
  host: string("localhost"),
  port: int(8888),
  without_scope_info: bool(true),
  without_units: bool(true),
  without_type_suffix: bool(true),
  with_resource_constant_labels: any(),
});

const READER = object({ pull: object({ exporter: object({ prometheus: PROMETHEUS_READER }) }) });

const METRICS_LEVELS = ["none", "basic", "normal", "detailed"] as const;
const LOG_LEVELS = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"] as const;

const TELEMETRY = object({
  logs: separate(
    object(
      {
        level: oneOf(LOG_LEVELS, "info", (raw) => `unrecognized level: ${JSON.stringify(raw)}`),
        encoding: string("console"),
        development: bool(false),
        disable_caller: bool(false),
        disable_stacktrace: bool(false),
        sampling: any(),
        output_paths: list(string(), ["stderr"]),
        error_output_paths: list(string(), ["stderr"]),
        initial_fields: any(),
        processors: any(),
      },
      "migration.LogsConfigV030",
    ),
  ),
  metrics: separate(
    object(
      {
        level: oneOf(METRICS_LEVELS, "normal", (raw) => `unknown metrics level ${JSON.stringify(raw)}`),
        readers: list(READER, [READER.default()]),
        views: any(),
      },
      "migration.MetricsConfigV030",
    ),
  ),
  traces: any(),
  resource: any(),
});

/** Ids of components, checked one by one. */
const IDS: Schema<string[]> = list({
  default: () => "",
  decode(value, path, problems) {
    const raw =
      value instanceof ExpandedValue && typeof value.value === "string" ? value.value : rawValue(value);
    if (typeof raw !== "string") problems.push(`'${path}' expected a map or struct, got "${goKind(raw)}"`);
    else {
      try {
        return formatComponentId(parseComponentId(raw));
      } catch (error) {
        problems.push(`'${path}' ${(error as Error).message}`);
      }
    }
    return "";
  },
});

/** The section `service`. */
export const SERVICE = object({
  extensions: IDS,
  pipelines: map(object({ receivers: IDS, processors: IDS, exporters: IDS }), "pipelines.Config"),
  telemetry: TELEMETRY,
});

export interface PipelineConfig {
  /** `metrics/2` */
  id: string;
  signal: Signal;
  receivers: string[];
  processors: string[];
  exporters: string[];
}

/** A component's decoded settings under its id. */
export interface ComponentConfig {
  id: string;
  type: string;
  settings: unknown;
}

export interface CollectorConfig {
  receivers: Map<string, ComponentConfig>;
  processors: Map<string, ComponentConfig>;
  exporters: Map<string, ComponentConfig>;
  connectors: Map<string, ComponentConfig>;
  extensions: Map<string, ComponentConfig>;
  service: {
    extensions: string[];
    pipelines: PipelineConfig[];
    telemetry: Infer<typeof TELEMETRY>;
  };
}
