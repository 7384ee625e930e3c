import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { Pacer } from "../pacer.ts";
import { PairColumns } from "./pair-columns.ts";
import { SymbolNumbers } from "./symbol-numbers.ts";

async function pairsOf(columns: PairColumns, name: number, symbols: number): Promise<Map<number, number[]>> {
  const pairs = new Map<number, number[]>();
  await columns.each(
    name,
    symbols,
    new Pacer(new VirtualClock()),
    (value, series, from, to) => pairs.set(value, [...series.subarray(from, to)]),
    () => undefined,
  );
  return pairs;
}

test("PairColumns gives the series of each pair, few or many, in order (seed 5)", async () => {
  const random = seededRandom(5);
  // Few entries for the symbols are sorted, many are counted.
  for (const [entries, symbols] of [
    [1, 10],
    [2_000, 50],
    [20_000, 3_000],
    [40_000, 100],
  ]) {
    const columns = new PairColumns();
    const expected = new Map<number, number[]>();
    for (let series = 0; series < entries; series++) {
      const value = randomInteger(random, symbols);
      columns.add(3, value, series);
      columns.add(1, 0, series);
      expected.set(value, [...(expected.get(value) ?? []), series]);
    }
    assert.deepEqual(columns.names(), [1, 3]);
    const pairs = await pairsOf(columns, 3, symbols);
    assert.deepEqual(
      [...pairs],
      [...expected].sort(([a], [b]) => a - b),
    );
    assert.equal((await pairsOf(columns, 1, symbols)).get(0)!.length, entries);
  }
});

test("SymbolNumbers knows every symbol that was set", () => {
  const numbers = new SymbolNumbers();
  const symbols = ["", "a", "ab", "job", "ü", ...Array.from({ length: 1000 }, (_, i) => `id-${i}`)];
  for (const [number, symbol] of symbols.entries()) numbers.set(symbol, number);
  for (const [number, symbol] of symbols.entries()) assert.equal(numbers.get(symbol), number);
  assert.equal(numbers.get("other"), undefined);
});
