/**
 * `prometheus_remote_write` (formerly `prometheusremotewrite`): metrics as Prometheus' series by remote write 1.0
 * (upstream contrib `exporter/prometheusremotewriteexporter`).
 *
 * One request after the other, as Prometheus wants each series' samples in order. Differs on purpose: no WAL.
 */
import { translateMetrics } from "../../wire/otlp-to-prometheus/translate.ts";
import type { WriteRequest, WriteSeries } from "../../wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import type { ComponentSettings, ExporterFactory, Payload } from "../component.ts";
import {
  any,
  bool,
  duration,
  float,
  type Infer,
  int,
  map,
  object,
  oneOf,
  optional,
  string,
} from "../config/schema.ts";
import { HTTP_CLIENT } from "../config/shared-settings.ts";
import { PermanentError } from "../errors.ts";
import { describeFailure } from "./http-client.ts";
import { createSender } from "./sender.ts";

const SWITCH = (fallback: boolean) =>
  object({ enabled: bool(fallback), service_name: any(), include: any(), exclude: any() });

const CONFIG = object({
  ...HTTP_CLIENT,
  /** The newer place of the client's settings. */
  http: optional(object(HTTP_CLIENT)),
  /** Milliseconds. */
  timeout: duration(5_000),
  namespace: string(),
  external_labels: map(string()),
  add_metric_suffixes: bool(true),
  translation_strategy: optional(
    oneOf(
      [
        "UnderscoreEscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "NoTranslation",
      ],
      "UnderscoreEscapingWithSuffixes",
    ),
  ),
  send_metadata: bool(false),
  target_info: SWITCH(true),
  resource_to_telemetry_conversion: SWITCH(false),
  resource_constant_labels: SWITCH(false),
  max_batch_size_bytes: int(3_000_000),
  max_batch_request_parallelism: optional(int(5)),
  protobuf_message: string("prometheus.WriteRequest"),
  remote_write_queue: object({ enabled: bool(true), queue_size: int(10_000), num_consumers: int(5) }),
  retry_on_failure: object({
    enabled: bool(true),
    initial_interval: duration(50),
    randomization_factor: float(0.5),
    multiplier: float(1.5),
    max_interval: duration(30_000),
    max_elapsed_time: duration(300_000),
  }),
});

type Config = Infer<typeof CONFIG>;

export const prometheusRemoteWriteExporter: ExporterFactory<Config> = {
  type: "prometheus_remote_write",
  aliases: ["prometheusremotewrite"],
  signals: ["metrics"],
  schema: CONFIG,
  validate(config) {
    const endpoint = endpointOf(config);
    if (endpoint === "") return "endpoint must be specified";
    if (!URL.canParse(endpoint)) return `invalid endpoint: ${JSON.stringify(endpoint)}`;
    if (config.remote_write_queue.queue_size < 0) return "remote write queue size can't be negative";
    if (config.remote_write_queue.num_consumers < 0) return "remote write consumer number can't be negative";
    if (config.max_batch_size_bytes < 0) return "max_batch_byte_size must be greater than 0";
    if (config.protobuf_message !== "prometheus.WriteRequest") {
      return `unknown type for remote write protobuf message ${JSON.stringify(config.protobuf_message)}, supported: prometheus.WriteRequest`;
    }
    return undefined;
  },
  create(config, settings, signal) {
    return createSender({
      settings,
      signal,
      queue: {
        enabled: config.remote_write_queue.enabled,
        queue_size: config.remote_write_queue.queue_size,
        num_consumers: 1,
        block_on_overflow: false,
        wait_for_result: false,
        sizer: "requests",
        storage: undefined,
        batch: undefined,
      },
      retry: config.retry_on_failure,
      push: (payload) => push(payload, config, settings),
    });
  },
};

function endpointOf(config: Config): string {
  return config.http?.endpoint || config.endpoint;
}

