/**
 * Which series have which label pair, noted series by series and then read pair by pair: what the postings of a block
 * are made from. Numbers in columns, since a list object for each of millions of pairs is dear.
 */
import type { Pacer } from "../pacer.ts";

/** Steps between two looks at the clock. */
const STEPS_PER_CHECK = 1 << 14;
/** Names with fewer entries than this share of all symbols are sorted; for the others symbols are counted. */
const SORTED_SHARE = 1 / 64;

/** Receives the series of one pair: `series[from..to)`, ascending. */
export type TakePair = (value: number, series: Uint32Array, from: number, to: number) => void;

export class PairColumns {
  readonly #columns = new Map<number, PairColumn>();
  #lastName = -1;
  #last: PairColumn | undefined;

  /** Series come in ascending order. */
  add(name: number, value: number, series: number): void {
    if (name !== this.#lastName) {
      this.#last = this.#columns.get(name);
      if (this.#last === undefined) this.#columns.set(name, (this.#last = new PairColumn()));
      this.#lastName = name;
    }
    this.#last!.push(value, series);
  }

  /** Ascending. */
  names(): number[] {
    return [...this.#columns.keys()].sort((a, b) => a - b);
  }

  /**
   * The pairs of a name, by ascending value.
   *
   * @param symbols one more than the highest number of a value
   * @param afterPair called between two pairs: may write out, and give way to others
   */
  async each(
    name: number,
    symbols: number,
    pacer: Pacer,
    take: TakePair,
    afterPair: () => Promise<void> | undefined,
  ): Promise<void> {
    const column = this.#columns.get(name)!;
    const { length } = column;
    const isSmall = length < symbols * SORTED_SHARE || length < STEPS_PER_CHECK;
    const [values, series] = isSmall ? sorted(column) : await counted(column, symbols, pacer);
    for (let from = 0, to = 1; to <= length; to++) {
      if (to < length && values[to] === values[from]) continue;
      take(values[from], series, from, to);
      const pause = afterPair();
      if (pause !== undefined) await pause;
      from = to;
    }
  }
}

class PairColumn {
  values = new Uint32Array(16);
  series = new Uint32Array(16);
  length = 0;

  push(value: number, series: number): void {
    if (this.length === this.values.length) {
      this.values = doubled(this.values);
      this.series = doubled(this.series);
    }
    this.values[this.length] = value;
    this.series[this.length++] = series;
  }
}

function doubled(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(2 * array.length);
  grown.set(array);
  return grown;
}

/** Values and series by value, then by series. */
function sorted({ values, series, length }: PairColumn): [Uint32Array, Uint32Array] {
  const keys = new Float64Array(length);
  for (let i = 0; i < length; i++) keys[i] = values[i] * length + i;
  keys.sort();
  const order = Uint32Array.from(keys, (key) => key % length);
  return [order.map((i) => values[i]), order.map((i) => series[i])];
}

/** As `sorted`, in time that grows with the number of entries and symbols only. */
async function counted(
  { values, series, length }: PairColumn,
  symbols: number,
  pacer: Pacer,
): Promise<[Uint32Array, Uint32Array]> {
  const isTime = (step: number) => step % STEPS_PER_CHECK === 0 && pacer.isDue();
  // Where the next entry of a value goes.
  const next = new Uint32Array(symbols + 1);
  for (let i = 0; i < length; i++) {
    next[values[i] + 1]++;
    if (isTime(i)) await pacer.pause();
  }
  for (let symbol = 0; symbol < symbols; symbol++) {
    next[symbol + 1] += next[symbol];
    if (isTime(symbol)) await pacer.pause();
  }
  const byValue = new Uint32Array(length);
  const seriesByValue = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const at = next[values[i]]++;
    byValue[at] = values[i];
    seriesByValue[at] = series[i];
    if (isTime(i)) await pacer.pause();
  }
  return [byValue, seriesByValue];
}
