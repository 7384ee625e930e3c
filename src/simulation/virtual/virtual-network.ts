/**
 * A network in memory: hosts with addresses, HTTP between them, time and faults on every message.
 *
 * A request takes a delay to its server and a delay back; a body of one piece travels with its head. A host that is down refuses; a host that is unplugged lets
 * messages vanish, so that only a timeout ends a request (or, with `retransmits`, lets them wait as TCP's do); two hosts
 * that are parted cannot reach each other.
 */
import type { Clock } from "../../base/clock.ts";
import {
  BodyLimitError,
  DEFAULT_BODY_LIMIT_BYTES,
  type FetchOptions,
  type FetchResponse,
  type HttpBody,
  type HttpHandler,
  type HttpHeaders,
  type HttpResponse,
  type HttpServer,
  type Network,
  readBody,
  type ServeOptions,
} from "../../base/network.ts";
import { VirtualConnection } from "./virtual-connection.ts";

export interface VirtualNetworkOptions {
  clock: Clock;
  /** Milliseconds that a message takes. @default 0 */
  delayMs?: (from: string, to: string) => number;
  /** Name → address, as the host at `from` has it. Addresses need none. @default none */
  resolve?: (name: string, from: string) => string | undefined;
  /** A message on a way that is cut arrives when the way is whole again. @default it is lost */
  retransmits?: boolean;
  /** Called when a message is about to arrive: the place for faults that wait for a certain one. */
  onMessage?: (message: Message) => void;
  /** Told what a handler threw; its client gets a bare 500. */
  onError?: (error: unknown) => void;
}

export interface Message {
  /** Address. */
  from: string;
  to: string;
  kind: "request" | "request body" | "response" | "response body";
  method: string;
  /** Path and query of the request that it belongs to. */
  target: string;
}

interface Listener {
  handler: HttpHandler;
  /** Requests under way: cutting one ends it on both sides. */
  open: Set<VirtualConnection>;
  /** Called when none is under way any more: its server is closing. */
  onIdle?: () => void;
}

/** Origins whose parts are kept; those beyond are parsed every time. */
const MAX_KNOWN_ORIGINS = 10_000;

export class VirtualNetwork {
  readonly #options: VirtualNetworkOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #unplugged = new Set<string>();
  readonly #parted = new Set<string>();
  readonly #waiting = new Set<() => void>();
  /** Scheme, host and port of URLs that were asked for: parsing one takes longer than all the rest of a message. */
  readonly #origins = new Map<string, { hostname: string; port: string }>();
  #nextPort = 40_000;

  constructor(options: VirtualNetworkOptions) {
    this.#options = options;
  }

  /** The network as a program on `address` sees it. */
  host(address: string): Network {
    return {
      fetch: (url, options = {}) => this.#fetch(address, url, options),
      serve: (options, handler) => this.#serve(address, options, handler),
    };
  }

  /** Every server on the address is gone, and so is every connection to it: its process was killed. */
  drop(address: string): void {
    for (const [key, listener] of [...this.#listeners]) {
      if (!key.startsWith(`${address}:`)) continue;
      this.#listeners.delete(key);
      for (const request of listener.open) request.cut(reset());
    }
  }

  /** Nothing reaches or leaves the address until `plug`. */
  unplug(address: string): void {
    this.#unplugged.add(address);
  }

  plug(address: string): void {
    this.#unplugged.delete(address);
    this.#wayChanged();
  }

  /** The two cannot reach each other until `join`. */
  part(a: string, b: string): void {
    this.#parted.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  join(a: string, b: string): void {
    this.#parted.delete(`${a} ${b}`);
    this.#parted.delete(`${b} ${a}`);
    this.#wayChanged();
  }

  #isCut(from: string, to: string): boolean {
    if (this.#unplugged.size === 0 && this.#parted.size === 0) return false;
    return this.#unplugged.has(from) || this.#unplugged.has(to) || this.#parted.has(`${from} ${to}`);
  }

  async #serve(address: string, options: ServeOptions, handler: HttpHandler): Promise<HttpServer> {
    const port = options.port === 0 ? this.#nextPort++ : options.port;
    const key = `${address}:${port}`;
    if (this.#listeners.has(key))
      throw coded("EADDRINUSE", `listen EADDRINUSE: address already in use ${key}`);
    const listener: Listener = { handler, open: new Set() };
    this.#listeners.set(key, listener);
    const close = async (graceMs = 0) => {
      if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
      if (listener.open.size > 0 && graceMs > 0) await this.#untilIdle(listener, graceMs);
      for (const request of listener.open) request.cut(reset());
    };
    return { host: address, port, close };
  }

  /** Until the last request that is under way is over, `limitMs` at most. */
  async #untilIdle(listener: Listener, limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(limitMs, resolve);
    listener.onIdle = resolve;
    await promise;
    limit.cancel();
  }

