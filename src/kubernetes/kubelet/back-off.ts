/**
 * CrashLoopBackOff and ImagePullBackOff (client-go `flowcontrol.Backoff`): the first time at once, then 10 s, doubled
 * each time up to 5 minutes; forgotten after 10 minutes without a failure.
 */

export const BACK_OFF_MIN_MS = 10_000;
export const BACK_OFF_MAX_MS = 300_000;
/** A run of this length is a success: the next failure starts over. Twice the maximum, as upstream. */
export const BACK_OFF_RESET_MS = 2 * BACK_OFF_MAX_MS;

export class BackOff {
  #failures = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** The length of the present wait: what the message shows. */
  get lengthMs(): number {
    return this.#failures <= 1 ? 0 : Math.min(BACK_OFF_MIN_MS * 2 ** (this.#failures - 2), BACK_OFF_MAX_MS);
  }

  /** A failure at `atMs` of something that had gone well for `wellMs`. */
  fail(atMs: number, wellMs: number): void {
    this.#failures = wellMs >= BACK_OFF_RESET_MS ? 1 : this.#failures + 1;
    this.#untilMs = atMs + this.lengthMs;
  }

  /** How long to wait still, in milliseconds. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }
}
