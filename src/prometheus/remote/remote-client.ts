/** Sends requests of remote write to one remote, again while it may take them (`storage/remote/client.go`). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { FetchResponse } from "../../base/network.ts";
import { METRIC_NAME } from "../../model/labels.ts";
import { countRequest, noRequestCounts, type RequestCounts } from "../../wire/remote-write/request-counts.ts";
import {
  CONTENT_TYPE_V1,
  CONTENT_TYPE_V2,
  type WriteMetadata,
} from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { encodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import { statusLine } from "../../wire/status-line.ts";
import { type RemoteWriteConfig, WRITE_MESSAGES } from "../config/remote-config.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import { requestError } from "../discovery/request-error.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";
import { type WrittenCounts, writtenCounts } from "./written-counts.ts";

export interface RemoteClientParts {
  config: RemoteWriteConfig;
  client: HttpClient;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Told how many seconds a request took, whatever its answer. */
  onRequest: (seconds: number) => void;
  /** What is known of a metric's series, for version 2. */
  metadataOf: (name: string) => WriteMetadata | undefined;
}

/** Since the start, for `/metrics`. */
export interface RemoteCounts {
  /** Of each attempt, whatever became of it. */
  sent: RequestCounts;
  failed: RequestCounts;
  retried: RequestCounts;
  /** Of requests that the remote has taken or never will. */
  done: RequestCounts;
  /** Samples that were older than `sample_age_limit`. */
  tooOld: number;
  bytes: number;
  /** Of requests with metadata only, which `bytes` leaves out. */
  metadataBytes: number;
}

/** What became of one attempt. */
interface Outcome {
  /** `again`: to be tried again; `refused`: never. */
  result: "taken" | "refused" | "again";
  problem?: Error;
  /** What the remote says that it has written; undefined: it says nothing. */
  written?: WrittenCounts;
  /** How long the remote asks to wait; 0: it says nothing. */
  retryAfterMs: number;
  /** Of the request's body, compressed. */
  bodyBytes: number;
}

const NOTHING_WRITTEN: WrittenCounts = { samples: 0, histograms: 0, exemplars: 0 };
/** So much of what a remote says goes to the log. */
const MAX_ERROR_TEXT = 1024;

