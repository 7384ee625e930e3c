/** What is counted of notifications (`notifier/metric.go`). */
import type { Clock } from "../../base/clock.ts";
import { Counter, Gauge, Histogram, type Instrument, Summary } from "../metrics/instruments.ts";

const labels = ["alertmanager"];

export class NotifierMetrics {
  readonly #latency: Summary;
  readonly #latencyHistogram = new Histogram(
    {
      name: "prometheus_notifications_latency_histogram_seconds",
      help: "Latency histogram for sending alert notifications.",
      labels,
    },
    [0.01, 0.1, 1, 10],
  );
  readonly errors = new Counter({
    name: "prometheus_notifications_errors",
    help: "Total number of sent alerts affected by errors.",
    labels,
  });
  readonly sent = new Counter({
    name: "prometheus_notifications_sent",
    help: "Total number of alerts sent.",
    labels,
  });
  readonly dropped = new Counter({
    name: "prometheus_notifications_dropped",
    help: "Total number of alerts dropped due to errors when sending to Alertmanager.",
    labels,
  });
  readonly queueLength = new Gauge({
    name: "prometheus_notifications_queue_length",
    help: "The number of alert notifications in the queue.",
    labels,
  });
  readonly queueCapacity = new Gauge({
    name: "prometheus_notifications_queue_capacity",
    help: "The capacity of the alert notifications queue.",
  });
  readonly discovered = new Gauge({
    name: "prometheus_notifications_alertmanagers_discovered",
    help: "The number of alertmanagers discovered and active.",
  });

  constructor(clock: Pick<Clock, "monotonic">, capacity: number) {
    this.#latency = new Summary(
      {
        name: "prometheus_notifications_latency_seconds",
        help: "Latency quantiles for sending alert notifications.",
        labels,
      },
      [0.5, 0.9, 0.99],
      clock,
    );
    this.queueCapacity.set(capacity);
  }

  /** An Alertmanager is sent to from now on. */
  add(url: string): void {
    for (const each of [this.errors, this.sent, this.dropped, this.queueLength]) each.touch(url);
  }

  remove(url: string): void {
    for (const each of [this.#latency, this.#latencyHistogram]) each.delete(url);
    for (const each of [this.errors, this.sent, this.dropped, this.queueLength]) each.delete(url);
  }

  observe(url: string, seconds: number): void {
    this.#latency.observe(seconds, url);
    this.#latencyHistogram.observe(seconds, url);
  }

  get instruments(): Instrument[] {
    return [
      this.#latency,
      this.#latencyHistogram,
      this.errors,
      this.sent,
      this.dropped,
      this.queueLength,
      this.queueCapacity,
      this.discovered,
    ];
  }
}
