/** The whole configuration file (`config/config.go`, Prometheus 3.14). */
import {
  defaultRelabelConfig,
  type RelabelConfig,
  relabelConfig,
  validateRelabelConfig,
} from "../relabel/relabel.ts";
import {
  checkDiscovery,
  type DiscoveryConfigs,
  discoveryFields,
  duration,
  labelSet,
  refuseForeignDiscovery,
} from "./discovery-config.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  type TlsConfig,
  tlsConfig,
  url,
  validateHttpClient,
} from "./http-client-config.ts";
import type { NameValidation } from "./names.ts";
import {
  defaultGlobalConfig,
  type FlagDefaults,
  type GlobalConfig,
  globalConfig,
  type ScrapeConfig,
  scrapeConfig,
  validateScrapeConfig,
  withFlagDefaults,
} from "./scrape-config.ts";
import {
  boolean,
  ConfigError,
  type Decoder,
  type Fields,
  float,
  integer,
  list,
  mapping,
  nullable,
  parsed,
  struct,
  text,
} from "./strict-yaml.ts";
import { formatBytes, parseBytes } from "./units.ts";

export interface AlertmanagerConfig extends HttpClientConfig, DiscoveryConfigs {
  scheme: string;
  path_prefix?: string;
  timeout: number;
  api_version: string;
  sigv4?: Record<string, string>;
  relabel_configs?: (RelabelConfig | undefined)[];
  alert_relabel_configs?: (RelabelConfig | undefined)[];
}

export interface QueueConfig {
  capacity: number;
  max_shards: number;
  min_shards: number;
  max_samples_per_send: number;
  batch_send_deadline: number;
  min_backoff: number;
  max_backoff: number;
  retry_on_http_429?: boolean;
  sample_age_limit?: number;
}

export interface RemoteWriteConfig extends HttpClientConfig {
  url?: string;
  remote_timeout: number;
  headers?: Record<string, string>;
  write_relabel_configs?: (RelabelConfig | undefined)[];
  name?: string;
  send_exemplars?: boolean;
  send_native_histograms?: boolean;
  round_robin_dns?: boolean;
  protobuf_message: string;
  failed_request_logging?: boolean;
  queue_config: QueueConfig;
  metadata_config: { send: boolean; send_interval: number; max_samples_per_send: number };
  sigv4?: Record<string, string>;
  azuread?: Record<string, string>;
  google_iam?: Record<string, string>;
}

export interface RemoteReadConfig extends HttpClientConfig {
  url?: string;
  remote_timeout: number;
  chunked_read_limit: number;
  headers?: Record<string, string>;
  read_recent?: boolean;
  name?: string;
  required_matchers?: Record<string, string>;
  filter_external_labels: boolean;
}

export interface TracingConfig {
  client_type: string;
  endpoint?: string;
  sampling_fraction?: number;
  insecure?: boolean;
  tls_config?: TlsConfig;
  headers?: Record<string, string>;
  compression?: string;
  timeout?: number;
}

export interface StorageConfig {
  tsdb?: {
    out_of_order_time_window?: number;
    stale_series_compaction_threshold?: number;
    chunk_encoding?: { floats?: string };
    retention?: { time?: number; size?: number; percentage?: number };
  };
  exemplars?: { max_exemplars: number };
}

export const TRANSLATION_STRATEGIES = [
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
] as const;

export interface OtlpConfig {
  promote_all_resource_attributes?: boolean;
  promote_resource_attributes?: string[];
  ignore_resource_attributes?: string[];
  translation_strategy: string;
  keep_identifying_resource_attributes?: boolean;
  convert_histograms_to_nhcb?: boolean;
  promote_scope_metadata?: boolean;
  label_name_underscore_sanitization: boolean;
  label_name_preserve_multiple_underscores: boolean;
}

