/** Scrapes one target at its interval (`scrape/scrape.go`, `scrapeLoop`). */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import type { JsonLogFile } from "../json-log-file.ts";
import { AppendError, type Appender, type SeriesRef, type Storage } from "../storage.ts";
import { type AppendContext, appendBody, type ScrapeCounts, type ScrapeFeatures } from "./append-scrape.ts";
import { formatOf } from "./content-type.ts";
import { BucketLimitError } from "./histogram-limits.ts";
import { LabelLimitError, SampleLimitError } from "./sample-labels.ts";
import { ScrapeCache } from "./scrape-cache.ts";
import type { ScrapeMetrics } from "./scrape-metrics.ts";
import { BodySizeError, type ScrapeBody, ScrapeRequester } from "./scrape-request.ts";
import type { Target } from "./target.ts";
import { TargetMetadata } from "./target-metadata.ts";

export interface ScrapeLoopOptions {
  target: Target;
  config: ScrapeConfig;
  client: HttpClient;
  network: Network;
  storage: Pick<Storage, "appender">;
  clock: Clock;
  log: Logger;
  metrics: ScrapeMetrics;
  features: ScrapeFeatures;
  /** Where scrapes that failed are told, besides the log. */
  failureLog?: JsonLogFile;
}

export type TargetHealth = "unknown" | "up" | "down";

export interface ScrapeStatus {
  health: TargetHealth;
  lastError: string;
  /** Milliseconds since the epoch; 0: never. */
  lastScrapeMs: number;
  lastDurationSeconds: number;
}

/** A scrape this late is stored with the time that it was due: aligned timestamps compress better. */
const ALIGN_TOLERANCE_MS = 2;
/** Why samples and exemplars were left out, in upstream's words. */
const REFUSAL_TEXTS: Readonly<Record<string, string>> = {
  "out of order sample": "Error on ingesting out-of-order samples",
  "duplicate sample for timestamp": "Error on ingesting samples with different value but same timestamp",
  "out of bounds": "Error on ingesting samples that are too old or are too far into the future",
  "out of order exemplar": "Error on ingesting out-of-order exemplars",
};
/** A target that was just found does not wait longer for its first scrape. */
const MAX_FIRST_DELAY_MS = 500;

export class ScrapeLoop {
  readonly target: Target;
  readonly metadata = new TargetMetadata();
  readonly status: ScrapeStatus = {
    health: "unknown",
    lastError: "",
    lastScrapeMs: 0,
    lastDurationSeconds: 0,
  };
  /** While it is set the target is not asked: each scrape fails with it. */
  forcedError: Error | undefined;
  readonly #options: ScrapeLoopOptions;
  readonly #requester: ScrapeRequester;
  readonly #cache = new ScrapeCache();
  readonly #reports = new Map<string, { labels: Labels; ref: SeriesRef }>();
  readonly #abort = new AbortController();
  /** Used for one scrape after the other: they never overlap. */
  #appender: Appender | undefined;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #previousMs = 0;
  /** When the scrape before began, on the clock that never goes back. */
  #previousStarted: number | undefined;
  readonly #interval: string;

