/**
 * A pod's life in its tier: it joins when it can serve, hands over what is not its own after every change of epoch,
 * and leaves, or only goes away for a restart, when it is asked to end.
 */
import type { Clock } from "../base/clock.ts";
import type { Disk } from "../base/disk.ts";
import { isMissing } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";
import {
  membershipData,
  ownerOf,
  parseMembership,
  podNamed,
  type TierMembership,
  type TierPod,
} from "../model/tier-membership.ts";
import type { Custody } from "./custody.ts";
import type { TenantVolume } from "./tenant-volume.ts";

/** Tenants that are sent at a time. */
export const HANDOVER_CONCURRENCY = 4;
/** Delays between rounds of hand-over in which something could not be sent. */
const ROUND_MIN_MS = 100;
const ROUND_MAX_MS = 2_000;

/** The membership as this pod changes it: `MembershipClient`, or one of a single pod. */
export interface TierMembershipStore {
  readonly current: TierMembership;
  onChange(listener: (membership: TierMembership) => void): () => void;
  changed(signal: AbortSignal): Promise<void>;
  update(
    change: (membership: TierMembership) => Omit<TierMembership, "revision"> | undefined,
  ): Promise<TierMembership>;
}

export interface TierPodOptions {
  name: string;
  address: string;
  clock: Clock;
  disk: Disk;
  log: Logger;
  directory: string;
  membership: TierMembershipStore;
  custody: Custody;
  volume: TenantVolume;
}

/** The volume is not the one whose tenants this pod's entry speaks of. */
export class ForeignVolumeError extends Error {
  constructor(name: string, expected: string, found: string) {
    super(
      `${name}: the volume is ${found}, but the tenants of this pod are on volume ${expected}. ` +
        "Bring that volume back; if it is lost for good, remove the pod from the membership to start empty",
    );
    this.name = "ForeignVolumeError";
  }
}

export class TierPodLife {
  readonly #options: TierPodOptions;
  readonly #stop = new AbortController();
  #rounds: Promise<void> = Promise.resolve();
  #saved = Promise.resolve();
  #joined = false;

  constructor(options: TierPodOptions) {
    this.#options = options;
  }

  get joined(): boolean {
    return this.#joined;
  }

  /**
   * Becomes a member, or comes back as the member that it was.
   *
   * @throws ForeignVolumeError
   */
  async join(): Promise<void> {
    const { membership, name, log } = this.#options;
    const joined = await membership.update((current) => this.#joining(current));
    this.#joined = true;
    log.info("joined the tier", { epoch: joined.epoch, pods: joined.pods.map((pod) => pod.name).join(",") });
    membership.onChange((now) => this.#remember(now));
    this.#remember(joined);
    this.#rounds = this.#handOverRounds().catch((error) => {
      if (!this.#stop.signal.aborted) log.error("hand-over ended", { pod: name, error });
    });
  }

  #joining(current: TierMembership): Omit<TierMembership, "revision"> | undefined {
    const { name, address, volume } = this.#options;
    const known = podNamed(current, name);
    if (known !== undefined && known.volume !== volume.id) {
      throw new ForeignVolumeError(name, known.volume, volume.id);
    }
    const hasForeign = (membership: Omit<TierMembership, "revision">) =>
      volume.tenants().some((tenant) => ownerOf({ revision: 0, ...membership }, tenant)?.name !== name);
    if (known?.state === "member") {
      // A volume that was brought back from an older state may hold again what was handed over.
      const settled = hasForeign(current) ? 0 : known.settled;
      if (known.address === address && known.settled === settled) return undefined;
      return replacePod(current, { ...known, address, settled });
    }
    const epoch = current.epoch + 1;
    const pod: TierPod = { name, address, state: "member", settled: 0, volume: volume.id };
    const next = replacePod({ ...current, epoch }, pod);
    return hasForeign(next) ? next : replacePod(next, { ...pod, settled: epoch });
  }

