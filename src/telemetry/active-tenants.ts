/**
 * Which tenants were active of late. The count is taken when somebody asks, so it falls by itself as time passes: a
 * number that is only set on requests never would, and nothing would ever scale down. Times are `Clock.monotonic`'s.
 */

/** A tenant counts as active for this long after its last request. */
export const ACTIVE_WINDOW_MS = 5 * 60_000;
/** Tenants remembered at a time. Beyond it the count stands still; KEDA's maximum is long passed then. */
export const MAX_ACTIVE_TENANTS = 100_000;

export class ActiveTenants {
  readonly #windowMs: number;
  readonly #limit: number;
  readonly #lastMs = new Map<string, { ms: number }>();

  /** @param windowMs `ACTIVE_WINDOW_MS` by default */
  constructor(windowMs = ACTIVE_WINDOW_MS, limit = MAX_ACTIVE_TENANTS) {
    this.#windowMs = windowMs;
    this.#limit = limit;
  }

  /** A request of the tenant at `nowMs`, or earlier: the latest counts. */
  touch(tenant: string, nowMs: number): void {
    const known = this.#lastMs.get(tenant);
    if (known !== undefined) {
      if (nowMs > known.ms) known.ms = nowMs;
      return;
    }
    if (this.#lastMs.size >= this.#limit) this.#prune(nowMs);
    if (this.#lastMs.size < this.#limit) this.#lastMs.set(tenant, { ms: nowMs });
  }

  /** The tenant has gone to another pod, which counts it from now on. */
  forget(tenant: string): void {
    this.#lastMs.delete(tenant);
  }

  /** When the tenant was last seen; undefined when it is not active. */
  lastSeenMs(tenant: string): number | undefined {
    return this.#lastMs.get(tenant)?.ms;
  }

  /** How many tenants had a request within the window before `nowMs`. */
  count(nowMs: number): number {
    this.#prune(nowMs);
    return this.#lastMs.size;
  }

  /** Tenants and when each was last seen. */
  *entries(): Generator<[tenant: string, lastMs: number]> {
    for (const [tenant, { ms }] of this.#lastMs) yield [tenant, ms];
  }

  #prune(nowMs: number): void {
    for (const [tenant, { ms }] of this.#lastMs) {
      if (nowMs - ms >= this.#windowMs) this.#lastMs.delete(tenant);
    }
  }
}
