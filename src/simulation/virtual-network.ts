/**
 * A network in memory: hosts with addresses, HTTP between them, time and faults on every message.
 *
 * A request takes a delay to its server and a delay back. A host that is down refuses; a host that is unplugged lets
 * messages vanish, so that only a timeout ends a request (or, with `retransmits`, lets them wait as TCP's do); two hosts
 * that are parted cannot reach each other.
 */
import type { Clock } from "../base/clock.ts";
import {
  bodyOf,
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
} from "../base/network.ts";

export interface VirtualNetworkOptions {
  clock: Clock;
  /** Milliseconds that a message takes. @default 0 */
  delayMs?: () => number;
  /** Name → address. Addresses need none. @default none */
  resolve?: (name: string) => string | undefined;
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
  /** Requests under way: aborting one cuts its connection. */
  open: Set<AbortController>;
}

export class VirtualNetwork {
  readonly #options: VirtualNetworkOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #unplugged = new Set<string>();
  readonly #parted = new Set<string>();
  readonly #waiting = new Set<() => void>();
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
      for (const request of listener.open) request.abort(reset());
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
      const { clock } = this.#options;
      const deadlineMs = clock.monotonic() + graceMs;
      while (listener.open.size > 0 && clock.monotonic() < deadlineMs) await clock.sleep(1);
      for (const request of listener.open) request.abort(reset());
    };
    return { host: address, port, close };
  }

  async #fetch(from: string, url: string, options: FetchOptions): Promise<FetchResponse> {
    const { clock } = this.#options;
    const cut = new AbortController();
    const onAbort = () => cut.abort(options.signal!.reason);
    options.signal?.throwIfAborted();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : clock.after(options.timeoutMs, () => cut.abort(coded("ETIMEDOUT", "the request took too long")));
    const end = () => {
      timer?.cancel();
      options.signal?.removeEventListener("abort", onAbort);
    };
    try {
      return await this.#exchange(from, url, options, cut, end);
    } catch (error) {
      end();
      throw cut.signal.aborted ? cut.signal.reason : error;
    }
  }

  async #exchange(
    from: string,
    url: string,
    options: FetchOptions,
    cut: AbortController,
    end: () => void,
  ): Promise<FetchResponse> {
    const { hostname, port, protocol, pathname, search } = new URL(url);
    const to = this.#addressOf(hostname);
    const about = { method: options.method ?? "GET", target: pathname + search };
    const there = (kind: Message["kind"]) => this.#travel({ from, to, kind, ...about }, cut.signal);
    const back = (kind: Message["kind"]) => this.#travel({ from: to, to: from, kind, ...about }, cut.signal);
    await there("request");
    const listener = this.#listeners.get(`${to}:${port || (protocol === "https:" ? 443 : 80)}`);
    if (listener === undefined) throw coded("ECONNREFUSED", `connect ECONNREFUSED ${to}:${port}`);
    listener.open.add(cut);
    const done = () => {
      listener.open.delete(cut);
      end();
    };
    cut.signal.addEventListener("abort", done, { once: true });
    const response = await this.#answer(listener, {
      ...about,
      headers: requestHeaders(options),
      body: untilCut(wholeOrStream(options.body), cut.signal, () => there("request body")),
      remoteAddress: from,
      signal: cut.signal,
    });
    await orCut(back("response"), cut.signal);
    return this.#responseOf(response, cut.signal, () => back("response body"), done);
  }

  async #answer(listener: Listener, request: Parameters<HttpHandler>[0]): Promise<HttpResponse> {
    try {
      return await orCut(Promise.resolve(listener.handler(request)), request.signal);
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      this.#options.onError?.(error);
      return { status: 500 };
    }
  }

  #responseOf(
    response: HttpResponse,
    signal: AbortSignal,
    travel: () => Promise<void>,
    done: () => void,
  ): FetchResponse {
    const trailers: HttpHeaders = {};
    const source = untilCut(wholeOrStream(response.body), signal, travel);
    async function* stream(): HttpBody {
      try {
        yield* source;
        Object.assign(trailers, response.trailers?.());
      } finally {
        done();
      }
    }
    const isWhole =
      response.body === undefined || typeof response.body === "string" || response.body instanceof Uint8Array;
    const headers = responseHeaders(response, isWhole);
    const body = stream();
    // A server is done with a whole answer when it has sent it, whether it is read or not.
    if (isWhole) done();
    const bytes = (limitBytes?: number) => readBody(body, limitBytes);
    const text = async (limitBytes?: number) => new TextDecoder().decode(await bytes(limitBytes));
    return { status: response.status, headers, body, trailers, bytes, text };
  }

  /** One message's time on the way; for ever when the way is cut. */
  async #travel(message: Message, signal: AbortSignal): Promise<void> {
    const delayMs = this.#options.delayMs?.() ?? 0;
    if (delayMs > 0) await this.#options.clock.sleep(delayMs, signal);
    signal.throwIfAborted();
    this.#options.onMessage?.(message);
    signal.throwIfAborted();
    while (this.#isCut(message.from, message.to)) {
      const { resolve, promise } = Promise.withResolvers<void>();
      if (this.#options.retransmits) this.#waiting.add(resolve);
      await orCut(promise, signal);
    }
  }

  /** Messages on ways that were cut look again. */
  #wayChanged(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #addressOf(hostname: string): string {
    const plain = hostname.replace(/^\[|\]$/g, "");
    if (/^[\d.]+$/.test(plain) || plain.includes(":")) return plain;
    const address = this.#options.resolve?.(plain);
    if (address === undefined) throw coded("ENOTFOUND", `getaddrinfo ENOTFOUND ${plain}`);
    return address;
  }
}

function requestHeaders(options: FetchOptions): HttpHeaders {
  const headers = lowerCase(options.headers ?? {});
  const { body } = options;
  if (typeof body === "string" || body instanceof Uint8Array) {
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  return headers;
}

function responseHeaders({ headers, body }: HttpResponse, isWhole: boolean): HttpHeaders {
  const joined = Object.entries(headers ?? {}).map(([name, value]) => [name, [value].flat().join(", ")]);
  const lower = lowerCase(Object.fromEntries(joined) as HttpHeaders);
  if (isWhole) lower["content-length"] ??= String(Buffer.byteLength((body as string | Uint8Array) ?? ""));
  return lower;
}

function lowerCase(headers: HttpHeaders): HttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function wholeOrStream(body: string | Uint8Array | HttpBody | undefined): HttpBody {
  return body === undefined || typeof body === "string" || body instanceof Uint8Array ? bodyOf(body) : body;
}

/** The body's pieces as they arrive, each after its time on the way, until the connection is cut. */
async function* untilCut(body: HttpBody, signal: AbortSignal, travel: () => Promise<void>): HttpBody {
  const iterator = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orCut(iterator.next(), signal);
      if (next.done) return;
      await travel();
      yield next.value;
    }
  } finally {
    // Not awaited: a generator that is stuck never comes back from it.
    void iterator.return?.()?.then(undefined, () => {});
  }
}

/** @throws the signal's reason as soon as it aborts */
function orCut<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function reset(): Error {
  return coded("ECONNRESET", "socket hang up");
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