  /** Keeps the newest state on the volume: the least that is true, should the object in the API be lost. */
  #remember(membership: TierMembership): void {
    const { disk, directory, log } = this.#options;
    const text = JSON.stringify(membershipData(membership));
    this.#saved = this.#saved
      .then(() => disk.writeFile(`${directory}/membership.json`, text))
      .catch((error) => log.warn("cannot keep the membership on the volume", { error }));
  }

  /** Sends away what is not this pod's, round by round, and says so when nothing is left. */
  async #handOverRounds(): Promise<void> {
    const { membership, clock, name } = this.#options;
    const { signal } = this.#stop;
    let delayMs = ROUND_MIN_MS;
    while (!signal.aborted) {
      const { revision, epoch } = membership.current;
      const entry = podNamed(membership.current, name);
      if (entry !== undefined && entry.settled < epoch) {
        const settled = (await this.#round()) && (await this.#settle(epoch));
        if (!settled) {
          await clock.sleep(delayMs, signal);
          delayMs = Math.min(delayMs * 2, ROUND_MAX_MS);
          continue;
        }
      }
      delayMs = ROUND_MIN_MS;
      if (membership.current.revision === revision) await membership.changed(signal);
    }
  }

  /** One try for every tenant that is another's. @returns whether none is left */
  async #round(): Promise<boolean> {
    const { custody, log } = this.#options;
    // R5: nothing that began under an older view may add a tenant behind the list's back.
    await custody.quiesce();
    const waiting = custody.foreign();
    if (waiting.length === 0) return true;
    const worker = async () => {
      for (let tenant = waiting.pop(); tenant !== undefined; tenant = waiting.pop()) {
        if (this.#stop.signal.aborted) return;
        await custody.handOver(tenant).catch((error) => log.warn("hand-over failed", { tenant, error }));
      }
    };
    await Promise.all(Array.from({ length: HANDOVER_CONCURRENCY }, worker));
    return custody.foreign().length === 0;
  }

  /** Says that nothing of others is left here by this epoch. @returns false when it could not be said */
  async #settle(epoch: number): Promise<boolean> {
    const { membership, name, log } = this.#options;
    try {
      await membership.update((current) => {
        const pod = podNamed(current, name);
        // By a later epoch something may be another's again: the next round looks.
        if (pod === undefined || pod.settled >= epoch || current.epoch !== epoch) return undefined;
        return replacePod(current, { ...pod, settled: epoch });
      });
      return true;
    } catch (error) {
      log.warn("cannot tell the tier that everything is handed over", { error });
      return false;
    }
  }

  /**
   * Leaves for good: owns nothing from the next epoch on, hands everything over, and only then takes its entry away.
   * The last member stays, with its tenants on its volume.
   *
   * @throws the signal's reason, when the time is over: what is left stays on the volume, and the entry says so
   */
  async leave(signal: AbortSignal): Promise<"left" | "last"> {
    const { membership, name, clock, log } = this.#options;
    for (;;) {
      const after = await membership.update((current) => leaving(current, name));
      const entry = podNamed(after, name);
      if (entry === undefined) return "left";
      if (entry.state === "member") {
        // The others of a tier that goes to zero hand over to this one first.
        if (after.pods.length === 1) return "last";
        await membership.changed(signal);
        continue;
      }
      log.info("leaving the tier", { epoch: after.epoch, tenants: this.#options.volume.tenants().length });
      await this.#whenEmpty(signal);
      await this.#options.custody.quiesce();
      if (this.#options.volume.tenants().length > 0) continue;
      await membership.update((current) => ({
        ...current,
        pods: current.pods.filter((pod) => pod.name !== name),
      }));
      await clock.sleep(0);
      return "left";
    }
  }

  async #whenEmpty(signal: AbortSignal): Promise<void> {
    while (this.#options.volume.tenants().length > 0) {
      await this.#options.clock.sleep(ROUND_MIN_MS / 2, signal);
    }
  }

  /** Says that the pod is away for a while, so that nobody tries its address. */
  async goAway(): Promise<void> {
    const { membership, name } = this.#options;
    await membership.update((current) => {
      const pod = podNamed(current, name);
      if (pod?.address === undefined) return undefined;
      const { address: _, ...away } = pod;
      return replacePod(current, away);
    });
  }

  /** Ends the rounds. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the pod is ending"));
    await this.#rounds;
    await this.#saved;
  }
}

function leaving(current: TierMembership, name: string): Omit<TierMembership, "revision"> | undefined {
  const pod = podNamed(current, name);
  if (pod === undefined || pod.state === "leaving") return undefined;
  const others = current.pods.filter((other) => other.name !== name && other.state === "member");
  if (others.length === 0) return undefined;
  return replacePod({ ...current, epoch: current.epoch + 1 }, { ...pod, state: "leaving" });
}

function replacePod<T extends Omit<TierMembership, "revision">>(membership: T, pod: TierPod): T {
  const others = membership.pods.filter(({ name }) => name !== pod.name);
  const pods = [...others, pod].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...membership, pods };
}

/** What the volume remembers of the membership; undefined when it remembers nothing. */
export async function rememberedMembership(
  disk: Disk,
  directory: string,
): Promise<TierMembership | undefined> {
  try {
    const text = new TextDecoder().decode(await disk.readFile(`${directory}/membership.json`));
    return parseMembership(JSON.parse(text) as Record<string, string>);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new Error(`${directory}/membership.json: ${(error as Error).message}`);
  }
}
