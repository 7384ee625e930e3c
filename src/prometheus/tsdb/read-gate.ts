/** Lets readers share the head, which they see across several turns, and a change of its numbering have it alone. */

export class ReadGate {
  readonly #readers = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  /** Runs `read` while nothing is renumbered. */
  async read<T>(read: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    const reading = read();
    const ended = reading.then(
      () => {},
      () => {},
    );
    this.#readers.add(ended);
    try {
      return await reading;
    } finally {
      this.#readers.delete(ended);
    }
  }

  /** Resolves when the readers of now have ended; later ones go on meanwhile. */
  async settled(): Promise<void> {
    await Promise.all(this.#readers);
  }

  /** Runs `change` when there are no readers; those that come while it waits, wait for it. */
  async exclusive<T>(change: () => Promise<T> | T): Promise<T> {
    // Long queries of now are waited for with the gate open.
    await this.settled();
    while (this.#closed !== undefined) await this.#closed;
    let open = () => {};
    this.#closed = new Promise<void>((resolve) => {
      open = () => {
        this.#closed = undefined;
        resolve();
      };
    });
    try {
      while (this.#readers.size > 0) await this.settled();
      return await change();
    } finally {
      open();
    }
  }
}
