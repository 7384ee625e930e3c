/** A set of series numbers in the making, as bits: the union of many posting lists without a sort of them all. */
import type { Pacer } from "../pacer.ts";

/** Words of bits between two looks at the clock: each holds up to 32 numbers. */
const WORDS_PER_CHECK = 1 << 14;

export class NumberSet {
  readonly #from: number;
  readonly #words: Int32Array;
  #count = 0;

  /** For numbers from `from` up to but not including `to`. */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#words = new Int32Array((Math.max(0, to - from) + 31) >>> 5);
  }

  /** How many different numbers there are. */
  get size(): number {
    return this.#count;
  }

  /** A number outside of the range is left out. */
  add(number: number): void {
    const at = number - this.#from;
    if (at < 0 || at >= 32 * this.#words.length) return;
    const bit = 1 << (at & 31);
    if ((this.#words[at >>> 5] & bit) !== 0) return;
    this.#words[at >>> 5] |= bit;
    this.#count++;
  }

  /** Ascending. */
  async toArray(pacer: Pacer): Promise<Int32Array> {
    const words = this.#words;
    const out = new Int32Array(this.#count);
    let count = 0;
    for (let i = 0; i < words.length; i++) {
      for (let word = words[i]; word !== 0; word &= word - 1)
        out[count++] = this.#from + 32 * i + (31 - Math.clz32(word & -word));
      if (i % WORDS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    return out;
  }
}
