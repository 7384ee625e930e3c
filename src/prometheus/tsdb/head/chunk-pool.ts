/**
 * Memory for the chunks of the head: pieces of a few sizes, cut from large slabs and reused, so that a million chunks
 * are no objects of the garbage collector. A piece is known by its handle, a number.
 */

import { DECODE_SLACK_BYTES } from "../chunks/xor-decoder.ts";
import { storeMemory } from "../index/store-memory.ts";

const UNIT_BYTES = 32;
const SLAB_UNITS = 1 << 15;
const SLAB_UNIT_BITS = 15;
const SLAB_BYTES = SLAB_UNITS * UNIT_BYTES;

/**
 * Piece sizes, in units. Of 36 units are those for upstream's largest float chunk (1,024 bytes) with what encoders need;
 * those beyond are for native histograms.
 */
const CLASS_UNITS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 36, 48, 64, 96, 128, 192, 256];
const LARGEST_POOLED_BYTES = CLASS_UNITS[CLASS_UNITS.length - 1] * UNIT_BYTES;
/** The class for a number of units. */
const CLASS_OF_UNITS = Uint8Array.from({ length: CLASS_UNITS[CLASS_UNITS.length - 1] + 1 }, (_, units) =>
  CLASS_UNITS.findIndex((u) => u >= units),
);

/** No piece. Handles of larger pieces than the pool's, which are arrays of their own, are below it. */
export const NO_PIECE = -1;

/** What a pool holds: slabs, whose memory is shared, and pieces of their own, whose memory is not. */
export interface PoolMemory {
  slabs: readonly DataView[];
  large: readonly (DataView | undefined)[];
}

export class ChunkPool {
  readonly #views: DataView[] = [];
  readonly #free: FreeList[] = CLASS_UNITS.map(() => new FreeList());
  readonly #large: (DataView | undefined)[] = [];
  readonly #freeLarge: number[] = [];
  #nextUnit = SLAB_UNITS;

  /** Another pool's pieces, to be read. */
  static over({ slabs, large }: PoolMemory): ChunkPool {
    const pool = new ChunkPool();
    pool.#views.push(...slabs);
    pool.#large.push(...large);
    return pool;
  }

  /** The memory of now. */
  get memory(): PoolMemory {
    return { slabs: this.#views.slice(), large: this.#large.slice() };
  }

  /** @returns the handle of at least `byteLength` bytes; their content is arbitrary */
  allocate(byteLength: number): number {
    if (byteLength > LARGEST_POOLED_BYTES) return this.#allocateLarge(byteLength);
    const size = CLASS_OF_UNITS[Math.ceil(byteLength / UNIT_BYTES)];
    const free = this.#free[size];
    if (free.length > 0) return free.pop();
    const units = CLASS_UNITS[size];
    if (this.#nextUnit + units > SLAB_UNITS) {
      this.#views.push(new DataView(storeMemory(SLAB_BYTES + DECODE_SLACK_BYTES)));
      this.#nextUnit = 0;
    }
    const handle = ((this.#views.length - 1) << SLAB_UNIT_BITS) | this.#nextUnit;
    this.#nextUnit += units;
    return handle;
  }

  /** @param byteLength what was asked for, or any number of bytes that takes the same piece */
  release(handle: number, byteLength: number): void {
    if (handle >= 0) {
      this.#free[CLASS_OF_UNITS[Math.ceil(byteLength / UNIT_BYTES)]].push(handle);
    } else if (handle < NO_PIECE) {
      this.#large[-2 - handle] = undefined;
      this.#freeLarge.push(-2 - handle);
    }
  }

  /** How many bytes a piece for `byteLength` really has. */
  static capacity(byteLength: number): number {
    if (byteLength > LARGEST_POOLED_BYTES) return byteLength;
    return CLASS_UNITS[CLASS_OF_UNITS[Math.ceil(byteLength / UNIT_BYTES)]] * UNIT_BYTES;
  }

  /** The memory that a piece lies in; it begins at `offset(handle)`. Readable `DECODE_SLACK_BYTES` beyond the piece. */
  view(handle: number): DataView {
    return handle >= 0 ? this.#views[handle >>> SLAB_UNIT_BITS] : this.#large[-2 - handle]!;
  }

  offset(handle: number): number {
    return handle >= 0 ? (handle & (SLAB_UNITS - 1)) * UNIT_BYTES : 0;
  }

  /** The first `byteLength` bytes of a piece, not a copy. */
  bytes(handle: number, byteLength: number): Uint8Array {
    const view = this.view(handle);
    return new Uint8Array(view.buffer, view.byteOffset + this.offset(handle), byteLength);
  }

  /** Moves the first `byteLength` bytes from one piece to another. */
  copy(from: number, to: number, byteLength: number): void {
    this.bytes(to, byteLength).set(this.bytes(from, byteLength));
  }

  /** Bytes of memory that the pool holds. */
  get heldBytes(): number {
    return this.#views.length * SLAB_BYTES + this.#large.reduce((sum, v) => sum + (v?.byteLength ?? 0), 0);
  }

  #allocateLarge(byteLength: number): number {
    const view = new DataView(new ArrayBuffer(byteLength + DECODE_SLACK_BYTES));
    const index = this.#freeLarge.pop() ?? this.#large.length;
    this.#large[index] = view;
    return -2 - index;
  }
}

/** A stack of handles. */
class FreeList {
  #handles = new Int32Array(64);
  length = 0;

  push(handle: number): void {
    if (this.length === this.#handles.length) {
      const grown = new Int32Array(2 * this.length);
      grown.set(this.#handles);
      this.#handles = grown;
    }
    this.#handles[this.length++] = handle;
  }

  pop(): number {
    return this.#handles[--this.length];
  }
}