  async #fetch(from: string, url: string, options: FetchOptions): Promise<FetchResponse> {
    const { clock } = this.#options;
    const connection = new VirtualConnection();
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    const onAbort = () => connection.cut(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () => connection.cut(coded("ETIMEDOUT", "the request took too long")));
    const end = () => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    try {
      return await this.#exchange(from, url, options, connection, end);
    } catch (error) {
      end();
      throw connection.isCut ? connection.reason : error;
    }
  }

  async #exchange(
    from: string,
    url: string,
    options: FetchOptions,
    connection: VirtualConnection,
    end: () => void,
  ): Promise<FetchResponse> {
    const { hostname, port, target } = this.#partsOf(url);
    const to = this.#addressOf(hostname, from);
    const method = options.method ?? "GET";
    const there = (kind: Message["kind"]) => this.#travel({ from, to, kind, method, target }, connection);
    const back = (kind: Message["kind"]) =>
      this.#travel({ from: to, to: from, kind, method, target }, connection);
    await there("request");
    const listener = this.#listeners.get(`${to}:${port}`);
    if (listener === undefined) throw coded("ECONNREFUSED", `connect ECONNREFUSED ${to}:${port}`);
    listener.open.add(connection);
    const done = () => {
      listener.open.delete(connection);
      if (listener.open.size === 0) listener.onIdle?.();
      end();
    };
    connection.onCut(done);
    const response = await this.#answer(listener, connection, {
      method,
      target,
      headers: requestHeaders(options),
      body: isOnePiece(options.body)
        ? onePiece(options.body ?? "")
        : untilCut(options.body, connection, () => there("request body")),
      remoteAddress: from,
      get signal() {
        return connection.signal;
      },
    });
    await back("response");
    return this.#responseOf(response, connection, () => back("response body"), done);
  }

  async #answer(
    listener: Listener,
    connection: VirtualConnection,
    request: Parameters<HttpHandler>[0],
  ): Promise<HttpResponse> {
    try {
      return await connection.orCut(Promise.resolve(listener.handler(request)));
    } catch (error) {
      connection.throwIfCut();
      this.#options.onError?.(error);
      return { status: 500 };
    }
  }

  #responseOf(
    response: HttpResponse,
    connection: VirtualConnection,
    travel: () => Promise<void>,
    done: () => void,
  ): FetchResponse {
    if (isOnePiece(response.body)) {
      // A server is done with a whole answer when it has sent it, whether it is read or not.
      done();
      return wholeResponse(response, response.body ?? "");
    }
    const trailers: HttpHeaders = {};
    const source = untilCut(response.body, connection, travel);
    async function* stream(): HttpBody {
      try {
        yield* source;
        Object.assign(trailers, response.trailers?.());
      } finally {
        done();
      }
    }
    const headers = responseHeaders(response);
    const body = stream();
    const bytes = (limitBytes?: number) => readBody(body, limitBytes);
    const text = async (limitBytes?: number) => new TextDecoder().decode(await bytes(limitBytes));
    return { status: response.status, headers, body, trailers, bytes, text };
  }

  /** One message's time on the way; for ever when the way is cut. @throws when its connection is cut */
  async #travel(message: Message, connection: VirtualConnection): Promise<void> {
    const delayMs = this.#options.delayMs?.(message.from, message.to) ?? 0;
    if (delayMs > 0) await this.#passes(delayMs, connection);
    connection.throwIfCut();
    this.#options.onMessage?.(message);
    connection.throwIfCut();
    while (this.#isCut(message.from, message.to)) {
      const { resolve, promise } = Promise.withResolvers<void>();
      if (this.#options.retransmits) this.#waiting.add(resolve);
      await connection.orCut(promise);
    }
  }

  #passes(delayMs: number, connection: VirtualConnection): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(delayMs, () => {
        off();
        resolve();
      });
      const off = connection.onCut((reason) => {
        timer.cancel();
        reject(reason);
      });
    });
  }

  /** Messages on ways that were cut look again. */
  #wayChanged(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #partsOf(url: string): { hostname: string; port: string; target: string } {
    const pathAt = url.indexOf("/", url.indexOf("//") + 2);
    const origin = pathAt === -1 ? url : url.slice(0, pathAt);
    let known = this.#origins.get(origin);
    if (known === undefined) {
      const { hostname, port, protocol } = new URL(origin);
      known = { hostname, port: port || (protocol === "https:" ? "443" : "80") };
      if (this.#origins.size < MAX_KNOWN_ORIGINS) this.#origins.set(origin, known);
    }
    const path = pathAt === -1 ? "/" : url.slice(pathAt);
    if (PLAIN_PATH.test(path)) return { ...known, target: path };
    const { pathname, search } = new URL(url);
    return { ...known, target: pathname + search };
  }

  #addressOf(hostname: string, from: string): string {
    const plain = hostname.replace(/^\[|\]$/g, "");
    if (/^[\d.]+$/.test(plain) || plain.includes(":")) return plain;
    const address = this.#options.resolve?.(plain, from);
    if (address === undefined) throw coded("ENOTFOUND", `getaddrinfo ENOTFOUND ${plain}`);
    return address;
  }
}

