/** How many turns of the HPA could not read a metric, as it can be seen from outside. */
import type { Clock } from "../../base/clock.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

/** The reason of its event, and of its condition. */
export const READ_ERROR = "FailedGetExternalMetric";
/** `--horizontal-pod-autoscaler-sync-period` by default. */
const TURN_MS = 15_000;

/**
 * Each such turn is told by an event, until client-go's filter finds that there are too many (25 for an object, then one
 * in five minutes). From then on a turn is counted for each sync period in which the condition stands.
 */
export class HpaErrors {
  readonly #clock: Pick<Clock, "monotonic">;
  #count = 0;
  #countedMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** An event says so. */
  told(): void {
    this.#count++;
    this.#countedMs = this.#clock.monotonic();
  }

  /** The HPA as it is now: called at least once in a sync period. */
  look(hpa: KubernetesObject | undefined): void {
    const conditions: { type: string; status: string; reason: string }[] = hpa?.status?.conditions ?? [];
    const active = conditions.find(({ type }) => type === "ScalingActive");
    if (active?.status !== "False" || active.reason !== READ_ERROR) {
      this.#countedMs = Number.POSITIVE_INFINITY;
      return;
    }
    // The event of a turn may be late, and a turn too.
    if (this.#clock.monotonic() - this.#countedMs < 2 * TURN_MS) return;
    this.#count++;
    this.#countedMs += TURN_MS;
  }
}
