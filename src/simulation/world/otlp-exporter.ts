/**
 * The OTLP side of a simulated pod: every export interval its instruments, as one gRPC request to the Collector. Stands
 * for the OpenTelemetry SDK, which has sockets and timers of its own; metrics only, since nothing decides by traces.
 */
import type { Clock } from "../../base/clock.ts";
import type { Network } from "../../base/network.ts";
import type { Attributes } from "../../model/otlp-attributes.ts";
import { type Metric, Temporality } from "../../model/otlp-metrics.ts";
import type { ExporterFactory, MetricFamily } from "../../telemetry/mod.ts";
import { callUnary } from "../../wire/grpc/client.ts";
import { OTLP_CODECS } from "../../wire/otlp/signal.ts";

/** `OTEL_METRIC_EXPORT_INTERVAL`, where the manifest has none. */
const DEFAULT_INTERVAL_MS = 60_000;
const EXPORT_TIMEOUT_MS = 10_000;
const SCOPE = {
  name: "percolate-topology/telemetry",
  version: "0.1.0",
  attributes: [],
  droppedAttributesCount: 0,
};

export function virtualOtlpExporter(clock: Clock, network: Network): ExporterFactory {
  return async ({ collect, env, resource }) => {
    const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
    if (endpoint === undefined) return { span() {}, log() {}, shutdown: async () => {} };
    const { metrics } = OTLP_CODECS;
    const attributes = attributesOf({
      ...resource,
      ...pairsOf(env.OTEL_RESOURCE_ATTRIBUTES ?? ""),
      "service.name": env.OTEL_SERVICE_NAME ?? "unknown_service",
    });
    const send = async () => {
      const atNano = BigInt(clock.now()) * 1_000_000n;
      const data = [
        {
          resource: { attributes, droppedAttributesCount: 0 },
          schemaUrl: "",
          scopeMetrics: [
            { scope: SCOPE, schemaUrl: "", metrics: collect().map((family) => metricOf(family, atNano)) },
          ],
        },
      ];
      const options = { timeoutMs: EXPORT_TIMEOUT_MS };
      // What does not arrive is not sent again: the next export has the same counters, and more.
      await callUnary(network, `${endpoint}${metrics.grpcPath}`, metrics.encode(data), options).catch(
        () => {},
      );
    };
    const timer = clock.every(
      Number(env.OTEL_METRIC_EXPORT_INTERVAL) || DEFAULT_INTERVAL_MS,
      () => void send(),
    );
    return {
      span() {},
      log() {},
      async shutdown() {
        timer.cancel();
        await send();
      },
    };
  };
}

function metricOf(family: MetricFamily, timeUnixNano: bigint): Metric {
  const { name, description, unit } = family;
  const head = { name, description, unit, metadata: [] };
  const common = { timeUnixNano, flags: 0, exemplars: [] };
  const startOf = (startMs: number) => BigInt(Math.floor(startMs)) * 1_000_000n;
  if (family.kind === "histogram") {
    const points = family.points.map(({ attributes, startMs, series }) => ({
      ...common,
      attributes: attributesOf(attributes),
      startTimeUnixNano: startOf(startMs),
      count: series.count,
      sum: series.sum,
      min: series.count > 0 ? series.min : undefined,
      max: series.count > 0 ? series.max : undefined,
      bucketCounts: [...series.counts],
      explicitBounds: [...series.bounds],
    }));
    return { ...head, data: { type: "histogram", temporality: Temporality.CUMULATIVE, points } };
  }
  const constants = family.kind === "counter" ? {} : family.otlpConstants;
  const points = family.points.map(({ attributes, startMs, value }) => ({
    ...common,
    attributes: attributesOf({ ...attributes, ...constants }),
    startTimeUnixNano: startOf(startMs),
    value,
  }));
  if (family.kind === "gauge") return { ...head, data: { type: "gauge", points } };
  const monotonic = family.kind === "counter";
  return { ...head, data: { type: "sum", temporality: Temporality.CUMULATIVE, monotonic, points } };
}

function attributesOf(record: Readonly<Record<string, string>>): Attributes {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}

/** `a=b,c=d` */
function pairsOf(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => pair.split("=").map((part) => part.trim()));
  return Object.fromEntries(pairs.filter((pair) => pair.length === 2));
}
