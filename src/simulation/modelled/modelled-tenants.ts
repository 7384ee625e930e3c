/**
 * Tenants and what serves them as numbers, for fleets: no request crosses a network, no database is opened. A request
 * is answered at once where a pod is ready, waits up to `HOLD_MS` where none is, and fails then. Pods own tenants by the
 * rendezvous hash, and hand over in no time.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { ownerOf, type TierMembership } from "../../model/tier-membership.ts";
import type { Load } from "../scenario/scenario.ts";
import type { Traffic } from "../scenario/traffic.ts";

/** As the router holds a request. */
const HOLD_MS = 30_000;
const TICK_MS = 1_000;

interface Tenant {
  name: string;
  /** Of `clock.monotonic`. */
  nextMs: number;
  everyMs: number;
  endMs: number;
  answeredMs: number;
  firstAnsweredMs: number;
  sentMs: number;
  /** When requests that wait were sent. */
  waiting: number[];
  owner: string | undefined;
}

export class ModelledTenants implements Traffic {
  readonly #clock: Clock;
  readonly #activeWindowMs: number;
  readonly #tenants = new Map<string, Tenant>();
  readonly #ready = new Set<string>();
  readonly #listeners = new Set<(pending: number) => void>();
  readonly #timer: Timer;
  #pending = 0;
  #membership: TierMembership = { epoch: 0, revision: 0, pods: [] };
  served = 0;
  failed = 0;
  waited = 0;
  readonly lost = 0;

  constructor(clock: Clock, activeWindowMs: number) {
    this.#clock = clock;
    this.#activeWindowMs = activeWindowMs;
    this.#timer = clock.every(TICK_MS, () => this.#tick());
  }

  /** Requests that wait for a pod. */
  get pending(): number {
    return this.#pending;
  }

  onPending(listener: (pending: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get membership(): TierMembership {
    return this.#membership;
  }

  join(pod: string): void {
    this.#ready.add(pod);
    this.#membershipChanged();
    this.#tick();
  }

  leave(pod: string): void {
    this.#ready.delete(pod);
    this.#membershipChanged();
  }

  #membershipChanged(): void {
    const epoch = this.#membership.epoch + 1;
    const pods = [...this.#ready].sort().map((name) => {
      return { name, state: "member" as const, settled: epoch, volume: "" };
    });
    this.#membership = { epoch, revision: epoch, pods };
    for (const tenant of this.#tenants.values()) tenant.owner = ownerOf(this.#membership, tenant.name)?.name;
  }

  start({ tenants, first, everyMs }: Load, remainingMs: number): void {
    const nowMs = this.#clock.monotonic();
    for (let i = 0; i < tenants; i++) {
      const name = `tenant-${first + i}`;
      const tenant = this.#tenants.get(name) ?? this.#newTenant(name);
      tenant.nextMs = nowMs + (everyMs * i) / tenants;
      tenant.everyMs = everyMs;
      tenant.endMs = nowMs + remainingMs;
    }
  }

  #newTenant(name: string): Tenant {
    const tenant = {
      name,
      nextMs: 0,
      everyMs: 0,
      endMs: 0,
      answeredMs: Number.NEGATIVE_INFINITY,
      firstAnsweredMs: Number.POSITIVE_INFINITY,
      sentMs: Number.NEGATIVE_INFINITY,
      waiting: [],
      owner: ownerOf(this.#membership, name)?.name,
    };
    this.#tenants.set(name, tenant);
    return tenant;
  }

  /** Every request that is due. */
  #tick(): void {
    const nowMs = this.#clock.monotonic();
    const isServed = this.#ready.size > 0;
    let pending = 0;
    for (const tenant of this.#tenants.values()) {
      for (; tenant.nextMs <= nowMs && tenant.nextMs < tenant.endMs; tenant.nextMs += tenant.everyMs) {
        tenant.sentMs = tenant.nextMs;
        if (isServed) this.#answer(tenant, tenant.nextMs);
        else tenant.waiting.push(tenant.nextMs);
      }
      if (tenant.waiting.length === 0) continue;
      for (const sentMs of tenant.waiting) {
        if (isServed) {
          this.waited++;
          this.#answer(tenant, nowMs);
        } else if (nowMs - sentMs >= HOLD_MS) this.failed++;
      }
      tenant.waiting = isServed ? [] : tenant.waiting.filter((sentMs) => nowMs - sentMs < HOLD_MS);
      pending += tenant.waiting.length;
    }
    if (pending === this.#pending) return;
    this.#pending = pending;
    for (const listener of this.#listeners) listener(pending);
  }

  #answer(tenant: Tenant, atMs: number): void {
    this.served++;
    tenant.answeredMs = atMs;
    tenant.firstAnsweredMs = Math.min(tenant.firstAnsweredMs, atMs);
  }

  stop(): void {
    this.#timer.cancel();
  }

  async verify(): Promise<void> {}

  /** What each ready pod exports as its active tenants. */
  activeByPod(): Map<string, number> {
    const fromMs = this.#clock.monotonic() - this.#activeWindowMs;
    const counts = new Map([...this.#ready].map((pod) => [pod, 0]));
    for (const { answeredMs, owner } of this.#tenants.values()) {
      if (answeredMs > fromMs && owner !== undefined) counts.set(owner, counts.get(owner)! + 1);
    }
    return counts;
  }

  activeTenants(atMs: number, lateMs: number): { min: number; max: number } {
    let min = 0;
    let max = 0;
    for (const { sentMs, firstAnsweredMs, answeredMs } of this.#tenants.values()) {
      if (sentMs > atMs - this.#activeWindowMs - lateMs) max++;
      if (firstAnsweredMs <= atMs - lateMs && answeredMs > atMs - this.#activeWindowMs + lateMs) min++;
    }
    return { min, max };
  }
}
