/**
 * A hash table of numbers (open addressing) for callers that keep the keys themselves. It is in shards that grow one
 * by one: growing a table of millions in one go would block for too long. Each shard may be filled to another degree, so
 * that their turns to grow are spread evenly over the time in which the table doubles.
 */

const SHARD_BITS = 6;
export const SHARDS = 1 << SHARD_BITS;
export const FIRST_CAPACITY = 32;
/** How full the first shard is when it grows. The others grow later, the last one at nearly twice that. */
const LEAST_LOAD = 0.3;

export class HashIndex {
  readonly #shards: Int32Array[] = [];
  readonly #counts = new Int32Array(SHARDS);
  /** How many numbers each shard takes before it grows. */
  readonly #limits = new Int32Array(SHARDS);

  constructor() {
    for (let shard = 0; shard < SHARDS; shard++) {
      this.#shards.push(new Int32Array(FIRST_CAPACITY));
      this.#limits[shard] = limitOf(shard, FIRST_CAPACITY);
    }
  }

  /**
   * The table in which numbers with this hash are, as number plus one: look from `hash & (length - 1)` on, cyclically,
   * up to the first 0.
   */
  table(hash: number): Int32Array {
    return this.#shards[hash >>> (32 - SHARD_BITS)];
  }

  /** Adds a number that is not there yet. `hashes[number]` are the hashes of all that are. */
  add(number: number, hash: number, hashes: (number: number) => number): void {
    const shard = hash >>> (32 - SHARD_BITS);
    let table = this.#shards[shard];
    if (++this.#counts[shard] > this.#limits[shard]) {
      const grown = new Int32Array(2 * table.length);
      for (let i = 0; i < table.length; i++) {
        if (table[i] !== 0) enter(grown, table[i], hashes(table[i] - 1));
      }
      this.#shards[shard] = grown;
      this.#limits[shard] = limitOf(shard, grown.length);
      table = grown;
    }
    enter(table, number + 1, hash);
  }

  get heldBytes(): number {
    return this.#shards.reduce((sum, table) => sum + table.byteLength, 0);
  }
}

function limitOf(shard: number, capacity: number): number {
  return Math.floor(capacity * LEAST_LOAD * 2 ** (shard / SHARDS));
}

function enter(table: Int32Array, entry: number, hash: number): void {
  const mask = table.length - 1;
  let at = hash & mask;
  while (table[at] !== 0) at = (at + 1) & mask;
  table[at] = entry;
}
