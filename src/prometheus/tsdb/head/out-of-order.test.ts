import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { systemDisk } from "../../../base/disk.ts";
import { silentLogger } from "../../../base/log.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { createHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { createMatcher } from "../../matcher.ts";
import { AppendError } from "../../storage.ts";
import { openTsdb, type Tsdb, type TsdbOptions } from "../mod.ts";
import { readWal } from "../wal/wal-reader.ts";
import { WalWriter } from "../wal/wal-writer.ts";

const HOUR = 3600_000;
const T0 = Math.floor(1_700_000_000_000 / (2 * HOUR)) * 2 * HOUR;
const ALL = { minMs: 0, maxMs: 1e15 };
const labels = Labels.of({ __name__: "late" });

function open(directory: string, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  return openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    compactInBackground: false,
    outOfOrderTimeWindowMs: 7 * HOUR,
    ...options,
  });
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "tsdb-late-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Minutes 0 to 419 in a shuffled order. */
function shuffled(seed: number): number[] {
  const random = seededRandom(seed);
  const minutes = Array.from({ length: 420 }, (_, i) => i);
  for (let i = 0; i < minutes.length; i++) {
    const j = Math.min(minutes.length - 1, i + randomInteger(random, 200));
    [minutes[i], minutes[j]] = [minutes[j], minutes[i]];
  }
  return minutes;
}

async function check(store: Tsdb): Promise<void> {
  const [series] = await store.select([], ALL);
  assert.deepEqual(
    [...series.timestamps],
    Array.from({ length: 420 }, (_, i) => T0 + i * 60_000),
  );
  assert.deepEqual(
    [...series.values],
    Array.from({ length: 420 }, (_, i) => i),
  );
  const some = { minMs: T0 + 10 * 60_000, maxMs: T0 + 12 * 60_000 };
  assert.deepEqual([...(await store.select([], some))[0].values], [10, 11, 12]);
}

test("samples within the window are taken in any order, and survive log, blocks and compaction", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  for (const minute of shuffled(3)) {
    const appender = store.appender();
    appender.append(0, labels, T0 + minute * 60_000, minute);
    await appender.commit();
  }
  assert.ok(store.counters.outOfOrderAppended > 100);
  await check(store);
  const crashed = await open(directory, { readOnly: true });
  await check(crashed);
  await store.compact();
  await check(store);
  assert.equal(readdirSync(join(directory, "wbl")).length, 1);
  await store.close();
  const again = await open(directory);
  await check(again);
  await again.close();
});

test("samples older than the window are refused as too old", async (t) => {
  const store = await open(temporary(t), { outOfOrderTimeWindowMs: HOUR });
  const appender = store.appender();
  appender.append(0, labels, T0 + 2 * HOUR, 1);
  await appender.commit();
  const next = store.appender();
  next.append(0, labels, T0 + HOUR, 2);
  assert.throws(
    () => next.append(0, labels, T0 + HOUR - 1, 3),
    (error) => error instanceof AppendError && error.reason === "too old sample",
  );
  await next.commit();
  assert.deepEqual([...(await store.select([], ALL))[0].values], [2, 1]);
  await store.close();
});

test("late samples of what the head still holds are not compacted with what it gave up", async () => {
  const disk = new MemoryDisk();
  const openAgain = () =>
    openTsdb({
      directory: "/data",
      disk,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
      compactInBackground: false,
      outOfOrderTimeWindowMs: 3 * 3600_000,
    });
  const startMs = Math.floor(1_700_000_000_000 / (18 * 3600_000)) * 18 * 3600_000;
  const series = Labels.of({ __name__: "a" });
  const store = await openAgain();
  const put = async (minute: number) => {
    const appender = store.appender();
    appender.append(0, series, startMs + minute * 60_000, minute);
    await appender.commit();
  };
  // Up to a minute before the head would give up its third range: late samples lie in that and in the one after it.
  for (let minute = 0; minute < 7 * 60; minute++) await put(minute);
  for (const minute of [5.5 * 60 + 0.5, 6.5 * 60 + 0.5]) await put(minute);
  await store.compact();
  await store.close();
  const again = await openAgain();
  const [{ values }] = await again.select([], { minMs: 0, maxMs: 1e15 });
  assert.equal(values.length, 7 * 60 + 2);
  await again.close();
});

