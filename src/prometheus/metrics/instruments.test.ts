import assert from "node:assert/strict";
import { test } from "node:test";
import { writeTextFormat } from "../../wire/exposition/exposition-writer.ts";
import { Counter, Gauge, Histogram, MAX_SUMMARY_OBSERVATIONS, Summary } from "./instruments.ts";

function lines(
  ...instruments: { family(): Parameters<typeof writeTextFormat>[0] extends Iterable<infer F> ? F : never }[]
) {
  return writeTextFormat(instruments.map((each) => each.family()))
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("#"));
}

test("Counter is shown from the start without labels, and by sets of values with them, in order", () => {
  const plain = new Counter({ name: "a", help: "h" });
  const labelled = new Counter({ name: "b", help: "h", labels: ["x", "y"] });
  assert.deepEqual(lines(plain, labelled), ["a_total 0"]);
  plain.add(2);
  labelled.add(1, "2", "z");
  labelled.touch("1", "z");
  assert.deepEqual(lines(plain, labelled), ["a_total 2", 'b_total{x="1",y="z"} 0', 'b_total{x="2",y="z"} 1']);
  labelled.delete("2", "z");
  assert.deepEqual(lines(labelled), ['b_total{x="1",y="z"} 0']);
});

test("Gauge is set and moved", () => {
  const gauge = new Gauge({ name: "g", help: "h", labels: ["x"] });
  gauge.set(5, "a");
  gauge.add(-2, "a");
  assert.deepEqual(lines(gauge), ['g{x="a"} 3']);
});

test("Histogram counts a value on a bound below it, cumulatively", () => {
  const histogram = new Histogram({ name: "h", help: "h" }, [0.5, 1]);
  for (const value of [0.5, 0.75, 7]) histogram.observe(value);
  assert.deepEqual(lines(histogram), [
    'h_bucket{le="0.5"} 1',
    'h_bucket{le="1"} 2',
    'h_bucket{le="+Inf"} 3',
    "h_sum 8.25",
    "h_count 3",
  ]);
});

test("Summary has the quantiles of ten minutes and of a bounded number of observations", () => {
  let now = 0;
  const summary = new Summary({ name: "s", help: "h" }, [0.5, 0.99], { monotonic: () => now });
  assert.deepEqual(lines(summary)[0], 's{quantile="0.5"} NaN');
  for (let i = 1; i <= 100; i++) summary.observe(i);
  assert.deepEqual(lines(summary), [
    's{quantile="0.5"} 50',
    's{quantile="0.99"} 99',
    "s_sum 5050",
    "s_count 100",
  ]);
  for (let i = 0; i < MAX_SUMMARY_OBSERVATIONS - 1; i++) summary.observe(7);
  assert.deepEqual(lines(summary).slice(0, 2), ['s{quantile="0.5"} 7', 's{quantile="0.99"} 7']);
  now = 10 * 60_000 + 1;
  assert.deepEqual(lines(summary).slice(0, 2), ['s{quantile="0.5"} NaN', 's{quantile="0.99"} NaN']);
});
