/**
 * HTTP server metrics by the stable semantic conventions (https://opentelemetry.io/docs/specs/semconv/http/), and on
 * request by the names that the design's inventory still has.
 */
import type { Histogram } from "./instruments.ts";
import type { Registry } from "./registry.ts";
import type { SpanContext } from "./trace-context.ts";

/** The conventions' bounds for durations, in seconds. */
export const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The SDK's default bounds, which the old duration in milliseconds used. */
export const OLD_DURATION_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
/** Bytes. */
export const SIZE_BOUNDS = [0, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/** Methods that have a label value of their own; all others are `_OTHER`, so that a client cannot make up labels. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]);

export interface HttpMeasurement {
  method: string;
  /** The route's pattern, not the path: `/api/v1/entities/{id}`. Empty when nothing matched. */
  route: string;
  status: number;
  durationMs: number;
  requestBytes: number;
  responseBytes: number;
}

type New = "url.scheme" | "http.request.method" | "http.route" | "http.response.status_code";
type Old = "http.scheme" | "http.method" | "http.route" | "http.status_code";

interface Set3<L extends string> {
  duration: Histogram<L>;
  requestSize: Histogram<L>;
  responseSize: Histogram<L>;
}

export class HttpServerMetrics {
  readonly #new: Set3<New>;
  readonly #old: Set3<Old> | undefined;

  constructor(registry: Registry, names: { old: boolean }) {
    const labels: New[] = ["url.scheme", "http.request.method", "http.response.status_code", "http.route"];
    const size = { unit: "By", labels };
    this.#new = {
      duration: registry.histogram(
        {
          name: "http.server.request.duration",
          description: "Duration of HTTP server requests.",
          unit: "s",
          labels,
        },
        DURATION_BOUNDS,
      ),
      requestSize: registry.histogram(
        {
          name: "http.server.request.body.size",
          description: "Size of HTTP server request bodies.",
          ...size,
        },
        SIZE_BOUNDS,
      ),
      responseSize: registry.histogram(
        {
          name: "http.server.response.body.size",
          description: "Size of HTTP server response bodies.",
          ...size,
        },
        SIZE_BOUNDS,
      ),
    };
    this.#old = names.old ? oldInstruments(registry) : undefined;
  }

  record(measured: HttpMeasurement, span: SpanContext): void {
    const method = METHODS.has(measured.method) ? measured.method : "_OTHER";
    const [route, status] = [measured.route, String(measured.status)];
    recordAll(this.#new, measured, measured.durationMs / 1000, span, {
      "url.scheme": "http",
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": status,
    });
    if (this.#old === undefined) return;
    recordAll(this.#old, measured, measured.durationMs, span, {
      "http.scheme": "http",
      "http.method": method,
      "http.route": route,
      "http.status_code": status,
    });
  }
}

function recordAll<L extends string>(
  set: Set3<L>,
  measured: HttpMeasurement,
  duration: number,
  span: SpanContext,
  labels: Record<L, string>,
): void {
  set.duration.record(duration, labels, span);
  set.requestSize.record(measured.requestBytes, labels, span);
  set.responseSize.record(measured.responseBytes, labels, span);
}

function oldInstruments(registry: Registry): Set3<Old> {
  const labels: Old[] = ["http.scheme", "http.method", "http.status_code", "http.route"];
  return {
    duration: registry.histogram(
      {
        name: "http.server.duration",
        description: "Measures the duration of inbound HTTP requests.",
        unit: "ms",
        labels,
      },
      OLD_DURATION_BOUNDS,
    ),
    requestSize: registry.histogram(
      {
        name: "http.server.request.size",
        description: "Measures the size of HTTP request messages.",
        unit: "By",
        labels,
      },
      SIZE_BOUNDS,
    ),
    responseSize: registry.histogram(
      {
        name: "http.server.response.size",
        description: "Measures the size of HTTP response messages.",
        unit: "By",
        labels,
      },
      SIZE_BOUNDS,
    ),
  };
}