test("a log of late samples with marks of upstream's head chunks is written anew without them", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  const histogram = createHistogram({
    count: 1,
    positiveSpans: [{ offset: 0, length: 1 }],
    positiveBuckets: [1],
  });
  for (const minute of [9, 3, 5]) {
    const appender = store.appender();
    appender.append(0, labels, T0 + minute * 60_000, minute);
    appender.appendHistogram(0, Labels.of({ __name__: "h" }), T0 + minute * 60_000, histogram);
    await appender.commit();
  }
  await store.close();
  const wbl = join(directory, "wbl");
  const segments = readdirSync(wbl);
  const marked = await WalWriter.open({ directory: wbl, disk: systemDisk });
  // Of the first series: what is before is in the chunk 1.
  marked.log([Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)]);
  await marked.close();

  const check = async (again: Tsdb) => {
    const found = await again.select([], ALL);
    assert.deepEqual(
      found.map(({ timestamps }) => Array.from(timestamps, (time) => (time - T0) / 60_000)),
      [
        [3, 5, 9],
        [3, 5, 9],
      ],
    );
  };
  const again = await open(directory);
  await check(again);
  await again.close();
  const types: number[] = [];
  const now = readdirSync(wbl).sort();
  assert.ok(segments.every((name) => !now.includes(name)));
  for await (const batch of readWal(systemDisk, wbl, now.map(Number)))
    types.push(...batch.map(({ data }) => data[0]));
  assert.deepEqual(types, [2, 7]);
  const third = await open(directory);
  await check(third);
  await third.close();
});

test("a batch may refuse late samples, and an ended series its marker, where the store takes late ones", async (t) => {
  const store = await open(temporary(t));
  const first = store.appender();
  first.append(0, labels, T0 + HOUR, 1);
  await first.commit();
  const appender = store.appender();
  const late = { name: "AppendError", reason: "out of order sample" };
  assert.throws(() => appender.appendStale(0, labels, T0, true), late);
  appender.append(0, labels, T0, 2);
  appender.appendStale(0, labels, T0 + 1);
  appender.refuseLate?.();
  assert.throws(() => appender.append(0, labels, T0 + 2, 3), late);
  appender.append(0, labels, T0 + HOUR + 1, 4);
  await appender.commit();
  const [{ timestamps }] = await store.select([createMatcher("__name__", "=", "late")], ALL);
  assert.deepEqual([...timestamps], [T0, T0 + 1, T0 + HOUR, T0 + HOUR + 1]);
  await store.close();
});

test("of samples of one batch a restart finds what was taken: the first for a time, and those behind others", async (t) => {
  const directory = temporary(t);
  const histogram = (count: number) =>
    createHistogram({ count, positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: [count] });
  const shapes = Labels.of({ __name__: "shapes" });
  const store = await open(directory);
  const appender = store.appender();
  appender.append(0, labels, T0, 1);
  appender.append(0, labels, T0, 2);
  appender.append(0, labels, T0 - 1000, 3);
  appender.append(0, labels, T0 - 1000, 4);
  appender.appendHistogram(0, shapes, T0, histogram(5));
  appender.appendHistogram(0, shapes, T0 - 1000, histogram(6));
  await appender.commit();
  const answer = async (from: Tsdb) =>
    (await from.select([], ALL)).map(({ timestamps, values, histograms }) =>
      [...timestamps].map((timestampMs, i) => [timestampMs - T0, histograms?.[i]?.count ?? values[i]]),
    );
  const expected = [
    [
      [-1000, 3],
      [0, 1],
    ],
    [
      [-1000, 6],
      [0, 5],
    ],
  ];
  assert.deepEqual(await answer(store), expected);
  await store.close();
  const again = await open(directory);
  assert.deepEqual(await answer(again), expected);
  await again.close();
});

test("figures() tells series by their newest sample; a late sample is measured, taken or not", async (t) => {
  const behind: number[] = [];
  const observe: TsdbOptions["observe"] = (what, seconds) => {
    if (what === "late sample") behind.push(seconds);
  };
  const store = await open(temporary(t), { observe });
  const name = (text: string) => Labels.of({ __name__: text });
  const histogram = createHistogram({
    count: 5,
    positiveSpans: [{ offset: 0, length: 2 }],
    positiveBuckets: [2, 2],
    negativeSpans: [{ offset: 0, length: 1 }],
    negativeBuckets: [1],
  });
  const appender = store.appender();
  for (const text of ["goes_on", "ends", "comes_back", "shape_ends"])
    appender.append(0, name(text), T0 - 120_000, 1);
  for (const text of ["shape", "shape_ends", "was_shape"])
    appender.appendHistogram(0, name(text), T0 - 60_000, histogram);
  await appender.commit();
  for (const text of ["ends", "comes_back", "shape_ends"]) appender.appendStale(0, name(text), T0 - 30_000);
  await appender.commit();
  for (const text of ["goes_on", "comes_back", "was_shape"]) appender.append(0, name(text), T0, 2);
  await appender.commit();
  assert.deepEqual((await store.figures()).newest, { stale: 2, histograms: 2, histogramBuckets: 3 });
  appender.append(0, name("goes_on"), T0 - 10_000, 3);
  assert.throws(() => appender.append(0, name("goes_on"), T0 - 8 * HOUR, 4), AppendError);
  appender.append(0, name("goes_on"), T0 + 1000, 5);
  await appender.commit();
  assert.deepEqual(behind, [10, 8 * 3600]);
  await store.close();
});
