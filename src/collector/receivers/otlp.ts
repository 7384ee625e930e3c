/**
 * `otlp`: OTLP over gRPC and over HTTP, protobuf and JSON (upstream `receiver/otlpreceiver`, v0.159).
 *
 * Differs on purpose: no TLS and no authenticators on the server's side; a configuration that asks for them is refused.
 */
import type { HttpServer } from "../../base/network.ts";
import { type GrpcMethod, grpcHandler } from "../../wire/grpc/server.ts";
import { GrpcCode, GrpcError } from "../../wire/grpc/status.ts";
import { DEFAULT_HTTP_BODY_LIMIT_BYTES, otlpHttpHandler } from "../../wire/otlp/http-handler.ts";
import { encodeExportResponse, OTLP_CODECS, type OtlpCodec, type Signal } from "../../wire/otlp/signal.ts";
import {
  ALL_SIGNALS,
  type Component,
  type ComponentSettings,
  type Outputs,
  type Payload,
  type ReceiverFactory,
} from "../component.ts";
import {
  any,
  bool,
  duration,
  type Infer,
  int,
  object,
  oneOf,
  optional,
  separate,
  string,
  uint32,
} from "../config/schema.ts";
import { CORS, lines } from "../config/shared-settings.ts";
import { statusOf } from "../errors.ts";

/** How long shutdown waits for requests that are under way. */
const SHUTDOWN_GRACE_MS = 5_000;

const TRANSPORTS = ["tcp", "tcp4", "tcp6"] as const;

const SERVER_TRANSPORT = oneOf(
  TRANSPORTS,
  "tcp",
  (raw) => `unsupported transport type ${JSON.stringify(raw)}`,
);

const GRPC_SERVER = object(
  {
    endpoint: string("localhost:4317"),
    transport: SERVER_TRANSPORT,
    tls: any(),
    auth: any(),
    max_recv_msg_size_mib: int(0),
    max_concurrent_streams: uint32(0),
    read_buffer_size: int(512 * 1024),
    write_buffer_size: int(0),
    keepalive: any(),
    include_metadata: bool(false),
    middlewares: any(),
  },
  "configgrpc.ServerConfig",
);

const HTTP_SERVER = object(
  {
    endpoint: string("localhost:4318"),
    transport: SERVER_TRANSPORT,
    traces_url_path: string("/v1/traces"),
    metrics_url_path: string("/v1/metrics"),
    logs_url_path: string("/v1/logs"),
    tls: any(),
    auth: any(),
    cors: optional(separate(CORS)),
    max_request_body_size: int(0),
    include_metadata: bool(false),
    response_headers: any(),
    compression_algorithms: any(),
    read_timeout: duration(0),
    read_header_timeout: duration(60_000),
    write_timeout: duration(30_000),
    idle_timeout: duration(60_000),
    keep_alives_enabled: bool(true),
    middlewares: any(),
  },
  "otlpreceiver.HTTPConfig",
);

const CONFIG = object(
  { protocols: object({ grpc: optional(separate(GRPC_SERVER)), http: optional(separate(HTTP_SERVER)) }) },
  "otlpreceiver.Config",
);

export type OtlpReceiverConfig = Infer<typeof CONFIG>;

export const otlpReceiver: ReceiverFactory<OtlpReceiverConfig> = {
  type: "otlp",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate({ protocols: { grpc, http } }) {
    if (grpc === undefined && http === undefined) {
      return "must specify at least one protocol when using the OTLP receiver";
    }
    return lines([validateGrpc(grpc), validateServer("grpc", grpc), validateServer("http", http)]);
  },
  create: (config, settings, outputs) => new OtlpReceiver(config, settings, outputs),
};

function validateServer(
  protocol: string,
  server: { tls?: unknown; auth?: unknown } | undefined,
): string | undefined {
  if (server === undefined || (server.tls === undefined && server.auth === undefined)) return undefined;
  return `::protocols::${protocol}: tls and auth are not supported here`;
}

function validateGrpc(grpc: OtlpReceiverConfig["protocols"]["grpc"]): string | undefined {
  const where = "::protocols::grpc";
  if (grpc === undefined) return undefined;
  if (grpc.max_recv_msg_size_mib < 0) {
    return `${where}: invalid max_recv_msg_size_mib value, must be between 1 and 8796093022207: ${grpc.max_recv_msg_size_mib}`;
  }
  for (const key of ["read_buffer_size", "write_buffer_size"] as const) {
    if (grpc[key] < 0) return `${where}: invalid ${key} value: ${grpc[key]}`;
  }
  return undefined;
}

