/**
 * `batch`: collects items until there are `send_batch_size` of them or `timeout` has passed (upstream
 * `processor/batchprocessor`). As upstream, what the next component says to a batch is logged and not told to the
 * client, who has been answered long before.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import {
  ALL_SIGNALS,
  type Consume,
  type Payload,
  type Processor,
  type ProcessorFactory,
} from "../component.ts";
import { duration, type Infer, object, stringList, uint32 } from "../config/schema.ts";
import { duplicateMetadataKey } from "../config/shared-settings.ts";
import { countItems, joinPayloads, splitPayload } from "./payloads.ts";

const CONFIG = object(
  {
    /** Milliseconds. */
    timeout: duration(200),
    send_batch_size: uint32(8192),
    /** 0: none. */
    send_batch_max_size: uint32(0),
    metadata_keys: stringList(),
    metadata_cardinality_limit: uint32(1000),
  },
  "batchprocessor.Config",
);

type BatchConfig = Infer<typeof CONFIG>;

/** Batches that may be on their way to the next component at a time; then clients wait. */
export const MAX_BATCHES_IN_FLIGHT = 4;

export const batchProcessor: ProcessorFactory<BatchConfig> = {
  type: "batch",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate(config) {
    if (config.send_batch_max_size > 0 && config.send_batch_max_size < config.send_batch_size) {
      return "send_batch_max_size must be greater or equal to send_batch_size";
    }
    return (
      duplicateMetadataKey(config.metadata_keys) ??
      (config.timeout < 0 ? "timeout must be greater or equal to 0" : undefined)
    );
  },
  create: (config, settings, next) => new BatchProcessor(config, settings.clock, settings.log, next),
};

export class BatchProcessor implements Processor {
  readonly #config: BatchConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #next: Consume;
  #pending: Payload[] = [];
  #items = 0;
  #timer: Timer | undefined;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(config: BatchConfig, clock: Clock, log: Logger, next: Consume) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#next = next;
  }

  consume: Consume = async (payload) => {
    while (this.#inFlight.size >= MAX_BATCHES_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#pending.push(payload);
    this.#items += countItems(payload);
    const { send_batch_size, timeout } = this.#config;
    // Size 0 makes only the timer send, timeout 0 sends everything at once.
    if (timeout === 0 || (send_batch_size > 0 && this.#items >= send_batch_size)) this.#flush();
    else this.#timer ??= this.#clock.after(timeout, () => this.#flush());
  };

  async shutdown(): Promise<void> {
    this.#flush();
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const batch = joinPayloads(this.#pending);
    this.#pending = [];
    this.#items = 0;
    for (const part of splitPayload(batch, this.#config.send_batch_max_size)) this.#send(part);
  }

  #send(batch: Payload): void {
    const sending = this.#next(batch)
      .catch((error) => this.#log.warn("Sender failed", { error }))
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }
}
