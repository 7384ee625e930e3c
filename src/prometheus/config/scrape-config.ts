/** The `global` section and scrape configurations (`config/config.go`). */
import { quoteString } from "../promql/parser/lexer.ts";
import {
  defaultRelabelConfig,
  type RelabelConfig,
  relabelList,
  validateRelabelConfig,
} from "../relabel/relabel.ts";
import {
  checkDiscovery,
  type DiscoveryConfigs,
  discoveryFields,
  duration,
  refuseForeignDiscovery,
} from "./discovery-config.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  validateHttpClient,
} from "./http-client-config.ts";
import { isValidLabelName, isValidLabelValue, type NameValidation } from "./names.ts";
import {
  boolean,
  ConfigError,
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
import { parseBytes } from "./units.ts";

/** What `global` and each scrape configuration both have. */
export interface ScrapeDefaults {
  scrape_protocols?: string[];
  scrape_failure_log_file?: string;
  body_size_limit: number;
  sample_limit: number;
  target_limit: number;
  label_limit: number;
  label_name_length_limit: number;
  label_value_length_limit: number;
  keep_dropped_targets: number;
  metric_name_validation_scheme: NameValidation | "";
  metric_name_escaping_scheme: string;
  scrape_native_histograms?: boolean;
  convert_classic_histograms_to_nhcb?: boolean;
  always_scrape_classic_histograms?: boolean;
  extra_scrape_metrics?: boolean;
}

export interface GlobalConfig extends ScrapeDefaults {
  /** Milliseconds, as all durations here. */
  scrape_interval: number;
  scrape_timeout: number;
  evaluation_interval: number;
  rule_query_offset: number;
  query_log_file?: string;
  external_labels?: Record<string, string>;
}

export interface ScrapeConfig extends ScrapeDefaults, HttpClientConfig, DiscoveryConfigs {
  job_name: string;
  honor_labels: boolean;
  honor_timestamps: boolean;
  track_timestamps_staleness: boolean;
  params?: Record<string, string[]>;
  scrape_interval: number;
  scrape_timeout: number;
  fallback_scrape_protocol: string;
  metrics_path: string;
  scheme: string;
  enable_compression: boolean;
  native_histogram_bucket_limit: number;
  native_histogram_min_bucket_factor: number;
  relabel_configs?: (RelabelConfig | undefined)[];
  metric_relabel_configs?: (RelabelConfig | undefined)[];
}

/** Protocol → what a scrape asks for. */
export const SCRAPE_PROTOCOLS: Readonly<Record<string, string>> = {
  "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
  "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
  PrometheusProto:
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
  "PrometheusText0.0.4": "text/plain;version=0.0.4",
  "PrometheusText1.0.0": "text/plain;version=1.0.0",
};
export const DEFAULT_SCRAPE_PROTOCOLS = [
  "OpenMetricsText1.0.0",
  "OpenMetricsText0.0.1",
  "PrometheusText1.0.0",
  "PrometheusText0.0.4",
];
const PROTOBUF_FIRST_PROTOCOLS = ["PrometheusProto", ...DEFAULT_SCRAPE_PROTOCOLS];
export const ESCAPING_SCHEMES = ["allow-utf-8", "underscores", "dots", "values"];

const NO_LIMITS = {
  body_size_limit: 0,
  sample_limit: 0,
  target_limit: 0,
  label_limit: 0,
  label_name_length_limit: 0,
  label_value_length_limit: 0,
  keep_dropped_targets: 0,
  metric_name_validation_scheme: "" as const,
  metric_name_escaping_scheme: "",
};

const scrapeDefaultFields: Fields<ScrapeDefaults> = {
  scrape_protocols: list(text("config.ScrapeProtocol"), "[]config.ScrapeProtocol"),
  scrape_failure_log_file: text(),
  body_size_limit: parsed(parseBytes, 0),
  sample_limit: integer("uint"),
  target_limit: integer("uint"),
  label_limit: integer("uint"),
  label_name_length_limit: integer("uint"),
  label_value_length_limit: integer("uint"),
  keep_dropped_targets: integer("uint"),
  metric_name_validation_scheme: parsed<NameValidation | "">((value) => {
    if (value === "" || value === "legacy" || value === "utf8") return value;
    throw new ConfigError(`unrecognized ValidationScheme: ${JSON.stringify(value)}`);
  }, ""),
  metric_name_escaping_scheme: text(),
  scrape_native_histograms: nullable(boolean),
  convert_classic_histograms_to_nhcb: nullable(boolean),
  always_scrape_classic_histograms: nullable(boolean),
  extra_scrape_metrics: nullable(boolean),
};

export function defaultGlobalConfig(): GlobalConfig {
  return {
    ...NO_LIMITS,
    scrape_interval: 60_000,
    scrape_timeout: 10_000,
    evaluation_interval: 60_000,
    rule_query_offset: 0,
    metric_name_validation_scheme: "utf8",
    metric_name_escaping_scheme: "allow-utf-8",
    scrape_native_histograms: false,
  };
}

/** What feature flags change of the defaults. */
export interface FlagDefaults {
  /** Targets are asked for protobuf first. @default false */
  protobufFirst?: boolean;
  /** @default false */
  extraScrapeMetrics?: boolean;
}

/** Fills in what the section does not say. */
export function withFlagDefaults(global: GlobalConfig, defaults: FlagDefaults): GlobalConfig {
  global.extra_scrape_metrics ??= defaults.extraScrapeMetrics ?? false;
  if (defaults.protobufFirst) global.scrape_protocols ??= [...PROTOBUF_FIRST_PROTOCOLS];
  return global;
}

export const globalConfig = struct<GlobalConfig>({
  type: "config.plain",
  defaults: () => ({
    ...NO_LIMITS,
    scrape_interval: 0,
    scrape_timeout: 0,
    evaluation_interval: 0,
    rule_query_offset: 0,
  }),
  fields: {
    ...(scrapeDefaultFields as Fields<GlobalConfig>),
    scrape_interval: duration,
    scrape_timeout: duration,
    evaluation_interval: duration,
    rule_query_offset: duration,
    query_log_file: text(),
    external_labels: mapping(text(), "labels.Labels"),
  },
  check: checkGlobal,
});

function checkGlobal(config: GlobalConfig): void {
  const defaults = defaultGlobalConfig();
  config.metric_name_validation_scheme ||= defaults.metric_name_validation_scheme;
  const scheme = config.metric_name_validation_scheme as NameValidation;
  for (const [name, value] of Object.entries(config.external_labels ?? {})) {
    if (!isValidLabelName(name, scheme))
      throw new ConfigError(`${quoteString(name)} is not a valid label name`);
    if (!isValidLabelValue(value)) throw new ConfigError(`${quoteString(value)} is not a valid label value`);
  }
  config.scrape_interval ||= defaults.scrape_interval;
  if (config.scrape_timeout > config.scrape_interval)
    throw new ConfigError("global scrape timeout greater than scrape interval");
  config.scrape_timeout ||= Math.min(defaults.scrape_timeout, config.scrape_interval);
  config.evaluation_interval ||= defaults.evaluation_interval;
  config.scrape_native_histograms ??= false;
  if (config.scrape_protocols !== undefined)
    withContext("for global config", () => checkProtocols(config.scrape_protocols!));
}

function withContext(context: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`${error.message} ${context}`) : error;
  }
}

