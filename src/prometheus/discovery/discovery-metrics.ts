/** What is counted of discovery (`discovery/metrics.go`, `metrics_refresh.go` and the mechanisms' own). */
import type { Clock } from "../../base/clock.ts";
import { Counter, Gauge, Histogram, type Instrument, Summary } from "../metrics/instruments.ts";

/** What is discovered: targets to scrape, Alertmanagers to notify. */
export type DiscoveryPurpose = "scrape" | "notify";

const PURPOSES: readonly DiscoveryPurpose[] = ["notify", "scrape"];
const KUBERNETES_ROLES = "endpointslice endpoints node pod service ingress".split(" ");
const KUBERNETES_EVENTS = ["add", "delete", "update"];
const QUANTILES = [0.5, 0.9, 0.99];

function counter(name: string, help: string, labels?: string[]): Counter {
  return new Counter({ name: `prometheus_sd_${name}`, help, labels });
}

function gauge(name: string, help: string, labels: string[]): Gauge {
  return new Gauge({ name: `prometheus_sd_${name}`, help, labels });
}

export class DiscoveryMetrics {
  readonly failedConfigs = gauge(
    "failed_configs",
    "Current number of service discovery configurations that failed to load.",
    ["name"],
  );
  readonly discoveredTargets = gauge("discovered_targets", "Current number of discovered targets.", [
    "config",
    "name",
  ]);
  readonly lastUpdate = gauge(
    "last_update_timestamp_seconds",
    "Timestamp of the last update sent to the SD consumers.",
    ["config", "name"],
  );
  readonly receivedUpdates = counter(
    "received_updates",
    "Total number of update events received from the SD providers.",
    ["name"],
  );
  readonly updatesDelayed = counter(
    "updates_delayed",
    "Total number of update events that couldn't be sent immediately.",
    ["name"],
  );
  readonly updates = counter("updates", "Total number of update events sent to the SD consumers.", ["name"]);
  readonly refreshFailures = counter(
    "refresh_failures",
    "Number of refresh failures for the given SD mechanism.",
    ["config", "mechanism"],
  );
  readonly dnsLookups = counter("dns_lookups", "The number of DNS-SD lookups.");
  readonly dnsLookupFailures = counter("dns_lookup_failures", "The number of DNS-SD lookup failures.");
  readonly fileReadErrors = counter("file_read_errors", "The number of File-SD read errors.");
  readonly fileWatcherErrors = counter(
    "file_watcher_errors",
    "The number of File-SD errors caused by filesystem watch failures.",
  );
  readonly fileModified = gauge(
    "file_mtime_seconds",
    "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
    ["filename"],
  );
  readonly httpFailures = counter("http_failures", "Number of HTTP service discovery refresh failures.");
  readonly kubernetesEvents = counter("kubernetes_events", "The number of Kubernetes events handled.", [
    "event",
    "role",
  ]);
  readonly kubernetesFailures = counter("kubernetes_failures", "The number of failed WATCH/LIST requests.");
  readonly fileScans: Summary;
  readonly #refreshes: Summary;
  readonly #refreshHistogram = new Histogram(
    {
      name: "prometheus_sd_refresh_duration_histogram_seconds",
      help: "The duration of a refresh for the given SD mechanism.",
      labels: ["mechanism"],
    },
    [0.01, 0.1, 1, 10],
  );

  constructor(clock: Pick<Clock, "monotonic">) {
    this.fileScans = new Summary(
      {
        name: "prometheus_sd_file_scan_duration_seconds",
        help: "The duration of the File-SD scan in seconds.",
      },
      QUANTILES,
      clock,
    );
    this.#refreshes = new Summary(
      {
        name: "prometheus_sd_refresh_duration_seconds",
        help: "The duration of a refresh in seconds for the given SD mechanism.",
        labels: ["config", "mechanism"],
      },
      QUANTILES,
      clock,
    );
    for (const name of PURPOSES)
      for (const each of [this.failedConfigs, this.receivedUpdates, this.updatesDelayed, this.updates])
        each.touch(name);
    for (const role of KUBERNETES_ROLES)
      for (const event of KUBERNETES_EVENTS) this.kubernetesEvents.touch(event, role);
  }

  observeRefresh(config: string, mechanism: string, seconds: number, hasFailed: boolean): void {
    this.#refreshes.observe(seconds, config, mechanism);
    this.#refreshHistogram.observe(seconds, mechanism);
    this.refreshFailures.add(hasFailed ? 1 : 0, config, mechanism);
  }

  /** A configuration is gone. */
  removeConfig(config: string, purpose: DiscoveryPurpose): void {
    this.discoveredTargets.delete(config, purpose);
    this.lastUpdate.delete(config, purpose);
  }

  get instruments(): Instrument[] {
    return [
      this.failedConfigs,
      this.discoveredTargets,
      this.lastUpdate,
      this.receivedUpdates,
      this.updatesDelayed,
      this.updates,
      this.refreshFailures,
      this.#refreshes,
      this.#refreshHistogram,
      this.dnsLookups,
      this.dnsLookupFailures,
      this.fileReadErrors,
      this.fileWatcherErrors,
      this.fileModified,
      this.fileScans,
      this.httpFailures,
      this.kubernetesEvents,
      this.kubernetesFailures,
    ];
  }
}