export interface PrometheusConfig {
  global: GlobalConfig;
  runtime: { gogc: number };
  alerting: {
    alert_relabel_configs?: (RelabelConfig | undefined)[];
    alertmanagers?: (AlertmanagerConfig | undefined)[];
  };
  rule_files?: string[];
  scrape_config_files?: string[];
  scrape_configs?: (ScrapeConfig | undefined)[];
  storage: StorageConfig;
  tracing?: TracingConfig;
  remote_write?: (RemoteWriteConfig | undefined)[];
  remote_read?: (RemoteReadConfig | undefined)[];
  otlp: OtlpConfig;
}

const relabelList = list(nullable(relabelConfig), "[]*relabel.Config");
const DEFAULT_GOGC = 75;

function defaultOtlpConfig(): OtlpConfig {
  return {
    translation_strategy: "UnderscoreEscapingWithSuffixes",
    label_name_underscore_sanitization: true,
    label_name_preserve_multiple_underscores: true,
  };
}

export function defaultPrometheusConfig(defaults: FlagDefaults): PrometheusConfig {
  return {
    global: withFlagDefaults(defaultGlobalConfig(), defaults),
    runtime: { gogc: DEFAULT_GOGC },
    alerting: {},
    storage: {},
    otlp: defaultOtlpConfig(),
  };
}

