/** Tenants that write, read back what they wrote, and keep count of what they were promised. */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Network } from "../../base/network.ts";
import type { Load } from "./scenario.ts";
import type { Traffic } from "./traffic.ts";

/** A request is given up after this time: more than the router keeps one. */
const REQUEST_TIMEOUT_MS = 40_000;
/** Every so many requests of a tenant one reads instead of writing. */
const READ_EVERY = 4;
/** As many as the database lists at once. */
const LIST_PAGE = 100;
/** Waiting longer than this counts as having waited. */
const WAITED_MS = 1_000;

export interface TrafficOptions {
  network: Network;
  clock: Clock;
  /** `http://router:8080` */
  url: string;
  activeWindowMs: number;
  onFailure: (tenant: string, what: string) => void;
}

interface Tenant {
  name: string;
  requests: number;
  /** Requests that are on their way. */
  pending: number;
  /** Of `clock.monotonic`: when the last request was over, and when requests were answered first and last. */
  endedMs: number;
  firstAnsweredMs: number;
  answeredMs: number;
  /** Of writes that were answered with 201. */
  acknowledged: string[];
}

export class TenantTraffic implements Traffic {
  readonly #options: TrafficOptions;
  readonly #tenants = new Map<string, Tenant>();
  readonly #timers = new Set<Timer>();
  served = 0;
  failed = 0;
  lost = 0;
  waited = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /**
   * Starts one entry of a scenario's load: all tenants come at once, so that no scrape sees a part of them, and from then on
   * their requests are spread over the interval.
   */
  start({ tenants, first, everyMs }: Load, remainingMs: number): void {
    const { clock } = this.#options;
    for (let i = 0; i < tenants; i++) {
      const tenant = this.#tenant(`tenant-${first + i}`);
      const offsetMs = (everyMs * i) / tenants;
      void this.#request(tenant);
      const begin = clock.after(offsetMs, () => {
        this.#timers.delete(begin);
        if (offsetMs > 0) void this.#request(tenant);
        const repeat = clock.every(everyMs, () => void this.#request(tenant));
        this.#timers.add(repeat);
        const end = clock.after(Math.max(remainingMs - offsetMs, 0), () => {
          repeat.cancel();
          this.#timers.delete(repeat);
          this.#timers.delete(end);
        });
        this.#timers.add(end);
      });
      this.#timers.add(begin);
    }
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  /** Reads back everything that was acknowledged, and counts what is missing in `lost`. */
  async verify(): Promise<void> {
    for (const tenant of this.#tenants.values()) {
      const listed = await this.#list(tenant);
      const missing = tenant.acknowledged.filter((id) => !listed.has(id));
      await Promise.all(missing.map((id) => this.#read(tenant, id, false)));
    }
  }

  /** What the tenant has, page by page; of what can't be read, nothing. */
  async #list(tenant: Tenant): Promise<Set<string>> {
    const ids = new Set<string>();
    for (let offset = 0; offset < tenant.acknowledged.length + LIST_PAGE; offset += LIST_PAGE) {
      const path = `/api/v1/resources?limit=${LIST_PAGE}&offset=${offset}`;
      const answer = await this.#send(tenant, "GET", path, undefined, false);
      if (answer?.status !== 200) break;
      const { resources } = JSON.parse(answer.body) as { resources: { id: string }[] };
      for (const { id } of resources) ids.add(id);
      if (resources.length < LIST_PAGE) break;
    }
    return ids;
  }

  /**
   * How many tenants are active at the time `atMs`, for one who hears of it up to `lateMs` later: at least, since they
   * were answered early enough and late enough, and at most, since a request of theirs was under way: one that waits for
   * its pod is served when the pod is back. A pod that started with another clock than the one that it had is wrong by
   * `skewMs` about what was before.
   */
  activeTenants(atMs: number, lateMs: number, skewMs = 0): { min: number; max: number } {
    const { activeWindowMs } = this.#options;
    let min = 0;
    let max = 0;
    for (const { pending, endedMs, firstAnsweredMs, answeredMs } of this.#tenants.values()) {
      if (pending > 0 || endedMs > atMs - activeWindowMs - lateMs - skewMs) max++;
      if (firstAnsweredMs <= atMs - lateMs && answeredMs > atMs - activeWindowMs + lateMs + skewMs) min++;
    }
    return { min, max };
  }

  #tenant(name: string): Tenant {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      tenant = {
        name,
        requests: 0,
        pending: 0,
        endedMs: Number.NEGATIVE_INFINITY,
        firstAnsweredMs: Number.POSITIVE_INFINITY,
        answeredMs: Number.NEGATIVE_INFINITY,
        acknowledged: [],
      };
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  async #request(tenant: Tenant): Promise<void> {
    const number = ++tenant.requests;
    const { acknowledged } = tenant;
    if (number % READ_EVERY === 0 && acknowledged.length > 0) {
      await this.#read(tenant, acknowledged[number % acknowledged.length], true);
      return;
    }
    const body = JSON.stringify({ name: `item ${number}`, content: `of ${tenant.name}` });
    const answer = await this.#send(tenant, "POST", "/api/v1/resources", body, true);
    if (answer === undefined) return;
    if (answer.status !== 201) return this.#failure(tenant, `POST answered ${answer.status}`);
    this.served++;
    acknowledged.push((JSON.parse(answer.body) as { id: string }).id);
  }

  async #read(tenant: Tenant, id: string, counts: boolean): Promise<void> {
    const answer = await this.#send(tenant, "GET", `/api/v1/entities/${id}`, undefined, counts);
    if (answer === undefined) return;
    if (answer.status === 404) {
      this.lost++;
      this.#options.onFailure(tenant.name, `lost ${id}, which was acknowledged`);
    } else if (answer.status === 200) this.served += counts ? 1 : 0;
    else if (counts) this.#failure(tenant, `GET answered ${answer.status}`);
  }

  async #send(tenant: Tenant, method: string, path: string, body: string | undefined, counts: boolean) {
    const { network, clock, url } = this.#options;
    const headers = { "x-tenant-id": tenant.name, "content-type": "application/json" };
    const startMs = clock.monotonic();
    tenant.pending++;
    try {
      const response = await network.fetch(url + path, {
        method,
        headers,
        body,
        timeoutMs: REQUEST_TIMEOUT_MS,
      });
      const text = await response.text();
      const nowMs = clock.monotonic();
      if (nowMs - startMs > WAITED_MS) this.waited++;
      // 503 is the router's word: no pod has seen the request.
      if (response.status !== 503) {
        tenant.firstAnsweredMs = Math.min(tenant.firstAnsweredMs, nowMs);
        tenant.answeredMs = nowMs;
      }
      return { status: response.status, body: text };
    } catch (error) {
      if (counts) this.#failure(tenant, `${method}: ${(error as Error).message}`);
      return undefined;
    } finally {
      tenant.pending--;
      tenant.endedMs = clock.monotonic();
    }
  }

  #failure(tenant: Tenant, what: string): void {
    this.failed++;
    this.#options.onFailure(tenant.name, what);
  }
}
