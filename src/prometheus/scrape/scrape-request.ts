/** One HTTP request to a target: what is asked for, and what of the answer is taken. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { BodyLimitError, type FetchResponse } from "../../base/network.ts";
import { SCRAPE_PROTOCOLS, type ScrapeConfig } from "../config/scrape-config.ts";
import { formatBytes } from "../config/units.ts";
import type { HttpClient } from "../discovery/http-client.ts";

export type ScrapeFormat = "text" | "openmetrics" | "protobuf";

export interface ScrapeBody {
  bytes: Uint8Array;
  format: ScrapeFormat;
}

export const USER_AGENT = "Prometheus/3.14.0";
/** No body larger than this is taken, whatever the configuration says: it is held in memory whole. */
export const MAX_SCRAPE_BODY_BYTES = 512 * 1024 * 1024;

const inflate = promisify(gunzip);

/** What `Accept` says, most wanted first (`scrape.acceptHeader`). */
export function acceptHeader(protocols: readonly string[], escaping: string): string {
  let weight = Object.keys(SCRAPE_PROTOCOLS).length + 1;
  const parts = protocols.map((protocol) => {
    const withEscaping = protocol.endsWith("Text1.0.0") ? `;escaping=${escaping}` : "";
    return `${SCRAPE_PROTOCOLS[protocol]}${withEscaping};q=0.${weight--}`;
  });
  return [...parts, `*/*;q=0.${weight}`].join(",");
}

/** @throws Error with upstream's texts */
export async function requestScrape(
  client: HttpClient,
  url: string,
  config: ScrapeConfig,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ScrapeBody> {
  const response = await client
    .request(url, {
      headers: {
        accept: acceptHeader(config.scrape_protocols!, config.metric_name_escaping_scheme),
        "accept-encoding": config.enable_compression ? "gzip" : "identity",
        "user-agent": USER_AGENT,
        "x-prometheus-scrape-timeout-seconds": String(timeoutMs / 1000),
      },
      timeoutMs,
      signal,
    })
    .catch((error) => {
      throw new Error(`Get ${JSON.stringify(url)}: ${describeNetworkError(error)}`);
    });
  if (response.status !== 200) {
    await response.bytes(MAX_SCRAPE_BODY_BYTES).catch(() => {});
    throw new Error(
      `server returned HTTP status ${response.status} ${STATUS_TEXTS[response.status] ?? ""}`.trim(),
    );
  }
  const bytes = await readScrapeBody(response, config.body_size_limit);
  return { bytes, format: formatOf(response.headers["content-type"], config.fallback_scrape_protocol) };
}

const STATUS_TEXTS: Record<number, string> = {
  301: "Moved Permanently",
  302: "Found",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** In Go's words, which people know and search for. */
export function describeNetworkError(error: unknown): string {
  const { name, code, address, port, message, hostname } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  if (name === "TimeoutError") return "context deadline exceeded";
  if (code === "ECONNREFUSED") return `dial tcp ${address}:${port}: connect: connection refused`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname}: no such host`;
  if (code === "ECONNRESET") return "read: connection reset by peer";
  return message;
}

async function readScrapeBody(response: FetchResponse, configured: number): Promise<Uint8Array> {
  const limitBytes = configured > 0 ? Math.min(configured, MAX_SCRAPE_BODY_BYTES) : MAX_SCRAPE_BODY_BYTES;
  try {
    const raw = await response.bytes(limitBytes);
    if (response.headers["content-encoding"] !== "gzip") return raw;
    return await inflate(raw, { maxOutputLength: limitBytes });
  } catch (error) {
    const tooLong =
      error instanceof BodyLimitError || (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    if (tooLong) throw new Error(`body size limit exceeded: ${formatBytes(limitBytes)}`);
    throw new Error(describeNetworkError(error));
  }
}

/** @throws Error when the type is none that can be read, and the configuration names no other */
export function formatOf(contentType: string | undefined, fallback: string): ScrapeFormat {
  const type = (contentType ?? "").split(";")[0].trim().toLowerCase();
  if (type === "application/openmetrics-text") return "openmetrics";
  if (type === "text/plain") return "text";
  if (type === "application/vnd.google.protobuf") {
    const parameters = (contentType ?? "").toLowerCase();
    if (parameters.includes("encoding=delimited") && parameters.includes("io.prometheus.client.metricfamily"))
      return "protobuf";
  }
  if (fallback !== "")
    return fallback === "PrometheusProto"
      ? "protobuf"
      : fallback.startsWith("OpenMetrics")
        ? "openmetrics"
        : "text";
  if (type === "")
    throw new Error(
      "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
    );
  throw new Error(
    `received unsupported Content-Type ${JSON.stringify(contentType)} and no fallback_scrape_protocol specified for target`,
  );
}
