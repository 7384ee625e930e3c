/**
 * A tier's membership in the Kubernetes API: one ConfigMap, followed by a watch and changed with optimistic
 * concurrency.
 *
 * What is known here never goes back: an older revision, from a slow watch or a restored backup, is not taken. Should
 * somebody delete the object, the next change brings it back with the newest state that a pod knows.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { KubernetesError } from "../../model/kubernetes-status.ts";
import {
  membershipData,
  NO_MEMBERSHIP,
  parseMembership,
  type TierMembership,
} from "../../model/tier-membership.ts";
import { startInformer } from "./informer.ts";

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

export interface MembershipClientOptions {
  api: KubernetesApi;
  clock: Clock;
  /** Spreads the tries of pods that change it at the same time. */
  random: Random;
  log: Logger;
  namespace: string;
  /** Of the ConfigMap: see `membershipName`. */
  name: string;
  signal: AbortSignal;
  /** What a volume remembers from before, the least that is true. @default nothing */
  remembered?: TierMembership;
}

/** Tries of one change before its conflicts are reported: by then something else is wrong. */
export const MAX_UPDATE_TRIES = 50;
/** The delay after a conflict is random, up to this at first; the bound doubles up to the limit. */
const CONFLICT_DELAY_MS = 10;
const CONFLICT_DELAY_LIMIT_MS = 1_000;

/** The ConfigMap of a tier: `test-db-small-membership`. */
export function membershipName(tier: string): string {
  return `test-db-${tier}-membership`;
}

export class MembershipClient {
  readonly #options: MembershipClientOptions;
  readonly #listeners = new Set<(membership: TierMembership) => void>();
  #current: TierMembership;
  #refreshing: Promise<TierMembership> | undefined;

  constructor(options: MembershipClientOptions) {
    this.#options = options;
    this.#current = options.remembered ?? NO_MEMBERSHIP;
  }

  /** The newest that is known. */
  get current(): TierMembership {
    return this.#current;
  }

  /** Called after every change of `current`. Returns the call that ends it. */
  onChange(listener: (membership: TierMembership) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to follow the object. Resolves when its state, or its absence, is known. */
  async follow(): Promise<void> {
    const { api, clock, log, namespace, name, signal } = this.#options;
    const take = (object: ConfigMap) => this.#take(object);
    await startInformer<ConfigMap>({
      api,
      clock,
      signal,
      resource: RESOURCES.configMaps,
      select: { namespace, fieldSelector: `metadata.name=${name}` },
      onAdd: take,
      onUpdate: take,
      onDelete: () => log.warn("the membership was deleted: the next change restores it", { name }),
      onError: (error) => log.warn("cannot watch the membership", { name, error }),
    }).synced;
  }

  /** Asks the API. Calls at the same time share one request. */
  refresh(): Promise<TierMembership> {
    this.#refreshing ??= this.#get()
      .then(() => this.#current)
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /**
   * Waits until the epoch is known, asking the API at once.
   *
   * @throws the signal's reason
   */
  async reach(epoch: number, signal: AbortSignal): Promise<void> {
    if (this.#current.epoch >= epoch) return;
    await this.refresh().catch((error) =>
      this.#options.log.debug("cannot ask for the membership", { error }),
    );
    while (this.#current.epoch < epoch) await this.changed(signal);
  }

  /** Resolves at the next change. @throws the signal's reason */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        stop();
        reject(signal.reason);
      };
      const stop = this.onChange(() => {
        stop();
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /**
   * Changes the membership. `change` gets the state to change and returns the new one (its `revision` is set here), or
   * undefined when nothing is to be done; after a conflict it is called again with what somebody else wrote.
   *
   * @throws KubernetesError, and Error after `MAX_UPDATE_TRIES` conflicts
   */
  async update(
    change: (membership: TierMembership) => Omit<TierMembership, "revision"> | undefined,
  ): Promise<TierMembership> {
    const { clock, random, signal } = this.#options;
    let delayMs = CONFLICT_DELAY_MS;
    for (let tries = 0; tries < MAX_UPDATE_TRIES; tries++) {
      const object = await this.#get();
      const changed = change(this.#current);
      if (changed === undefined) return this.#current;
      const next: TierMembership = { ...changed, revision: this.#current.revision + 1 };
      try {
        this.#take(await this.#write(object, next));
        return this.#current;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      await clock.sleep(random.float() * delayMs, signal);
      delayMs = Math.min(delayMs * 2, CONFLICT_DELAY_LIMIT_MS);
    }
    throw new Error(`the membership of the tier was changed by others ${MAX_UPDATE_TRIES} times in a row`);
  }

  async #get(): Promise<ConfigMap | undefined> {
    const { api, namespace, name } = this.#options;
    try {
      const object = await api.get<ConfigMap>(RESOURCES.configMaps, { namespace, name });
      this.#take(object);
      return object;
    } catch (error) {
      if (error instanceof KubernetesError && error.status.code === 404) return undefined;
      throw error;
    }
  }

  #write(object: ConfigMap | undefined, next: TierMembership): Promise<ConfigMap> {
    const { api, namespace, name } = this.#options;
    const data = membershipData(next);
    if (object !== undefined) return api.replace(RESOURCES.configMaps, { ...object, data });
    const created = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
    return api.create(RESOURCES.configMaps, created as ConfigMap);
  }

  #take(object: ConfigMap): void {
    let membership: TierMembership;
    try {
      membership = parseMembership(object.data);
    } catch (error) {
      this.#options.log.error("the membership cannot be read", { name: this.#options.name, error });
      return;
    }
    if (membership.revision <= this.#current.revision) return;
    this.#current = membership;
    for (const listener of [...this.#listeners]) listener(membership);
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof KubernetesError && error.status.code === 409;
}
