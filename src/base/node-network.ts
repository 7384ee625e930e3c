/** The real `Network`: Node's HTTP/1.1 and HTTP/2 on sockets. */
import type { X509Certificate } from "node:crypto";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getCACertificates, type TLSSocket, type Server as TlsServer } from "node:tls";
import {
  bodyOf,
  type FetchOptions,
  type FetchResponse,
  type HttpBody,
  type HttpHandler,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  type Network,
  readBody,
  type ServeOptions,
} from "./network.ts";
import { NodeRepeatedFetch } from "./node-repeated-fetch.ts";
import { tlsListener } from "./node-tls-listener.ts";

/** HTTP/2 sessions that a network keeps open, one per origin and trust; the oldest goes first. */
export const MAX_HTTP2_SESSIONS = 64;
/** An idle keep-alive connection of the client is closed after this time, in milliseconds. */
const CLIENT_IDLE_MS = 4_000;

/** What a handler's uncaught error is told to; the client gets a bare 500. */
export type ReportError = (error: unknown) => void;

export function createNodeNetwork(report: ReportError): Network {
  const agents = new Map<string, http.Agent>();
  const sessions = new Map<string, http2.ClientHttp2Session>();
  return {
    fetch: (url, options = {}) =>
      options.protocol?.startsWith("h2")
        ? fetchHttp2(sessions, url, options)
        : fetchHttp1(agents, url, options),
    repeatedFetch: (url) => new NodeRepeatedFetch(url),
    serve: (options, handler) => serve(options, handler, report),
  };
}

// ---- client ----

function fetchHttp1(
  agents: Map<string, http.Agent>,
  url: string,
  options: FetchOptions,
): Promise<FetchResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<FetchResponse>();
  const signal = signalOf(options);
  const body = options.body;
  const headers: http.OutgoingHttpHeaders = { ...options.headers };
  for (const [name, values] of Object.entries(options.headerLines ?? {})) headers[name] = [...values];
  if (typeof body === "string" || body instanceof Uint8Array)
    headers["content-length"] = Buffer.byteLength(body);
  const module = url.startsWith("https:") ? https : http;
  const request = module.request(
    url,
    { method: options.method ?? "GET", headers, signal, agent: agentFor(agents, url, options) },
    (response) =>
      resolve(responseOf(response.statusCode!, headersOf(response.headers), response, {}, signal)),
  );
  request.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) request.end(body);
  else pump(body, request).catch((error) => request.destroy(error));
  return promise;
}

function agentFor(agents: Map<string, http.Agent>, url: string, options: FetchOptions): http.Agent {
  const secure = url.startsWith("https:");
  const { proxy } = options;
  const key = `${secure ? trustKey(options) : ""}\n${proxy?.url ?? ""}\n${proxy?.noProxy ?? ""}`;
  let agent = agents.get(key);
  if (agent === undefined) {
    const proxyEnv = proxy && {
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      NO_PROXY: proxy.noProxy ?? "",
    };
    const settings = { keepAlive: true, timeout: CLIENT_IDLE_MS, ...(proxyEnv && { proxyEnv }) };
    agent = secure ? new https.Agent({ ...settings, ...trustOf(options) }) : new http.Agent(settings);
    agents.set(key, agent);
  }
  return agent;
}

function trustOf(options: FetchOptions) {
  const { ca, additionalCa, identity, insecure, serverName, minTlsVersion, maxTlsVersion } = options;
  const beside = additionalCa === undefined ? undefined : [...getCACertificates(), additionalCa];
  return {
    ...identity,
    ca: ca ?? beside,
    rejectUnauthorized: !insecure,
    ...(serverName !== undefined && { servername: serverName }),
    ...(minTlsVersion !== undefined && { minVersion: minTlsVersion }),
    ...(maxTlsVersion !== undefined && { maxVersion: maxTlsVersion }),
  };
}

/** Connections that trust and prove different things are different connections. */
function trustKey(options: FetchOptions): string {
  const { ca, additionalCa, identity, insecure, serverName, minTlsVersion, maxTlsVersion } = options;
  const trusted = [insecure === true, ca, additionalCa, identity?.cert];
  return JSON.stringify([...trusted, serverName, minTlsVersion, maxTlsVersion]);
}

