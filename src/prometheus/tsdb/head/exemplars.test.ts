import assert from "node:assert/strict";
import { test } from "node:test";
import { Labels } from "../../../model/labels.ts";
import { AppendError } from "../../storage.ts";
import { ExemplarStorage, MAX_EXEMPLAR_LABEL_CHARACTERS } from "./exemplars.ts";

const series = (id: number) => Labels.of({ __name__: "m", id: String(id) });
const exemplar = (timestampMs: number, value = 1) => ({
  labels: Labels.of({ trace: "x" }),
  value,
  timestampMs,
});
const any = [[{ name: "id", operator: "=~" as const, value: ".*", matches: () => true }]];
const ALL = { minMs: 0, maxMs: 1e15 };

test("ExemplarStorage keeps the newest of all series", () => {
  const storage = new ExemplarStorage(4);
  for (let i = 1; i <= 6; i++) storage.add(series(i % 2), exemplar(i));
  const found = storage
    .select(any, ALL)
    .map(({ labels, exemplars }) => [labels.get("id"), exemplars.map((e) => e.timestampMs)]);
  assert.deepEqual(
    new Map(found as [string, number[]][]),
    new Map([
      ["1", [3, 5]],
      ["0", [4, 6]],
    ]),
  );
  storage.resize(2);
  assert.deepEqual(
    storage.all().map((entry) => entry.exemplar.timestampMs),
    [5, 6],
  );
  storage.resize(3);
  storage.add(series(9), exemplar(7));
  assert.deepEqual(
    storage.all().map((entry) => entry.exemplar.timestampMs),
    [5, 6, 7],
  );
  storage.resize(0);
  storage.add(series(9), exemplar(8));
  assert.deepEqual(storage.all(), []);
  assert.equal(storage.check(series(9), exemplar(9)), false);
});

test("check() leaves out repetitions and refuses older and oversized exemplars", () => {
  const storage = new ExemplarStorage(10);
  storage.add(series(1), exemplar(5, 2));
  assert.equal(storage.check(series(1), exemplar(5, 2)), false);
  assert.equal(storage.check(series(1), exemplar(5, 3)), true);
  assert.equal(storage.check(series(2), exemplar(1)), true);
  for (const older of [exemplar(4, 9), exemplar(5, 1)]) {
    assert.throws(
      () => storage.check(series(1), older),
      (error) => error instanceof AppendError && error.reason === "out of order exemplar",
    );
  }
  const labels = (characters: number) => Labels.of({ a: "é".repeat(characters - 1) });
  const check = (characters: number) => () =>
    storage.check(series(3), { ...exemplar(1), labels: labels(characters) });
  assert.equal(check(MAX_EXEMPLAR_LABEL_CHARACTERS)(), true);
  assert.throws(check(MAX_EXEMPLAR_LABEL_CHARACTERS + 1), /exceeds maximum of 128/);
});

test("an exemplar without a time of its own is the same one when it is scraped again", () => {
  const storage = new ExemplarStorage(10);
  const labels = Labels.of({ __name__: "a" });
  const seen = (timestampMs: number, value: number, isTimedByScrape: boolean) => {
    const exemplar = { labels: Labels.of({ trace_id: "x" }), value, timestampMs, isTimedByScrape };
    const isNew = storage.check(labels, exemplar);
    if (isNew) storage.add(labels, exemplar);
    return isNew;
  };
  assert.deepEqual(
    [seen(1, 5, true), seen(2, 5, true), seen(3, 6, true), seen(4, 6, false)],
    [true, false, true, true],
  );
});

test("ExemplarStorage takes late exemplars within its window, in order, and not those of a known time", () => {
  const storage = new ExemplarStorage(10);
  const labels = Labels.of({ __name__: "a" });
  const at = (timestampMs: number, value = 1) => ({ labels: Labels.empty, timestampMs, value });
  storage.add(labels, at(100));
  assert.throws(() => storage.check(labels, at(99)), /out of order exemplar/);
  storage.add(labels, at(99));
  storage.outOfOrderWindowMs = 10;
  assert.ok(storage.check(labels, at(91)));
  assert.throws(() => storage.check(labels, at(90)), /out of order exemplar/);
  for (const timestampMs of [95, 91, 105, 97]) storage.add(labels, at(timestampMs));
  assert.equal(storage.check(labels, at(97, 2)), false);
  const [{ exemplars }] = storage.select([[]], { minMs: 0, maxMs: 1000 });
  assert.deepEqual(
    exemplars.map(({ timestampMs }) => timestampMs),
    [91, 95, 97, 100, 105],
  );
  assert.equal(storage.outOfOrder, 3);
});
