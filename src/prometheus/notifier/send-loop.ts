/** The queue of one Alertmanager: one that hangs holds up no other (`notifier/sendloop.go`). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { statusLine } from "../../wire/status-line.ts";
import type { HttpClient } from "../discovery/http-client.ts";
import { requestError } from "../discovery/request-error.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";
import { alertsBody, type Notification } from "./alert.ts";
import type { NotifierMetrics } from "./notifier-metrics.ts";

export interface SendLoopOptions {
  clock: Clock;
  log: Logger;
  metrics: NotifierMetrics;
  /** Alerts that wait; the oldest go first when there are more. */
  capacity: number;
  /** Alerts of one request. */
  batchSize: number;
  /** Whether what waits is still sent when the loop ends. */
  drains: boolean;
}

/** An Alertmanager's answer is not read further. */
const MAX_RESPONSE_BYTES = 64 * 1024;

export class SendLoop {
  readonly url: string;
  readonly #client: HttpClient;
  readonly #timeoutMs: number;
  readonly #options: SendLoopOptions;
  #queue: Notification[] = [];
  #sending: Promise<void> | undefined;
  #isStopped = false;

  constructor(url: string, client: HttpClient, timeoutMs: number, options: SendLoopOptions) {
    this.url = url;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#options = { ...options, log: options.log.with({ alertmanager: url }) };
    options.metrics.add(url);
  }

  /** Never waits for the Alertmanager. */
  add(alerts: readonly Notification[]): void {
    if (this.#isStopped) return;
    const { capacity, metrics, log } = this.#options;
    this.#queue.push(...alerts);
    const excess = this.#queue.length - capacity;
    if (excess > 0) {
      this.#queue.splice(0, excess);
      metrics.dropped.add(excess, this.url);
      log.warn("Alert notification queue full, dropping alerts", { count: excess });
    }
    metrics.queueLength.set(this.#queue.length, this.url);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Takes no more; resolves when what waits was sent, or dropped where it is not to be drained. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { drains, metrics, log } = this.#options;
    if (!drains && this.#queue.length > 0) {
      log.warn("Alert notification queue not drained on shutdown, dropping alerts", {
        count: this.#queue.length,
      });
      metrics.dropped.add(this.#queue.length, this.url);
      this.#queue = [];
    }
    await this.#sending;
    metrics.remove(this.url);
  }

  async #send(): Promise<void> {
    const { batchSize, metrics } = this.#options;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchSize);
      metrics.queueLength.set(this.#queue.length, this.url);
      await this.#post(batch);
    }
  }

  async #post(alerts: readonly Notification[]): Promise<void> {
    const { clock, metrics, log } = this.#options;
    const started = clock.monotonic();
    try {
      const request = {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": USER_AGENT },
        body: alertsBody(alerts),
        timeoutMs: this.#timeoutMs,
      };
      const response = await this.#client.request(this.url, request).catch((error) => {
        throw requestError("POST", this.url, error);
      });
      await response.bytes(MAX_RESPONSE_BYTES);
      const { status } = response;
      if (status < 200 || status >= 300) throw new Error(`bad response status ${statusLine(status)}`);
      metrics.observe(this.url, (clock.monotonic() - started) / 1000);
      metrics.sent.add(alerts.length, this.url);
    } catch (error) {
      metrics.errors.add(alerts.length, this.url);
      metrics.dropped.add(alerts.length, this.url);
      log.error("Error sending alerts", { count: alerts.length, err: error });
    }
  }
}
