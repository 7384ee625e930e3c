import { storeMemory } from "./store-memory.ts";

const PAGE_BITS = 14;
const PAGE_LENGTH = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_LENGTH - 1;

/**
 * A column of whole numbers (32 bits) that grows page by page. An array that doubles copies all of it in one go, for
 * which the event loop waits, and as ordinary memory makes the garbage collector look at the whole heap.
 */
export class PagedColumn {
  readonly #pages: Int32Array[] = [];

  /** Another column's numbers, to be read: both hold the same memory. */
  static over(pages: readonly Int32Array[]): PagedColumn {
    const column = new PagedColumn();
    column.#pages.push(...pages);
    return column;
  }

  /** The memory of now. */
  get pages(): readonly Int32Array[] {
    return this.#pages.slice();
  }

  /** @param index of what was set */
  get(index: number): number {
    return this.#pages[index >>> PAGE_BITS][index & PAGE_MASK];
  }

  /** Pages up to that of `index` are made where they are missing, filled with 0. */
  set(index: number, value: number): void {
    const page = index >>> PAGE_BITS;
    while (page >= this.#pages.length) this.#pages.push(new Int32Array(storeMemory(4 * PAGE_LENGTH)));
    this.#pages[page][index & PAGE_MASK] = value;
  }

  get heldBytes(): number {
    return 4 * PAGE_LENGTH * this.#pages.length;
  }
}