/** A path that a URL parser leaves as it is. */
const PLAIN_PATH = /^\/[\w/-]*$/;

function requestHeaders(options: FetchOptions): HttpHeaders {
  const headers = lowerCase(options.headers ?? {});
  for (const [name, values] of Object.entries(options.headerLines ?? {})) headers[name] = values.join(", ");
  const { body } = options;
  if (body !== undefined && isOnePiece(body)) headers["content-length"] = String(Buffer.byteLength(body));
  return headers;
}

function wholeResponse(response: HttpResponse, body: string | Uint8Array): FetchResponse {
  const headers = responseHeaders(response);
  const length = Buffer.byteLength(body);
  headers["content-length"] ??= String(length);
  const limit = (limitBytes = DEFAULT_BODY_LIMIT_BYTES) => {
    if (length > limitBytes) throw new BodyLimitError(limitBytes);
  };
  return {
    status: response.status,
    headers,
    body: onePiece(body),
    trailers: response.trailers?.() ?? {},
    bytes: async (limitBytes) => {
      limit(limitBytes);
      return bytesOf(body);
    },
    text: async (limitBytes) => {
      limit(limitBytes);
      const isAsDecoded = typeof body === "string" && body.isWellFormed() && !body.startsWith("\ufeff");
      return isAsDecoded ? body : new TextDecoder().decode(bytesOf(body));
    },
  };
}

function responseHeaders({ headers = {} }: HttpResponse): HttpHeaders {
  const lower: HttpHeaders = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    lower[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return lower;
}

function lowerCase(headers: HttpHeaders): HttpHeaders {
  const lower: HttpHeaders = {};
  for (const name of Object.keys(headers)) lower[name.toLowerCase()] = headers[name];
  return lower;
}

type Body = string | Uint8Array | HttpBody | undefined;

function isOnePiece(body: Body): body is string | Uint8Array | undefined {
  return body === undefined || typeof body === "string" || body instanceof Uint8Array;
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : body;
}

/** A body that is there already. A generator would take as long as all the rest of a message. */
function onePiece(body: string | Uint8Array): HttpBody {
  let left = body.length === 0 ? undefined : body;
  const end: IteratorResult<Uint8Array> = { done: true, value: undefined };
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      if (left === undefined) return end;
      const value = bytesOf(left);
      left = undefined;
      return { done: false, value };
    },
    async return() {
      left = undefined;
      return end;
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The body's pieces as they arrive, each after its time on the way, until the connection is cut. */
async function* untilCut(
  body: HttpBody,
  connection: VirtualConnection,
  travel: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await connection.orCut(iterator.next());
      if (next.done) return;
      await travel();
      yield next.value;
    }
  } finally {
    // Not awaited: a generator that is stuck never comes back from it.
    void iterator.return?.()?.then(undefined, () => {});
  }
}

function reset(): Error {
  return coded("ECONNRESET", "socket hang up");
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
