/** One lock per tenant: what moves a tenant and what uses it take turns. */
export class Locks {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` when everyone who asked before has finished. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? work() : before.then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** Resolves when everything that runs or waits now has finished. */
  async quiesce(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Keys that are locked. */
  get size(): number {
    return this.#tails.size;
  }
}
