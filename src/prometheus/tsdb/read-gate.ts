/** Lets readers share the head, which they see across several turns, and a change of its numbering have it alone. */

export class ReadGate {
  #readers = 0;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void)[] = [];

  /** Runs `read` while nothing is renumbered. */
  async read<T>(read: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    this.#readers++;
    try {
      return await read();
    } finally {
      this.#readers--;
      if (this.#readers === 0) for (const resume of this.#onEmpty.splice(0)) resume();
    }
  }

  /** Runs `change` when all readers have ended; later ones wait for it. */
  async exclusive<T>(change: () => Promise<T> | T): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    let open = () => {};
    this.#closed = new Promise<void>((resolve) => {
      open = () => {
        this.#closed = undefined;
        resolve();
      };
    });
    try {
      if (this.#readers > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
      return await change();
    } finally {
      open();
    }
  }
}
