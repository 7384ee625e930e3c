/** The sections `remote_write` and `remote_read`. */
import { type RelabelConfig, relabelList } from "../relabel/relabel.ts";
import { duration, labelSet } from "./discovery-config.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  url,
  validateHttpClient,
} from "./http-client-config.ts";
import { checkHeaders } from "./reserved-headers.ts";
import {
  boolean,
  ConfigError,
  type Decoder,
  type Fields,
  integer,
  mapping,
  nullable,
  struct,
  text,
} from "./strict-yaml.ts";

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

const REMOTE_AUTHORIZATION =
  "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter";
/** The messages of remote write 1.0 and 2.0. */
export const WRITE_MESSAGES = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];

const anyMapping = (type: string): Decoder<Record<string, string>> => mapping(text(), type);

const queueConfig = struct<QueueConfig>({
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
});

const metadataConfig = struct<RemoteWriteConfig["metadata_config"]>({
  type: "config.MetadataConfig",
  defaults: () => ({ send: true, send_interval: 60_000, max_samples_per_send: 2000 }),
  fields: { send: boolean, send_interval: duration, max_samples_per_send: integer("int") },
});

const NO_QUEUE: QueueConfig = {
  capacity: 0,
  max_shards: 0,
  min_shards: 0,
  max_samples_per_send: 0,
  batch_send_deadline: 0,
  min_backoff: 0,
  max_backoff: 0,
};

export const remoteWrite = struct<RemoteWriteConfig>({
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
    // A section that is null has zeros instead of defaults, which the check then refuses.
    queue_config: (node, context, current) =>
      nullable(queueConfig)(node, context, current) ?? { ...NO_QUEUE },
    metadata_config: (node, context, current) =>
      nullable(metadataConfig)(node, context, current) ?? {
        send: false,
        send_interval: 0,
        max_samples_per_send: 0,
      },
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

export const remoteRead = struct<RemoteReadConfig>({
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

/** What holds between the sections of one kind. */
export function checkRemotes(kind: "write" | "read", remotes: ({ name?: string } | undefined)[] = []): void {
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
