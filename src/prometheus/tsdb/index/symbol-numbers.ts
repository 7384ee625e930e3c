/** From symbols to their numbers, in shards: a map of millions blocks for long each time that it grows. */

const SHARD_BITS = 7;
const SHARDS = 1 << SHARD_BITS;

export class SymbolNumbers {
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, number>());

  set(symbol: string, number: number): void {
    this.#shards[shardOf(symbol)].set(symbol, number);
  }

  get(symbol: string): number | undefined {
    return this.#shards[shardOf(symbol)].get(symbol);
  }
}

/** Ids that are counted up differ at their end. */
function shardOf(symbol: string): number {
  const { length } = symbol;
  let hash = length;
  for (let i = Math.max(0, length - 4); i < length; i++) hash = Math.imul(hash, 31) + symbol.charCodeAt(i);
  return (hash ^ (hash >>> SHARD_BITS)) & (SHARDS - 1);
}
