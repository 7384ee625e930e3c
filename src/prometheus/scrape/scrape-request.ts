/** One HTTP request to a target: what is asked for, and what of the answer is taken. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  BodyLimitError,
  BodyReadError,
  type HttpHeaders,
  type Network,
  type RepeatedFetch,
  type RepeatedResponse,
} from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { statusLine } from "../../wire/status-line.ts";
import { SCRAPE_PROTOCOLS, type ScrapeConfig } from "../config/scrape-config.ts";
import { type HttpClient, RedirectError } from "../discovery/http-client.ts";
import { failureReason } from "../discovery/request-error.ts";
import { requestUrl, type TargetUrl, urlProblem } from "./target-url.ts";

export interface ScrapeBody {
  bytes: Uint8Array;
  contentType: string | undefined;
}

/** The answer is longer than what is taken. */
export class BodySizeError extends Error {
  constructor() {
    super("body size limit exceeded");
  }
}

export const USER_AGENT = "Prometheus/3.14.0";
/** No body larger than this is taken, whatever the configuration says: it is held in memory whole. */
export const MAX_SCRAPE_BODY_BYTES = 512 * 1024 * 1024;

const inflate = promisify(gunzip);
const GZIP_HEADER_BYTES = 10;
/** What Go says of a body that is not compressed as it should be. */
const GZIP_TEXTS: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: "gzip: invalid header",
  Z_BUF_ERROR: "unexpected EOF",
};

/** What `Accept` says, most wanted first (`scrape.acceptHeader`). */
export function acceptHeader(protocols: readonly string[], escaping: string): string {
  let weight = Object.keys(SCRAPE_PROTOCOLS).length + 1;
  const parts = protocols.map((protocol) => {
    const withEscaping = protocol.endsWith("Text1.0.0") ? `;escaping=${escaping}` : "";
    return `${SCRAPE_PROTOCOLS[protocol]}${withEscaping};q=0.${weight--}`;
  });
  return [...parts, `*/*;q=0.${weight}`].join(",");
}

/** Asks one target, scrape after scrape. What it answers is only valid until the next one. */
export class ScrapeRequester {
  readonly #client: HttpClient;
  readonly #url: string;
  /** Why the URL can't be asked. */
  readonly #problem: string | undefined;
  readonly #config: ScrapeConfig;
  readonly #timeoutMs: number;
  readonly #headers: HttpHeaders;
  readonly #limitBytes: number;
  /** The cheap way: for targets without TLS and without credentials, until one answers with a redirect. */
  #repeated: RepeatedFetch | undefined;

  constructor(
    client: HttpClient,
    network: Network,
    location: TargetUrl,
    config: ScrapeConfig,
    timeoutMs: number,
  ) {
    const url = requestUrl(location);
    this.#client = client;
    this.#url = url;
    this.#problem = urlProblem(location);
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.#headers = {
      accept: acceptHeader(config.scrape_protocols!, config.metric_name_escaping_scheme),
      "accept-encoding": config.enable_compression ? "gzip" : "identity",
      "user-agent": USER_AGENT,
      "x-prometheus-scrape-timeout-seconds": String(timeoutMs / 1000),
    };
    const { body_size_limit: configured } = config;
    // A body of exactly the limit is too long for upstream, which reads no further.
    this.#limitBytes =
      configured > 0 ? Math.min(configured - 1, MAX_SCRAPE_BODY_BYTES) : MAX_SCRAPE_BODY_BYTES;
    const isPlain =
      url.startsWith("http:") &&
      !config.basic_auth &&
      !config.authorization &&
      !config.oauth2 &&
      !config.proxy_url &&
      Object.keys(config.http_headers ?? {}).length === 0;
    if (isPlain && this.#problem === undefined) this.#repeated = network.repeatedFetch?.(url);
  }

  close(): void {
    this.#repeated?.close();
  }

  /** @throws Error with upstream's texts */
  async request(signal: AbortSignal): Promise<ScrapeBody> {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    const { status, headers, bytes } = await this.#ask(signal);
    if (status !== 200) throw new Error(`server returned HTTP status ${statusLine(status)}`);
    const contentType = headers["content-type"];
    if (headers["content-encoding"] !== "gzip") return { bytes, contentType };
    try {
      // A copy: while it is inflated, the buffer must not be another's.
      return { bytes: await inflate(bytes.slice(), { maxOutputLength: this.#limitBytes }), contentType };
    } catch (error) {
      if (bytes.length < GZIP_HEADER_BYTES) throw new Error(bytes.length === 0 ? "EOF" : "unexpected EOF");
      const text = (error as Error).message.startsWith("incorrect data check")
        ? "gzip: invalid checksum"
        : GZIP_TEXTS[(error as NodeJS.ErrnoException).code ?? ""];
      throw text === undefined ? this.#readFailure(error) : new Error(text);
    }
  }

  async #ask(signal: AbortSignal): Promise<RepeatedResponse> {
    const options = { headers: this.#headers, timeoutMs: this.#timeoutMs, signal };
    try {
      if (this.#repeated !== undefined) {
        const response = await this.#repeated.fetch({ ...options, limitBytes: this.#limitBytes });
        const isRedirect = response.headers.location !== undefined && this.#config.follow_redirects;
        if (!isRedirect) return response;
        this.#repeated.close();
        this.#repeated = undefined;
      }
      const response = await this.#client.request(this.#url, options);
      const bytes = await response.bytes(this.#limitBytes).catch((error) => {
        throw error instanceof BodyLimitError ? error : new BodyReadError(error);
      });
      return { status: response.status, headers: response.headers, bytes };
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  #readFailure(error: unknown): Error {
    const isTooLong =
      error instanceof BodyLimitError || (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    if (isTooLong) return new BodySizeError();
    if (error instanceof BodyReadError) return new Error(describeNetworkError(error.cause));
    const { url, cause } = error instanceof RedirectError ? error : { url: this.#url, cause: error };
    return new Error(`Get ${JSON.stringify(url)}: ${this.#viaProxy(cause)}${failureReason(cause)}`);
  }

  /** What Go puts before the reason why a proxy could not be reached. */
  #viaProxy(error: unknown): string {
    const { proxy_url: proxy } = this.#config;
    const { port, address } = error as { port?: number; address?: string };
    if (!proxy || port === undefined) return "";
    const { hostname, port: proxyPort } = new URL(proxy);
    return hostname === address && Number(proxyPort || 80) === port ? "proxyconnect tcp: " : "";
  }
}
