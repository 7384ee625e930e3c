/** The client's side of gRPC over a `Network`. */
import { gzipSync } from "node:zlib";
import type { FetchOptions, FetchResponse, HttpHeaders, Network } from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { DEFAULT_MESSAGE_LIMIT_BYTES, frameMessage, readMessages } from "./framing.ts";
import { decodeGrpcMessage, GrpcCode, GrpcError } from "./status.ts";

export interface GrpcCallOptions {
  headers?: HttpHeaders;
  signal?: AbortSignal;
  /** Becomes the call's deadline; above it the call ends with DEADLINE_EXCEEDED. @default none */
  timeoutMs?: number;
  /** @default "identity" */
  compression?: "identity" | "gzip";
  /** @default 4 MiB */
  messageLimitBytes?: number;
  /** Where the URL's scheme is https. */
  tls?: Pick<FetchOptions, "ca" | "additionalCa" | "identity" | "insecure">;
}

/**
 * Sends one message and returns the one that answers it.
 *
 * @param url `http://host:port/package.Service/Method`, or `https://…` over TLS
 * @throws GrpcError for any status but OK; UNAVAILABLE when the server cannot be reached
 */
export async function callUnary(
  network: Network,
  url: string,
  message: Uint8Array,
  options: GrpcCallOptions = {},
): Promise<Uint8Array> {
  let answer: Uint8Array | undefined;
  // To the end: the answer counts only once the trailers have said OK.
  for await (const next of callServerStream(network, url, message, options)) answer ??= next;
  if (answer === undefined) throw new GrpcError(GrpcCode.INTERNAL, "the server sent OK but no message");
  return answer;
}

/** Sends one message and yields those that answer it, until the server ends with OK. */
export async function* callServerStream(
  network: Network,
  url: string,
  message: Uint8Array,
  options: GrpcCallOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await send(network, url, message, options);
  if (response.headers["grpc-status"] !== undefined) return throwIfFailed(response.headers);
  const limitBytes = options.messageLimitBytes ?? DEFAULT_MESSAGE_LIMIT_BYTES;
  try {
    yield* readMessages(response.body, response.headers["grpc-encoding"], limitBytes);
  } catch (error) {
    throw asGrpcError(error, options);
  }
  throwIfFailed(response.trailers);
}

async function send(
  network: Network,
  url: string,
  message: Uint8Array,
  options: GrpcCallOptions,
): Promise<FetchResponse> {
  const gzip = options.compression === "gzip";
  const headers: HttpHeaders = {
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-accept-encoding": "identity,gzip",
    ...options.headers,
  };
  if (gzip) headers["grpc-encoding"] = "gzip";
  if (options.timeoutMs !== undefined) headers["grpc-timeout"] = grpcTimeout(options.timeoutMs);
  const body = frameMessage(gzip ? gzipSync(message) : message, gzip);
  const { signal, timeoutMs } = options;
  let response: FetchResponse;
  try {
    response = await network.fetch(url, {
      method: "POST",
      headers,
      body,
      protocol: url.startsWith("https:") ? "h2" : "h2c",
      ...options.tls,
      signal,
      timeoutMs,
    });
  } catch (error) {
    throw asGrpcError(error, options);
  }
  if (response.status !== 200) throw new GrpcError(codeOfHttp(response.status), `HTTP ${response.status}`);
  return response;
}

/** At most eight digits and a unit. */
function grpcTimeout(timeoutMs: number): string {
  return timeoutMs < 1e8
    ? `${Math.ceil(timeoutMs)}m`
    : `${Math.min(99_999_999, Math.ceil(timeoutMs / 1000))}S`;
}

function throwIfFailed(headers: HttpHeaders): void {
  const status = headers["grpc-status"];
  if (status === "0") return;
  if (status === undefined) {
    throw new GrpcError(GrpcCode.INTERNAL, "server closed the stream without sending trailers");
  }
  const details = headers["grpc-status-details-bin"];
  throw new GrpcError(
    Number(status),
    decodeGrpcMessage(headers["grpc-message"] ?? ""),
    details === undefined ? undefined : new Uint8Array(Buffer.from(details, "base64")),
  );
}

function asGrpcError(error: unknown, options: GrpcCallOptions): GrpcError {
  if (error instanceof GrpcError) return error;
  if (options.signal?.aborted) return new GrpcError(GrpcCode.CANCELLED, "context canceled");
  if ((error as Error | undefined)?.name === "TimeoutError") {
    return new GrpcError(GrpcCode.DEADLINE_EXCEEDED, "context deadline exceeded");
  }
  return new GrpcError(GrpcCode.UNAVAILABLE, connectionText(describeNetworkError(error)));
}

/** In gRPC-Go's words. */
function connectionText(cause: string): string {
  if (cause.endsWith("no such host")) return "name resolver error: produced zero addresses";
  const quoted = (text: string) => `connection error: desc = ${JSON.stringify(text)}`;
  if (cause.startsWith("dial ")) return quoted(`transport: Error while dialing: ${cause}`);
  if (cause.startsWith("tls: ")) return quoted(`transport: authentication handshake failed: ${cause}`);
  return quoted(`error reading from server: ${cause}`);
}

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
function codeOfHttp(status: number): number {
  if (status === 400) return GrpcCode.INTERNAL;
  if (status === 401) return GrpcCode.UNAUTHENTICATED;
  if (status === 403) return GrpcCode.PERMISSION_DENIED;
  if (status === 404) return GrpcCode.UNIMPLEMENTED;
  return [429, 502, 503, 504].includes(status) ? GrpcCode.UNAVAILABLE : GrpcCode.UNKNOWN;
}
