/** A binary heap with the moves of Go's `container/heap`, since ties come out by them. */
export class ValueHeap<T> {
  readonly items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** @param isBefore whether `a` is to be nearer to the top than `b` */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get top(): T {
    return this.items[0];
  }

  push(item: T): void {
    this.items.push(item);
    let child = this.items.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(this.items[child], this.items[parent])) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  replaceTop(item: T): void {
    this.items[0] = item;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= this.items.length) return;
      const right = child + 1;
      if (right < this.items.length && this.#isBefore(this.items[right], this.items[child])) child = right;
      if (!this.#isBefore(this.items[child], this.items[parent])) return;
      this.#swap(child, parent);
      parent = child;
    }
  }

  #swap(a: number, b: number): void {
    [this.items[a], this.items[b]] = [this.items[b], this.items[a]];
  }
}
