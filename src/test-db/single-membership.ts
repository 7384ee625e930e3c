/** A tier of one pod without Kubernetes: for running the database by itself. */
import { NO_MEMBERSHIP, type TierMembership } from "../model/tier-membership.ts";
import type { TierMembershipStore } from "./tier-pod.ts";

export class SingleMembership implements TierMembershipStore {
  #current: TierMembership = NO_MEMBERSHIP;
  readonly #listeners = new Set<(membership: TierMembership) => void>();

  get current(): TierMembership {
    return this.#current;
  }

  onChange(listener: (membership: TierMembership) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      const stop = this.onChange(() => {
        stop();
        resolve();
      });
    });
  }

  async update(
    change: (membership: TierMembership) => Omit<TierMembership, "revision"> | undefined,
  ): Promise<TierMembership> {
    const changed = change(this.#current);
    if (changed === undefined) return this.#current;
    this.#current = { ...changed, revision: this.#current.revision + 1 };
    for (const listener of [...this.#listeners]) listener(this.#current);
    return this.#current;
  }

  async reach(epoch: number, signal: AbortSignal): Promise<void> {
    while (this.#current.epoch < epoch) await this.changed(signal);
  }
}
