/**
 * What stands between a pipeline and an exporter that sends over the network: a queue, consumers that take from it,
 * and retries (upstream `exporter/exporterhelper`).
 */
import type { ComponentSettings, Exporter, Payload } from "../component.ts";
import type { QueueSettings, RetrySettings } from "../config/shared-settings.ts";
import { isPermanent, ThrottleError } from "../errors.ts";
import { countItems } from "../processors/payloads.ts";

export interface SenderOptions {
  settings: ComponentSettings;
  queue: QueueSettings;
  retry: RetrySettings;
  /** Sends once. The signal aborts when a shutdown takes too long. @throws see `errors.ts` */
  push: (payload: Payload) => Promise<void>;
}

const ITEM_NAMES = { metrics: "metric_points", traces: "spans", logs: "log_records" };

export function createSender(options: SenderOptions): Exporter {
  return options.queue.enabled ? new QueueSender(options) : new DirectSender(options);
}

/** Sends, and again after failures that may pass. */
class RetrySender {
  readonly #options: SenderOptions;
  readonly #stop = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** From now on everything gets one attempt. */
  stopRetrying(): void {
    this.#stop.abort(new Error("interrupted due to shutdown"));
  }

  async send(payload: Payload): Promise<void> {
    const { settings, retry, push } = this.#options;
    const { clock, log, random } = settings;
    const startMs = clock.monotonic();
    let intervalMs = retry.initial_interval;
    for (;;) {
      try {
        await push(payload);
        this.#count("sent", "Number of items successfully sent to destination.", payload);
        return;
      } catch (error) {
        const elapsedMs = clock.monotonic() - startMs;
        const jitter = 1 + retry.randomization_factor * (random.float() * 2 - 1);
        const delayMs = Math.max(intervalMs * jitter, error instanceof ThrottleError ? error.delayMs : 0);
        const isOver = retry.max_elapsed_time > 0 && elapsedMs + delayMs > retry.max_elapsed_time;
        if (isPermanent(error) || !retry.enabled || isOver || this.#stop.signal.aborted) {
          this.#count("send_failed", "Number of items in failed attempts to send to destination.", payload);
          if (isOver) throw new Error(`no more retries left: ${(error as Error).message}`, { cause: error });
          throw error;
        }
        log.info("Exporting failed. Will retry the request after interval.", {
          error,
          interval: `${(delayMs / 1000).toFixed(3)}s`,
        });
        intervalMs = Math.min(intervalMs * retry.multiplier, retry.max_interval);
        // An aborted sleep ends at once: one more attempt and that was it.
        await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
      }
    }
  }

  #count(what: string, help: string, payload: Payload): void {
    const { id, telemetry } = this.#options.settings;
    const name = `otelcol_exporter_${what}_${ITEM_NAMES[payload.signal]}`;
    telemetry.count(name, help, { exporter: id }, countItems(payload));
  }
}

/** Without a queue: the pipeline waits for the result. */
class DirectSender implements Exporter {
  readonly #sender: RetrySender;

  constructor(options: SenderOptions) {
    this.#sender = new RetrySender(options);
  }

  consume = (payload: Payload): Promise<void> => this.#sender.send(payload);

  async shutdown(): Promise<void> {
    this.#sender.stopRetrying();
  }
}

interface Queued {
  payload: Payload;
  size: number;
  /** Told the result, when somebody waits for it. */
  settle?: (error?: unknown) => void;
}

/** With a queue: the pipeline hears "taken" as soon as there is room. */
class QueueSender implements Exporter {
  readonly #options: SenderOptions;
  readonly #sender: RetrySender;
  readonly #queue: Queued[] = [];
  readonly #waiting: (() => void)[] = [];
  #size = 0;
  #active = 0;
  #drained: (() => void) | undefined;
  #isStopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#sender = new RetrySender(options);
    const { settings, queue } = options;
    const labels = { exporter: settings.id };
    settings.telemetry.observe(
      "otelcol_exporter_queue_size",
      "Current size of the retry queue.",
      labels,
      () => this.#size,
    );
    settings.telemetry.observe(
      "otelcol_exporter_queue_capacity",
      "Fixed capacity of the retry queue.",
      labels,
      () => queue.queue_size,
    );
  }

  consume = async (payload: Payload): Promise<void> => {
    const { queue, settings } = this.#options;
    const size = this.#sizeOf(payload);
    // As upstream: a single request may be larger than the whole queue only when that is counted in requests.
    while (this.#size + size > queue.queue_size) {
      if (!queue.block_on_overflow || this.#isStopped || size > queue.queue_size) {
        const name = `otelcol_exporter_enqueue_failed_${ITEM_NAMES[payload.signal]}`;
        settings.telemetry.count(
          name,
          "Number of items failed to be added to the sending queue.",
          { exporter: settings.id },
          countItems(payload),
        );
        throw new Error("sending queue is full");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    this.#size += size;
    this.#queue.push({ payload, size, settle: queue.wait_for_result ? settle : undefined });
    this.#work();
    if (queue.wait_for_result) await promise;
  };

  async shutdown(): Promise<void> {
    this.#isStopped = true;
    this.#sender.stopRetrying();
    if (this.#active === 0 && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #work(): void {
    while (this.#active < this.#options.queue.num_consumers && this.#queue.length > 0) {
      this.#active++;
      void this.#send(this.#queue.shift()!);
    }
    if (this.#active === 0) this.#drained?.();
  }

  async #send({ payload, size, settle }: Queued): Promise<void> {
    try {
      await this.#sender.send(payload);
      settle?.();
    } catch (error) {
      settle?.(error);
      const { log } = this.#options.settings;
      log.error("Exporting failed. Dropping data.", { error, dropped_items: countItems(payload) });
    }
    this.#size -= size;
    this.#active--;
    for (const wake of this.#waiting.splice(0)) wake();
    this.#work();
  }

  #sizeOf(payload: Payload): number {
    return this.#options.queue.sizer === "requests" ? 1 : countItems(payload);
  }
}
