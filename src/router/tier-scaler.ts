/**
 * The router as a KEDA external-push scaler: a request that waits wakes the tier at once, where the tier's own metric
 * cannot (with no pod there is no `percolate_active_tenants`).
 *
 * The metric is *pods that are needed so that nobody waits*, with a target of 1 per pod: 0 while nobody waits, 1 while
 * somebody does, and k+1 when pod k, whose volume has tenants, is down for longer than a restart takes (it was scaled
 * away and killed before it could hand over). How many wait does not matter: capacity is the tenants' metric's matter.
 *
 * KEDA holds one stream to one router. With several routers each tells of its own waiting requests only; then name the
 * routers' `percolate_router_pending_requests` in a Prometheus trigger as well.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Network } from "../base/network.ts";
import type { TierMembership, TierPod } from "../model/tier-membership.ts";
import type { ExternalScalerServer } from "../wire/keda/external-scaler.ts";

/** The tier stays active for this long after the last request that waited: until its own metric has been scraped. */
export const ACTIVE_HOLD_MS = 45_000;
/** A pod that does not answer for this long while requests wait is needed back. */
export const NEEDED_BACK_AFTER_MS = 10_000;
export const METRIC_NAME = "percolate-router-needed-pods";
/** Streams to KEDA at a time: one per ScaledObject and operator is usual. */
export const MAX_STREAMS = 100;
const PROBE_INTERVAL_MS = 2_000;
const PROBE_TIMEOUT_MS = 1_000;

export interface TierScalerOptions {
  clock: Clock;
  network: Network;
  /** Requests that wait, and the call that tells when their number changes. */
  pending: { count: () => number; onChange: (listener: (pending: number) => void) => () => void };
  membership: () => TierMembership;
}

export class TierScaler implements ExternalScalerServer {
  readonly #options: TierScalerOptions;
  readonly #listeners = new Set<(active: boolean) => void>();
  /** Pod → since when it does not answer, in milliseconds of the monotonic clock. */
  readonly #downSince = new Map<string, number>();
  #active = false;
  #hold: Timer | undefined;
  #probes: Timer | undefined;
  #streams = 0;

  constructor(options: TierScalerOptions) {
    this.#options = options;
    options.pending.onChange((count) => this.#pendingChanged(count));
  }

  #pendingChanged(count: number): void {
    if (count > 0) {
      this.#hold?.cancel();
      this.#hold = undefined;
      this.#probes ??= this.#options.clock.every(PROBE_INTERVAL_MS, () => void this.#probe());
      this.#setActive(true);
      return;
    }
    this.#probes?.cancel();
    this.#probes = undefined;
    this.#downSince.clear();
    this.#hold ??= this.#options.clock.after(ACTIVE_HOLD_MS, () => {
      this.#hold = undefined;
      this.#setActive(false);
    });
  }

  #setActive(active: boolean): void {
    if (this.#active === active) return;
    this.#active = active;
    for (const listener of [...this.#listeners]) listener(active);
  }

  /** Looks which pods answer, while requests wait. */
  async #probe(): Promise<void> {
    const { clock, membership, pending } = this.#options;
    await Promise.all(
      membership().pods.map(async (pod) => {
        const answers = await this.#answers(pod);
        if (pending.count() === 0) return;
        if (answers) this.#downSince.delete(pod.name);
        else if (!this.#downSince.has(pod.name)) this.#downSince.set(pod.name, clock.monotonic());
      }),
    );
  }

  async #answers({ address }: TierPod): Promise<boolean> {
    if (address === undefined) return false;
    try {
      const response = await this.#options.network.fetch(`${address}/health`, {
        timeoutMs: PROBE_TIMEOUT_MS,
      });
      await response.bytes();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** Pods that are needed so that nobody waits. */
  get neededPods(): number {
    if (!this.#active) return 0;
    const { clock, membership } = this.#options;
    let needed = 1;
    for (const { name } of membership().pods) {
      const sinceMs = this.#downSince.get(name);
      if (sinceMs === undefined || clock.monotonic() - sinceMs < NEEDED_BACK_AFTER_MS) continue;
      const ordinal = Number(/-(\d{1,9})$/.exec(name)?.[1] ?? Number.NaN);
      if (ordinal >= needed) needed = ordinal + 1;
    }
    return needed;
  }

  isActive(): boolean {
    return this.#active;
  }

  async *streamIsActive(_ref: unknown, signal: AbortSignal): AsyncGenerator<boolean> {
    if (this.#streams >= MAX_STREAMS) throw new Error(`more than ${MAX_STREAMS} streams`);
    this.#streams++;
    // What has not been sent yet: each change in its order, as KEDA acts on each.
    const changes: boolean[] = [this.#active];
    let wake = () => {};
    const listener = (active: boolean) => {
      // Two that were not sent cancel each other out.
      if (changes.length >= 2) changes.pop();
      else changes.push(active);
      wake();
    };
    this.#listeners.add(listener);
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const next = changes.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#streams--;
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }

  getMetricSpec() {
    return [{ metricName: METRIC_NAME, targetSize: 1 }];
  }

  getMetrics() {
    return [{ metricName: METRIC_NAME, value: this.neededPods }];
  }

  /** Ends its timers. */
  close(): void {
    this.#hold?.cancel();
    this.#probes?.cancel();
  }
}
