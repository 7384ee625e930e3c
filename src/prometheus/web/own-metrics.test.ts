import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import { Labels } from "../../model/labels.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../wire/snappy.ts";

const RULES = "groups: [{name: g, interval: 10s, rules: [{record: r, expr: a}, {alert: A, expr: 'a > 0'}]}]";
const CONFIG = `${scrapeConfigOf("")}
rule_files: [/etc/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.13.2.9:80"]}]}]}
remote_write: [{url: "http://127.13.2.8/push", name: far}]
`;

/** Series that the alerts and dashboards of Prometheus' own mixin ask for, and their values after a minute. */
const EXPECTED: Record<string, RegExp> = {
  prometheus_config_last_reload_successful: /^1$/,
  prometheus_notifications_alertmanagers_discovered: /^1$/,
  'prometheus_notifications_errors_total{alertmanager="http://127.13.2.9:80/api/v2/alerts"}': /^0$/,
  'prometheus_notifications_sent_total{alertmanager="http://127.13.2.9:80/api/v2/alerts"}': /^[12]$/,
  'prometheus_notifications_queue_length{alertmanager="http://127.13.2.9:80/api/v2/alerts"}': /^0$/,
  prometheus_notifications_queue_capacity: /^10000$/,
  prometheus_tsdb_reloads_failures_total: /^0$/,
  prometheus_tsdb_compactions_failed_total: /^0$/,
  'prometheus_tsdb_head_samples_appended_total{type="float"}': /^\d{2,}$/,
  'prometheus_target_metadata_cache_entries{scrape_job="app"}': /^1$/,
  'prometheus_rule_group_rules{rule_group="/etc/rules.yml;g"}': /^2$/,
  'prometheus_rule_evaluation_failures_total{rule_group="/etc/rules.yml;g"}': /^0$/,
  'prometheus_rule_group_iterations_missed_total{rule_group="/etc/rules.yml;g"}': /^0$/,
  'prometheus_rule_group_last_evaluation_samples{rule_group="/etc/rules.yml;g"}': /^3$/,
  prometheus_target_scrape_duration_seconds_count: /^0$/,
  prometheus_target_scrapes_sample_duplicate_timestamp_total: /^0$/,
  prometheus_target_scrapes_sample_out_of_order_total: /^0$/,
  prometheus_target_scrapes_exceeded_sample_limit_total: /^0$/,
  prometheus_target_scrapes_exceeded_body_size_limit_total: /^0$/,
  prometheus_target_scrape_pool_exceeded_target_limit_total: /^0$/,
  prometheus_target_scrape_pool_exceeded_label_limits_total: /^0$/,
  'prometheus_target_sync_failed_total{scrape_job="app"}': /^0$/,
  'prometheus_target_sync_length_seconds_count{scrape_job="app"}': /^1$/,
  'prometheus_target_interval_length_seconds_count{interval="10s"}': /^\d$/,
  'prometheus_sd_discovered_targets{config="app",name="scrape"}': /^1$/,
  'prometheus_sd_discovered_targets{config="config-0",name="notify"}': /^1$/,
  'prometheus_remote_storage_samples_total{remote_name="far",url="http://127.13.2.8/push"}': /^\d{2,}$/,
  'prometheus_remote_storage_samples_failed_total{remote_name="far",url="http://127.13.2.8/push"}': /^0$/,
  'prometheus_remote_storage_shards_desired{remote_name="far",url="http://127.13.2.8/push"}': /^1$/,
  'prometheus_remote_storage_shards_max{remote_name="far",url="http://127.13.2.8/push"}': /^50$/,
  'prometheus_remote_storage_queue_highest_sent_timestamp_seconds{remote_name="far",url="http://127.13.2.8/push"}':
    /^1\.7\d+e\+09$/,
  'prometheus_wal_watcher_current_segment{consumer="far"}': /^0$/,
  prometheus_remote_storage_samples_in_total: /^\d{2,}$/,
  prometheus_remote_storage_histograms_in_total: /^0$/,
  prometheus_remote_storage_exemplars_in_total: /^0$/,
  prometheus_remote_storage_highest_timestamp_in_seconds: /^1\.7\d+e\+09$/,
  prometheus_api_remote_write_invalid_labels_samples_total: /^1$/,
  prometheus_api_otlp_out_of_order_exemplars_total: /^0$/,
  'prometheus_api_otlp_translation_warnings_total{category="empty_data_points"}': /^1$/,
  prometheus_target_scrapes_cache_flush_forced_total: /^0$/,
  prometheus_tsdb_wal_segment_current: /^0$/,
  prometheus_tsdb_head_stale_series: /^\d+$/,
  prometheus_tsdb_head_native_histogram_series: /^0$/,
  prometheus_tsdb_head_native_histogram_buckets: /^0$/,
  prometheus_tsdb_sample_ooo_delta_count: /^\d+$/,
  prometheus_tsdb_symbol_table_size_bytes: /^0$/,
  prometheus_tsdb_compaction_populating_block: /^0$/,
  prometheus_engine_queries_concurrent_max: /^20$/,
  prometheus_engine_queries: /^0$/,
  'prometheus_engine_query_duration_seconds_count{slice="inner_eval"}': /^\d+$/,
  'prometheus_http_requests_total{code="200",handler="/api/v1/query"}': /^1$/,
  'prometheus_http_request_duration_seconds_bucket{handler="/api/v1/query",le="0.1"}': /^1$/,
  'prometheus_http_response_size_bytes_bucket{handler="/api/v1/query",le="1000"}': /^1$/,
  promhttp_metric_handler_requests_in_flight: /^1$/,
};

/** One sample of a series without a name. */
const INVALID = snappyCompress(
  encodeWriteRequestV1({
    series: [
      {
        labels: Labels.of({ a: "b" }),
        samples: [{ timestampMs: 1, value: 1 }],
        histograms: [],
        exemplars: [],
      },
    ],
    metadata: [],
  }),
);
const EMPTY_OTLP = JSON.stringify({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "m", gauge: { dataPoints: [] } }] }] }],
});

test("/metrics has what the mixin's alerts and dashboards ask for", async () => {
  const it = await virtualPrometheus(CONFIG, { "/etc/rules.yml": RULES });
  await it.target("127.13.2.1", { text: "# TYPE a gauge\na 1\n" });
  for (const address of ["127.13.2.8", "127.13.2.9"]) await it.target(address, { text: "" });
  await it.clock.advance(60_000);
  await it.query("a");
  await it.post("/api/v1/write", INVALID, {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
  });
  await it.post("/api/v1/otlp/v1/metrics", EMPTY_OTLP, { "content-type": "application/json" });
  const { text } = await it.get("/metrics");
  const values = new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line): [string, string] => [
        line.slice(0, line.lastIndexOf(" ")),
        line.slice(line.lastIndexOf(" ") + 1),
      ]),
  );
  for (const [series, value] of Object.entries(EXPECTED))
    assert.match(values.get(series) ?? "missing", value, series);
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(names, [...names].sort());
  assert.equal(new Set(names).size, names.length);
  await it.server.stop();
});