async function push(payload: Payload, config: Config, settings: ComponentSettings): Promise<void> {
  if (payload.signal !== "metrics") return;
  const { request, errors, warnings } = translateMetrics(payload.data, {
    namespace: config.namespace,
    strategy:
      config.translation_strategy ??
      (config.add_metric_suffixes ? "UnderscoreEscapingWithSuffixes" : "UnderscoreEscapingWithoutSuffixes"),
    resourceLabels:
      config.resource_to_telemetry_conversion.enabled || config.resource_constant_labels.enabled,
    targetInfo: config.target_info.enabled,
    externalLabels: config.external_labels,
    metadata: config.send_metadata,
  });
  errors.push(...warnings);
  if (errors.length > 0) {
    settings.log.debug("failed to translate metrics, exporting remaining metrics", {
      error: errors.slice(0, 5).join("; "),
      failed: errors.length,
    });
    settings.telemetry.count(
      "otelcol_exporter_prometheusremotewrite_failed_translations",
      "Number of translation operations that failed to translate metrics from Otel to Prometheus.",
      { exporter: settings.id },
      errors.length,
    );
  }
  for (const part of splitRequest(request, config.max_batch_size_bytes)) await send(part, config, settings);
}

/** Parts whose encoded size is at most about `maxBytes`. A part has one series at least. */
export function splitRequest(request: WriteRequest, maxBytes: number): WriteRequest[] {
  const parts: WriteRequest[] = [];
  let series: WriteSeries[] = [];
  let bytes = 0;
  for (const one of request.series) {
    const size = sizeOf(one);
    if (series.length > 0 && bytes + size > maxBytes) {
      parts.push({ series, metadata: [] });
      series = [];
      bytes = 0;
    }
    series.push(one);
    bytes += size;
  }
  if (series.length > 0 || request.metadata.length > 0) parts.push({ series, metadata: request.metadata });
  return parts;
}

/** Near enough: labels, samples of 18 bytes, exemplars and buckets. */
function sizeOf({ labels, samples, histograms, exemplars }: WriteSeries): number {
  let size = 4 + samples.length * 18;
  for (const text of labels.flat) size += text.length + 3;
  for (const { labels } of exemplars) for (const text of labels.flat) size += text.length + 12;
  for (const { histogram } of histograms) {
    size += 80 + 9 * (histogram.positiveBuckets.length + histogram.negativeBuckets.length);
  }
  return size;
}

/** What a response to a failed write may measure. */
const RESPONSE_LIMIT_BYTES = 64 * 1024;

async function send(request: WriteRequest, config: Config, settings: ComponentSettings): Promise<void> {
  const endpoint = endpointOf(config);
  const { status, answer } = await post(endpoint, request, config, settings);
  if (status >= 200 && status < 300) return;
  const message = `remote write returned HTTP status ${status}; err = ${answer.slice(0, ANSWER_CHARS).trim()}`;
  // As upstream: only a server's own errors may pass, and when to come back is not asked for.
  throw status >= 500 ? new Error(message) : new PermanentError(message);
}

/** What of a failed write's answer is said. */
const ANSWER_CHARS = 256;

async function post(
  endpoint: string,
  request: WriteRequest,
  config: Config,
  { network }: ComponentSettings,
): Promise<{ status: number; answer: string }> {
  try {
    const response = await network.fetch(endpoint, {
      method: "POST",
      headers: {
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        "x-prometheus-remote-write-version": "0.1.0",
        "user-agent": "percolate-topology-collector",
        ...config.headers,
        ...config.http?.headers,
      },
      body: snappyCompress(encodeWriteRequestV1(request)),
      timeoutMs: config.timeout > 0 ? config.timeout : undefined,
      insecure: config.tls.insecure_skip_verify,
    });
    return { status: response.status, answer: await response.text(RESPONSE_LIMIT_BYTES) };
  } catch (error) {
    throw new Error(`Post "${endpoint}": ${describeFailure(error)}`, { cause: error });
  }
}
