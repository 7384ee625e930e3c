/** Which events become one, and which are left out (client-go `tools/record/events_cache.go`). */
import type { Clock } from "../../base/clock.ts";

/** So many different messages of one reason about one object within the interval are told as one event. */
export const AGGREGATE_AFTER = 10;
/** How long a reason must be silent before its messages stand alone again, in milliseconds. */
export const AGGREGATE_INTERVAL_MS = 600_000;
/** Events of one source and type about one object that may come at once. */
export const SPAM_BURST = 25;
/** After the burst one more is let through every so many milliseconds. */
export const SPAM_REFILL_MS = 300_000;
/** Subjects and reasons that are remembered; the one that has been silent longest goes first. */
export const MAX_CORRELATED = 4096;

export interface EventCorrelator {
  /** The message to write, and whether it stands for several. `key`: subject and reason. */
  aggregate(key: string, message: string): { combined: boolean; message: string };
  /** Takes one of the subject's tokens; false when there is none. */
  admits(subject: string): boolean;
}

export function createEventCorrelator(clock: Pick<Clock, "now">): EventCorrelator {
  const reasons = new Map<string, { messages: Set<string>; lastMs: number }>();
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    aggregate(key, message) {
      const nowMs = clock.now();
      const known = reasons.get(key);
      const isFresh = known !== undefined && nowMs - known.lastMs <= AGGREGATE_INTERVAL_MS;
      const messages = isFresh ? known.messages : new Set<string>();
      messages.add(message);
      remember(reasons, key, { messages, lastMs: nowMs });
      if (messages.size < AGGREGATE_AFTER) return { combined: false, message };
      // Upstream takes away any one: without the newest, those that were told alone go on to be counted.
      messages.delete(message);
      return { combined: true, message: `(combined from similar events): ${message}` };
    },
    admits(subject) {
      const nowMs = clock.now();
      const { tokens, atMs } = buckets.get(subject) ?? { tokens: SPAM_BURST, atMs: nowMs };
      const filled = Math.min(SPAM_BURST, tokens + (nowMs - atMs) / SPAM_REFILL_MS);
      const admitted = filled >= 1;
      remember(buckets, subject, { tokens: admitted ? filled - 1 : filled, atMs: nowMs });
      return admitted;
    },
  };
}

function remember<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > MAX_CORRELATED) entries.delete(entries.keys().next().value!);
}
