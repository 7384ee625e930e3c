/** Sends requests of remote write to one remote, again while it may take them (`storage/remote/client.go`). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { countRequest, noRequestCounts } from "../../wire/remote-write/request-counts.ts";
import { CONTENT_TYPE_V1, CONTENT_TYPE_V2 } from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { encodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import { type RemoteWriteConfig, WRITE_MESSAGES } from "../config/remote-config.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";

export interface RemoteClientParts {
  config: RemoteWriteConfig;
  client: HttpClient;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Told how many seconds a request took, whatever its answer. */
  onRequest: (seconds: number) => void;
}

/** Since the start, for `/metrics`. */
export interface RemoteCounts {
  sent: ReturnType<typeof noRequestCounts>;
  failed: ReturnType<typeof noRequestCounts>;
  retried: ReturnType<typeof noRequestCounts>;
  /** Samples that were older than `sample_age_limit`. */
  tooOld: number;
  bytes: number;
  /** Of requests with metadata only, which `bytes` leaves out. */
  metadataBytes: number;
}

export class RemoteClient {
  readonly counts: RemoteCounts = {
    sent: noRequestCounts(),
    failed: noRequestCounts(),
    retried: noRequestCounts(),
    tooOld: 0,
    bytes: 0,
    metadataBytes: 0,
  };
  readonly #parts: RemoteClientParts;

  constructor(parts: RemoteClientParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the remote has taken a request of version 1, or will never take it.
   *
   * @param isMetadata whether there is nothing else in it
   * @throws when the signal aborts
   */
  async deliver(given: Uint8Array, isMetadata = false): Promise<void> {
    const { config, clock, log, signal } = this.#parts;
    const { min_backoff, max_backoff } = config.queue_config;
    let payload = given;
    for (let attempt = 0, backoffMs = min_backoff; ; attempt++) {
      // Again before each attempt: what waits grows old.
      const young = this.#withoutOld(payload);
      if (young === undefined) return;
      payload = young;
      const outcome = await this.#attempt(payload, attempt, isMetadata);
      if (outcome.isTaken !== undefined) {
        this.#count(outcome.isTaken ? "sent" : "failed", payload);
        return;
      }
      this.#count("retried", payload);
      if (outcome.retryAfterMs > 0)
        log.info("Retrying after duration specified by Retry-After header", {
          duration: `${outcome.retryAfterMs / 1000}s`,
        });
      await clock.sleep(outcome.retryAfterMs || backoffMs, signal);
      backoffMs = Math.min(2 * backoffMs, max_backoff);
    }
  }

  /** Undefined `isTaken`: to be tried again. */
  async #attempt(
    payload: Uint8Array,
    attempt: number,
    isMetadata: boolean,
  ): Promise<{ isTaken?: boolean; retryAfterMs: number }> {
    const { config, client, log, signal, clock } = this.#parts;
    const isV2 = config.protobuf_message === WRITE_MESSAGES[1];
    const body = snappyCompress(isV2 ? encodeWriteRequestV2(decodeWriteRequestV1(payload)) : payload);
    const headers: Record<string, string> = {
      ...config.headers,
      "content-encoding": "snappy",
      "content-type": isV2 ? CONTENT_TYPE_V2 : CONTENT_TYPE_V1,
      "x-prometheus-remote-write-version": isV2 ? "2.0.0" : "0.1.0",
      "user-agent": USER_AGENT,
    };
    if (attempt > 0) headers["retry-attempt"] = String(attempt);
    this.counts[isMetadata ? "metadataBytes" : "bytes"] += body.length;
    const startedMs = clock.monotonic();
    try {
      const response = await client.request(config.url!, {
        method: "POST",
        headers,
        body,
        timeoutMs: config.remote_timeout,
        signal,
      });
      const text = (await response.text(1 << 20)).slice(0, 256);
      this.#parts.onRequest((clock.monotonic() - startedMs) / 1000);
      const { status } = response;
      if (status < 300) return { isTaken: true, retryAfterMs: 0 };
      const isBusy = status === 429;
      const isRecoverable = status >= 500 || (isBusy && config.queue_config.retry_on_http_429 === true);
      if (!isRecoverable) {
        log.error("non-recoverable error", { status, err: text });
        return { isTaken: false, retryAfterMs: 0 };
      }
      log.warn("Failed to send batch, retrying", { status, err: text });
      return { retryAfterMs: retryAfter(response.headers["retry-after"], clock.now()) };
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn("Failed to send batch, retrying", { err: error });
      return { retryAfterMs: 0 };
    }
  }

  #count(kind: "sent" | "failed" | "retried", payload: Uint8Array): void {
    const counts = countRequest(payload);
    const total = this.counts[kind];
    for (const name of ["samples", "exemplars", "histograms", "metadata"] as const)
      total[name] += counts[name];
    total.newestMs = Math.max(total.newestMs, counts.newestMs);
  }

  /** The request without samples older than `sample_age_limit`; undefined: nothing is left of it. */
  #withoutOld(payload: Uint8Array): Uint8Array | undefined {
    const { config, clock } = this.#parts;
    const limitMs = config.queue_config.sample_age_limit ?? 0;
    if (limitMs === 0) return payload;
    const minMs = clock.now() - limitMs;
    const isYoung = ({ timestampMs }: { timestampMs: number }) => timestampMs >= minMs;
    const request = decodeWriteRequestV1(payload);
    const series = request.series.map((each) => ({
      ...each,
      samples: each.samples.filter(isYoung),
      histograms: each.histograms.filter(isYoung),
      exemplars: each.exemplars.filter(isYoung),
    }));
    const sizeOf = (list: typeof series) =>
      list.reduce(
        (sum, each) => sum + each.samples.length + each.histograms.length + each.exemplars.length,
        0,
      );
    const left = sizeOf(series);
    const dropped = sizeOf(request.series) - left;
    if (dropped === 0) return payload;
    this.counts.tooOld += dropped;
    if (left === 0) return undefined;
    const kept = series.filter((each) => sizeOf([each]) > 0);
    return encodeWriteRequestV1({ ...request, series: kept });
  }
}

/** Milliseconds that a `Retry-After` asks for: seconds or a date; 0 when it says nothing. */
function retryAfter(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowMs);
}
