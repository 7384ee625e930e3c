/** One request being measured: its span, and what its end records. */
import type { Clock } from "../base/clock.ts";
import type { HttpBody, HttpRequest, HttpResponse } from "../base/network.ts";
import type { ExportLine } from "./exporter.ts";
import type { HttpServerMetrics } from "./http-server-metrics.ts";
import type { SpanContext } from "./trace-context.ts";

export class RequestScope {
  readonly span: SpanContext;
  /** The route's pattern: set it when the request has been matched. */
  route = "";
  /** More attributes of the span. */
  readonly attributes: Record<string, string | number | boolean> = {};
  readonly #request: HttpRequest;
  readonly #parent: SpanContext | undefined;
  readonly #clock: Clock;
  readonly #http: HttpServerMetrics;
  readonly #line: ExportLine;
  readonly #startMs: number;
  readonly #startMonotonic: number;
  #requestBytes = 0;

  constructor(
    request: HttpRequest,
    span: SpanContext,
    parent: SpanContext | undefined,
    clock: Clock,
    http: HttpServerMetrics,
    line: ExportLine,
  ) {
    this.span = span;
    this.#request = request;
    this.#parent = parent;
    this.#clock = clock;
    this.#http = http;
    this.#line = line;
    this.#startMs = clock.now();
    this.#startMonotonic = clock.monotonic();
  }

  /** Milliseconds since the request came. */
  get elapsedMs(): number {
    return this.#clock.monotonic() - this.#startMonotonic;
  }

  /** The request's body, counted as it is read. */
  async *body(): HttpBody {
    for await (const chunk of this.#request.body) {
      this.#requestBytes += chunk.length;
      yield chunk;
    }
  }

  /** The response to send; the request is recorded when its last byte has been taken. */
  finish(response: HttpResponse): HttpResponse {
    const { body, status } = response;
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
      this.#record(status, typeof body === "string" ? byteLength(body) : (body?.length ?? 0));
      return response;
    }
    return { ...response, body: this.#counted(body, status) };
  }

  async *#counted(body: HttpBody, status: number): HttpBody {
    let bytes = 0;
    try {
      for await (const chunk of body) {
        bytes += chunk.length;
        yield chunk;
      }
    } finally {
      this.#record(status, bytes);
    }
  }

  #record(status: number, responseBytes: number): void {
    const { method } = this.#request;
    const durationMs = this.elapsedMs;
    const measured = {
      method,
      route: this.route,
      status,
      durationMs,
      requestBytes: this.#requestBytes,
      responseBytes,
    };
    this.#http.record(measured, this.span);
    if (!this.#line.open || !this.span.sampled) return;
    this.#line.span({
      name: this.route === "" ? method : `${method} ${this.route}`,
      kind: "server",
      context: this.span,
      parent: this.#parent,
      startMs: this.#startMs,
      endMs: this.#startMs + durationMs,
      attributes: {
        "http.request.method": method,
        "http.route": this.route,
        "http.response.status_code": status,
        "url.path": this.#request.target.split("?", 1)[0],
        "url.scheme": "http",
        "client.address": this.#request.remoteAddress,
        ...this.attributes,
      },
      ...(status >= 500 && { error: `HTTP ${status}` }),
    });
  }
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
