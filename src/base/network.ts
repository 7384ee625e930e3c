/**
 * The network as an argument: HTTP in both directions, in types small enough for a simulated network to implement.
 *
 * A handler takes an `HttpRequest` and returns an `HttpResponse`; whether a socket lies between the two is not its
 * business. `node-network.ts` has the real implementation.
 */
import type { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";

/** Lower-case names. Several values of one name are joined with ", ". */
export type HttpHeaders = Record<string, string>;
export type HttpBody = AsyncIterable<Uint8Array>;

export interface HttpRequest {
  method: string;
  /** Path and query as sent: `/api/v1/query?query=up`. */
  target: string;
  headers: HttpHeaders;
  body: HttpBody;
  /** The peer's IP address. */
  remoteAddress: string;
  /** The certificate that the client has shown, where `ServeOptions.clientCa` has issued it. */
  clientCertificate?: X509Certificate;
  /** Aborts when the client goes away before the response has ended. */
  signal: AbortSignal;
}

export interface HttpResponse {
  status: number;
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array | HttpBody;
  /**
   * Called when the bytes of a `body` in one piece are needed no more, so that their memory can be used again. Not
   * called where nobody knows that: when the client goes away first, over HTTP/2, in tests.
   */
  onSent?: () => void;
  /** Read when the body has ended and sent after it (HTTP/2 only): gRPC's status. */
  trailers?: () => HttpHeaders;
}

export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Takes over the connection of a request that asked for another protocol (`Connection: Upgrade`). */
export type UpgradeHandler = (request: HttpRequest, socket: Duplex, head: Uint8Array) => void;

export interface TlsIdentity {
  /** PEM. */
  cert: string;
  /** PEM. */
  key: string;
}

/** All that TLS of a server can be told. */
export interface TlsServerSettings extends TlsIdentity {
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
  /** OpenSSL's names, the best first. @default Node's */
  ciphers?: readonly string[];
  /** OpenSSL's names of the groups for the key exchange. @default Node's */
  curves?: readonly string[];
  /** PEM of the authorities that issue certificates of clients. */
  clientCa?: string;
  /** What becomes of a client without a certificate, or with one that none of the authorities has issued. */
  clientCertificate: "none" | "request" | "require" | "verify-if-given" | "require-verified";
  /** A client's certificate must have one of these as an alternative name. @default any */
  clientNames?: readonly string[];
}

export interface ServeOptions {
  host: string;
  /** 0 takes a free one: see `HttpServer.port`. */
  port: number;
  /** `h2c` is HTTP/2 without TLS, as gRPC uses it inside a cluster; `h2` is HTTP/2 with it. @default "http1" */
  protocol?: "http1" | "h2c" | "h2";
  tls?: TlsIdentity;
  /**
   * In place of `tls` and `clientCa`: asked for each new connection, which ends where this rejects. What is the same
   * object as before is taken to be unchanged. With `h2`, clients that only know HTTP/1 are served, too.
   */
  tlsOfConnection?: () => Promise<TlsServerSettings>;
  /** PEM of the authority that must have issued the certificate of each client. @default none is asked for */
  clientCa?: string;
  /** A client may come without a certificate, or with one that means nothing. @default false */
  isClientCertificateOptional?: boolean;
  onUpgrade?: UpgradeHandler;
}

export interface HttpServer {
  host: string;
  port: number;
  /** Stops accepting, ends idle connections and cuts those that are left after `graceMs` (default 0). */
  close(graceMs?: number): Promise<void>;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface FetchOptions {
  /** @default "GET" */
  method?: string;
  headers?: HttpHeaders;
  /** Headers of which each value is a line of its own. */
  headerLines?: Record<string, readonly string[]>;
  body?: string | Uint8Array | HttpBody;
  signal?: AbortSignal;
  /** Until the response's headers and, through its body, the last byte. @default none */
  timeoutMs?: number;
  /** `h2` needs the scheme https, `h2c` http. @default "http1" */
  protocol?: "http1" | "h2c" | "h2";
  /** PEM of the authorities to trust in place of the system's. */
  ca?: string;
  /** PEM of authorities to trust beside the system's, where `ca` is not given. */
  additionalCa?: string;
  /** By what the client proves itself to a server that asks for a certificate. */
  identity?: TlsIdentity;
  /** The name that the server's certificate must have, in place of the URL's. */
  serverName?: string;
  /** The versions of TLS that are spoken. @default Node's */
  minTlsVersion?: TlsVersion;
  maxTlsVersion?: TlsVersion;
  /** An HTTP proxy to go by (HTTP/1 only): its URL, and the hosts that are reached without it, by commas. */
  proxy?: { url: string; noProxy?: string };
  /** Accept any certificate. Only where the user asked for it (`insecure_skip_verify`, `unsafeSsl`). */
  insecure?: boolean;
}

export interface FetchResponse {
  status: number;
  headers: HttpHeaders;
  body: HttpBody;
  /** Complete when the body has been read. */
  trailers: HttpHeaders;
  /**
   * Reads the whole body.
   *
   * @throws BodyLimitError when it is longer than `limitBytes` (default `DEFAULT_BODY_LIMIT_BYTES`).
   */
  bytes(limitBytes?: number): Promise<Uint8Array>;
  text(limitBytes?: number): Promise<string>;
}

/** A response had begun, and the rest of it could not be read. */
export class BodyReadError extends Error {
  constructor(cause: unknown) {
    super((cause as Error).message, { cause });
    this.name = "BodyReadError";
  }
}

export interface RepeatedFetchOptions {
  headers: HttpHeaders;
  timeoutMs: number;
  signal?: AbortSignal;
  /** The body may measure so much. */
  limitBytes: number;
}

export interface RepeatedResponse {
  status: number;
  headers: HttpHeaders;
  /** Only valid until the next request: its buffer is used again. */
  bytes: Uint8Array;
}

/** A GET that is made again and again. */
export interface RepeatedFetch {
  /** One at a time. @throws as `Network.fetch`, and BodyLimitError */
  fetch(options: RepeatedFetchOptions): Promise<RepeatedResponse>;
  close(): void;
}

export interface Network {
  /** Makes a request. @throws an error with Node's `code` (`ECONNREFUSED`, …), or the signal's reason. */
  fetch(url: string, options?: FetchOptions): Promise<FetchResponse>;
  /** A cheaper way to ask one URL (of the scheme http) often. @default absent: use `fetch` */
  repeatedFetch?(url: string): RepeatedFetch;
  /** Starts a server. @throws an error with `code` `EADDRINUSE`, `EACCES`, … */
  serve(options: ServeOptions, handler: HttpHandler): Promise<HttpServer>;
}

/** What a body may measure where nobody set another limit: 64 MiB. */
export const DEFAULT_BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** A body was longer than the reader allowed. Servers answer 413. */
export class BodyLimitError extends Error {
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    super(`body is larger than ${limitBytes} bytes`);
    this.name = "BodyLimitError";
    this.limitBytes = limitBytes;
  }
}

/**
 * Collects a body.
 *
 * @throws BodyLimitError as soon as it exceeds `limitBytes`; what follows is not read.
 */
export async function readBody(body: HttpBody, limitBytes = DEFAULT_BODY_LIMIT_BYTES): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limitBytes) throw new BodyLimitError(limitBytes);
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** A body of one piece, or of none. */
export async function* bodyOf(content?: string | Uint8Array): HttpBody {
  if (content === undefined || content.length === 0) return;
  yield typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** A response with a JSON body. */
export function jsonResponse(status: number, value: unknown, headers: HttpHeaders = {}): HttpResponse {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

/** A response with a text body. */
export function textResponse(status: number, text: string, headers: HttpHeaders = {}): HttpResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body: text };
}
