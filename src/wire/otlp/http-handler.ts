/** OTLP over HTTP: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import {
  BodyLimitError,
  type HttpHandler,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  readBody,
} from "../../base/network.ts";
import { encodeRpcStatus } from "../grpc/rpc-status.ts";
import { GrpcCode, GrpcError } from "../grpc/status.ts";
import { snappyDecompress } from "../snappy.ts";
import { httpStatusOf, retryDelayOf } from "./http-status.ts";
import { encodeExportResponse, OTLP_CODECS, type Signal, type SignalData } from "./signal.ts";

/** A request's data with their signal. */
export type OtlpPayload = { [S in Signal]: { signal: S; data: SignalData[S] } }[Signal];

/** What a body may measure by default, before and after decompression: 20 MiB. */
export const DEFAULT_HTTP_BODY_LIMIT_BYTES = 20 * 1024 * 1024;

export interface OtlpHttpOptions {
  /** Which signal is sent where. */
  paths: ReadonlyMap<string, Signal>;
  /** Of a body, before and after decompression. */
  bodyLimitBytes: number;
  cors?: { allowed_origins: string[]; allowed_headers: string[]; max_age: number };
  /** Resolves when the data are taken care of. */
  consume: (payload: OtlpPayload) => Promise<void>;
  /** What a client hears when they are not. */
  statusOf: (error: unknown) => GrpcError;
}

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

export function otlpHttpHandler(options: OtlpHttpOptions): HttpHandler {
  return async (request) => {
    const cors = corsHeaders(request, options);
    const signal = options.paths.get(request.target.split("?", 1)[0]);
    if (signal === undefined) return { status: 404, headers: cors, body: "404 page not found\n" };
    if (request.method === "OPTIONS" && options.cors !== undefined) return { status: 204, headers: cors };
    const response = await exportRequest(request, signal, options);
    return { ...response, headers: { ...cors, ...response.headers } };
  };
}

async function exportRequest(
  request: HttpRequest,
  signal: Signal,
  options: OtlpHttpOptions,
): Promise<HttpResponse> {
  if (request.method !== "POST") {
    return { status: 405, headers: TEXT, body: "405 method not allowed, supported: [POST]" };
  }
  const contentType = (request.headers["content-type"] ?? "").split(";", 1)[0].trim().toLowerCase();
  if (contentType !== PROTOBUF && contentType !== JSON_TYPE) {
    const body = `415 unsupported media type, supported: [${JSON_TYPE}, ${PROTOBUF}]`;
    return { status: 415, headers: TEXT, body };
  }
  let payload: OtlpPayload;
  try {
    const bytes = await readDecompressed(request, options.bodyLimitBytes);
    const codec = OTLP_CODECS[signal];
    const data = contentType === JSON_TYPE ? codec.decodeJson(bytes) : codec.decode(bytes);
    payload = { signal, data } as OtlpPayload;
  } catch (error) {
    // As upstream's server: a body that is too large is a bad request, not a 413.
    const message =
      error instanceof BodyLimitError ? "http: request body too large" : (error as Error).message;
    return errorResponse(contentType, 400, new GrpcError(GrpcCode.INVALID_ARGUMENT, message));
  }
  try {
    await options.consume(payload);
  } catch (error) {
    const status = options.statusOf(error);
    return errorResponse(contentType, httpStatusOf(status), status);
  }
  return {
    status: 200,
    headers: { "content-type": contentType },
    body: contentType === JSON_TYPE ? '{"partialSuccess":{}}' : encodeExportResponse(),
  };
}

const TEXT = { "content-type": "text/plain" };

/** A `google.rpc.Status` in the encoding of the request. */
function errorResponse(contentType: string, httpStatus: number, status: GrpcError): HttpResponse {
  const headers: HttpHeaders = { "content-type": contentType };
  const retryDelayMs = retryDelayOf(status);
  const isThrottled = httpStatus === 429 || httpStatus === 503;
  if (retryDelayMs !== undefined && isThrottled) {
    headers["retry-after"] = String(Math.floor(retryDelayMs / 1000));
  }
  const body = { code: status.code, message: status.details };
  return {
    status: httpStatus,
    headers,
    body: contentType === JSON_TYPE ? JSON.stringify(body) : encodeRpcStatus(body),
  };
}

async function readDecompressed(request: HttpRequest, limitBytes: number): Promise<Uint8Array> {
  const bytes = await readBody(request.body, limitBytes);
  const encoding = request.headers["content-encoding"] ?? "";
  const decompress = Object.hasOwn(DECOMPRESS, encoding) ? DECOMPRESS[encoding] : undefined;
  if (decompress === undefined) throw new Error(`unsupported Content-Encoding: ${encoding}`);
  try {
    return decompress(bytes, limitBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new BodyLimitError(limitBytes);
    throw error;
  }
}

const DECOMPRESS: Record<string, (bytes: Uint8Array, maxOutputLength: number) => Uint8Array> = {
  "": (bytes) => bytes,
  identity: (bytes) => bytes,
  gzip: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  deflate: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength }),
  zlib: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength }),
  snappy: (bytes, maxOutputLength) => snappyDecompress(bytes, maxOutputLength),
  zstd: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
};

/** Browsers may send too, from the origins that the configuration names. */
function corsHeaders(request: HttpRequest, { cors }: OtlpHttpOptions): HttpHeaders {
  const origin = request.headers["origin"];
  if (cors === undefined || origin === undefined || !isAllowed(origin, cors.allowed_origins)) return {};
  const headers: HttpHeaders = { "access-control-allow-origin": origin, vary: "Origin" };
  if (request.method === "OPTIONS") {
    headers["access-control-allow-methods"] = "POST";
    headers["access-control-allow-headers"] = [...cors.allowed_headers, "content-type"].join(", ");
    if (cors.max_age > 0) headers["access-control-max-age"] = String(cors.max_age);
  }
  return headers;
}

/** An allowed origin may contain one `*`. */
function isAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => {
    const star = pattern.indexOf("*");
    if (star === -1) return pattern === origin;
    const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
    return (
      origin.length >= before.length + after.length && origin.startsWith(before) && origin.endsWith(after)
    );
  });
}
