/** Scrapes one target at its interval (`scrape/scrape.go`, `scrapeLoop`). */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { type Labels, METRIC_NAME } from "../../model/labels.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import { AppendError, type Appender, type MetricMetadata, type SeriesRef, type Storage } from "../storage.ts";
import { type AppendContext, appendText, type ScrapeCounts } from "./append-scrape.ts";
import { ScrapeCache } from "./scrape-cache.ts";
import { type ScrapeBody, ScrapeRequester } from "./scrape-request.ts";
import type { Target } from "./target.ts";

export interface ScrapeLoopOptions {
  target: Target;
  config: ScrapeConfig;
  client: HttpClient;
  network: Network;
  storage: Pick<Storage, "appender">;
  clock: Clock;
  log: Logger;
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
/** A target that was just found does not wait longer for its first scrape. */
const MAX_FIRST_DELAY_MS = 500;

export class ScrapeLoop {
  readonly target: Target;
  readonly metadata = new Map<string, MetricMetadata>();
  readonly status: ScrapeStatus = {
    health: "unknown",
    lastError: "",
    lastScrapeMs: 0,
    lastDurationSeconds: 0,
  };
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

  constructor(options: ScrapeLoopOptions) {
    this.#options = options;
    this.target = options.target;
    const { client, network, config } = options;
    this.#requester = new ScrapeRequester(client, network, this.target.url, config, this.target.timeoutMs);
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
    let body: ScrapeBody | undefined;
    let failure: Error | undefined;
    try {
      body = await this.#requester.request(this.#abort.signal);
    } catch (error) {
      failure = error as Error;
    }
    if (this.#abort.signal.aborted) return;
    // A clock that was set back must not make the store refuse a whole scrape.
    this.#previousMs = Math.max(atMs, this.#previousMs);
    const durationSeconds = (clock.monotonic() - started) / 1000;
    await this.#store(atMs, body, failure, durationSeconds);
  }

  async #store(
    atMs: number,
    body: ScrapeBody | undefined,
    requestFailure: Error | undefined,
    durationSeconds: number,
  ): Promise<void> {
    const { storage, log } = this.#options;
    let failure = requestFailure;
    let counts: ScrapeCounts = { scraped: 0, added: 0, seriesAdded: 0 };
    const appender = (this.#appender ??= storage.appender());
    const context = this.#context();
    try {
      if (body !== undefined) {
        counts = await this.#appendBody(body, appender, atMs, context);
        this.#endVanished(appender, atMs);
      }
    } catch (error) {
      failure = error as Error;
      appender.rollback();
    }
    if (failure !== undefined) {
      // An empty body: everything that the scrape before had has ended.
      this.#cache.begin(0);
      this.#endVanished(appender, atMs);
      log.debug("Scrape failed", { target: this.target.url, err: failure.message });
    }
    for (const [reason, count] of context.refused)
      log.warn(`Error on ingesting ${reason}s`, { target: this.target.url, num_dropped: count });
    this.#cache.end();
    this.#report(appender, atMs, failure, counts, durationSeconds, body?.bytes.length ?? 0);
    await this.#commit(appender);
    Object.assign(this.status, {
      health: failure === undefined ? "up" : "down",
      lastError: failure?.message ?? "",
      lastScrapeMs: atMs,
      lastDurationSeconds: durationSeconds,
    });
  }

  async #appendBody(
    body: ScrapeBody,
    appender: Appender,
    atMs: number,
    context: AppendContext,
  ): Promise<ScrapeCounts> {
    if (body.format === "protobuf") throw new Error("the protobuf format is not supported");
    return appendText(body.bytes, body.format, appender, atMs, context);
  }

  #context(): AppendContext {
    const { config } = this.#options;
    return {
      config,
      targetLabels: this.target.labels,
      cache: this.#cache,
      metadata: this.metadata,
      refused: new Map(),
    };
  }

  #endVanished(appender: Appender, atMs: number): void {
    for (const entry of this.#cache.vanished()) this.#markStale(appender, entry.ref, entry.labels!, atMs);
  }

  #markStale(appender: Appender, ref: SeriesRef, labels: Labels, atMs: number): void {
    try {
      appender.appendStale(ref, labels, atMs);
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
      values.scrape_body_size_bytes = failure === undefined ? bodyBytes : -1;
    }
    for (const [name, value] of Object.entries(values)) {
      let report = this.#reports.get(name);
      if (report === undefined) {
        report = { labels: this.target.labels.with(METRIC_NAME, name), ref: 0 };
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

/** FNV-1a: where in the interval a target's scrapes are. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}
