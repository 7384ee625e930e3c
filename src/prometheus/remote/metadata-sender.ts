/** Tells a remote the type, help and unit of metrics, now and then (`storage/remote/metadata_watcher.go`). */
import type { Clock, Timer } from "../../base/clock.ts";
import type { WriteMetadata } from "../../wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import type { RemoteClient } from "./remote-client.ts";

export interface MetadataSenderOptions {
  clock: Clock;
  intervalMs: number;
  /** Metrics in one request. */
  batchSize: number;
  client: Pick<RemoteClient, "deliver">;
  /** What is known now, by metric family. */
  metadata: () => (WriteMetadata & { metric: string })[];
}

export class MetadataSender {
  readonly #options: MetadataSenderOptions;
  readonly #timer: Timer;
  #isSending = false;

  constructor(options: MetadataSenderOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.intervalMs, () => void this.#send());
  }

  /** A round that takes longer than the interval is not joined by the next one. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const { client, batchSize } = this.#options;
    try {
      const all = this.#options.metadata();
      for (let at = 0; at < all.length; at += batchSize)
        await client.deliver(
          encodeWriteRequestV1({ series: [], metadata: all.slice(at, at + batchSize) }),
          true,
        );
    } catch {
      // The remote was given up meanwhile.
    } finally {
      this.#isSending = false;
    }
  }

  stop(): void {
    this.#timer.cancel();
  }
}
