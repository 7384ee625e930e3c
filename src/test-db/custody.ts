/**
 * Custody: which tenants this pod serves, and how they come and go. The protocol is told in `mod.ts`; this is its one
 * implementation, and the rules (R1 to R5) are named where they are kept.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { HttpBody } from "../base/network.ts";
import { ownerOf, podNamed, type TierMembership } from "../model/tier-membership.ts";
import { Locks } from "./locks.ts";
import type { Offer, OfferOutcome } from "./offer.ts";
import { PeerError, type Peers } from "./peers.ts";
import type { TenantDatabase } from "./tenant-database.ts";
import type { TenantVolume } from "./tenant-volume.ts";

/** A request waits so long for its tenant to arrive before it is told to come again. */
export const ARRIVAL_WAIT_MS = 5_000;
/** Delay between two tries to reach a pod that may have the tenant. */
const ASK_RETRY_MS = 100;

/** This pod does not own the tenant: 421, look again. */
export class MisdirectedError extends Error {
  readonly epoch: number;
  constructor(tenant: string, owner: string | undefined, epoch: number) {
    super(`tenant ${tenant} belongs to ${owner ?? "no pod"} in epoch ${epoch}`);
    this.name = "MisdirectedError";
    this.epoch = epoch;
  }
}

/** The tenant cannot be served right now: 503, come again. */
export class UnavailableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnavailableError";
  }
}

/** What custody needs to know of the tier. */
export interface MembershipView {
  readonly current: TierMembership;
  /** Waits until the epoch is known. @throws the signal's reason */
  reach(epoch: number, signal: AbortSignal): Promise<void>;
  changed(signal: AbortSignal): Promise<void>;
}

/** When a tenant was last active, which travels with it. */
export interface Activity {
  touch(tenant: string, atMs: number): void;
  lastSeenMs(tenant: string): number | undefined;
  forget(tenant: string): void;
  /** Resolves when what was touched outlives a crash. @default nothing does */
  kept?(): Promise<void>;
}

export interface CustodyOptions {
  self: string;
  clock: Clock;
  log: Logger;
  membership: MembershipView;
  volume: TenantVolume;
  peers: Peers;
  activity: Activity;
}