async function fetchHttp2(
  sessions: Map<string, http2.ClientHttp2Session>,
  url: string,
  options: FetchOptions,
): Promise<FetchResponse> {
  const { origin, pathname, search, host } = new URL(url);
  const signal = signalOf(options);
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<FetchResponse>();
  const stream = sessionFor(sessions, origin, options).request({
    ":method": options.method ?? "GET",
    ":path": pathname + search,
    ":authority": host,
    ...options.headers,
  });
  const trailers: HttpHeaders = {};
  stream.on("response", (raw) => {
    const { ":status": status, ...rest } = raw;
    resolve(responseOf(Number(status), headersOf(rest), stream, trailers, signal));
  });
  stream.on("trailers", (raw) => Object.assign(trailers, headersOf(raw)));
  stream.on("error", (error) => reject(signal?.aborted ? signal.reason : causeOf(error)));
  stream.on("close", () => reject(new Error(`stream to ${origin} closed before a response came`)));
  const onAbort = () => stream.destroy(signal!.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  stream.on("close", () => signal?.removeEventListener("abort", onAbort));
  if (options.body === undefined || typeof options.body === "string" || options.body instanceof Uint8Array) {
    stream.end(options.body);
  } else pump(options.body, stream).catch((error) => stream.destroy(error));
  return promise;
}

/** Why the connection ended, where that is why the stream did. */
function causeOf(error: NodeJS.ErrnoException): unknown {
  return error.code === "ERR_HTTP2_STREAM_CANCEL" ? (error.cause ?? error) : error;
}

function sessionFor(
  sessions: Map<string, http2.ClientHttp2Session>,
  origin: string,
  options: FetchOptions,
): http2.ClientHttp2Session {
  const isSecure = origin.startsWith("https:");
  const key = isSecure ? `${origin}\n${trustKey(options)}` : origin;
  const open = sessions.get(key);
  if (open !== undefined && !open.closed && !open.destroyed) return open;
  if (sessions.size >= MAX_HTTP2_SESSIONS) {
    const [oldest, session] = sessions.entries().next().value!;
    sessions.delete(oldest);
    session.close();
  }
  const session = http2.connect(origin, isSecure ? trustOf(options) : undefined);
  const forget = () => {
    if (sessions.get(key) === session) sessions.delete(key);
  };
  // The streams report what went wrong; without a listener the session would throw it a second time.
  session.on("error", forget);
  session.on("goaway", forget);
  session.on("close", forget);
  session.unref();
  sessions.set(key, session);
  return session;
}

function signalOf(options: FetchOptions): AbortSignal | undefined {
  if (options.timeoutMs === undefined) return options.signal;
  const timeout = AbortSignal.timeout(Math.ceil(options.timeoutMs));
  return options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
}

function responseOf(
  status: number,
  headers: HttpHeaders,
  stream: AsyncIterable<Uint8Array>,
  trailers: HttpHeaders,
  signal: AbortSignal | undefined,
): FetchResponse {
  const body = bodyWithReason(stream, signal);
  const bytes = (limitBytes?: number) => readBody(body, limitBytes);
  const text = async (limitBytes?: number) => new TextDecoder().decode(await bytes(limitBytes));
  return { status, headers, body, trailers, bytes, text };
}

/** An aborted read fails with the signal's reason and not with the stream's own error. */
async function* bodyWithReason(stream: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): HttpBody {
  try {
    yield* stream;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

// ---- server ----

async function serve(options: ServeOptions, handler: HttpHandler, report: ReportError): Promise<HttpServer> {
  const onRequest = (request: AnyRequest, response: AnyResponse) => {
    answer(request, response, handler).catch((error) => {
      report(error);
      if (response.headersSent) response.stream?.destroy() ?? request.socket?.destroy();
      else respondBare(response, 500);
    });
  };
  const server = createServer(options, onRequest);
  const source = options.tlsOfConnection;
  const listener = source === undefined ? server : tlsListener(server as TlsServer, source, report);
  const sockets = new Set<Socket>();
  listener.on(options.tls ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  if (options.onUpgrade) {
    server.on("upgrade", (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      try {
        options.onUpgrade!(requestOf(request, new AbortController().signal), socket, head);
      } catch (error) {
        report(error);
        socket.destroy();
      }
    });
  }
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(options.port, options.host, () => {
      listener.off("error", reject);
      listener.on("error", report);
      resolve();
    });
  });
  const { address, port } = listener.address() as AddressInfo;
  const close = (graceMs = 0) => closeServer(listener, server, sockets, graceMs);
  return { host: address, port, close };
}

type AnyRequest = http.IncomingMessage | http2.Http2ServerRequest;
type AnyResponse = (http.ServerResponse | http2.Http2ServerResponse) & { stream?: http2.ServerHttp2Stream };
type AnyServer = http.Server | https.Server | http2.Http2Server | http2.Http2SecureServer;

function createServer(
  options: ServeOptions,
  onRequest: (request: AnyRequest, response: AnyResponse) => void,
): AnyServer {
  const { tls, clientCa, isClientCertificateOptional = false } = options;
  const asked =
    clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: !isClientCertificateOptional };
  // A watch or a followed log may stay silent for ever, so no timeout of the whole request.
  const settings = { requestTimeout: 0, keepAliveTimeout: 65_000, noDelay: true };
  if (options.protocol === "h2c") return http2.createServer(onRequest as never);
  if (options.tlsOfConnection !== undefined) {
    if (options.protocol === "h2")
      return http2.createSecureServer({ ...settings, allowHTTP1: true }, onRequest as never);
    return https.createServer({ ...settings, ALPNProtocols: ["http/1.1"] }, onRequest);
  }
  if (options.protocol === "h2") return http2.createSecureServer({ ...tls, ...asked }, onRequest as never);
  return tls
    ? https.createServer({ ...settings, ...tls, ...asked, ALPNProtocols: ["http/1.1"] }, onRequest)
    : http.createServer(settings, onRequest);
}

/** @param listener what accepts connections: the server itself, or what hands them to it */
async function closeServer(
  listener: NetServer,
  server: AnyServer,
  sockets: Set<Socket>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
  if ("closeIdleConnections" in server) server.closeIdleConnections();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  if (graceMs <= 0) cut();
  const timer = setTimeout(cut, graceMs);
  await closed;
  clearTimeout(timer);
}

async function answer(request: AnyRequest, response: AnyResponse, handler: HttpHandler): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort(new Error("client went away"));
  });
  const result = await handler(requestOf(request, gone.signal));
  if (gone.signal.aborted) return;
  await respond(response, result, request.method === "HEAD");
}

