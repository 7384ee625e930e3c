/** Answers that only make sense as upstream's, each seen there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Labels } from "../../model/labels.ts";
import { Engine, MemoryQueryable } from "./mod.ts";

const clock = { monotonic: () => 0, sleep: async () => {} };

/** Samples every 15 s from 0. */
function engineOf(series: Record<string, (i: number) => number>): Engine {
  const store = new MemoryQueryable();
  for (const [text, value] of Object.entries(series)) {
    const labels = Object.fromEntries(text.split(",").map((each) => each.split("=")));
    const points = Array.from({ length: 41 }, (_, i) => ({ timestampMs: i * 15_000, value: value(i) }));
    store.add(Labels.of(labels), points);
  }
  return new Engine({ queryable: store, clock, parser: { extendedRangeSelectors: true } });
}

test("instant() has upstream's last digits, infinities and times", async () => {
  const engine = engineOf({ "__name__=m": (i) => i });
  const cases: [query: string, value: number][] = [
    ["vector(1e3) ^ 2.5 % 1", 0.6016837880015373],
    ["exp(vector(709.5))", Number.POSITIVE_INFINITY],
    ["deg(vector(0.1))", 5.729577951308232],
    ["deg(vector(1e307))", 1e307 * (180 / Math.PI)],
    ["rad(vector(1e308))", 1e308 * (Math.PI / 180)],
    // A subquery that begins with the step of the query does not have the time of `@` computed again.
    ["sum_over_time((m @ 300)[60s:60s] offset -1ms)", 19],
    ["sum_over_time((m @ 300)[60s:60s] offset -1s)", 19],
    ["sum_over_time((m @ 300)[60s:45s] offset -1s)", 20],
    // Of the time of `@` an offset takes away what it selects, but not where it looks.
    ["timestamp(m @ 300 offset -1m)", 300],
    ["timestamp(m @ 300 offset 1m)", 240],
  ];
  for (const [query, value] of cases) {
    const result = await engine.instant(query, 600_000);
    assert.ok(result.kind === "vector");
    assert.deepEqual(
      result.samples.map((sample) => sample.value),
      [value],
      query,
    );
  }
});

test("range() adds up a counter's resets apart from the difference between its ends", async () => {
  const values = [5, 0.1, 0.2, 0.1, 0.3, 0.7, 0.1];
  const engine = engineOf({ "__name__=c": (i) => values[i % values.length] });
  const { series } = await engine.range("increase(c[60s] anchored)", 60_000, 60_000, 1000);
  assert.equal(series[0].values[0], 0.3 - 5 + (5 + 0.2));
  assert.notEqual(0.3 - 5 + (5 + 0.2), 0.3 - 5 + 5 + 0.2);
});

test("range() names the first of too many on the one side, whatever the other side has", async () => {
  const labels = ["p=a,x=1", "p=a,x=2", "p=b,x=1", "p=b,x=2"];
  const right = Object.fromEntries(labels.map((each) => [`__name__=r,${each}`, () => 1]));
  const engine = engineOf({ "__name__=l,p=b": () => 1, ...right });
  await assert.rejects(engine.range("l + on (p) r", 0, 60_000, 15_000), {
    message:
      /match group \{p="a"\} on the right hand-side of the operation: \[\{__name__="r", p="a", x="1"\}/,
  });
});
