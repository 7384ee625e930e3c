/** Posts bodies the way exporters do: compressed, with a deadline, and with a verdict on failures. */
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { FetchResponse, HttpHeaders } from "../../base/network.ts";
import { GrpcError } from "../../wire/grpc/status.ts";
import { grpcCodeOfHttp } from "../../wire/otlp/http-status.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import type { ComponentSettings } from "../component.ts";
import { PermanentError, ThrottleError } from "../errors.ts";

export interface HttpClientConfig {
  /** Milliseconds; 0 for none. */
  timeout: number;
  /** "" stands for gzip. */
  compression: string;
  compression_params: { level: number };
  headers: Record<string, string>;
  tls: { insecure_skip_verify: boolean; ca_file: string; ca_pem: string };
}

/** What a response may measure. */
const RESPONSE_LIMIT_BYTES = 64 * 1024;

/** By `content-encoding`. Level 0 is nobody's choice: quick, as telemetry compresses well at any. */
const COMPRESS: Partial<Record<string, (body: Uint8Array, level: number) => Uint8Array>> = {
  gzip: (body, level) => gzipSync(body, { level: level > 0 ? level : 1 }),
  zlib: (body, level) => deflateSync(body, { level: level > 0 ? level : 1 }),
  deflate: (body, level) => deflateSync(body, { level: level > 0 ? level : 1 }),
  snappy: (body) => snappyCompress(body),
  zstd: (body) => zstdCompressSync(body),
};

/** What is wrong with `compression` and `compression_params`. */
export function validateHttpCompression({
  compression,
  compression_params: { level },
}: Pick<HttpClientConfig, "compression" | "compression_params">): string | undefined {
  const where = "::clientconfig";
  const isLevel = level === -1 || level === -2 || (level >= 0 && level <= 9);
  const takesLevel = compression === "zstd" || (["gzip", "zlib", "deflate"].includes(compression) && isLevel);
  if (!["", "none"].includes(compression) && level !== 0 && !takesLevel) {
    return `${where}: unsupported parameters {Level:${level}} for compression type "${compression}"`;
  }
  if (!["", "none"].includes(compression) && COMPRESS[compression] === undefined) {
    return `${where}: compression ${compression} is not supported here`;
  }
  return undefined;
}

const RETRYABLE: readonly number[] = [429, 502, 503, 504];
/** Where `Retry-After` means something. */
const THROTTLING: readonly number[] = [429, 503];

export class HttpClient {
  readonly #settings: ComponentSettings;
  readonly #config: HttpClientConfig;
  readonly #describe: (body: Uint8Array, contentType: string) => string;
  #ca: Promise<string> | undefined;

  /** @param describe adds to the error what a failed request's body says */
  constructor(
    settings: ComponentSettings,
    config: HttpClientConfig,
    describe: (body: Uint8Array, contentType: string) => string = () => "",
  ) {
    this.#settings = settings;
    this.#config = config;
    this.#describe = describe;
  }

  /**
   * The body of a 2xx response.
   *
   * @throws ThrottleError when the server said when to come back, PermanentError when trying again is useless
   */
  async post(url: string, body: Uint8Array, contentType: string): Promise<Uint8Array> {
    const { timeout } = this.#config;
    const compression = this.#config.compression || "gzip";
    const compress = COMPRESS[compression];
    const headers: HttpHeaders = {
      "content-type": contentType,
      "user-agent": "percolate-topology-collector",
      ...this.#config.headers,
    };
    if (compress !== undefined) headers["content-encoding"] = compression;
    let response: FetchResponse;
    try {
      response = await this.#settings.network.fetch(url, {
        method: "POST",
        headers,
        body: compress === undefined ? body : compress(body, this.#config.compression_params.level),
        timeoutMs: timeout > 0 ? timeout : undefined,
        ...(await this.#tls(url)),
      });
    } catch (error) {
      throw new Error(`failed to make an HTTP request: Post "${url}": ${describeFailure(error)}`, {
        cause: error,
      });
    }
    const answer = await response.bytes(RESPONSE_LIMIT_BYTES);
    if (response.status >= 200 && response.status < 300) return answer;
    throw this.#failure(url, response, answer);
  }

  async #tls(url: string): Promise<{ ca?: string; insecure?: boolean }> {
    if (!url.startsWith("https:")) return {};
    const { tls } = this.#config;
    const { disk } = this.#settings;
    if (tls.ca_file !== "") {
      this.#ca ??= disk.readFile(tls.ca_file).then((bytes) => new TextDecoder().decode(bytes));
    }
    return { ca: (await this.#ca) ?? (tls.ca_pem || undefined), insecure: tls.insecure_skip_verify };
  }

  #failure(url: string, response: FetchResponse, body: Uint8Array): Error {
    const { status, headers } = response;
    const detail = this.#describe(body, headers["content-type"] ?? "");
    const message = `error exporting items, request to ${url} responded with HTTP Status Code ${status}${detail}`;
    const failure = new GrpcError(grpcCodeOfHttp(status), message);
    if (!RETRYABLE.includes(status)) return new PermanentError(failure.message, { cause: failure });
    const delayMs = THROTTLING.includes(status) ? this.#retryAfterMs(headers["retry-after"]) : undefined;
    return delayMs === undefined ? failure : new ThrottleError(delayMs, failure);
  }

  /** Seconds or a date. */
  #retryAfterMs(text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text)) return Number(text) * 1000;
    const date = Date.parse(text);
    return Number.isNaN(date) ? undefined : Math.max(0, date - this.#settings.clock.now());
  }
}

/** An error's message, or its code where Node leaves the message empty. */
export function describeFailure(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