const alertmanager = struct<AlertmanagerConfig>({
  type: "config.AlertmanagerConfig",
  defaults: () => ({ ...DEFAULT_HTTP_CLIENT, scheme: "http", timeout: 10_000, api_version: "v2" }),
  fields: {
    ...(httpClientFields as Fields<AlertmanagerConfig>),
    ...(discoveryFields as Fields<AlertmanagerConfig>),
    scheme: text(),
    path_prefix: text(),
    timeout: duration,
    api_version: parsed(
      (version) => {
        if (version !== "v2")
          throw new ConfigError(`expected Alertmanager api version to be one of [v2] but got ${version}`);
        return version;
      },
      "v2",
      "config.plain",
    ),
    sigv4: mapping(text(), "sigv4.SigV4Config"),
    relabel_configs: relabelList,
    alert_relabel_configs: relabelList,
  },
  other(_, key) {
    refuseForeignDiscovery(key);
    return false;
  },
  check(config) {
    validateHttpClient(config);
    if ((config.basic_auth || config.authorization || config.oauth2) && config.sigv4)
      throw new ConfigError("at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
    checkDiscovery(config, (config.relabel_configs ?? []).length > 0);
    if (config.relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null Alertmanager target relabeling rule");
    if (config.alert_relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null Alertmanager alert relabeling rule");
  },
});

const RESERVED_HEADERS = new Set(
  (
    "host content-encoding content-length content-type user-agent connection keep-alive proxy-authenticate " +
    "proxy-authorization www-authenticate accept-encoding x-prometheus-remote-write-version " +
    "x-prometheus-remote-read-version x-amz-date x-amz-security-token x-amz-content-sha256"
  ).split(" "),
);

function checkHeaders(headers: Record<string, string> | undefined, authorization: string): void {
  for (const name of Object.keys(headers ?? {})) {
    if (name.toLowerCase() === "authorization") throw new ConfigError(authorization);
    if (RESERVED_HEADERS.has(name.toLowerCase()))
      throw new ConfigError(`${name} is a reserved header. It must not be changed`);
  }
}

const REMOTE_AUTHORIZATION =
  "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter";
/** The messages of remote write 1.0 and 2.0. */
export const WRITE_MESSAGES = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];

const anyMapping = (type: string): Decoder<Record<string, string>> => mapping(text(), type);

const remoteWrite = struct<RemoteWriteConfig>({
  type: "config.plain",
  defaults: () => ({
    follow_redirects: true,
    enable_http2: false,
    remote_timeout: 30_000,
    protobuf_message: WRITE_MESSAGES[0],
    queue_config: defaultQueueConfig(),
    metadata_config: { send: true, send_interval: 60_000, max_samples_per_send: 2000 },
  }),
  fields: {
    ...(httpClientFields as Fields<RemoteWriteConfig>),
    url: nullable(url),
    remote_timeout: duration,
    headers: anyMapping("map[string]string"),
    write_relabel_configs: relabelList,
    name: text(),
    send_exemplars: boolean,
    send_native_histograms: boolean,
    round_robin_dns: boolean,
    protobuf_message: text(),
    failed_request_logging: boolean,
    queue_config: struct<QueueConfig>({
      type: "config.QueueConfig",
      defaults: defaultQueueConfig,
      fields: {
        capacity: integer("int"),
        max_shards: integer("int"),
        min_shards: integer("int"),
        max_samples_per_send: integer("int"),
        batch_send_deadline: duration,
        min_backoff: duration,
        max_backoff: duration,
        retry_on_http_429: boolean,
        sample_age_limit: duration,
      },
    }),
    metadata_config: struct<RemoteWriteConfig["metadata_config"]>({
      type: "config.MetadataConfig",
      defaults: () => ({ send: true, send_interval: 60_000, max_samples_per_send: 2000 }),
      fields: { send: boolean, send_interval: duration, max_samples_per_send: integer("int") },
    }),
    sigv4: nullable(anyMapping("sigv4.SigV4Config")),
    azuread: nullable(anyMapping("azuread.AzureADConfig")),
    google_iam: nullable(anyMapping("googleiam.Config")),
  },
  check(config) {
    if (config.url === undefined) throw new ConfigError("url for remote_write is empty");
    if (config.write_relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null relabeling rule in remote write config");
    checkHeaders(config.headers, REMOTE_AUTHORIZATION);
    if (!WRITE_MESSAGES.includes(config.protobuf_message))
      throw new ConfigError(
        `invalid protobuf_message value: unknown type for remote write protobuf message ${config.protobuf_message}, supported: ${WRITE_MESSAGES.join(", ")}`,
      );
    validateHttpClient(config);
    checkQueue(config.queue_config);
    const kinds = ["basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"] as const;
    const configured = kinds.filter((kind) => config[kind] !== undefined);
    if (configured.length > 1)
      throw new ConfigError(
        `at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. Currently configured: [${configured.join(" ")}]`,
      );
  },
});

function defaultQueueConfig(): QueueConfig {
  return {
    capacity: 10_000,
    max_shards: 50,
    min_shards: 1,
    max_samples_per_send: 2000,
    batch_send_deadline: 5000,
    min_backoff: 30,
    max_backoff: 5000,
  };
}

function checkQueue(queue: QueueConfig): void {
  const positive = (key: "max_shards" | "min_shards" | "max_samples_per_send" | "capacity") => {
    if (queue[key] <= 0) throw new ConfigError(`remote write queue ${key} must be positive`);
  };
  positive("max_shards");
  positive("min_shards");
  if (queue.min_shards > queue.max_shards)
    throw new ConfigError("remote write queue min_shards must not be greater than max_shards");
  positive("max_samples_per_send");
  positive("capacity");
  if (queue.max_backoff < queue.min_backoff)
    throw new ConfigError("remote write queue max_backoff must not be less than min_backoff");
}

const remoteRead = struct<RemoteReadConfig>({
  type: "config.plain",
  defaults: () => ({
    ...DEFAULT_HTTP_CLIENT,
    remote_timeout: 60_000,
    chunked_read_limit: 5e7,
    filter_external_labels: true,
  }),
  fields: {
    ...(httpClientFields as Fields<RemoteReadConfig>),
    url: nullable(url),
    remote_timeout: duration,
    chunked_read_limit: integer("uint64"),
    headers: anyMapping("map[string]string"),
    read_recent: boolean,
    name: text(),
    required_matchers: labelSet,
    filter_external_labels: boolean,
  },
  check(config) {
    if (config.url === undefined) throw new ConfigError("url for remote_read is empty");
    checkHeaders(config.headers, REMOTE_AUTHORIZATION);
    validateHttpClient(config);
  },
});

const tracing = struct<TracingConfig>({
  type: "config.plain",
  defaults: () => ({ client_type: "grpc" }),
  fields: {
    client_type: parsed<string>(
      (type) => {
        if (type !== "http" && type !== "grpc")
          throw new ConfigError(`expected tracing client type to be to be http or grpc, but got ${type}`);
        return type;
      },
      "grpc",
      "config.plain",
    ),
    endpoint: text(),
    sampling_fraction: float,
    insecure: boolean,
    tls_config: tlsConfig,
    headers: anyMapping("map[string]string"),
    compression: text(),
    timeout: duration,
  },
  check(config) {
    checkHeaders(config.headers, "custom authorization header configuration is not yet supported");
    if (!config.endpoint) throw new ConfigError("tracing endpoint must be set");
    if (config.compression && config.compression !== "gzip")
      throw new ConfigError(`invalid compression type ${config.compression} provided, valid options: gzip`);
  },
});

const storage = struct<StorageConfig>({
  type: "config.StorageConfig",
  defaults: () => ({}),
  fields: {
    tsdb: nullable(
      struct<NonNullable<StorageConfig["tsdb"]>>({
        type: "config.plain",
        defaults: () => ({}),
        fields: {
          out_of_order_time_window: duration,
          stale_series_compaction_threshold: float,
          chunk_encoding: struct({
            type: "config.ChunkEncodingConfig",
            defaults: () => ({ floats: "" }),
            fields: { floats: text() },
          }),
          retention: nullable(
            struct<{ time?: number; size?: number; percentage?: number }>({
              type: "config.plain",
              defaults: () => ({}),
              fields: { time: duration, size: parsed(parseBytes, 0), percentage: float },
              check({ size = 0, percentage = 0 }) {
                if (size < 0)
                  throw new ConfigError(
                    `'storage.tsdb.retention.size' must be greater than or equal to 0, got ${formatBytes(size)}`,
                  );
                if (percentage < 0 || percentage > 100)
                  throw new ConfigError(
                    `'storage.tsdb.retention.percentage' must be in the range [0, 100], got ${percentage}`,
                  );
              },
            }),
          ),
        },
        check(config) {
          const floats = config.chunk_encoding?.floats ?? "";
          if (floats !== "" && floats !== "xor" && floats !== "xor2")
            throw new ConfigError(
              `'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got ${JSON.stringify(floats)}`,
            );
        },
      }),
    ),
    exemplars: nullable(
      struct({
        type: "config.ExemplarsConfig",
        defaults: () => ({ max_exemplars: 0 }),
        fields: { max_exemplars: integer("int64") },
      }),
    ),
  },
});

const strings = list(text(), "[]string");

const otlp = struct<OtlpConfig>({
  type: "config.plain",
  defaults: defaultOtlpConfig,
  fields: {
    promote_all_resource_attributes: boolean,
    promote_resource_attributes: strings,
    ignore_resource_attributes: strings,
    translation_strategy: text("otlptranslator.TranslationStrategyOption"),
    keep_identifying_resource_attributes: boolean,
    convert_histograms_to_nhcb: boolean,
    promote_scope_metadata: boolean,
    label_name_underscore_sanitization: boolean,
    label_name_preserve_multiple_underscores: boolean,
  },
  check(config) {
    const promoted = config.promote_resource_attributes ?? [];
    const ignored = config.ignore_resource_attributes ?? [];
    if (config.promote_all_resource_attributes) {
      if (promoted.length > 0)
        throw new ConfigError(
          "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
        );
      trimAttributes(ignored, "ignored", "invalid 'ignore_resource_attributes'");
    } else {
      if (ignored.length > 0)
        throw new ConfigError(
          "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
        );
      trimAttributes(promoted, "promoted", "invalid 'promote_resource_attributes'");
    }
  },
});

function trimAttributes(attributes: string[], adjective: string, prefix: string): void {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const [index, raw] of attributes.entries()) {
    const name = raw.trim();
    if (name === "") problems.push(`empty ${adjective} OTel resource attribute`);
    else if (seen.has(name))
      problems.push(`duplicated ${adjective} OTel resource attribute ${JSON.stringify(name)}`);
    else {
      seen.add(name);
      attributes[index] = name;
    }
  }
  if (problems.length > 0) throw new ConfigError(`${prefix}: ${problems.join("\n")}`);
}

const RULE_PATH = /^[^*]*(\*[^/]*)?$/;

export const prometheusConfig = (defaults: FlagDefaults) =>
  struct<PrometheusConfig>({
    type: "config.plain",
    defaults: () => defaultPrometheusConfig(defaults),
    fields: {
      // An open but empty section gives the defaults.
      global: (node, context, current) =>
        withFlagDefaults(nullable(globalConfig)(node, context, current) ?? defaultGlobalConfig(), defaults),
      runtime: struct({
        type: "config.RuntimeConfig",
        defaults: () => ({ gogc: DEFAULT_GOGC }),
        fields: { gogc: integer("int") },
      }),
      alerting: struct<PrometheusConfig["alerting"]>({
        type: "config.plain",
        defaults: () => ({}),
        fields: {
          alert_relabel_configs: relabelList,
          alertmanagers: list(nullable(alertmanager), "config.AlertmanagerConfigs"),
        },
        check(config) {
          if (config.alert_relabel_configs?.includes(undefined))
            throw new ConfigError("empty or null alert relabeling rule");
        },
      }),
      rule_files: strings,
      scrape_config_files: strings,
      scrape_configs: list(nullable(scrapeConfig), "[]*config.ScrapeConfig"),
      storage,
      tracing: nullable(tracing),
      remote_write: list(nullable(remoteWrite), "[]*config.RemoteWriteConfig"),
      remote_read: list(nullable(remoteRead), "[]*config.RemoteReadConfig"),
      otlp,
    },
    check: checkConfig,
  });

function checkConfig(config: PrometheusConfig): void {
  for (const path of config.rule_files ?? [])
    if (!RULE_PATH.test(path)) throw new ConfigError(`invalid rule file path ${JSON.stringify(path)}`);
  for (const path of config.scrape_config_files ?? [])
    if (!RULE_PATH.test(path))
      throw new ConfigError(`invalid scrape config file path ${JSON.stringify(path)}`);
  const jobs = new Set<string>();
  for (const scrape of config.scrape_configs ?? []) {
    if (scrape === undefined) throw new ConfigError("empty or null scrape config section");
    validateScrapeConfig(scrape, config.global);
    if (jobs.has(scrape.job_name))
      throw new ConfigError(`found multiple scrape configs with job name ${JSON.stringify(scrape.job_name)}`);
    jobs.add(scrape.job_name);
  }
  const names = config.global.metric_name_validation_scheme as NameValidation;
  const checkRules = (rules: (RelabelConfig | undefined)[] = []) => {
    for (const rule of rules) validateRelabelConfig(rule ?? defaultRelabelConfig(), names);
  };
  checkRules(config.alerting.alert_relabel_configs);
  for (const manager of config.alerting.alertmanagers ?? []) {
    checkRules(manager?.alert_relabel_configs);
    checkRules(manager?.relabel_configs);
  }
  checkRemotes("write", config.remote_write);
  for (const remote of config.remote_write ?? []) checkRules(remote?.write_relabel_configs);
  checkRemotes("read", config.remote_read);
  checkTranslation(config);
}

function checkRemotes(kind: "write" | "read", remotes: ({ name?: string } | undefined)[] = []): void {
  const names = new Set<string>();
  for (const remote of remotes) {
    if (remote === undefined) throw new ConfigError(`empty or null remote ${kind} config section`);
    if (remote.name && names.has(remote.name))
      throw new ConfigError(
        `found multiple remote ${kind} configs with job name ${JSON.stringify(remote.name)}`,
      );
    names.add(remote.name ?? "");
  }
}

function checkTranslation(config: PrometheusConfig): void {
  const strategy = config.otlp.translation_strategy;
  if (strategy !== "" && !TRANSLATION_STRATEGIES.some((each) => each === strategy))
    throw new ConfigError(`unsupported OTLP translation strategy ${JSON.stringify(strategy)}`);
  const isUtf8 = strategy === "NoTranslation" || strategy === "NoUTF8EscapingWithSuffixes";
  if (isUtf8 && config.global.metric_name_validation_scheme === "legacy")
    throw new ConfigError(
      `OTLP translation strategy ${JSON.stringify(strategy)} is not allowed when UTF8 is disabled`,
    );
}
