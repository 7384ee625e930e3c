/** The fields of the sections of a configuration, in the order in which upstream writes them. */

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Those of whoever speaks HTTP, and of whoever discovers. */
const CLIENT =
  words(`basic_auth authorization oauth2 bearer_token bearer_token_file tls_config follow_redirects
  enable_http2 proxy_url no_proxy proxy_from_environment proxy_connect_header http_headers`);
const DISCOVERY = words(
  `dns_sd_configs file_sd_configs http_sd_configs kubernetes_sd_configs static_configs`,
);

/** Section → its fields. */
const ORDERS: Readonly<Record<string, string[]>> = {
  "": words(`global runtime alerting rule_files scrape_config_files scrape_configs storage tracing remote_write
    remote_read otlp`),
  global:
    words(`scrape_interval scrape_timeout scrape_protocols evaluation_interval rule_query_offset query_log_file
    scrape_failure_log_file external_labels body_size_limit sample_limit target_limit label_limit
    label_name_length_limit label_value_length_limit keep_dropped_targets metric_name_validation_scheme
    metric_name_escaping_scheme scrape_native_histograms convert_classic_histograms_to_nhcb
    always_scrape_classic_histograms extra_scrape_metrics`),
  scrape_configs: [
    ...words(`job_name honor_labels honor_timestamps track_timestamps_staleness params scrape_interval scrape_timeout
      scrape_protocols fallback_scrape_protocol scrape_native_histograms always_scrape_classic_histograms
      convert_classic_histograms_to_nhcb scrape_failure_log_file metrics_path scheme enable_compression
      body_size_limit sample_limit target_limit label_limit label_name_length_limit label_value_length_limit
      native_histogram_bucket_limit native_histogram_min_bucket_factor keep_dropped_targets
      metric_name_validation_scheme metric_name_escaping_scheme extra_scrape_metrics`),
    ...CLIENT,
    "relabel_configs",
    "metric_relabel_configs",
    ...DISCOVERY,
  ],
  alerting: words("alert_relabel_configs alertmanagers"),
  alertmanagers: [
    ...CLIENT,
    ...words("sigv4 scheme path_prefix timeout api_version relabel_configs alert_relabel_configs"),
    ...DISCOVERY,
  ],
  relabel: words("source_labels separator regex modulus target_label replacement action"),
  kubernetes_sd_configs: [
    ...words("api_server role kubeconfig_file"),
    ...CLIENT,
    ...words("namespaces selectors attach_metadata"),
  ],
  http_sd_configs: [...CLIENT, ...words("refresh_interval url")],
  dns_sd_configs: words("names refresh_interval type port"),
  file_sd_configs: words("files refresh_interval"),
  static_configs: words("targets labels"),
  storage: words("tsdb exemplars"),
  tsdb: words(
    "outofordertimewindow out_of_order_time_window stale_series_compaction_threshold chunk_encoding retention",
  ),
  otlp: words(`promote_all_resource_attributes promote_resource_attributes ignore_resource_attributes translation_strategy
    keep_identifying_resource_attributes convert_histograms_to_nhcb promote_scope_metadata
    label_name_underscore_sanitization label_name_preserve_multiple_underscores`),
  tracing: words("client_type endpoint sampling_fraction insecure tls_config headers compression timeout"),
  remote_write: [
    ...words(`url remote_timeout headers write_relabel_configs name send_exemplars send_native_histograms
      round_robin_dns protobuf_message`),
    ...CLIENT,
    ...words("queue_config metadata_config sigv4 azuread google_iam"),
  ],
  queue_config:
    words(`capacity max_shards min_shards max_samples_per_send batch_send_deadline min_backoff max_backoff
    retry_on_http_429 sample_age_limit`),
  remote_read: [
    ...words("url remote_timeout chunked_read_limit headers read_recent name"),
    ...CLIENT,
    ...words("required_matchers filter_external_labels"),
  ],
  tls_config: words(
    `ca cert key ca_file cert_file key_file server_name insecure_skip_verify min_version max_version`,
  ),
};

/** The entries of a section, those that are not known to it last. */
export function inFieldOrder<T>(section: string, entries: readonly [string, T][]): [string, T][] {
  const order = ORDERS[section.endsWith("relabel_configs") ? "relabel" : section];
  if (order === undefined) return [...entries];
  const placeOf = (name: string) => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  return [...entries].sort(([a], [b]) => placeOf(a) - placeOf(b));
}
