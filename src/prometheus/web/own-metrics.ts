/** The server's own `/metrics`, under upstream's names. */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { compareStrings } from "../../model/labels.ts";
import {
  type FamilyType,
  type MetricFamily,
  OPENMETRICS_CONTENT_TYPE,
  TEXT_CONTENT_TYPE,
  writeOpenMetrics,
  writeTextFormat,
} from "../../wire/exposition/exposition-writer.ts";
import { BUILD_INFO, sortedPools } from "../api/status-api.ts";
import type { PrometheusServer } from "../server-state.ts";
import { remoteFamilies } from "./remote-metrics.ts";

/** Counts requests by handler and code. Paths outside of the known ones count as one. */
export class HttpMetrics {
  readonly requests = new Map<string, number>();
  readonly seconds = new Map<string, { count: number; sum: number }>();

  observe(request: HttpRequest, status: number, seconds: number): void {
    const handler = handlerOf(request.target);
    const key = `${handler} ${status}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    const entry = this.seconds.get(handler) ?? { count: 0, sum: 0 };
    entry.count++;
    entry.sum += seconds;
    this.seconds.set(handler, entry);
  }
}

const KNOWN =
  /^\/(?:-\/\w+|metrics|federate|query|graph|version|api\/v1\/(?:query|query_range|query_exemplars|labels|series|write|read|targets|metadata|rules|alerts|status\/\w+|otlp\/v1\/metrics))$/;

function handlerOf(target: string): string {
  const path = target.split("?", 1)[0];
  if (KNOWN.test(path)) return path;
  return /^\/api\/v1\/label\/[^/]+\/values$/.test(path) ? "/api/v1/label/:name/values" : "other";
}

type Row = [labels: Record<string, string>, value: number];

function family(name: string, type: FamilyType, help: string, rows: number | Row[]): MetricFamily {
  const list: Row[] = typeof rows === "number" ? [[{}, rows]] : rows;
  const suffix = type === "counter" ? "_total" : "";
  return { name, type, help, samples: list.map(([labels, value]) => ({ suffix, labels, value })) };
}

/** All metrics of the server, by name. */
export function ownFamilies(server: PrometheusServer, http: HttpMetrics): MetricFamily[] {
  const families = [
    ...serverFamilies(server),
    ...tsdbFamilies(server),
    ...scrapeFamilies(server),
    ...remoteFamilies(server.remotes),
    ...httpFamilies(http),
    ...server.instruments.map((each) => each.family()),
  ].filter((each) => each.samples.length > 0);
  return families.sort((a, b) => compareStrings(shownName(a), shownName(b)));
}

function shownName({ name, type }: MetricFamily): string {
  return type === "counter" ? `${name}_total` : name;
}

export function ownMetrics(server: PrometheusServer, http: HttpMetrics, openMetrics: boolean): HttpResponse {
  const families = ownFamilies(server, http);
  return {
    status: 200,
    headers: {
      "content-type": `${openMetrics ? OPENMETRICS_CONTENT_TYPE : TEXT_CONTENT_TYPE}; escaping=underscores`,
    },
    body: openMetrics ? writeOpenMetrics(families) : writeTextFormat(families),
  };
}

function serverFamilies({ status }: PrometheusServer): MetricFamily[] {
  const usage = process.cpuUsage();
  const { version, revision, branch, goVersion } = BUILD_INFO;
  return [
    family(
      "prometheus_build_info",
      "gauge",
      "A metric with a constant '1' value labeled by version, revision and branch from which prometheus was built.",
      [[{ branch, goversion: goVersion, revision, version }, 1]],
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
      "process_cpu_seconds",
      "counter",
      "Total user and system CPU time spent in seconds.",
      (usage.user + usage.system) / 1e6,
    ),
    family(
      "process_resident_memory_bytes",
      "gauge",
      "Resident memory size in bytes.",
      process.memoryUsage.rss(),
    ),
    family(
      "process_start_time_seconds",
      "gauge",
      "Start time of the process since unix epoch in seconds.",
      status.startMs / 1000,
    ),
  ];
}

function tsdbFamilies({ tsdb }: PrometheusServer): MetricFamily[] {
  const { counters } = tsdb;
  const headStats = tsdb.headStats();
  const count = (name: string, help: string, value: number) =>
    family(`prometheus_tsdb_${name}`, "counter", help, value);
  const gauge = (name: string, help: string, value: number) =>
    family(`prometheus_tsdb_${name}`, "gauge", help, value);
  return [
    family("prometheus_tsdb_head_samples_appended", "counter", "Total number of appended samples.", [
      [{ type: "float" }, counters.samplesAppended],
      [{ type: "histogram" }, counters.histogramsAppended],
    ]),
    gauge("head_series", "Total number of series in the head block.", headStats.numSeries),
    gauge("head_chunks", "Total number of chunks in the head block.", headStats.chunkCount),
    gauge("head_min_time_seconds", "Minimum time bound of the head block.", headStats.minTime / 1000),
    gauge("head_max_time_seconds", "Maximum timestamp of the head block.", headStats.maxTime / 1000),
    count("head_series_created", "Total number of series created in the head", counters.seriesCreated),
    count("head_series_removed", "Total number of series removed in the head", counters.seriesRemoved),
    count("head_chunks_created", "Total number of chunks created in the head", counters.chunksCreated),
    count("head_chunks_removed", "Total number of chunks removed in the head", counters.chunksRemoved),
    count(
      "out_of_order_samples",
      "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
      counters.outOfOrderSamples,
    ),
    count(
      "out_of_bound_samples",
      "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
      counters.outOfBoundSamples,
    ),
    count(
      "too_old_samples",
      "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
      counters.tooOldSamples,
    ),
    count("exemplar_exemplars_appended", "Total number of appended exemplars.", counters.exemplarsAppended),
    count(
      "exemplar_out_of_order_exemplars",
      "Total number of out of order exemplar ingestion failed attempts.",
      counters.exemplarsOutOfOrder,
    ),
    count("wal_corruptions", "Total number of WAL corruptions.", counters.walCorruptions),
    count(
      "compactions",
      "Total number of compactions that were executed for the partition.",
      counters.compactions,
    ),
    count(
      "compactions_failed",
      "Total number of compactions that failed for the partition.",
      counters.compactionsFailed,
    ),
    count("head_truncations", "Total number of head truncations attempted.", counters.headTruncations),
    count(
      "checkpoint_creations",
      "Total number of checkpoint creations attempted.",
      counters.checkpointCreations,
    ),
    count(
      "time_retentions",
      "The number of times that blocks were deleted because the maximum time limit was exceeded.",
      counters.timeRetentions,
    ),
    count(
      "size_retentions",
      "The number of times that blocks were deleted because the maximum number of bytes was exceeded.",
      counters.sizeRetentions,
    ),
    gauge("blocks_loaded", "Number of currently loaded data blocks", tsdb.blocks().length),
  ];
}

function scrapeFamilies(server: PrometheusServer): MetricFamily[] {
  const pools = sortedPools(server);
  return [
    family(
      "prometheus_target_scrape_pool_targets",
      "gauge",
      "Current number of targets in this scrape pool.",
      pools.map(([job, pool]): Row => [{ scrape_job: job }, pool.loops.size]),
    ),
    family(
      "prometheus_sd_discovered_targets",
      "gauge",
      "Current number of discovered targets.",
      pools.map(([job, pool]): Row => {
        const found = pool.groups.reduce((sum, group) => sum + group.targets.length, 0);
        return [{ config: job, name: "scrape" }, found];
      }),
    ),
  ];
}

function httpFamilies(http: HttpMetrics): MetricFamily[] {
  return [
    family(
      "prometheus_http_requests",
      "counter",
      "Counter of HTTP requests.",
      [...http.requests].map(([key, value]): Row => {
        const [handler, code] = key.split(" ");
        return [{ code, handler }, value];
      }),
    ),
    {
      name: "prometheus_http_request_duration_seconds",
      type: "summary",
      help: "Latencies of HTTP requests.",
      samples: [...http.seconds].flatMap(([handler, { count, sum }]) => [
        { suffix: "_sum", labels: { handler }, value: sum },
        { suffix: "_count", labels: { handler }, value: count },
      ]),
    },
  ];
}
