/** `otlp_http` (formerly `otlphttp`): OTLP over HTTP, protobuf or JSON (upstream `exporter/otlphttpexporter`). */
import { decodeRpcStatus } from "../../wire/grpc/rpc-status.ts";
import {
  decodeExportResponse,
  decodeExportResponseJson,
  OTLP_CODECS,
  type PartialSuccess,
  type Signal,
} from "../../wire/otlp/signal.ts";
import { ALL_SIGNALS, type ComponentSettings, type ExporterFactory, type Payload } from "../component.ts";
import { duration, type Infer, object, oneOf, string } from "../config/schema.ts";
import {
  HTTP_CLIENT,
  lines,
  RETRY,
  SENDING_QUEUE,
  validateQueue,
  validateRetry,
} from "../config/shared-settings.ts";
import { HttpClient, validateHttpCompression } from "./http-client.ts";
import { createSender } from "./sender.ts";

const CONFIG = object(
  {
    ...HTTP_CLIENT,
    /** Milliseconds. */
    timeout: duration(30_000),
    traces_endpoint: string(),
    metrics_endpoint: string(),
    logs_endpoint: string(),
    profiles_endpoint: string(),
    encoding: oneOf(["proto", "json"], "proto", (raw) => `invalid encoding type: ${raw}`),
    sending_queue: SENDING_QUEUE,
    retry_on_failure: RETRY,
  },
  "otlphttpexporter.Config",
);

type Config = Infer<typeof CONFIG>;

export const otlpHttpExporter: ExporterFactory<Config> = {
  type: "otlp_http",
  aliases: ["otlphttp"],
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate(config) {
    const endpoints = [
      config.endpoint,
      config.traces_endpoint,
      config.metrics_endpoint,
      config.logs_endpoint,
      config.profiles_endpoint,
    ];
    if (endpoints.every((endpoint) => endpoint === "")) return "at least one endpoint must be specified";
    return lines([
      validateQueue(config.sending_queue),
      validateRetry(config.retry_on_failure),
      validateHttpCompression(config),
    ]);
  },
  create(config, settings, signal) {
    const url = urlOf(config, signal);
    const client = new HttpClient(settings, config, statusMessage);
    return createSender({
      settings,
      signal,
      queue: config.sending_queue,
      retry: config.retry_on_failure,
      push: (payload) => push(client, url, config.encoding, payload, settings),
    });
  },
};

/** @throws an error when there is none for the signal */
function urlOf(config: Config, signal: Signal): string {
  if (config.endpoint !== "" && !isGoUrl(config.endpoint)) throw new Error("endpoint must be a valid URL");
  const own = config[`${signal}_endpoint`];
  if (own !== "") {
    if (!isGoUrl(own)) throw new Error(`${signal}_endpoint must be a valid URL`);
    return own;
  }
  if (config.endpoint === "") throw new Error(`either endpoint or ${signal}_endpoint must be specified`);
  return config.endpoint.replace(/\/$/, "") + OTLP_CODECS[signal].httpPath;
}

/** What Go's `url.Parse` takes: nearly everything but spaces in hosts and schemes without a name. */
function isGoUrl(text: string): boolean {
  if (/^[^/?#]*:[^/]/.test(text) && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)) return false;
  return !/^[^?#]*:\/\/[^/?#]*[\s<>"]/.test(text) && !/[\p{Cc}]/u.test(text);
}

async function push(
  client: HttpClient,
  url: string,
  encoding: "proto" | "json",
  payload: Payload,
  settings: ComponentSettings,
): Promise<void> {
  const codec = OTLP_CODECS[payload.signal];
  const isJson = encoding === "json";
  const body = isJson
    ? new TextEncoder().encode(codec.encodeJson(payload.data as never))
    : codec.encode(payload.data as never);
  const answer = await client.post(url, body, isJson ? "application/json" : "application/x-protobuf");
  let partial: PartialSuccess | undefined;
  try {
    partial =
      answer.length === 0
        ? undefined
        : isJson
          ? decodeExportResponseJson(payload.signal, answer)
          : decodeExportResponse(answer);
  } catch {
    // A server that took the data and answers something else is upstream's business neither.
  }
  if (partial === undefined) return;
  settings.log.warn("Partial success response", {
    message: partial.message,
    [`dropped_${payload.signal}`]: partial.rejected,
  });
}

/** What a failed request's body says, when it is a `google.rpc.Status`. */
function statusMessage(body: Uint8Array, contentType: string): string {
  if (!contentType.startsWith("application/x-protobuf")) return "";
  try {
    const { message, code } = decodeRpcStatus(body);
    return `, Message=${message}, Details=[], Code=${code}`;
  } catch {
    return "";
  }
}