export class RemoteClient {
  readonly counts: RemoteCounts = {
    sent: noRequestCounts(),
    failed: noRequestCounts(),
    retried: noRequestCounts(),
    done: noRequestCounts(),
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
      if (outcome.result !== "again") {
        this.#settle(payload, outcome, isMetadata);
        return;
      }
      if (outcome.retryAfterMs > 0)
        log.info("Retrying after duration specified by Retry-After header", {
          duration: `${outcome.retryAfterMs / 1000}s`,
        });
      const waitMs = outcome.retryAfterMs || backoffMs;
      await clock.sleep(waitMs, signal);
      add(this.counts.retried, countRequest(payload));
      log.warn("Failed to send batch, retrying", { err: outcome.problem });
      backoffMs = Math.min(2 * waitMs, max_backoff);
    }
  }

  /** Counts a request that is done with, and says what the remote did not take of it. */
  #settle(payload: Uint8Array, outcome: Outcome, isMetadata: boolean): void {
    const { config, log } = this.#parts;
    const { result, problem, written, bodyBytes } = outcome;
    const counts = countRequest(payload);
    add(this.counts.done, counts);
    if (isMetadata && result === "taken") {
      add(this.counts.sent, counts);
      this.counts.metadataBytes += bodyBytes;
      return;
    }
    if (isMetadata) {
      add(this.counts.failed, counts);
      log.error("non-recoverable error while sending metadata", { count: counts.metadata, err: problem });
      return;
    }
    this.counts.bytes += bodyBytes;
    const isUnconfirmed = written === undefined && config.protobuf_message === WRITE_MESSAGES[0];
    const taken = result === "taken" && isUnconfirmed ? counts : { ...NOTHING_WRITTEN, ...written };
    const missing = (kind: keyof WrittenCounts) => Math.max(0, counts[kind] - taken[kind]);
    const failed = {
      failedSampleCount: missing("samples"),
      failedHistogramCount: missing("histograms"),
      failedExemplarCount: missing("exemplars"),
    };
    this.counts.failed.samples += failed.failedSampleCount;
    this.counts.failed.histograms += failed.failedHistogramCount;
    this.counts.failed.exemplars += failed.failedExemplarCount;
    if (problem !== undefined) log.error("non-recoverable error", { ...failed, err: problem });
    else if (Object.values(failed).some((count) => count > 0))
      log.error(
        "we got 2xx status code from the Receiver yet statistics indicate some data was not written; investigation needed",
        failed,
      );
  }

  async #attempt(payload: Uint8Array, attempt: number, isMetadata: boolean): Promise<Outcome> {
    const { config, client, signal, clock, onRequest } = this.#parts;
    const isV2 = config.protobuf_message === WRITE_MESSAGES[1];
    const body = snappyCompress(isV2 ? this.#asV2(payload) : payload);
    const headers: Record<string, string> = {
      ...config.headers,
      "content-encoding": "snappy",
      "content-type": isV2 ? CONTENT_TYPE_V2 : CONTENT_TYPE_V1,
      "x-prometheus-remote-write-version": isV2 ? "2.0.0" : "0.1.0",
      "user-agent": USER_AGENT,
    };
    if (attempt > 0) headers["retry-attempt"] = String(attempt);
    const counts = countRequest(payload);
    if (!isMetadata) add(this.counts.sent, counts);
    const startedMs = clock.monotonic();
    const observe = () => onRequest((clock.monotonic() - startedMs) / 1000);
    const request = { method: "POST", headers, body, timeoutMs: config.remote_timeout, signal };
    try {
      const response = await client.request(config.url!, request);
      const text = (await response.text(1 << 20)).slice(0, MAX_ERROR_TEXT);
      observe();
      return { ...this.#outcomeOf(response, text, counts), bodyBytes: body.length };
    } catch (error) {
      if (signal.aborted) throw error;
      observe();
      const problem = requestError("POST", config.url!, error);
      return { result: "again", problem, retryAfterMs: 0, bodyBytes: body.length };
    }
  }

  #outcomeOf(
    { status, headers }: FetchResponse,
    text: string,
    counts: RequestCounts,
  ): Omit<Outcome, "bodyBytes"> {
    const { config, clock } = this.#parts;
    const written = writtenCounts(headers);
    if (status >= 200 && status < 300) {
      const isTaken = config.protobuf_message === WRITE_MESSAGES[0] || !isIgnored(counts, written);
      return isTaken
        ? { result: "taken", written, retryAfterMs: 0 }
        : { result: "refused", problem: new Error(ignoredText(counts)), written, retryAfterMs: 0 };
    }
    const problem = new Error(`server returned HTTP status ${statusLine(status)}: ${text}`);
    const isBusy = status === 429 && config.queue_config.retry_on_http_429 === true;
    if (status < 500 && !isBusy) return { result: "refused", problem, written, retryAfterMs: 0 };
    return { result: "again", problem, retryAfterMs: retryAfter(headers["retry-after"], clock.now()) };
  }

  /** Version 2 of a request of version 1, with what is known of each series' metric. */
  #asV2(payload: Uint8Array): Uint8Array {
    const { series } = decodeWriteRequestV1(payload);
    const described = series.map((each) => {
      const metadata = this.#parts.metadataOf(each.labels.get(METRIC_NAME));
      if (metadata === undefined) return each;
      this.counts.sent.metadata++;
      return { ...each, metadata };
    });
    return encodeWriteRequestV2({ series: described, metadata: [] });
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

function add(total: RequestCounts, counts: RequestCounts): void {
  for (const name of ["samples", "exemplars", "histograms", "metadata"] as const) total[name] += counts[name];
  total.newestMs = Math.max(total.newestMs, counts.newestMs);
}

/** Whether a remote says that it has written nothing of a request that had something. */
function isIgnored(counts: RequestCounts, written: WrittenCounts | undefined): boolean {
  const { samples, histograms, exemplars } = { ...NOTHING_WRITTEN, ...written };
  return counts.samples + counts.histograms + counts.exemplars > 0 && samples + histograms + exemplars === 0;
}

function ignoredText({ samples, histograms, exemplars }: RequestCounts): string {
  return (
    `sent v2 request with ${samples} samples, ${histograms} histograms and ${exemplars} exemplars; got 2xx, but PRW 2.0` +
    " response header statistics indicate 0 samples, 0 histograms and 0 exemplars were accepted; assumining failure" +
    " e.g. the target only supports PRW 1.0 prometheus.WriteRequest, but does not check the Content-Type header correctly"
  );
}

/** Milliseconds that a `Retry-After` asks for: seconds or a date; 0 when it says nothing. */
function retryAfter(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - nowMs);
}
