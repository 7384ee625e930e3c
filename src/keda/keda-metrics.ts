/** The `keda_*` metrics of the operator in Prometheus' text format (keda `pkg/metricscollector/prommetrics.go`). */
import type { Runtime } from "../base/runtime.ts";
import type { TriggerConfig } from "./trigger-config.ts";

/** Series that one metric may have; more are not recorded. */
export const MAX_SERIES_PER_METRIC = 10_000;

const SCALER_LABELS = ["metric", "namespace", "scaledObject", "scaler", "triggerIndex", "type"];
const HTTP_LABELS = ["metric_name", "namespace", "scaled_resource", "scaler", "status_code", "trigger_name"];
/** What upstream's adapter asks its operator: here both are one process, and the question a call. */
const RPC_LABELS = ["grpc_method", "grpc_service", "grpc_type"];
const RPC = ["GetMetrics", "api.MetricsService", "unary"];

interface Family {
  type: "gauge" | "counter" | "histogram";
  help: string;
  labels: string[];
  /** Of a histogram. */
  buckets?: number[];
}

const FAMILIES = {
  keda_build_info: {
    type: "gauge",
    help: "Info metric, with static information about KEDA build like: version, git commit and Golang runtime info.",
    labels: ["git_commit", "goarch", "goos", "goversion", "version"],
  },
  keda_internal_metricsservice_grpc_server_handled_total: {
    type: "counter",
    help: "Total number of RPCs completed on the server, regardless of success or failure.",
    labels: ["grpc_code", ...RPC_LABELS],
  },
  keda_internal_metricsservice_grpc_server_handling_seconds: {
    type: "histogram",
    help: "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
    labels: RPC_LABELS,
    buckets: [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120],
  },
  keda_internal_metricsservice_grpc_server_msg_received_total: {
    type: "counter",
    help: "Total number of RPC stream messages received on the server.",
    labels: RPC_LABELS,
  },
  keda_internal_metricsservice_grpc_server_msg_sent_total: {
    type: "counter",
    help: "Total number of gRPC stream messages sent by the server.",
    labels: RPC_LABELS,
  },
  keda_internal_metricsservice_grpc_server_started_total: {
    type: "counter",
    help: "Total number of RPCs started on the server.",
    labels: RPC_LABELS,
  },
  keda_internal_scale_loop_latency_seconds: {
    type: "gauge",
    help: "Total deviation (in seconds) between the expected execution time and the actual execution time for the scaling loop.",
    labels: ["namespace", "resource", "type"],
  },
  keda_resource_registered_total: {
    type: "gauge",
    help: "Total number of KEDA custom resources per namespace for each custom resource type (CRD) registered.",
    labels: ["namespace", "type"],
  },
  keda_scaled_object_errors_total: {
    type: "counter",
    help: "The number of errors that have occurred for each ScaledObject.",
    labels: ["namespace", "scaledObject"],
  },
  keda_scaled_object_paused: {
    type: "gauge",
    help: "Indicates whether a ScaledObject is paused (1), or not (0).",
    labels: ["namespace", "scaledObject"],
  },
  keda_scaler_active: {
    type: "gauge",
    help: "Indicates whether a scaler is active (1), or not (0).",
    labels: SCALER_LABELS,
  },
  keda_scaler_detail_errors_total: {
    type: "counter",
    help: "The total number of errors encountered for each scaler.",
    labels: SCALER_LABELS,
  },
  keda_scaler_empty_upstream_responses_total: {
    type: "counter",
    help: "Number of times a query returns an empty result",
    labels: ["ignoreNullValues", "metricName", "namespace", "resourceType", "scaledResource", "triggerName"],
  },
  keda_scaler_http_request_duration_seconds: {
    type: "histogram",
    help: "Duration in seconds of outbound HTTP requests issued during scaler metric collection.",
    labels: ["scaler", "status_code"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  keda_scaler_http_requests_total: {
    type: "counter",
    help: "Total number of outbound HTTP requests issued during scaler metric collection.",
    labels: HTTP_LABELS,
  },
  keda_scaler_metrics_latency_seconds: {
    type: "gauge",
    help: "The latency of retrieving current metric from each scaler, in seconds.",
    labels: SCALER_LABELS,
  },
  keda_scaler_metrics_value: {
    type: "gauge",
    help: "The current value for each scaler's metric that would be used by the HPA in computing the target average.",
    labels: SCALER_LABELS,
  },
  keda_trigger_registered_total: {
    type: "gauge",
    help: "Total number of triggers per trigger type registered.",
    labels: ["type"],
  },
  keda_webhook_scaled_object_validation_errors_total: {
    type: "counter",
    help: "Total number of scaled object validating errors",
    labels: ["action", "namespace", "reason"],
  },
  keda_webhook_scaled_object_validations_total: {
    type: "counter",
    help: "Total number of scaled object validations",
    labels: ["action", "namespace"],
  },
} satisfies Record<string, Family>;

type FamilyName = keyof typeof FAMILIES;

/** Which metric of which trigger. */
export interface ScalerKey {
  namespace: string;
  scaledObject: string;
  /** The trigger's name, or the scaler's type. */
  scaler: string;
  triggerIndex: number;
  metric: string;
}

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

export class KedaMetrics {
  readonly #values = new Map<FamilyName, Map<string, number>>();
  readonly #histograms = new Map<FamilyName, Map<string, Histogram>>();
  readonly #durationLabels: readonly string[];

  /**
   * @param isHighCardinality durations of requests tell the trigger too. @default false
   * @param runtime what KEDA runs on. @default not told
   */
  constructor(version: string, isHighCardinality = false, runtime?: Runtime) {
    this.#durationLabels = isHighCardinality
      ? HTTP_LABELS
      : FAMILIES.keda_scaler_http_request_duration_seconds.labels;
    this.#set(
      "keda_build_info",
      ["", runtime?.architecture ?? "", runtime?.operatingSystem ?? "", runtime?.version ?? "", version],
      1,
    );
  }

  value(key: ScalerKey, value: number): void {
    this.#set("keda_scaler_metrics_value", scalerLabels(key), value);
  }

  latency(key: ScalerKey, seconds: number): void {
    this.#set("keda_scaler_metrics_latency_seconds", scalerLabels(key), seconds);
  }

  active(key: ScalerKey, active: boolean): void {
    this.#set("keda_scaler_active", scalerLabels(key), active ? 1 : 0);
  }

  /** Counts an error, or makes the series appear with 0. */
  scalerError(key: ScalerKey, failed: boolean): void {
    this.#add("keda_scaler_detail_errors_total", scalerLabels(key), failed ? 1 : 0);
    if (failed) this.scaledObjectError(key.namespace, key.scaledObject, true);
  }

  scaledObjectError(namespace: string, scaledObject: string, failed: boolean): void {
    this.#add("keda_scaled_object_errors_total", [namespace, scaledObject], failed ? 1 : 0);
  }

  paused(namespace: string, scaledObject: string, paused: boolean): void {
    this.#set("keda_scaled_object_paused", [namespace, scaledObject], paused ? 1 : 0);
  }

  loopLatency(namespace: string, scaledObject: string, seconds: number): void {
    this.#set("keda_internal_scale_loop_latency_seconds", [namespace, scaledObject, "scaledobject"], seconds);
  }

  /** A question for a metric's values has come. */
  metricsAsked(): void {
    this.#add("keda_internal_metricsservice_grpc_server_started_total", RPC, 1);
    this.#add("keda_internal_metricsservice_grpc_server_msg_received_total", RPC, 1);
  }

  metricsAnswered(seconds: number, failed: boolean): void {
    const code = failed ? "Unknown" : "OK";
    this.#add("keda_internal_metricsservice_grpc_server_handled_total", [code, ...RPC], 1);
    // A failure is counted as sent too, as upstream's interceptor does.
    this.#add("keda_internal_metricsservice_grpc_server_msg_sent_total", RPC, 1);
    this.#observe("keda_internal_metricsservice_grpc_server_handling_seconds", RPC, seconds);
  }

  /** What has no namespace counts for `default`, as upstream has it. */
  registered(namespace: string, by: number, type = "scaled_object"): void {
    this.#add("keda_resource_registered_total", [namespace || "default", type], by);
  }

  triggerRegistered(type: string, by: number): void {
    this.#add("keda_trigger_registered_total", [type], by);
  }

  /** @param reason why it was refused, if it was */
  validated(namespace: string, action: "create" | "update", reason?: string): void {
    this.#add("keda_webhook_scaled_object_validations_total", [action, namespace], 1);
    if (reason === undefined) return;
    this.#add("keda_webhook_scaled_object_validation_errors_total", [action, namespace, reason], 1);
  }

  emptyResponse(config: TriggerConfig, ignored: boolean): void {
    const { namespace, scaledObject, name, index } = config;
    const labels = [String(ignored), `s${index}-prometheus`, namespace, "ScaledObject", scaledObject, name];
    this.#add("keda_scaler_empty_upstream_responses_total", labels, 1);
  }

  /** @param metric without the trigger's index. @default the trigger's type */
  httpRequest(config: TriggerConfig, seconds: number, status: number, metric = config.type): void {
    const { namespace, scaledObject, name, index, type } = config;
    const code = status === 0 ? "error" : String(status);
    const labels = [`s${index}-${metric}`, namespace, scaledObject, type, code, name];
    this.#add("keda_scaler_http_requests_total", labels, 1);
    const durationLabels = this.#durationLabels === HTTP_LABELS ? labels : [type, code];
    this.#observe("keda_scaler_http_request_duration_seconds", durationLabels, seconds);
  }

  /** Removes what was recorded of a ScaledObject's scalers. */
  forget(namespace: string, scaledObject: string): void {
    for (const name of Object.keys(FAMILIES) as FamilyName[]) {
      if ((FAMILIES[name].labels as string[]) !== SCALER_LABELS) continue;
      const series = this.#values.get(name);
      for (const key of series?.keys() ?? []) {
        const [, inNamespace, object] = key.split("\xff");
        if (inNamespace === namespace && object === scaledObject) series!.delete(key);
      }
    }
  }

  /** Prometheus' text format 0.0.4. */
  text(): string {
    const lines: string[] = [];
    for (const [name, family] of Object.entries(FAMILIES) as [FamilyName, Family][]) {
      const samples = family.type === "histogram" ? this.#histogramLines(name) : this.#lines(name);
      if (samples.length === 0) continue;
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`, ...samples);
    }
    return `${lines.join("\n")}\n`;
  }

  #lines(name: FamilyName): string[] {
    const { labels } = FAMILIES[name];
    return Array.from(this.#values.get(name) ?? [], ([key, value]) => {
      return `${name}${labelText(labels, key.split("\xff"))} ${numberText(value)}`;
    }).sort();
  }

  #histogramLines(name: FamilyName): string[] {
    const family: Family = FAMILIES[name];
    const isHttp = name === "keda_scaler_http_request_duration_seconds";
    const labels = isHttp ? this.#durationLabels : family.labels;
    return Array.from(this.#histograms.get(name) ?? [], ([key, { counts, sum, count }]) => {
      const values = key.split("\xff");
      const bucket = (bound: string, total: number) =>
        `${name}_bucket${labelText([...labels, "le"], [...values, bound])} ${total}`;
      return [
        ...family.buckets!.map((bound, index) => bucket(String(bound), counts[index])),
        bucket("+Inf", count),
        `${name}_sum${labelText(labels, values)} ${numberText(sum)}`,
        `${name}_count${labelText(labels, values)} ${count}`,
      ];
    }).flat();
  }

  #set(name: FamilyName, labels: string[], value: number): void {
    const series = this.#seriesOf(name);
    const key = labels.join("\xff");
    if (series.has(key) || series.size < MAX_SERIES_PER_METRIC) series.set(key, value);
  }

  #add(name: FamilyName, labels: string[], by: number): void {
    this.#set(name, labels, (this.#seriesOf(name).get(labels.join("\xff")) ?? 0) + by);
  }

  #seriesOf(name: FamilyName): Map<string, number> {
    let series = this.#values.get(name);
    if (series === undefined) {
      series = new Map();
      this.#values.set(name, series);
    }
    return series;
  }

  #observe(name: FamilyName, labels: string[], seconds: number): void {
    const { buckets = [] }: Family = FAMILIES[name];
    let series = this.#histograms.get(name);
    if (series === undefined) this.#histograms.set(name, (series = new Map()));
    const key = labels.join("\xff");
    let histogram = series.get(key);
    if (histogram === undefined) {
      if (series.size >= MAX_SERIES_PER_METRIC) return;
      histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 };
      series.set(key, histogram);
    }
    buckets.forEach((bound, index) => {
      if (seconds <= bound) histogram.counts[index]++;
    });
    histogram.sum += seconds;
    histogram.count++;
  }
}

function scalerLabels({ namespace, scaledObject, scaler, triggerIndex, metric }: ScalerKey): string[] {
  return [metric, namespace, scaledObject, scaler, String(triggerIndex), "scaledobject"];
}

function labelText(names: readonly string[], values: string[]): string {
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${names.map((name, index) => `${name}="${escaped(values[index])}"`).join(",")}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
