/** Runs a reconciler for keys: one run of a key at a time, again when it changed meanwhile, later when it failed. */
import type { Clock, Timer } from "../../base/clock.ts";

/** Waits after failures, doubled each time (controller-runtime's rate limiter has 5 ms to 1000 s). */
const RETRY_MIN_MS = 5;
const RETRY_MAX_MS = 1_000_000;
/** Keys that may wait; every one stands for an object in the cluster. */
export const MAX_QUEUED_KEYS = 100_000;

interface Entry {
  running: boolean;
  dirty: boolean;
  failures: number;
  timer?: Timer;
}

export class ReconcileQueue {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #reconcile: (key: string) => Promise<void>;

  /** @param reconcile a failure of it is its own to report; it is called again after a while */
  constructor(clock: Clock, signal: AbortSignal, reconcile: (key: string) => Promise<void>) {
    this.#clock = clock;
    this.#signal = signal;
    this.#reconcile = reconcile;
  }

  add(key: string): void {
    if (this.#signal.aborted) return;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_QUEUED_KEYS) throw new Error("the reconcile queue is full");
      entry = { running: false, dirty: false, failures: 0 };
      this.#entries.set(key, entry);
    }
    entry.dirty = true;
    if (!entry.running) void this.#run(key, entry);
  }

  async #run(key: string, entry: Entry): Promise<void> {
    entry.timer?.cancel();
    entry.running = true;
    while (entry.dirty && !this.#signal.aborted) {
      entry.dirty = false;
      try {
        await this.#reconcile(key);
        entry.failures = 0;
      } catch {
        const delayMs = Math.min(RETRY_MIN_MS * 2 ** entry.failures++, RETRY_MAX_MS);
        entry.running = false;
        entry.timer = this.#clock.after(delayMs, () => this.add(key));
        return;
      }
    }
    entry.running = false;
    if (!entry.dirty) this.#entries.delete(key);
  }
}