function requestOf(request: AnyRequest, signal: AbortSignal): HttpRequest {
  return {
    method: request.method!,
    target: request.url!,
    headers: headersOf(request.headers),
    body: request.readableEnded ? bodyOf() : (request as AsyncIterable<Uint8Array>),
    remoteAddress: request.socket.remoteAddress ?? "",
    clientCertificate: clientCertificateOf(request.socket as Partial<TLSSocket>),
    signal,
  };
}

/** Sockets without TLS, and with a client that was not believed, have none. */
function clientCertificateOf(socket: Partial<TLSSocket>): X509Certificate | undefined {
  return socket.authorized ? socket.getPeerX509Certificate?.() : undefined;
}

async function respond(response: AnyResponse, result: HttpResponse, isHead: boolean): Promise<void> {
  const { body } = result;
  const headers = { ...result.headers };
  const isWhole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
  const hasLength = Object.keys(headers).some((name) => name.toLowerCase() === "content-length");
  if (isWhole && !hasLength && result.status >= 200 && result.status !== 204 && result.status !== 304) {
    headers["content-length"] = String(Buffer.byteLength(body ?? ""));
  }
  (response as http.ServerResponse).writeHead(result.status, headers);
  if (isHead) return void response.end();
  const addTrailers = () => {
    if (result.trailers && response.stream) response.addTrailers(result.trailers());
  };
  if (isWhole) {
    addTrailers();
    if (body === undefined) return void response.end();
    // Streams of HTTP/2 call back before the socket has it all.
    const onSent = response.stream === undefined ? result.onSent : undefined;
    return void response.end(body as Uint8Array, onSent);
  }
  // So that the client of a watch sees the headers before the first event.
  if ("flushHeaders" in response) response.flushHeaders();
  await pump(body, response as unknown as http.ServerResponse, addTrailers);
}

function respondBare(response: AnyResponse, status: number): void {
  (response as http.ServerResponse).writeHead(status);
  response.end();
}

/** Writes a body to a stream, as fast as the stream takes it, and ends it. */
async function pump(
  body: HttpBody,
  stream: NodeJS.WritableStream & { destroyed?: boolean },
  beforeEnd?: () => void,
): Promise<void> {
  for await (const chunk of body) {
    if (stream.destroyed) return;
    if (!stream.write(chunk)) await drained(stream);
  }
  beforeEnd?.();
  stream.end();
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      stream.off("error", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
    stream.on("error", done);
  });
}

function headersOf(raw: http.IncomingHttpHeaders | http2.IncomingHttpHeaders): HttpHeaders {
  const headers: HttpHeaders = {};
  for (const name in raw) {
    const value = raw[name];
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return headers;
}
