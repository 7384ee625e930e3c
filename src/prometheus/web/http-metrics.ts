/** What is counted of HTTP requests (`web/web.go`, `promhttp`). */
import { apiPaths } from "../api/http-api.ts";
import { Counter, Gauge, Histogram, type Instrument } from "../metrics/instruments.ts";

/** Paths outside of the API that upstream counts, whether there is something behind them here or not. */
const PLAIN_PATHS = (
  "/ /-/healthy /-/quit /-/ready /-/reload /alertmanager-discovery /alerts /config /favicon.ico /favicon.svg " +
  "/federate /flags /graph /manifest.json /metrics /query /rules /service-discovery /status /targets /tsdb-status /version"
).split(" ");
/** Paths with a variable part. */
const PATTERNS: [pattern: RegExp, handler: string][] = [
  [/^\/api\/v1\/label\/[^/]+\/values$/, "/api/v1/label/:name/values"],
  [/^\/assets\//, "/assets/*filepath"],
  [/^\/consoles\//, "/consoles/*filepath"],
  [/^\/debug\//, "/debug/*subpath"],
];
const DURATION_BOUNDS = [0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120];
const SIZE_BOUNDS = [100, 1_000, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9];
/** Statuses of `/metrics` that are shown from the start. */
const SCRAPE_STATUSES = ["200", "500", "503"];

export class HttpMetrics {
  readonly #handlers: ReadonlySet<string>;
  readonly #requests = new Counter({
    name: "prometheus_http_requests",
    help: "Counter of HTTP requests.",
    labels: ["code", "handler"],
  });
  readonly #durations = new Histogram(
    {
      name: "prometheus_http_request_duration_seconds",
      help: "Histogram of latencies for HTTP requests.",
      labels: ["handler"],
    },
    DURATION_BOUNDS,
  );
  readonly #sizes = new Histogram(
    {
      name: "prometheus_http_response_size_bytes",
      help: "Histogram of response size for HTTP requests.",
      labels: ["handler"],
    },
    SIZE_BOUNDS,
    { classicOnly: true },
  );
  readonly #scrapes = new Counter({
    name: "promhttp_metric_handler_requests",
    help: "Total number of scrapes by HTTP status code.",
    labels: ["code"],
  });
  readonly #federationErrors = new Counter({
    name: "prometheus_web_federation_errors",
    help: "Total number of errors that occurred while sending federation responses.",
  });
  readonly #federationWarnings = new Counter({
    name: "prometheus_web_federation_warnings",
    help: "Total number of warnings that occurred while sending federation responses.",
  });
  /** Requests of `/metrics` that are being answered. */
  readonly scrapesInFlight = new Gauge({
    name: "promhttp_metric_handler_requests_in_flight",
    help: "Current number of scrapes being served.",
  });

  constructor() {
    const paths = [...apiPaths().keys()].map((path) => `/api/v1${path}`);
    this.#handlers = new Set([...PLAIN_PATHS, ...paths]);
    const patterns = PATTERNS.map(([, handler]) => handler);
    for (const handler of [...this.#handlers, ...patterns]) this.#requests.touch("200", handler);
    for (const status of SCRAPE_STATUSES) this.#scrapes.touch(status);
  }

  /** @param path without the server's prefix; one that nothing handles is not counted, as upstream */
  observe(path: string, status: number, seconds: number, bytes: number | undefined): void {
    const handler = this.#handlers.has(path) ? path : PATTERNS.find(([pattern]) => pattern.test(path))?.[1];
    if (handler === undefined) return;
    this.#requests.add(1, String(status), handler);
    this.#durations.observe(seconds, handler);
    if (bytes !== undefined) this.#sizes.observe(bytes, handler);
    if (path === "/metrics") this.#scrapes.add(1, String(status));
    if (path === "/federate" && status >= 500) this.#federationErrors.add(1);
  }

  get instruments(): Instrument[] {
    return [
      this.#requests,
      this.#durations,
      this.#sizes,
      this.#scrapes,
      this.scrapesInFlight,
      this.#federationErrors,
      this.#federationWarnings,
    ];
  }
}
