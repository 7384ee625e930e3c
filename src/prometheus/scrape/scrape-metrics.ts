/** What is counted of scraping (`scrape/metrics.go`). */
import type { Clock } from "../../base/clock.ts";
import { Counter, Histogram, type Instrument, Summary } from "../metrics/instruments.ts";
import type { AppendErrorReason } from "../storage.ts";

const QUANTILES = [0.01, 0.05, 0.5, 0.9, 0.99];
/** Bounds of upstream's histograms of durations, in seconds. */
const BOUNDS = [0.01, 0.1, 1, 10];

function counter(name: string, help: string): Counter {
  return new Counter({ name: `prometheus_target_${name}`, help });
}

export class ScrapeMetrics {
  readonly poolReloads = counter("scrape_pool_reloads", "Total number of scrape pool reloads.");
  readonly poolReloadsFailed = counter(
    "scrape_pool_reloads_failed",
    "Total number of failed scrape pool reloads.",
  );
  readonly pools = counter("scrape_pools", "Total number of scrape pool creation attempts.");
  readonly poolsFailed = counter("scrape_pools_failed", "Total number of scrape pool creations that failed.");
  readonly targetLimitExceeded = counter(
    "scrape_pool_exceeded_target_limit",
    "Total number of times scrape pools hit the target limit, during sync or config reload.",
  );
  readonly labelLimitExceeded = counter(
    "scrape_pool_exceeded_label_limits",
    "Total number of times scrape pools hit the label limits, during sync or config reload.",
  );
  readonly bodySizeExceeded = counter(
    "scrapes_exceeded_body_size_limit",
    "Total number of scrapes that hit the body size limit",
  );
  readonly sampleLimitExceeded = counter(
    "scrapes_exceeded_sample_limit",
    "Total number of scrapes that hit the sample limit and were rejected.",
  );
  readonly bucketLimitExceeded = counter(
    "scrapes_exceeded_native_histogram_bucket_limit",
    "Total number of scrapes that hit the native histogram bucket limit and were rejected.",
  );
  readonly cacheFlushed = counter(
    "scrapes_cache_flush_forced",
    "How many times a scrape cache was flushed due to getting big while scrapes are failing.",
  );
  readonly #refused: Partial<Record<AppendErrorReason, Counter>> = {
    "out of order exemplar": counter(
      "scrapes_exemplar_out_of_order",
      "Total number of exemplar rejected due to not being out of the expected order.",
    ),
    "out of order sample": counter(
      "scrapes_sample_out_of_order",
      "Total number of samples rejected due to not being out of the expected order.",
    ),
    "duplicate sample for timestamp": counter(
      "scrapes_sample_duplicate_timestamp",
      "Total number of samples rejected due to duplicate timestamps but different values.",
    ),
    "out of bounds": counter(
      "scrapes_sample_out_of_bounds",
      "Total number of samples rejected due to timestamp falling outside of the time bounds.",
    ),
  };
  readonly syncs = new Counter({
    name: "prometheus_target_scrape_pool_sync",
    help: "Total number of syncs that were executed on a scrape pool.",
    labels: ["scrape_job"],
  });
  readonly syncFailures = new Counter({
    name: "prometheus_target_sync_failed",
    help: "Total number of target sync failures.",
    labels: ["scrape_job"],
  });
  /** Of targets with `extra_scrape_metrics`. Upstream's is a native histogram, which text shows without bounds. */
  readonly scrapeDuration = new Histogram(
    {
      name: "prometheus_target_scrape_duration_seconds",
      help: "Total duration of the scrape from start to commit completion in seconds.",
    },
    [],
  );
  readonly #intervalHistogram = new Histogram(
    {
      name: "prometheus_target_interval_length_histogram_seconds",
      help: "Actual intervals between scrapes.",
      labels: ["interval"],
    },
    BOUNDS,
  );
  readonly #syncHistogram = new Histogram(
    {
      name: "prometheus_target_sync_length_histogram_seconds",
      help: "Actual interval to sync the scrape pool.",
      labels: ["scrape_job"],
    },
    BOUNDS,
  );
  readonly #intervals: Summary;
  readonly #syncLengths: Summary;
  readonly #reloads: Summary;

  constructor(clock: Pick<Clock, "monotonic">) {
    const summary = (name: string, help: string, label: string) =>
      new Summary({ name: `prometheus_target_${name}`, help, labels: [label] }, QUANTILES, clock);
    this.#intervals = summary("interval_length_seconds", "Actual intervals between scrapes.", "interval");
    this.#syncLengths = summary(
      "sync_length_seconds",
      "Actual interval to sync the scrape pool.",
      "scrape_job",
    );
    this.#reloads = summary(
      "reload_length_seconds",
      "Actual interval to reload the scrape pool with a given configuration.",
      "interval",
    );
  }

  /** @param interval as configured, in Go's spelling */
  observeInterval(interval: string, seconds: number): void {
    this.#intervals.observe(seconds, interval);
    this.#intervalHistogram.observe(seconds, interval);
  }

  observeSync(job: string, seconds: number, failures: number): void {
    this.#syncLengths.observe(seconds, job);
    this.#syncHistogram.observe(seconds, job);
    this.syncs.add(1, job);
    this.syncFailures.add(failures, job);
  }

  observeReload(interval: string, seconds: number): void {
    this.#reloads.observe(seconds, interval);
  }

  /** @param reason of an `AppendError`; those that upstream does not count are not counted */
  refuse(reason: string, count: number): void {
    this.#refused[reason as AppendErrorReason]?.add(count);
  }

  removePool(job: string): void {
    for (const each of [this.syncs, this.syncFailures, this.#syncLengths, this.#syncHistogram])
      each.delete(job);
  }

  get instruments(): Instrument[] {
    return [
      this.poolReloads,
      this.poolReloadsFailed,
      this.pools,
      this.poolsFailed,
      this.targetLimitExceeded,
      this.labelLimitExceeded,
      this.bodySizeExceeded,
      this.sampleLimitExceeded,
      this.cacheFlushed,
      this.bucketLimitExceeded,
      ...Object.values(this.#refused),
      this.syncs,
      this.syncFailures,
      this.scrapeDuration,
      this.#intervals,
      this.#intervalHistogram,
      this.#syncLengths,
      this.#syncHistogram,
      this.#reloads,
    ];
  }
}