function checkProtocols(protocols: string[]): void {
  if (protocols.length === 0) throw new ConfigError("scrape_protocols cannot be empty");
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (seen.has(protocol.toLowerCase()))
      throw new ConfigError(`duplicated protocol in scrape_protocols, got [${protocols.join(" ")}]`);
    if (!Object.hasOwn(SCRAPE_PROTOCOLS, protocol))
      throw new ConfigError(`scrape_protocols: ${unknownProtocol(protocol)}`);
    seen.add(protocol.toLowerCase());
  }
}

function unknownProtocol(protocol: string): string {
  return `unknown scrape protocol ${protocol}, supported: [${Object.keys(SCRAPE_PROTOCOLS).join(" ")}]`;
}

const texts = list(text(), "[]string");
/** Without any, none: unlike elsewhere nobody asks whether there is a list. */
const parameterValues: typeof texts = (...node) => texts(...node) ?? [];

export const scrapeConfig = struct<ScrapeConfig>({
  type: "config.ScrapeConfig",
  defaults: () => ({
    ...NO_LIMITS,
    ...DEFAULT_HTTP_CLIENT,
    job_name: "",
    honor_labels: false,
    honor_timestamps: true,
    track_timestamps_staleness: false,
    scrape_interval: 0,
    scrape_timeout: 0,
    fallback_scrape_protocol: "",
    metrics_path: "/metrics",
    scheme: "http",
    enable_compression: true,
    native_histogram_bucket_limit: 0,
    native_histogram_min_bucket_factor: 0,
  }),
  fields: {
    ...(scrapeDefaultFields as Fields<ScrapeConfig>),
    ...(httpClientFields as Fields<ScrapeConfig>),
    ...(discoveryFields as Fields<ScrapeConfig>),
    job_name: text(),
    honor_labels: boolean,
    honor_timestamps: boolean,
    track_timestamps_staleness: boolean,
    params: mapping(parameterValues, "url.Values"),
    scrape_interval: duration,
    scrape_timeout: duration,
    fallback_scrape_protocol: text("config.ScrapeProtocol"),
    metrics_path: text(),
    scheme: text(),
    enable_compression: boolean,
    native_histogram_bucket_limit: integer("uint"),
    native_histogram_min_bucket_factor: float,
    relabel_configs: relabelList,
    metric_relabel_configs: relabelList,
  },
  other(_, key) {
    refuseForeignDiscovery(key);
    return false;
  },
  check(config) {
    checkDiscovery(config, true);
    if (config.job_name === "") throw new ConfigError("job_name is empty");
    validateHttpClient(config);
    checkDiscovery(config, (config.relabel_configs ?? []).length > 0);
    if (config.relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null target relabeling rule in scrape config");
    if (config.metric_relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null metric relabeling rule in scrape config");
  },
});

/** Checks a scrape configuration and fills in what it has from `global`. @throws ConfigError */
export function validateScrapeConfig(config: ScrapeConfig, global: GlobalConfig): void {
  const job = JSON.stringify(config.job_name);
  config.scrape_interval ||= global.scrape_interval;
  if (config.scrape_timeout > config.scrape_interval)
    throw new ConfigError(
      `scrape timeout greater than scrape interval for scrape config with job name ${job}`,
    );
  config.scrape_timeout ||= Math.min(global.scrape_timeout, config.scrape_interval);
  for (const key of [
    "body_size_limit",
    "sample_limit",
    "target_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "keep_dropped_targets",
  ] as const)
    config[key] ||= global[key];
  config.scrape_failure_log_file ||= global.scrape_failure_log_file;
  config.scrape_native_histograms ??= global.scrape_native_histograms;
  config.extra_scrape_metrics ??= global.extra_scrape_metrics;
  config.scrape_protocols ??=
    global.scrape_protocols ??
    (config.scrape_native_histograms ? PROTOBUF_FIRST_PROTOCOLS : DEFAULT_SCRAPE_PROTOCOLS);
  const protocols = config.scrape_protocols;
  withContext(`for scrape config with job name ${job}`, () => checkProtocols(protocols));
  const fallback = config.fallback_scrape_protocol;
  if (fallback !== "" && !Object.hasOwn(SCRAPE_PROTOCOLS, fallback))
    throw new ConfigError(
      `invalid fallback_scrape_protocol for scrape config with job name ${job}: ${unknownProtocol(fallback)}`,
    );
  validateNaming(config, global);
  config.convert_classic_histograms_to_nhcb ??= global.convert_classic_histograms_to_nhcb ?? false;
  config.always_scrape_classic_histograms ??= global.always_scrape_classic_histograms ?? false;
  const rules = [...(config.relabel_configs ?? []), ...(config.metric_relabel_configs ?? [])];
  for (const rule of rules)
    validateRelabelConfig(
      rule ?? defaultRelabelConfig(),
      config.metric_name_validation_scheme as NameValidation,
    );
}

/** Which names are taken, and which are asked for: a scrape's own settings before the global ones. */
function validateNaming(config: ScrapeConfig, global: GlobalConfig): void {
  const isUnset = config.metric_name_validation_scheme === "";
  if (isUnset) config.metric_name_validation_scheme = global.metric_name_validation_scheme;
  const escapingOf = (validation: string) => (validation === "legacy" ? "underscores" : "allow-utf-8");
  const schemes = "must be one of 'allow-utf-8', 'underscores', 'dots', or 'values'";
  const globalScheme = global.metric_name_escaping_scheme || escapingOf(global.metric_name_validation_scheme);
  if (!ESCAPING_SCHEMES.includes(globalScheme))
    throw new ConfigError(
      `unknown global name escaping method specified, ${schemes}, got ${JSON.stringify(globalScheme)}`,
    );
  config.metric_name_escaping_scheme ||= isUnset
    ? globalScheme
    : escapingOf(config.metric_name_validation_scheme);
  const scheme = config.metric_name_escaping_scheme;
  if (!ESCAPING_SCHEMES.includes(scheme))
    throw new ConfigError(
      `unknown scrape config name escaping method specified, ${schemes}, got ${JSON.stringify(scheme)}`,
    );
  if (scheme === "allow-utf-8" && config.metric_name_validation_scheme !== "utf8")
    throw new ConfigError("utf8 metric names requested but validation scheme is not set to UTF8");
}
