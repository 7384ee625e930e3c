/** How long to leave a thing alone that keeps failing (client-go `flowcontrol.Backoff`). */
import type { Clock } from "../../../base/clock.ts";

/** Keys that are remembered; the one that has not failed for longest goes first. */
export const MAX_FAILING_KEYS = 10_000;

export interface FailureBackOff {
  /** How long the key is to be left alone still, in milliseconds. */
  remainingMs(key: string): number;
  /** The key has failed: the next wait is twice as long, or the first one again after a long time without failures. */
  fail(key: string): void;
}

export function createFailureBackOff(
  clock: Pick<Clock, "now">,
  { minMs, maxMs }: { minMs: number; maxMs: number },
): FailureBackOff {
  const entries = new Map<string, { lengthMs: number; atMs: number }>();
  return {
    remainingMs(key) {
      const entry = entries.get(key);
      return entry === undefined ? 0 : Math.max(0, entry.atMs + entry.lengthMs - clock.now());
    },
    fail(key) {
      const atMs = clock.now();
      const entry = entries.get(key);
      const isOld = entry === undefined || atMs - entry.atMs > 2 * maxMs;
      entries.delete(key);
      entries.set(key, { atMs, lengthMs: isOld ? minMs : Math.min(entry.lengthMs * 2, maxMs) });
      if (entries.size > MAX_FAILING_KEYS) entries.delete(entries.keys().next().value!);
    },
  };
}
