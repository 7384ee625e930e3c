/**
 * The server's side of gRPC over an HTTP/2 handler: `network.serve({ …, protocol: "h2c" }, grpcHandler(methods))`.
 */
import type { HttpBody, HttpHandler, HttpHeaders, HttpRequest, HttpResponse } from "../../base/network.ts";
import { DEFAULT_MESSAGE_LIMIT_BYTES, frameMessage, readMessages } from "./framing.ts";
import { encodeGrpcMessage, GrpcCode, GrpcError } from "./status.ts";

export interface GrpcCall {
  headers: HttpHeaders;
  remoteAddress: string;
  /** Aborts when the client goes away. */
  signal: AbortSignal;
}

/** Answers one message with one message. @throws GrpcError to end with another status than OK */
export type UnaryMethod = (request: Uint8Array, call: GrpcCall) => Uint8Array | Promise<Uint8Array>;
/** Answers one message with a stream of them. */
export type ServerStreamMethod = (request: Uint8Array, call: GrpcCall) => AsyncIterable<Uint8Array>;

export type GrpcMethod =
  | { unary: UnaryMethod; serverStream?: undefined }
  | { serverStream: ServerStreamMethod; unary?: undefined };

export interface GrpcServerOptions {
  /** @default 4 MiB */
  messageLimitBytes?: number;
  /** Told what a method threw that was no `GrpcError`; the client gets UNKNOWN with its message. */
  onError?: (error: unknown, path: string) => void;
}

/** `methods` by path: `/package.Service/Method`. */
export function grpcHandler(
  methods: ReadonlyMap<string, GrpcMethod>,
  options: GrpcServerOptions = {},
): HttpHandler {
  const statusOf = (error: unknown, path: string) => {
    if (error instanceof GrpcError) return error;
    options.onError?.(error, path);
    return new GrpcError(GrpcCode.UNKNOWN, error instanceof Error ? error.message : String(error));
  };
  return async (request) => {
    if (request.method !== "POST" || !/^application\/grpc\b/.test(request.headers["content-type"] ?? "")) {
      return { status: 415, body: "gRPC requires a content-type of application/grpc" };
    }
    const path = request.target;
    const method = methods.get(path);
    if (method === undefined) return trailersOnly(unknownMethod(path, methods));
    try {
      const message = await onlyMessage(request, options.messageLimitBytes ?? DEFAULT_MESSAGE_LIMIT_BYTES);
      const call = { headers: request.headers, remoteAddress: request.remoteAddress, signal: request.signal };
      if (method.unary !== undefined) return respond(frameMessage(await method.unary(message, call)));
      return respondStream(method.serverStream(message, call), (error) => statusOf(error, path));
    } catch (error) {
      return trailersOnly(statusOf(error, path));
    }
  };
}

async function onlyMessage(request: HttpRequest, limitBytes: number): Promise<Uint8Array> {
  let message: Uint8Array | undefined;
  for await (const next of readMessages(request.body, request.headers["grpc-encoding"], limitBytes)) {
    if (message !== undefined)
      throw new GrpcError(GrpcCode.INTERNAL, "more than one message in a unary call");
    message = next;
  }
  if (message === undefined) throw new GrpcError(GrpcCode.INTERNAL, "no message in a unary call");
  return message;
}

const HEADERS = { "content-type": "application/grpc", "grpc-accept-encoding": "identity,gzip" };

function respond(body: Uint8Array): HttpResponse {
  return { status: 200, headers: HEADERS, body, trailers: () => ({ "grpc-status": "0" }) };
}

function respondStream(
  messages: AsyncIterable<Uint8Array>,
  statusOf: (error: unknown) => GrpcError,
): HttpResponse {
  let failure: GrpcError | undefined;
  async function* frames(): HttpBody {
    try {
      for await (const message of messages) yield frameMessage(message);
    } catch (error) {
      failure = statusOf(error);
    }
  }
  const trailers = () => (failure === undefined ? { "grpc-status": "0" } : statusHeaders(failure));
  return { status: 200, headers: HEADERS, body: frames(), trailers };
}

/** An error before any message: the status travels in the headers. */
function trailersOnly(error: GrpcError): HttpResponse {
  return { status: 200, headers: { ...HEADERS, ...statusHeaders(error) } };
}

function statusHeaders(error: GrpcError): HttpHeaders {
  const headers: HttpHeaders = {
    "grpc-status": String(error.code),
    "grpc-message": encodeGrpcMessage(error.details),
  };
  if (error.statusDetails !== undefined) {
    headers["grpc-status-details-bin"] = Buffer.from(error.statusDetails).toString("base64");
  }
  return headers;
}

function unknownMethod(path: string, methods: ReadonlyMap<string, GrpcMethod>): GrpcError {
  const [service, method] = path.replace(/^\//, "").split("/");
  const isKnown = [...methods.keys()].some((known) => known.startsWith(`/${service}/`));
  const details = isKnown ? `unknown method ${method} for service ${service}` : `unknown service ${service}`;
  return new GrpcError(GrpcCode.UNIMPLEMENTED, details);
}
