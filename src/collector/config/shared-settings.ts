/** Settings that many components have (upstream `config/confighttp`, `configgrpc`, `configretry`, `exporterhelper`). */
import {
  any,
  bool,
  duration,
  float,
  type Infer,
  int,
  list,
  map,
  object,
  oneOf,
  optional,
  string,
  uint,
} from "./schema.ts";

const TLS_CLIENT = object({
  insecure: bool(false),
  insecure_skip_verify: bool(false),
  server_name_override: string(),
  ca_file: string(),
  ca_pem: string(),
  cert_file: string(),
  cert_pem: string(),
  key_file: string(),
  key_pem: string(),
  min_version: string(),
  max_version: string(),
  reload_interval: duration(0),
  include_system_ca_certs_pool: bool(false),
});

const CLIENT = {
  endpoint: string(),
  compression: string(""),
  headers: map(string()),
  tls: TLS_CLIENT,
  auth: any(),
};

/** A client over HTTP. */
export const HTTP_CLIENT = {
  ...CLIENT,
  proxy_url: string(),
  read_buffer_size: int(0),
  write_buffer_size: int(0),
  max_idle_conns: int(100),
  max_idle_conns_per_host: int(0),
  max_conns_per_host: int(0),
  idle_conn_timeout: duration(90_000),
  disable_keep_alives: bool(false),
  http2_read_idle_timeout: duration(0),
  http2_ping_timeout: duration(0),
  cookies: any(),
};

/** A client over gRPC. */
export const GRPC_CLIENT = {
  ...CLIENT,
  keepalive: any(),
  read_buffer_size: int(0),
  write_buffer_size: int(512 * 1024),
  wait_for_ready: bool(false),
  balancer_name: string("round_robin"),
  authority: string(),
};

export type HttpClientSettings = Infer<typeof CLIENT_SHAPE>;
const CLIENT_SHAPE = object(CLIENT);

/** `retry_on_failure`. Intervals in milliseconds. */
export const RETRY = object({
  enabled: bool(true),
  initial_interval: duration(5_000),
  randomization_factor: float(0.5),
  multiplier: float(1.5),
  max_interval: duration(30_000),
  max_elapsed_time: duration(300_000),
});

export type RetrySettings = Infer<typeof RETRY>;

/** `sending_queue`. */
export const SENDING_QUEUE = object({
  enabled: bool(true),
  num_consumers: int(10),
  queue_size: int(1000),
  block_on_overflow: bool(false),
  wait_for_result: bool(false),
  sizer: oneOf(["requests", "items", "bytes"], "requests"),
  storage: optional(string()),
  batch: optional(
    object({
      flush_timeout: duration(200),
      min_size: int(8192),
      max_size: int(0),
      sizer: optional(oneOf(["items", "bytes"], "items")),
      partition: any(),
    }),
  ),
});

export type QueueSettings = Infer<typeof SENDING_QUEUE>;

export function validateQueue(queue: QueueSettings): string | undefined {
  if (!queue.enabled) return undefined;
  if (queue.num_consumers <= 0) return "sending_queue: `num_consumers` must be positive";
  if (queue.sizer === "bytes") return "sending_queue: sizer bytes is not supported here";
  if (queue.batch?.sizer === "bytes") return "sending_queue: batch: sizer bytes is not supported here";
  if (queue.queue_size <= 0) return "sending_queue: `queue_size` must be positive";
  if (queue.storage !== undefined && queue.wait_for_result) {
    return "sending_queue: `wait_for_result` is not supported with a persistent queue configured with `storage`";
  }
  if (queue.batch !== undefined && queue.batch.max_size > 0 && queue.batch.max_size < queue.batch.min_size) {
    return `sending_queue: batch: \`max_size\` (${queue.batch.max_size}) must be greater or equal to \`min_size\` (${queue.batch.min_size})`;
  }
  return undefined;
}

/** A server's `tls`, which here must stay away: pods inside the topology talk without it. */
export const SERVER_TLS = any();

export const CORS = object({
  allowed_origins: list(string()),
  allowed_headers: list(string()),
  exposed_headers: list(string()),
  max_age: uint(0),
});