  constructor(options: ScrapeLoopOptions) {
    this.#options = options;
    this.target = options.target;
    this.#interval = formatGoDuration(this.target.intervalMs);
    const { client, network, config } = options;
    this.#requester = new ScrapeRequester(
      client,
      network,
      this.target.location,
      config,
      this.target.timeoutMs,
    );
  }

  /** Targets are spread over the interval, each always at the same place of it. */
  start(): void {
    const { intervalMs, labels, url } = this.target;
    const offsetMs = hash(labels.key + url) % intervalMs;
    const sinceMs = this.#options.clock.now() % intervalMs;
    const delayMs = (offsetMs - sinceMs + intervalMs) % intervalMs;
    if (delayMs > MAX_FIRST_DELAY_MS) {
      this.#timer = this.#options.clock.after(offsetMs % MAX_FIRST_DELAY_MS, () => {
        this.#running = this.#scrape(this.#options.clock.now());
      });
      const early = this.#timer;
      const regular = this.#options.clock.after(delayMs, () => this.#tick(this.#options.clock.now()));
      this.#timer = {
        cancel: () => {
          early.cancel();
          regular.cancel();
        },
      };
    } else this.#timer = this.#options.clock.after(delayMs, () => this.#tick(this.#options.clock.now()));
  }

  #tick(dueMs: number): void {
    const { clock } = this.#options;
    const nowMs = clock.now();
    const nextMs =
      nowMs - dueMs > this.target.intervalMs
        ? nowMs + this.target.intervalMs
        : dueMs + this.target.intervalMs;
    this.#timer = clock.after(nextMs - nowMs, () => this.#tick(nextMs));
    const at = Math.abs(nowMs - dueMs) <= ALIGN_TOLERANCE_MS ? dueMs : nowMs;
    this.#running = this.#running.then(() => this.#scrape(at));
  }

  /** Ends scraping. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#abort.abort(new Error("target removed"));
    await this.#running;
    this.#requester.close();
  }

  /** The target is gone: its series end now. To be called after `stop`. */
  async endSeries(): Promise<void> {
    const appender = this.#options.storage.appender();
    const atMs = Math.max(this.#options.clock.now(), this.#previousMs + 1);
    for (const entry of this.#cache.current()) this.#markStale(appender, entry.ref, entry.labels!, atMs);
    for (const { labels, ref } of this.#reports.values()) this.#markStale(appender, ref, labels, atMs);
    await this.#commit(appender);
  }

  async #scrape(atMs: number): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const { clock } = this.#options;
    const started = clock.monotonic();
    if (this.#previousStarted !== undefined)
      this.#options.metrics.observeInterval(this.#interval, (started - this.#previousStarted) / 1000);
    this.#previousStarted = started;
    let body: ScrapeBody | undefined;
    let failure = this.forcedError;
    try {
      if (failure === undefined) body = await this.#requester.request(this.#abort.signal);
    } catch (error) {
      failure = error as Error;
    }
    if (this.#abort.signal.aborted) return;
    // A clock that was set back must not make the store refuse a whole scrape.
    this.#previousMs = Math.max(atMs, this.#previousMs);
    const durationSeconds = (clock.monotonic() - started) / 1000;
    await this.#store(atMs, body, failure, durationSeconds);
    if (this.#options.config.extra_scrape_metrics)
      this.#options.metrics.scrapeDuration.observe((clock.monotonic() - started) / 1000);
  }

  async #store(
    atMs: number,
    body: ScrapeBody | undefined,
    requestFailure: Error | undefined,
    durationSeconds: number,
  ): Promise<void> {
    const { storage, log } = this.#options;
    let failure = requestFailure;
    const appender = (this.#appender ??= storage.appender());
    const context = this.#context();
    const isEmpty = body === undefined || body.bytes.length === 0;
    if (isEmpty) this.#cache.begin();
    else {
      try {
        const format = formatOf(body!.contentType, this.#options.config.fallback_scrape_protocol);
        appendBody(body!.bytes, format, appender, atMs, context);
      } catch (error) {
        failure = error as Error;
        appender.rollback();
      }
    }
    // What this scrape saw before it failed has not ended, as upstream has it.
    for (const entry of this.#cache.vanished()) this.#markStale(appender, entry.ref, entry.labels!, atMs);
    if (failure !== undefined) {
      log.debug("Scrape failed", { target: this.target.url, err: failure.message });
      const { job_name } = this.#options.config;
      this.#options.failureLog?.write("ERROR", failure.message, { job_name, target: this.target.url });
    }
    this.#countLimit(failure);
    for (const [reason, count] of context.refused) this.#options.metrics.refuse(reason, count);
    for (const [reason, count] of context.refused)
      log.warn(REFUSAL_TEXTS[reason] ?? reason, { target: this.target.url, num_dropped: count });
    const isComplete = !isEmpty && failure === undefined;
    if (this.#cache.end(isComplete)) this.#options.metrics.cacheFlushed.add(1);
    this.metadata.end(isComplete);
    const bodyBytes = requestFailure instanceof BodySizeError ? -1 : (body?.bytes.length ?? 0);
    this.#report(appender, atMs, failure, context.counts, durationSeconds, bodyBytes);
    await this.#commit(appender);
    Object.assign(this.status, {
      health: failure === undefined ? "up" : "down",
      lastError: failure?.message ?? "",
      lastScrapeMs: atMs,
      lastDurationSeconds: durationSeconds,
    });
  }

  #countLimit(failure: Error | undefined): void {
    const { metrics } = this.#options;
    if (failure instanceof BodySizeError) metrics.bodySizeExceeded.add(1);
    else if (failure instanceof SampleLimitError) metrics.sampleLimitExceeded.add(1);
    else if (failure instanceof LabelLimitError) metrics.labelLimitExceeded.add(1);
    else if (failure instanceof BucketLimitError) metrics.bucketLimitExceeded.add(1);
  }

  #context(): AppendContext {
    const { config, features } = this.#options;
    return {
      config,
      features,
      histograms: this.target.histograms,
      targetLabels: this.target.labels,
      cache: this.#cache,
      metadata: this.metadata,
      counts: { scraped: 0, added: 0, seriesAdded: 0 },
      refused: new Map(),
    };
  }

  #markStale(appender: Appender, ref: SeriesRef, labels: Labels, atMs: number): void {
    try {
      appender.appendStale(ref, labels, atMs, true);
    } catch (error) {
      // Another target may have the series now, with newer samples.
      if (!(error instanceof AppendError)) throw error;
    }
  }

  #report(
    appender: Appender,
    atMs: number,
    failure: Error | undefined,
    counts: ScrapeCounts,
    durationSeconds: number,
    bodyBytes: number,
  ): void {
    const { config } = this.#options;
    const values: Record<string, number> = {
      up: failure === undefined ? 1 : 0,
      scrape_duration_seconds: durationSeconds,
      scrape_samples_scraped: counts.scraped,
      scrape_samples_post_metric_relabeling: counts.added,
      scrape_series_added: counts.seriesAdded,
    };
    if (config.extra_scrape_metrics) {
      values.scrape_timeout_seconds = this.target.timeoutMs / 1000;
      values.scrape_sample_limit = config.sample_limit;
      values.scrape_body_size_bytes = bodyBytes;
    }
    for (const [name, value] of Object.entries(values)) {
      let report = this.#reports.get(name);
      if (report === undefined) {
        report = { labels: reportLabels(this.target.labels).with(METRIC_NAME, name), ref: 0 };
        this.#reports.set(name, report);
      }
      try {
        report.ref = appender.append(report.ref, report.labels, atMs, value);
      } catch (error) {
        if (!(error instanceof AppendError)) throw error;
      }
    }
  }

  async #commit(appender: Appender): Promise<void> {
    try {
      await appender.commit();
    } catch (error) {
      this.#options.log.error("Scrape commit failed", { target: this.target.url, err: error });
    }
  }
}

/**
 * The target's labels, without those that another one pushes out: each makes room under `exported_…` for one of its own
 * name that the sample might have (`mutateReportSampleLabels`).
 */
function reportLabels(target: Labels): Labels {
  const kept = new Map<string, string>();
  for (const [name, value] of target) {
    kept.delete(`exported_${name}`);
    kept.set(name, value);
  }
  return Labels.of(kept);
}

/** FNV-1a: where in the interval a target's scrapes are. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}
