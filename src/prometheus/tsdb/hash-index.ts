/**
 * A hash table of numbers (open addressing) for callers that keep the keys themselves. It is in shards that grow one
 * by one: growing a table of millions in one go would block for too long.
 */

const SHARD_BITS = 6;
const SHARDS = 1 << SHARD_BITS;
const FIRST_CAPACITY = 32;

export class HashIndex {
  readonly #shards: Int32Array[] = [];
  readonly #counts = new Int32Array(SHARDS);

  constructor() {
    for (let i = 0; i < SHARDS; i++) this.#shards.push(new Int32Array(FIRST_CAPACITY));
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
    const count = ++this.#counts[shard];
    let table = this.#shards[shard];
    if (2 * count > table.length) {
      const grown = new Int32Array(2 * table.length);
      for (let i = 0; i < table.length; i++) {
        if (table[i] !== 0) enter(grown, table[i], hashes(table[i] - 1));
      }
      this.#shards[shard] = grown;
      table = grown;
    }
    enter(table, number + 1, hash);
  }

  get heldBytes(): number {
    return this.#shards.reduce((sum, table) => sum + table.byteLength, 0);
  }
}

function enter(table: Int32Array, entry: number, hash: number): void {
  const mask = table.length - 1;
  let at = hash & mask;
  while (table[at] !== 0) at = (at + 1) & mask;
  table[at] = entry;
}
