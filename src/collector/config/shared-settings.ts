/** Settings that many components have (upstream `config/confighttp`, `configgrpc`, `configretry`, `exporterhelper`). */
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
  separate,
  string,
  stringList,
} from "./schema.ts";

/** A text that upstream never prints. */
function opaqueString() {
  return string("", "configopaque.String");
}

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

/** Those that upstream knows. */
const COMPRESSIONS = [
  "",
  "none",
  "gzip",
  "zlib",
  "deflate",
  "snappy",
  "x-snappy-framed",
  "zstd",
  "lz4",
] as const;

const CLIENT = {
  endpoint: string(),
  compression: oneOf(COMPRESSIONS, "", (raw) => `unsupported compression type ${JSON.stringify(raw)}`),
  headers: separate(map(opaqueString())),
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
  compression_params: object({ level: int(0) }),
  force_attempt_http2: bool(true),
  middlewares: any(),
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
  user_agent: string(),
  middlewares: any(),
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

const SIZER = (fallback: "requests" | "items") =>
  oneOf(["requests", "items", "bytes"], fallback, (raw) => `invalid sizer: ${JSON.stringify(raw)}`);

const QUEUE = object(
  {
    enabled: bool(true),
    num_consumers: int(10),
    queue_size: int(1000),
    block_on_overflow: bool(false),
    wait_for_result: bool(false),
    sizer: SIZER("requests"),
    storage: optional(string()),
    batch: optional(
      object({
        flush_timeout: duration(200),
        min_size: int(8192),
        max_size: int(0),
        sizer: SIZER("items"),
        partition: any(),
      }),
    ),
  },
  "queuebatch.Config",
);

/** `sending_queue`. Upstream decodes it in two steps, which its messages show. */
export const SENDING_QUEUE = separate(separate(QUEUE));

export type QueueSettings = Infer<typeof SENDING_QUEUE>;

/** What is wrong, a line each. */
export function validateQueue(queue: QueueSettings): string | undefined {
  if (!queue.enabled) return undefined;
  const problems = [validateQueueItself(queue)];
  const batch = queue.batch === undefined ? undefined : validateQueueBatch(queue.batch);
  if (batch !== undefined)
    problems.push(`${problems[0] === undefined ? "::sending_queue: " : ""}batch: ${batch}`);
  return lines(problems);
}

/** Those that are there, or nothing at all. */
export function lines(problems: readonly (string | undefined)[]): string | undefined {
  return problems.filter((problem) => problem !== undefined).join("\n") || undefined;
}

function validateQueueItself(queue: QueueSettings): string | undefined {
  const where = "::sending_queue";
  if (queue.num_consumers <= 0) return `${where}: \`num_consumers\` must be positive`;
  if (queue.queue_size <= 0) return `${where}: \`queue_size\` must be positive`;
  if (queue.storage !== undefined && queue.wait_for_result) {
    return `${where}: \`wait_for_result\` is not supported with a persistent queue configured with \`storage\``;
  }
  if (queue.batch?.sizer === queue.sizer && queue.batch.min_size > queue.queue_size) {
    return `${where}: \`min_size\` must be less than or equal to \`queue_size\``;
  }
  return undefined;
}

function validateQueueBatch(batch: NonNullable<QueueSettings["batch"]>): string | undefined {
  const { sizer, flush_timeout, min_size, max_size } = batch;
  if (sizer === "requests") {
    return '`batch` supports only `items` or `bytes` sizer, found "requests"';
  }
  if (flush_timeout <= 0) return `\`flush_timeout\` must be positive, found ${flush_timeout * 1e6}`;
  if (min_size < 0) return `\`min_size\` must be non-negative, found ${min_size}`;
  if (max_size < 0) return `\`max_size\` must be non-negative, found ${max_size}`;
  if (max_size > 0 && max_size < min_size) {
    return `\`max_size\` (${max_size}) must be greater or equal to \`min_size\` (${min_size})`;
  }
  return sizer === "bytes" ? "sizer bytes is not supported here" : undefined;
}

/** What is wrong with `retry_on_failure`, a line each. */
export function validateRetry(retry: RetrySettings): string | undefined {
  const negative = (
    ["initial_interval", "max_elapsed_time", "max_interval", "multiplier", "randomization_factor"] as const
  )
    .filter((key) => retry[key] < 0)
    .map((key) => `${key} value must be greater than or equal to 0`);
  const problems = [
    shortElapsedTime(retry),
    ...negative,
    retry.randomization_factor > 1 ? "randomization_factor value must be less than or equal to 1" : undefined,
  ];
  const text = lines(problems);
  return text === undefined ? undefined : `::retry_on_failure: ${text}`;
}

function shortElapsedTime({
  max_elapsed_time,
  initial_interval,
  max_interval,
}: RetrySettings): string | undefined {
  if (max_elapsed_time <= 0) return undefined;
  if (max_elapsed_time < initial_interval)
    return "'max_elapsed_time' must not be less than 'initial_interval'";
  if (max_elapsed_time < max_interval) return "'max_elapsed_time' must not be less than 'max_interval'";
  return undefined;
}

export function validateTimeout(timeoutMs: number): string | undefined {
  return timeoutMs < 0 ? "::timeoutconfig: 'timeout' must be non-negative" : undefined;
}

/** Keys that are the same but for their case. */
export function duplicateMetadataKey(keys: readonly string[]): string | undefined {
  const lower = keys.map((key) => key.toLowerCase());
  const twice = lower.find((key, index) => lower.indexOf(key) !== index);
  return twice === undefined
    ? undefined
    : `duplicate entry in metadata_keys: ${JSON.stringify(twice)} (case-insensitive)`;
}

/** A server's `tls`, which here must stay away: pods inside the topology talk without it. */
export const SERVER_TLS = any();

export const CORS = object({
  allowed_origins: stringList(),
  allowed_headers: stringList(),
  exposed_headers: stringList(),
  max_age: int(0),
});
