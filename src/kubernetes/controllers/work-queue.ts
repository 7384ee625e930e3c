/**
 * The queue of a controller (client-go `util/workqueue`): a key is in it once, is worked on by one worker at a time,
 * and comes back later each time that its work fails.
 */
import type { Clock, Timer } from "../../base/clock.ts";

/** client-go's `DefaultControllerRateLimiter`: 5 ms, doubled by each failure, up to 1000 s. */
const RETRY_MIN_MS = 5;
const RETRY_MAX_MS = 1_000_000;

export interface WorkQueueOptions {
  clock: Clock;
  /** Does the work of a key. Resolves with milliseconds after which to come back to it, or undefined. */
  work: (key: string) => Promise<number | undefined>;
  onError: (key: string, error: unknown, retryMs: number) => void;
  /** How many keys are worked on at one time. @default 5 */
  workers?: number;
  signal: AbortSignal;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { timer: Timer; atMs: number }>();
  readonly #failures = new Map<string, number>();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => {
      for (const { timer } of this.#timers.values()) timer.cancel();
      this.#timers.clear();
      this.#waiting.clear();
    });
  }

  /** Nothing waits, nothing is worked on; keys may still come back later. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#working.size === 0;
  }

  add(key: string): void {
    if (this.#options.signal.aborted) return;
    if (this.#working.has(key)) this.#again.add(key);
    else {
      this.#waiting.add(key);
      this.#fill();
    }
  }

  /** Adds the key later; of several times the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    const { clock, signal } = this.#options;
    if (signal.aborted) return;
    const atMs = clock.monotonic() + delayMs;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.atMs <= atMs) return;
    planned?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { timer, atMs });
  }

  #fill(): void {
    const { workers = 5 } = this.#options;
    while (this.#working.size < workers && this.#waiting.size > 0) {
      const [key] = this.#waiting;
      this.#waiting.delete(key);
      this.#working.add(key);
      // Not in the caller's turn: what else happened in it is one piece of work then.
      void Promise.resolve().then(() => this.#work(key));
    }
  }

  async #work(key: string): Promise<void> {
    const { work, onError, signal } = this.#options;
    try {
      const againMs = await work(key);
      this.#failures.delete(key);
      if (againMs !== undefined) this.addAfter(key, againMs);
    } catch (error) {
      if (!signal.aborted) {
        const failures = this.#failures.get(key) ?? 0;
        this.#failures.set(key, failures + 1);
        const retryMs = Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS);
        onError(key, error, retryMs);
        this.addAfter(key, retryMs);
      }
    }
    this.#working.delete(key);
    if (this.#again.delete(key)) this.#waiting.add(key);
    this.#fill();
  }
}
