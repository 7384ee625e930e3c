/** `otlp_grpc` (formerly `otlp`): OTLP over gRPC (upstream `exporter/otlpexporter`). Without TLS. */
import { callUnary } from "../../wire/grpc/client.ts";
import { GrpcCode, type GrpcError } from "../../wire/grpc/status.ts";
import { retryDelayOf } from "../../wire/otlp/http-status.ts";
import { decodeExportResponse, OTLP_CODECS } from "../../wire/otlp/signal.ts";
import { ALL_SIGNALS, type ExporterFactory, type Payload } from "../component.ts";
import { duration, type Infer, object } from "../config/schema.ts";
import {
  GRPC_CLIENT,
  lines,
  RETRY,
  SENDING_QUEUE,
  validateQueue,
  validateRetry,
  validateTimeout,
} from "../config/shared-settings.ts";
import { PermanentError, ThrottleError } from "../errors.ts";
import { splitEndpoint } from "../receivers/otlp.ts";
import { createSender } from "./sender.ts";

const CONFIG = object(
  {
    ...GRPC_CLIENT,
    /** Milliseconds. */
    timeout: duration(5_000),
    sending_queue: SENDING_QUEUE,
    retry_on_failure: RETRY,
  },
  "otlpexporter.Config",
);

type Config = Infer<typeof CONFIG>;

export const otlpGrpcExporter: ExporterFactory<Config> = {
  type: "otlp_grpc",
  aliases: ["otlp"],
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate(config) {
    if (withoutScheme(config.endpoint) === "") return 'requires a non-empty "endpoint"';
    return lines([
      validateTimeout(config.timeout),
      validateQueue(config.sending_queue),
      validateRetry(config.retry_on_failure),
      validateClient(config),
    ]);
  },
  create(config, settings, signal) {
    const push = async (payload: Payload) => {
      const codec = OTLP_CODECS[payload.signal];
      const url = `http://${withoutScheme(config.endpoint)}${codec.grpcPath}`;
      const response = await callUnary(settings.network, url, codec.encode(payload.data as never), {
        headers: lowerCaseKeys(config.headers),
        timeoutMs: config.timeout > 0 ? config.timeout : undefined,
        compression: config.compression === "none" ? "identity" : "gzip",
      }).catch((error: GrpcError) => {
        throw classify(error);
      });
      const partial = decodeExportResponse(response);
      if (partial === undefined) return;
      const { message, rejected } = partial;
      settings.log.warn("Partial success response", { message, dropped_items: rejected });
    };
    return createSender({
      settings,
      signal,
      queue: config.sending_queue,
      retry: config.retry_on_failure,
      push,
    });
  },
};

function validateClient(config: Config): string | undefined {
  const where = "::clientconfig";
  const endpoint = withoutScheme(config.endpoint);
  const port = /:([^:]*)$/.exec(endpoint)?.[1];
  if (port === undefined) return `${where}: address ${endpoint}: missing port in address`;
  if (splitEndpoint(endpoint) === undefined) return `${where}: invalid port ${JSON.stringify(port)}`;
  if (!["round_robin", "pick_first", ""].includes(config.balancer_name)) {
    return `${where}: invalid balancer_name: ${config.balancer_name}`;
  }
  if (/^https:/.test(config.endpoint) || !(config.tls.insecure || /^http:/.test(config.endpoint))) {
    return `${where}: TLS is not supported here: set \`tls::insecure: true\``;
  }
  if (!["", "none", "gzip"].includes(config.compression)) {
    return `${where}: compression ${config.compression} is not supported here`;
  }
  return undefined;
}

const RETRYABLE: ReadonlySet<number> = new Set([
  GrpcCode.CANCELLED,
  GrpcCode.DEADLINE_EXCEEDED,
  GrpcCode.ABORTED,
  GrpcCode.OUT_OF_RANGE,
  GrpcCode.UNAVAILABLE,
  GrpcCode.DATA_LOSS,
]);

/** Which statuses may pass: https://opentelemetry.io/docs/specs/otlp/#failures */
function classify(error: GrpcError): Error {
  const delayMs = retryDelayOf(error);
  const isRetryable =
    RETRYABLE.has(error.code) || (error.code === GrpcCode.RESOURCE_EXHAUSTED && delayMs !== undefined);
  if (!isRetryable) return new PermanentError(error.message, { cause: error });
  return delayMs === undefined || delayMs === 0 ? error : new ThrottleError(delayMs, error);
}

function withoutScheme(endpoint: string): string {
  return endpoint.replace(/^(https?|dns):\/\/\/?/, "").replace(/\/$/, "");
}

function lowerCaseKeys(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
