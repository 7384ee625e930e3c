/** One exchange on a virtual network: whatever waits on it ends when it is cut. Lighter than an AbortController. */
export class VirtualConnection {
  #reason: unknown;
  #isCut = false;
  #waiting: Set<(reason: unknown) => void> | undefined;
  #controller: AbortController | undefined;

  get isCut(): boolean {
    return this.#isCut;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Made for those alone who ask for it: most handlers do not. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isCut) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  cut(reason: unknown): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#reason = reason;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const stop of waiting ?? []) stop(reason);
    this.#controller?.abort(reason);
  }

  throwIfCut(): void {
    if (this.#isCut) throw this.#reason;
  }

  /** Calls back when it is cut, now if it is already. Answers how not to. */
  onCut(callback: (reason: unknown) => void): () => void {
    if (this.#isCut) {
      callback(this.#reason);
      return () => {};
    }
    this.#waiting ??= new Set();
    this.#waiting.add(callback);
    return () => void this.#waiting?.delete(callback);
  }

  /** @throws the reason as soon as it is cut */
  orCut<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const off = this.onCut(reject);
      promise.then(
        (value) => {
          off();
          resolve(value);
        },
        (error) => {
          off();
          reject(error);
        },
      );
    });
  }
}
