/** The server's own `/metrics`, under upstream's names. */
import type { HttpResponse } from "../../base/network.ts";
import { compareStrings } from "../../model/labels.ts";
import { encodeMetricFamilies } from "../../wire/client-model/metric-family-encoder.ts";
import { type MetricFamily, writeTextFormat } from "../../wire/exposition/exposition-writer.ts";
import { negotiateFormat } from "../api/federation-format.ts";
import { BUILD_INFO, sortedPools } from "../api/status-api.ts";
import { family, type Row } from "../metrics/family.ts";
import type { PrometheusServer } from "../server-state.ts";
import type { MetricMetadata } from "../storage.ts";
import { clientFamilies } from "./client-families.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { processFamilies } from "./process-metrics.ts";
import { remoteFamilies } from "./remote-families.ts";
import { tsdbFamilies } from "./tsdb-families.ts";

/** All metrics of the server, by name. */
export async function ownFamilies(server: PrometheusServer, http: HttpMetrics): Promise<MetricFamily[]> {
  const figures = await server.tsdb.figures();
  const families = [
    ...(await processFamilies(server.disk, server.status.startMs)),
    ...serverFamilies(server),
    ...notificationFamilies(server),
    ...tsdbFamilies(server, figures),
    ...scrapeFamilies(server),
    ...remoteFamilies(server.remotes, figures.walSegment),
    ...[...server.instruments, ...http.instruments].map((each) => each.family()),
  ].filter((each) => each.samples.length > 0);
  return families.sort((a, b) => compareStrings(shownName(a), shownName(b)));
}

function shownName({ name, type }: MetricFamily): string {
  return type === "counter" ? `${name}_total` : name;
}

/** In the text format or in protobuf, as upstream's: OpenMetrics is not offered. */
export async function ownMetrics(
  server: PrometheusServer,
  http: HttpMetrics,
  accept: string | undefined,
): Promise<HttpResponse> {
  http.scrapesInFlight.add(1);
  try {
    const families = await ownFamilies(server, http);
    const { isProtobuf, contentType } = negotiateFormat(accept);
    const body = isProtobuf
      ? encodeMetricFamilies(clientFamilies(families, server.status.startMs))
      : writeTextFormat(families);
    return { status: 200, headers: { "content-type": contentType }, body };
  } finally {
    http.scrapesInFlight.add(-1);
  }
}

function serverFamilies({ status, queryLog }: PrometheusServer): MetricFamily[] {
  const { version, revision, branch, goVersion } = BUILD_INFO;
  const { platform, arch } = process;
  return [
    family(
      "prometheus_build_info",
      "gauge",
      "A metric with a constant '1' value labeled by version, revision, branch, goversion from which prometheus was built, and the goos and goarch for the build.",
      [
        [
          {
            branch,
            goarch: GO_ARCHITECTURES[arch] ?? arch,
            goos: platform,
            goversion: goVersion,
            revision,
            tags: "unknown",
            version,
          },
          1,
        ],
      ],
    ),
    family(
      "prometheus_config_last_reload_successful",
      "gauge",
      "Whether the last configuration reload attempt was successful.",
      status.reloadSucceeded ? 1 : 0,
    ),
    family(
      "prometheus_config_last_reload_success_timestamp_seconds",
      "gauge",
      "Timestamp of the last successful configuration reload.",
      status.lastReloadMs / 1000,
    ),
    family(
      "prometheus_ready",
      "gauge",
      "Whether Prometheus startup was fully completed and the server is ready for normal operation.",
      1,
    ),
    family(
      "prometheus_engine_query_log_enabled",
      "gauge",
      "State of the query log.",
      queryLog.file === undefined ? 0 : 1,
    ),
    family(
      "prometheus_engine_query_log_failures",
      "counter",
      "The number of query log failures.",
      queryLog.failures,
    ),
  ];
}

/** Go's names of processors that Node calls otherwise. */
const GO_ARCHITECTURES: Record<string, string> = { x64: "amd64", ia32: "386" };

function notificationFamilies({ notifications }: PrometheusServer): MetricFamily[] {
  return [
    family(
      "prometheus_api_notification_active_subscribers",
      "gauge",
      "The current number of active notification subscribers.",
      notifications.subscribers,
    ),
    family(
      "prometheus_api_notification_updates_sent",
      "counter",
      "Total number of notification updates sent.",
      notifications.counts.sent,
    ),
    family(
      "prometheus_api_notification_updates_dropped",
      "counter",
      "Total number of notification updates dropped.",
      notifications.counts.dropped,
    ),
  ];
}

function scrapeFamilies(server: PrometheusServer): MetricFamily[] {
  const pools = sortedPools(server).map(([scrape_job, pool]) => ({
    labels: { scrape_job },
    pool,
    metadata: [...pool.loops.values()].flatMap(({ metadata }) => [...metadata].map(([, entry]) => entry)),
  }));
  const gauge = (name: string, help: string, value: (pool: (typeof pools)[number]) => number) =>
    family(
      `prometheus_target_${name}`,
      "gauge",
      help,
      pools.map((each): Row => [each.labels, value(each)]),
    );
  return [
    gauge(
      "scrape_pool_targets",
      "Current number of targets in this scrape pool.",
      ({ pool }) => pool.loops.size,
    ),
    gauge(
      "scrape_pool_target_limit",
      "Maximum number of targets allowed in this scrape pool.",
      ({ pool }) => pool.config.target_limit,
    ),
    gauge(
      "metadata_cache_entries",
      "Total number of metric metadata entries in the cache",
      ({ metadata }) => metadata.length,
    ),
    gauge(
      "metadata_cache_bytes",
      "The number of bytes that are currently used for storing metric metadata in the cache",
      ({ metadata }) => metadata.reduce((sum, entry) => sum + metadataBytes(entry), 0),
    ),
  ];
}

function metadataBytes({ help, unit, type }: MetricMetadata): number {
  return Buffer.byteLength(help + unit + type);
}
