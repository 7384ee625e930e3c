/**
 * Which pods found no place, and when upstream would have tried them again (`backend/queue/scheduling_queue.go`): when a
 * pod that was bound goes and what kept them away could be that pod, and not before their back-off is over. Ours tries
 * more often than that; an attempt that upstream makes, too, is told by an event each time.
 */
import type { Pod } from "../types.ts";
import type { Refusal } from "./filters.ts";

/** podInitialBackoffSeconds and podMaxBackoffSeconds. */
const MIN_BACK_OFF_MS = 1_000;
const MAX_BACK_OFF_MS = 10_000;

interface FailedAttempt {
  attempts: number;
  failedMs: number;
  /** It waits for what pods take: their resources, ports, company or domains. */
  heedsPods: boolean;
  /** A pod has gone since. */
  isMoved: boolean;
}

const HEEDS_PODS = /Insufficient|Too many pods|free ports|spread constraints$|affinity rules$/;

export class FailedAttempts {
  readonly #byUid = new Map<string, FailedAttempt>();

  /** A bound pod is gone, or has ended. */
  podGone(): void {
    for (const attempt of this.#byUid.values()) attempt.isMoved ||= attempt.heedsPods;
  }

  /** The pod has a place, or needs none any more. */
  forget({ metadata }: Pod): void {
    this.#byUid.delete(metadata.uid!);
  }

  /** How long until upstream tries the pod again, in milliseconds; undefined when nothing makes it. */
  dueInMs({ metadata }: Pod, nowMs: number): number | undefined {
    const attempt = this.#byUid.get(metadata.uid!);
    if (attempt === undefined) return 0;
    if (!attempt.isMoved) return undefined;
    const backOffMs = Math.min(MIN_BACK_OFF_MS * 2 ** (attempt.attempts - 1), MAX_BACK_OFF_MS);
    return Math.max(0, attempt.failedMs + backOffMs - nowMs);
  }

  /** Notes an attempt that upstream makes, too. */
  failed({ metadata }: Pod, nowMs: number, refusals: Refusal[]): void {
    const heedsPods = refusals.some(({ reasons }) => reasons.some((reason) => HEEDS_PODS.test(reason)));
    const attempts = (this.#byUid.get(metadata.uid!)?.attempts ?? 0) + 1;
    this.#byUid.set(metadata.uid!, { attempts, failedMs: nowMs, heedsPods, isMoved: false });
  }
}
