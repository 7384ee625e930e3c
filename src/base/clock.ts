/**
 * Time as an argument. Every room takes a `Clock`; only this file and `simulation/` know where time comes from,
 * which is what lets the same code run live and in virtual time.
 */

/** A scheduled callback that can still be called off. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. Can jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary origin, fractional, never going back. For durations. */
  monotonic(): number;
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` every `intervalMs`, first after one interval. */
  every(intervalMs: number, callback: () => void): Timer;
  /**
   * Resolves after `delayMs`.
   *
   * @throws the signal's reason when `signal` aborts first.
   */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a JavaScript timer can hold; longer ones are taken in steps. */
const TIMER_LIMIT_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive when `unref` is set. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    let handle: ReturnType<typeof setTimeout>;
    const arm = (remainingMs: number) => {
      const stepMs = Math.min(remainingMs, TIMER_LIMIT_MS);
      handle = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs);
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, callback) {
    const handle = setInterval(callback, Math.min(intervalMs, TIMER_LIMIT_MS));
    return { cancel: () => clearInterval(handle) };
  },
  sleep(delayMs, signal) {
    return delayMs > 0 ? sleepOn(systemClock, delayMs, signal) : nextTurn(signal);
  },
};

/** A timer takes a millisecond at least; who only gives way to others goes on as soon as they had their turn. */
function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    setImmediate(() => (signal?.aborted ? reject(signal.reason) : resolve()));
  });
}

/** `Clock.sleep` in terms of `Clock.after`, for clocks to share. */
export function sleepOn(clock: Pick<Clock, "after">, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
