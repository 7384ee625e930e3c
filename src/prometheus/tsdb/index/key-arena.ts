/** Where the head keeps its series' label keys: bytes one after another in slabs, each with its length before it. */
import { storeMemory } from "./store-memory.ts";

const UNIT_BYTES = 8;
const SLAB_BYTES = 1 << 20;
const SLAB_UNIT_BITS = 17;
const HEADER_BYTES = 4;
/** Up to this length a loop is quicker than a view to copy from. */
const COPIED_BYTES = 256;

export class KeyArena {
  readonly #slabs: Uint8Array[] = [];
  readonly #views: DataView[] = [];
  #next = SLAB_BYTES;

  /** Another arena's keys, to be read: both hold the same memory. */
  static over(slabs: readonly Uint8Array[]): KeyArena {
    const arena = new KeyArena();
    for (const slab of slabs) {
      arena.#slabs.push(slab);
      arena.#views.push(new DataView(slab.buffer, slab.byteOffset, slab.byteLength));
    }
    return arena;
  }

  /** The memory of now. */
  get slabs(): readonly Uint8Array[] {
    return this.#slabs.slice();
  }

  /** Copies `source[start..end)` and answers its handle. */
  add(source: Uint8Array, start: number, end: number): number {
    const size = HEADER_BYTES + (end - start);
    const aligned = (size + UNIT_BYTES - 1) & -UNIT_BYTES;
    if (aligned > SLAB_BYTES) throw new RangeError(`key of ${size} bytes`);
    if (this.#next + aligned > SLAB_BYTES) {
      const slab = new Uint8Array(storeMemory(SLAB_BYTES));
      this.#slabs.push(slab);
      this.#views.push(new DataView(slab.buffer));
      this.#next = 0;
    }
    const index = this.#slabs.length - 1;
    const at = this.#next;
    this.#views[index].setUint32(at, end - start);
    const slab = this.#slabs[index];
    const shift = at + HEADER_BYTES - start;
    if (end - start <= COPIED_BYTES) for (let i = start; i < end; i++) slab[i + shift] = source[i];
    else slab.set(source.subarray(start, end), at + HEADER_BYTES);
    this.#next += aligned;
    return (index << SLAB_UNIT_BITS) | (at / UNIT_BYTES);
  }

  slab(handle: number): Uint8Array {
    return this.#slabs[handle >>> SLAB_UNIT_BITS];
  }

  view(handle: number): DataView {
    return this.#views[handle >>> SLAB_UNIT_BITS];
  }

  /** Where the key's bytes begin in its slab. */
  start(handle: number): number {
    return (handle & ((1 << SLAB_UNIT_BITS) - 1)) * UNIT_BYTES + HEADER_BYTES;
  }

  byteLength(handle: number): number {
    return this.#views[handle >>> SLAB_UNIT_BITS].getUint32(this.start(handle) - HEADER_BYTES);
  }

  get heldBytes(): number {
    return this.#slabs.length * SLAB_BYTES;
  }
}