export class Custody {
  readonly #options: CustodyOptions;
  readonly #locks = new Locks();
  readonly #arrivals = new Map<string, Promise<void>>();
  /** Tenants whose marked copy was offered in this life of the process, and to how many pods. */
  readonly #offered = new Set<string>();
  readonly #marked: Set<string>;
  /** Copies in doubt that have arrived and wait to be taken, by tenant and sender. */
  readonly #inDoubt = new Map<string, Map<string, Offer>>();
  #offerArrived = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: CustodyOptions) {
    this.#options = options;
    const { volume } = options;
    // Marked before this process began: somebody may have taken it.
    this.#marked = new Set(volume.tenants().filter((tenant) => volume.file(tenant)?.state === "handover"));
  }

  /**
   * Runs `work` on the tenant's database. `hit` tells whether the tenant was here already.
   *
   * @param epoch by which the request was routed
   * @throws MisdirectedError, UnavailableError, VolumeFullError
   */
  async use<T>(
    tenant: string,
    epoch: number,
    work: (database: TenantDatabase, hit: boolean) => Promise<T>,
  ): Promise<T> {
    const { membership } = this.#options;
    if (epoch <= membership.current.epoch) {
      const done = await this.#useHeld(tenant, (database) => work(database, true));
      if (done !== undefined) return done.value;
    }
    const deadline = this.#deadline(ARRIVAL_WAIT_MS, `tenant ${tenant} has not arrived yet`);
    try {
      await membership.reach(epoch, deadline.signal);
      for (;;) {
        await this.#arrival(tenant, deadline.signal);
        const done = await this.#useHeld(tenant, (database) => work(database, false));
        if (done !== undefined) return done.value;
        deadline.signal.throwIfAborted();
      }
    } finally {
      deadline.cancel();
    }
  }

  /** Undefined when the tenant is this pod's and not here. */
  #useHeld<T>(
    tenant: string,
    work: (database: TenantDatabase) => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    const { volume } = this.#options;
    return this.#locks.run(tenant, async () => {
      if (this.#closed) throw new UnavailableError("the pod is ending");
      this.#requireOwned(tenant);
      // R1: a file that is not marked is the tenant, whatever anyone else believes.
      if (volume.file(tenant)?.state !== "held") return undefined;
      return { value: await volume.use(tenant, work) };
    });
  }

  #deadline(waitMs: number, message: string): { signal: AbortSignal; cancel: () => void } {
    const controller = new AbortController();
    const timer = this.#options.clock.after(waitMs, () => controller.abort(new UnavailableError(message)));
    return { signal: controller.signal, cancel: () => timer.cancel() };
  }

  #requireOwned(tenant: string): void {
    const { membership, self } = this.#options;
    const owner = ownerOf(membership.current, tenant);
    if (owner?.name !== self) throw new MisdirectedError(tenant, owner?.name, membership.current.epoch);
  }

  /** Resolves when the tenant is held or the view has changed; requests of one tenant share it. */
  async #arrival(tenant: string, signal: AbortSignal): Promise<void> {
    let arrival = this.#arrivals.get(tenant);
    if (arrival === undefined) {
      arrival = this.#obtain(tenant, signal).finally(() => this.#arrivals.delete(tenant));
      this.#arrivals.set(tenant, arrival);
    }
    const gone = Promise.withResolvers<never>();
    const onAbort = () => gone.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([arrival, gone.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * R3: a tenant without a file here is new only if every pod that may still hold tenants of others says that it does
   * not have this one. Whoever has it sends it before it answers.
   */
  async #obtain(tenant: string, signal: AbortSignal): Promise<void> {
    const { membership, volume } = this.#options;
    const { epoch } = membership.current;
    await this.#askOthers(tenant, epoch, signal);
    await this.#locks.run(tenant, async () => {
      const file = volume.file(tenant);
      if (file?.state === "held" || membership.current.epoch !== epoch) return;
      this.#requireOwned(tenant);
      if (file === undefined) await volume.create(tenant);
      else await this.#reclaim(tenant);
    });
  }

  async #reclaim(tenant: string): Promise<void> {
    await this.#options.volume.reclaim(tenant);
    this.#offered.delete(tenant);
    this.#marked.delete(tenant);
  }

  /** Asks every unsettled pod whether it has the tenant, until all have said so. */
  async #askOthers(tenant: string, epoch: number, signal: AbortSignal): Promise<void> {
    const names = this.#unsettledOthers(epoch);
    await Promise.all(names.map((name) => this.#ask(name, tenant, epoch, signal)));
  }

  #unsettledOthers(epoch: number): string[] {
    const { membership, self } = this.#options;
    return membership.current.pods
      .filter(({ name, settled }) => name !== self && settled < epoch)
      .map(({ name }) => name);
  }

  async #ask(name: string, tenant: string, epoch: number, signal: AbortSignal): Promise<void> {
    const { membership, peers, clock, volume } = this.#options;
    for (;;) {
      const { current } = membership;
      const pod = podNamed(current, name);
      // Left, after it had handed over everything; settled; or everything has to be looked at anew.
      if (pod === undefined || pod.settled >= epoch || current.epoch !== epoch) return;
      if (volume.file(tenant)?.state === "held") return;
      if (pod.address !== undefined) {
        try {
          await peers.claim(pod.address, { tenant, epoch }, signal);
          return;
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          if (error.epoch > current.epoch) await membership.reach(error.epoch, signal);
        }
      }
      await clock.sleep(ASK_RETRY_MS, signal);
    }
  }

  /**
   * Another pod asks for the tenant. Answers when this pod does not have it (any more) and, being at the asker's epoch
   * or a later one, will not make it: R4.
   *
   * @throws MisdirectedError when the tenant is this pod's by a later epoch; UnavailableError when it could not be sent
   */
  async claimed(tenant: string, epoch: number, signal: AbortSignal): Promise<{ handed: boolean }> {
    const { membership, volume, self } = this.#options;
    await membership.reach(epoch, signal);
    return this.#locks.run(tenant, async () => {
      const { current } = membership;
      const owner = ownerOf(current, tenant)?.name;
      if (owner === undefined || owner === self) throw new MisdirectedError(tenant, owner, current.epoch);
      if (volume.file(tenant) === undefined) return { handed: false };
      if (!(await this.#send(tenant))) throw new UnavailableError(`tenant ${tenant} could not be sent`);
      return { handed: true };
    });
  }

  /** Tenants on the volume that belong to another pod by now. */
  foreign(): string[] {
    const { membership, volume, self } = this.#options;
    const { current } = membership;
    return volume.tenants().filter((tenant) => {
      const owner = ownerOf(current, tenant);
      return owner !== undefined && owner.name !== self;
    });
  }

  /** Sends the tenant to its owner. @returns whether it is no longer here (or no longer foreign) */
  handOver(tenant: string): Promise<boolean> {
    return this.#locks.run(tenant, () => this.#send(tenant));
  }

  /** R5: resolves when no work that began under an older view can still make or take a tenant. */
  quiesce(): Promise<void> {
    return this.#locks.quiesce();
  }

  /** Under the tenant's lock. */
  async #send(tenant: string): Promise<boolean> {
    const { membership, volume, activity, clock, peers, log, self } = this.#options;
    const file = volume.file(tenant);
    const owner = ownerOf(membership.current, tenant);
    if (file === undefined || owner === undefined || owner.name === self) return true;
    if (owner.address === undefined || this.#closed) return false;
    // R2: marked before the first byte leaves, since from the last byte on the other may have it.
    if (file.state === "held") await volume.markHandover(tenant);
    const { bytes, digest } = await volume.describe(tenant);
    const lastMs = activity.lastSeenMs(tenant);
    const offer: Offer = {
      tenant,
      from: self,
      epoch: membership.current.epoch,
      generation: file.generation,
      bytes,
      digest,
      inDoubt: this.#offered.has(tenant) || this.#marked.has(tenant),
      ...(lastMs !== undefined && { idleMs: Math.max(Math.round(clock.monotonic() - lastMs), 0) }),
    };
    this.#offered.add(tenant);
    try {
      const outcome = await peers.offer(owner.address, offer, () => volume.read(tenant));
      log.info("tenant handed over", { tenant, to: owner.name, outcome, bytes, epoch: offer.epoch });
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      log.warn("tenant could not be handed over", { tenant, to: owner.name, error });
      return false;
    }
    await volume.remove(tenant);
    activity.forget(tenant);
    this.#offered.delete(tenant);
    this.#marked.delete(tenant);
    return true;
  }

  /**
   * Takes a tenant from another pod. What it resolves with is durable.
   *
   * @throws MisdirectedError when this pod does not own it; UnavailableError when the other has to try again;
   * DamagedError when the bytes are not those that were sent
   */
  async offered(offer: Offer, body: HttpBody, signal: AbortSignal): Promise<OfferOutcome> {
    const { membership, volume, activity } = this.#options;
    const { tenant } = offer;
    await membership.reach(offer.epoch, signal);
    this.#requireOwned(tenant);
    const incoming = await volume.receive(body);
    try {
      if (incoming.bytes !== offer.bytes || incoming.digest !== offer.digest) {
        throw new DamagedError(`tenant ${tenant} arrived damaged`);
      }
      for (;;) {
        const { epoch } = membership.current;
        this.#requireOwned(tenant);
        // A third pod may have taken an earlier offer of the same copy, and written to it since.
        if (offer.inDoubt) await this.#askAboutDoubt(offer, epoch, signal);
        const outcome = await this.#locks.run(tenant, () => this.#take(offer, incoming, epoch));
        if (outcome === "superseded") await volume.discard(incoming);
        if (outcome === undefined) continue;
        // The other one forgets the tenant as soon as it is answered.
        await activity.kept?.();
        return outcome;
      }
    } catch (error) {
      await volume.discard(incoming);
      throw error;
    }
  }

  /**
   * Asks the others, except that two pods that offer copies in doubt at the same time must not wait for each other: the
   * copy that is here is the other's answer, when it was sent in this epoch. Of two such copies the newer one is taken.
   */
  async #askAboutDoubt(offer: Offer, epoch: number, signal: AbortSignal): Promise<void> {
    const { tenant, from } = offer;
    const waiting = this.#inDoubt.get(tenant) ?? new Map<string, Offer>();
    this.#inDoubt.set(tenant, waiting.set(from, offer));
    this.#offerArrived.resolve();
    this.#offerArrived = Promise.withResolvers<void>();
    const asked = new AbortController();
    const either = AbortSignal.any([signal, asked.signal]);
    const answer = async (name: string) => {
      const told = this.#ask(name, tenant, epoch, either).then(() => true);
      told.catch(() => {});
      while ((waiting.get(name)?.epoch ?? -1) < epoch) {
        if ((await Promise.race([told, this.#offerArrived.promise])) === true) return;
      }
    };
    try {
      await Promise.all(
        this.#unsettledOthers(epoch)
          .filter((name) => name !== from)
          .map(answer),
      );
      const newest = Math.max(...[...waiting.values()].map(({ generation }) => generation));
      if (newest > offer.generation) throw new UnavailableError(`a newer copy of tenant ${tenant} is here`);
    } finally {
      asked.abort(new UnavailableError("answered otherwise"));
      if (waiting.get(from) === offer) waiting.delete(from);
      if (waiting.size === 0 && this.#inDoubt.get(tenant) === waiting) this.#inDoubt.delete(tenant);
    }
  }

  /** Under the tenant's lock: R4, only an owner takes. Undefined when the view has changed. */
  async #take(
    offer: Offer,
    incoming: { path: string; bytes: number; digest: string },
    epoch: number,
  ): Promise<OfferOutcome | undefined> {
    const { membership, volume, activity, clock, log } = this.#options;
    const { tenant, generation } = offer;
    if (this.#closed) throw new UnavailableError("the pod is ending");
    if (membership.current.epoch !== epoch) return undefined;
    this.#requireOwned(tenant);
    const file = volume.file(tenant);
    const noteActivity = () => {
      if (offer.idleMs !== undefined) activity.touch(tenant, clock.monotonic() - offer.idleMs);
    };
    if (file !== undefined && file.generation > generation) {
      noteActivity();
      return "superseded";
    }
    if (file?.state === "held") {
      log.error("a tenant is held twice: the offered copy stays where it is", { tenant, from: offer.from });
      throw new UnavailableError(`tenant ${tenant} is held twice`);
    }
    await volume.install(incoming, tenant, generation + 1);
    this.#offered.delete(tenant);
    this.#marked.delete(tenant);
    noteActivity();
    return "accepted";
  }

  /** No more work; resolves when what runs has finished and every database is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#locks.quiesce();
    await this.#options.volume.close();
  }
}

/** A copy that is not what was sent. */
export class DamagedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DamagedError";
  }
}
