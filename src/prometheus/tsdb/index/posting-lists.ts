/**
 * The series of many label pairs, as ascending slots. Most pairs have one series or a few: those lie in pieces of
 * shared pages, since an array of its own for each would be the greater part of what a new series costs.
 */
import { PagedColumn } from "./paged-column.ts";
import { storeMemory } from "./store-memory.ts";

const PAGE_BITS = 16;
const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;
/** Pieces hold 4, 8, … slots. */
const SMALLEST_PIECE = 4;
/** A longer list has an array of its own. */
export const LARGEST_PIECE = 64;
const PIECE_SIZES = 1 + Math.log2(LARGEST_PIECE / SMALLEST_PIECE);
const NO_PIECE = -1;

export class PostingLists {
  readonly #lengths = new PagedColumn();
  /** The slot where there is one, then where the piece begins, then the number of the array. */
  readonly #places = new PagedColumn();
  readonly #pages: Int32Array[] = [];
  /** Where the next piece is cut from the last page. */
  #next = PAGE_SLOTS;
  /** For each size the first piece that is free; its first word leads to the next. */
  readonly #free = new Int32Array(PIECE_SIZES).fill(NO_PIECE);
  readonly #large: Int32Array[] = [];

  /** The number of series of a pair. */
  lengthOf(pair: number): number {
    return this.#lengths.get(pair);
  }

  /** The only series of a pair that has one. */
  onlySlotOf(pair: number): number {
    return this.#places.get(pair);
  }

  /** The list of a pair, which has none yet, with its first slot. */
  begin(pair: number, slot: number): void {
    this.#lengths.set(pair, 1);
    this.#places.set(pair, slot);
  }

  /** The list of a pair, which has none yet, with all its slots: at least one. */
  set(pair: number, slots: Int32Array): void {
    this.begin(pair, slots[0]);
    if (slots.length <= LARGEST_PIECE) for (let i = 1; i < slots.length; i++) this.push(pair, slots[i]);
    else {
      this.#lengths.set(pair, slots.length);
      this.#places.set(pair, this.#large.push(slots) - 1);
    }
  }

  /** Adds a slot that is higher than the others. */
  push(pair: number, slot: number): void {
    const length = this.#lengths.get(pair);
    this.#lengths.set(pair, length + 1);
    if (length > LARGEST_PIECE) this.#pushLarge(this.#places.get(pair), length, slot);
    else if (length === 1) this.#pushSecond(pair, slot);
    else {
      const isFull = length >= SMALLEST_PIECE && (length & (length - 1)) === 0;
      if (length === LARGEST_PIECE) this.#leavePieces(pair, slot);
      else {
        const piece = isFull ? this.#grow(pair, length) : this.#places.get(pair);
        this.#pages[piece >>> PAGE_BITS][(piece & PAGE_MASK) + length] = slot;
      }
    }
  }

  /** What is in the list now: does not change when slots are added. */
  slotsOf(pair: number): Int32Array {
    const length = this.#lengths.get(pair);
    const place = this.#places.get(pair);
    if (length === 1) return Int32Array.of(place);
    if (length > LARGEST_PIECE) return this.#large[place].subarray(0, length);
    // A copy: when the list grows, its piece becomes another's.
    const start = place & PAGE_MASK;
    return this.#pages[place >>> PAGE_BITS].slice(start, start + length);
  }

  /** Bytes of memory held. */
  get heldBytes(): number {
    const large = this.#large.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return this.#lengths.heldBytes + this.#places.heldBytes + 4 * PAGE_SLOTS * this.#pages.length + large;
  }

  #pushSecond(pair: number, slot: number): void {
    const piece = this.#allocate(0);
    const page = this.#pages[piece >>> PAGE_BITS];
    page[piece & PAGE_MASK] = this.#places.get(pair);
    page[(piece & PAGE_MASK) + 1] = slot;
    this.#places.set(pair, piece);
  }

  #pushLarge(index: number, length: number, slot: number): void {
    let list = this.#large[index];
    if (length === list.length) this.#large[index] = list = resized(list, length + (length >>> 1));
    list[length] = slot;
  }

  /** Moves a list that fills its piece to one of twice the size. */
  #grow(pair: number, length: number): number {
    const size = sizeOf(length);
    const from = this.#places.get(pair);
    const to = this.#allocate(size + 1);
    const source = this.#pages[from >>> PAGE_BITS];
    const target = this.#pages[to >>> PAGE_BITS];
    for (let i = 0; i < length; i++) target[(to & PAGE_MASK) + i] = source[(from & PAGE_MASK) + i];
    this.#release(from, size);
    this.#places.set(pair, to);
    return to;
  }

  /** Moves a list that fills the largest piece to an array. */
  #leavePieces(pair: number, slot: number): void {
    const from = this.#places.get(pair);
    const start = from & PAGE_MASK;
    const list = new Int32Array(2 * LARGEST_PIECE);
    list.set(this.#pages[from >>> PAGE_BITS].subarray(start, start + LARGEST_PIECE));
    list[LARGEST_PIECE] = slot;
    this.#release(from, PIECE_SIZES - 1);
    this.#places.set(pair, this.#large.push(list) - 1);
  }

  #allocate(size: number): number {
    const free = this.#free[size];
    if (free !== NO_PIECE) {
      this.#free[size] = this.#pages[free >>> PAGE_BITS][free & PAGE_MASK];
      return free;
    }
    const slots = SMALLEST_PIECE << size;
    if (this.#next + slots > PAGE_SLOTS) {
      this.#pages.push(new Int32Array(storeMemory(4 * PAGE_SLOTS)));
      this.#next = 0;
    }
    const piece = ((this.#pages.length - 1) << PAGE_BITS) | this.#next;
    this.#next += slots;
    return piece;
  }

  #release(piece: number, size: number): void {
    this.#pages[piece >>> PAGE_BITS][piece & PAGE_MASK] = this.#free[size];
    this.#free[size] = piece;
  }
}

/** Which of the sizes a full piece of `length` slots has. */
function sizeOf(length: number): number {
  return 31 - Math.clz32(length / SMALLEST_PIECE);
}

function resized(old: Int32Array, capacity: number): Int32Array {
  // As ordinary memory, what grows would make the garbage collector look at the whole heap.
  const array = new Int32Array(storeMemory(4 * capacity));
  array.set(old);
  return array;
}
