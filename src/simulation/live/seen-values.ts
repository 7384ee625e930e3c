/** Values that follow each other, for somebody who looks at them from time to time and shall miss none. */

/** So many changes are kept for the next looks; of more, the oldest are missed. */
export const MAX_UNSEEN = 16;

/** A value that stood for less than the time between two looks is shown at the second of them, and the next one after it. */
export class SeenValues<T> {
  readonly #unseen: T[] = [];
  #shown: T | undefined;

  /** The value as it is now. */
  add(value: T): void {
    if (value === (this.#unseen.at(-1) ?? this.#shown)) return;
    this.#unseen.push(value);
    if (this.#unseen.length > MAX_UNSEEN) this.#unseen.shift();
  }

  /** The oldest that nobody has seen, or else the newest; undefined before there is any. */
  look(): T | undefined {
    this.#shown = this.#unseen.shift() ?? this.#shown;
    return this.#shown;
  }
}