/** @throws an error as Go's, when there is no port */
function listenAddress(endpoint: string): { host: string; port: number } {
  const address = splitEndpoint(endpoint);
  if (address === undefined) throw new Error(`listen tcp: address ${endpoint}: missing port in address`);
  return address;
}

/** `host:port`, `:port`, `[::1]:port`. */
export function splitEndpoint(endpoint: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(endpoint);
  if (match === null) return undefined;
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port: Number(match[3]) };
}

/** Counts what clients sent, by upstream's names. */
const ITEM_NAMES: Record<Signal, string> = { metrics: "metric_points", traces: "spans", logs: "log_records" };

export class OtlpReceiver implements Component {
  readonly #config: OtlpReceiverConfig;
  readonly #settings: ComponentSettings;
  readonly #outputs: Outputs;
  readonly #servers: HttpServer[] = [];

  constructor(config: OtlpReceiverConfig, settings: ComponentSettings, outputs: Outputs) {
    this.#config = config;
    this.#settings = settings;
    this.#outputs = outputs;
  }

  /** The ports it listens on: gRPC first. For tests that let the system choose. */
  get ports(): number[] {
    return this.#servers.map((server) => server.port);
  }

  async start(): Promise<void> {
    const { grpc, http } = this.#config.protocols;
    const { network, log } = this.#settings;
    const signals = ALL_SIGNALS.filter((signal) => this.#outputs[signal] !== undefined);
    if (grpc !== undefined) {
      log.info("Starting GRPC server", { endpoint: grpc.endpoint });
      const handler = grpcHandler(new Map(signals.map((signal) => this.#grpcMethod(signal))), {
        messageLimitBytes: grpc.max_recv_msg_size_mib > 0 ? grpc.max_recv_msg_size_mib * 2 ** 20 : undefined,
        onError: (error) => log.error("OTLP request failed", { error }),
      });
      this.#servers.push(await network.serve({ ...listenAddress(grpc.endpoint), protocol: "h2c" }, handler));
    }
    if (http !== undefined) {
      log.info("Starting HTTP server", { endpoint: http.endpoint });
      const handler = otlpHttpHandler({
        paths: new Map(signals.map((signal) => [http[`${signal}_url_path`], signal])),
        bodyLimitBytes: http.max_request_body_size || DEFAULT_HTTP_BODY_LIMIT_BYTES,
        cors: http.cors,
        consume: (payload) => this.#consume(payload, "http"),
        statusOf,
      });
      this.#servers.push(await network.serve(listenAddress(http.endpoint), handler));
    }
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close(SHUTDOWN_GRACE_MS)));
  }

  #grpcMethod<S extends Signal>(signal: S): [string, GrpcMethod] {
    const codec: OtlpCodec<S> = OTLP_CODECS[signal];
    const response = encodeExportResponse();
    const unary = async (request: Uint8Array) => {
      let payload: Payload;
      try {
        payload = { signal, data: codec.decode(request) } as Payload;
      } catch (error) {
        throw new GrpcError(
          GrpcCode.INTERNAL,
          `grpc: error unmarshalling request: ${(error as Error).message}`,
        );
      }
      try {
        await this.#consume(payload, "grpc");
      } catch (error) {
        throw statusOf(error);
      }
      return response;
    };
    return [codec.grpcPath, { unary }];
  }

  async #consume(payload: Payload, transport: string): Promise<void> {
    const count = OTLP_CODECS[payload.signal].count(payload.data as never);
    // A request without data is fine, and none of the pipeline's business.
    if (count === 0) return;
    const item = ITEM_NAMES[payload.signal];
    const labels = { receiver: this.#settings.id, transport };
    const { telemetry } = this.#settings;
    try {
      await this.#outputs[payload.signal]!(payload);
    } catch (error) {
      telemetry.count(
        `otelcol_receiver_refused_${item}`,
        "Number of items that could not be pushed into the pipeline.",
        labels,
        count,
      );
      throw error;
    }
    telemetry.count(
      `otelcol_receiver_accepted_${item}`,
      "Number of items successfully pushed into the pipeline.",
      labels,
      count,
    );
  }
}
