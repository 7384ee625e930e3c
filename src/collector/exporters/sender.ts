/**
 * What stands between a pipeline and an exporter that sends over the network: a queue, consumers that take from it,
 * and retries (upstream `exporter/exporterhelper`).
 */

import { formatGoDuration } from "../../model/go-duration.ts";
import { OTLP_CODECS, type Signal } from "../../wire/otlp/signal.ts";
import type { ComponentSettings, Exporter, Payload } from "../component.ts";
import type { QueueSettings, RetrySettings } from "../config/shared-settings.ts";
import { causeOf, isPermanent, ThrottleError } from "../errors.ts";
import { BatchProcessor } from "../processors/batch.ts";
import { countItems } from "../processors/payloads.ts";
import { QueueLog } from "./queue-log.ts";

export interface SenderOptions {
  settings: ComponentSettings;
  /** What is sent; names the file of a persistent queue. */
  signal: Signal;
  queue: QueueSettings;
  retry: RetrySettings;
  /** Sends once. The signal aborts when a shutdown takes too long. @throws see `errors.ts` */
  push: (payload: Payload) => Promise<void>;
}

const ITEM_NAMES = { metrics: "metric_points", traces: "spans", logs: "log_records" };

export function createSender(options: SenderOptions): Exporter {
  if (!options.queue.enabled) return new DirectSender(options);
  const sender = new QueueSender(options);
  const { batch } = options.queue;
  if (batch === undefined) return sender;
  const { clock, log } = options.settings;
  const config = {
    timeout: batch.flush_timeout,
    send_batch_size: batch.min_size,
    send_batch_max_size: batch.max_size,
    metadata_keys: [],
    metadata_cardinality_limit: 0,
  };
  const batcher = new BatchProcessor(config, clock, log, sender.consume);
  return {
    consume: batcher.consume,
    start: () => sender.start(),
    async shutdown() {
      await batcher.shutdown();
      await sender.shutdown();
    },
  };
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
        if (!retry.enabled) throw this.#failed(error, "", payload);
        if (isPermanent(error)) throw this.#failed(error, "not retryable error: ", payload);
        if (this.#stop.signal.aborted) throw this.#failed(error, "interrupted due to shutdown: ", payload);
        const elapsedMs = clock.monotonic() - startMs;
        const jitter = 1 + retry.randomization_factor * (random.float() * 2 - 1);
        const throttleMs = causeOf(error, ThrottleError)?.delayMs ?? 0;
        const delayMs = Math.max(intervalMs * jitter, throttleMs);
        if (retry.max_elapsed_time > 0 && elapsedMs + delayMs > retry.max_elapsed_time) {
          throw this.#failed(error, "no more retries left: ", payload);
        }
        log.info("Exporting failed. Will retry the request after interval.", {
          error,
          interval: formatGoDuration(delayMs),
        });
        intervalMs = Math.min(intervalMs * retry.multiplier, retry.max_interval);
        // An aborted sleep ends at once: one more attempt and that was it.
        await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
      }
    }
  }

  /** Counts what was not sent; the error says why it is not tried again. */
  #failed(error: unknown, why: string, payload: Payload): unknown {
    this.#count("send_failed", "Number of items in failed attempts to send to destination.", payload);
    return why === "" ? error : new Error(why + (error as Error).message, { cause: error });
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
  /** Its number in the file of a persistent queue. */
  sequence?: number;
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
  #log: QueueLog | undefined;

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

  /** Opens a persistent queue; what was left in it is sent first. */
  async start(): Promise<void> {
    const { queue, settings, signal } = this.#options;
    if (queue.storage === undefined) return;
    const directory = settings.storageDirectory(queue.storage);
    if (directory === undefined)
      throw new Error(`storage extension "${queue.storage}" is not in service::extensions`);
    const name = `exporter_${settings.id.replaceAll("/", "_")}_${signal}.queue`;
    const { log, pending } = await QueueLog.open(settings.disk, `${directory}/${name}`);
    this.#log = log;
    for (const { sequence, payload: bytes } of pending) {
      const payload = { signal, data: OTLP_CODECS[signal].decode(bytes) } as Payload;
      const size = this.#sizeOf(payload);
      this.#size += size;
      this.#queue.push({ payload, size, sequence });
    }
    if (pending.length > 0)
      settings.log.info("Fetching items left for dispatch", { numberOfItems: pending.length });
    this.#work();
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
    const sequence = this.#log === undefined ? undefined : await this.#persist(this.#log, payload, size);
    this.#queue.push({ payload, size, sequence, settle: queue.wait_for_result ? settle : undefined });
    this.#work();
    if (queue.wait_for_result) await promise;
  };

  /** In the file before anybody hears that it was taken. */
  async #persist(log: QueueLog, payload: Payload, size: number): Promise<number> {
    try {
      return await log.put(OTLP_CODECS[payload.signal].encode(payload.data as never));
    } catch (error) {
      this.#size -= size;
      throw error;
    }
  }

  async shutdown(): Promise<void> {
    this.#isStopped = true;
    this.#sender.stopRetrying();
    // What is in the file can wait for the next start.
    if (this.#log !== undefined) this.#queue.length = 0;
    if (this.#active > 0 || this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await this.#log?.close();
  }

  #work(): void {
    while (this.#active < this.#options.queue.num_consumers && this.#queue.length > 0) {
      this.#active++;
      void this.#send(this.#queue.shift()!);
    }
    if (this.#active === 0) this.#drained?.();
  }

  async #send({ payload, size, sequence, settle }: Queued): Promise<void> {
    let isDone = true;
    try {
      await this.#sender.send(payload);
      settle?.();
    } catch (error) {
      settle?.(error);
      // An attempt that the shutdown cut short is repeated after the next start.
      isDone = !this.#isStopped || this.#log === undefined || isPermanent(error);
      const { log } = this.#options.settings;
      const fields = { error, dropped_items: countItems(payload) };
      if (isDone) log.error("Exporting failed. Dropping data.", fields);
      else log.info("Exporting failed. The data stay in the queue.", { error });
    }
    if (sequence !== undefined && isDone) await this.#log!.done(sequence);
    this.#size -= size;
    this.#active--;
    for (const wake of this.#waiting.splice(0)) wake();
    this.#work();
  }

  #sizeOf(payload: Payload): number {
    const { sizer } = this.#options.queue;
    if (sizer === "requests") return 1;
    return sizer === "items"
      ? countItems(payload)
      : OTLP_CODECS[payload.signal].encode(payload.data as never).length;
  }
}
