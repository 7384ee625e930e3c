/** The series that got samples since one looked last, so that what was copied of them is copied once more. */
import { storeMemory } from "../index/store-memory.ts";

export class TouchedSlots {
  readonly #isTouched: Uint8Array;
  readonly #slots: Int32Array;
  #count = 0;

  /** @param length slots from here on are not noted */
  constructor(length: number) {
    this.#isTouched = new Uint8Array(storeMemory(length));
    this.#slots = new Int32Array(storeMemory(4 * length));
  }

  /** How many there are since `take`. */
  get size(): number {
    return this.#count;
  }

  add(slot: number): void {
    if (slot >= this.#isTouched.length || this.#isTouched[slot] !== 0) return;
    this.#isTouched[slot] = 1;
    this.#slots[this.#count++] = slot;
  }

  /** Those noted since the last call, each once. */
  take(): Int32Array {
    const taken = this.#slots.slice(0, this.#count);
    for (const slot of taken) this.#isTouched[slot] = 0;
    this.#count = 0;
    return taken;
  }
}
