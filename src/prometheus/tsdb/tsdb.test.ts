import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { createLogger, silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { createHistogram, type FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import type { Matcher, MatchOperator } from "../matcher.ts";
import { AppendError, isStaleMarker } from "../storage.ts";
import { openTsdb, type Tsdb, type TsdbOptions } from "./mod.ts";

const T0 = 1_700_000_000_000;
const ALL = { minMs: T0 - 1e9, maxMs: T0 + 1e9 };

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "tsdb-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function open(directory: string, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  return openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    compactInBackground: false,
    ...options,
  });
}

function matcher(name: string, operator: MatchOperator, value: string): Matcher {
  const pattern = new RegExp(`^(?:${value})$`, "s");
  const matches = {
    "=": (text: string) => text === value,
    "!=": (text: string) => text !== value,
    "=~": (text: string) => pattern.test(text),
    "!~": (text: string) => !pattern.test(text),
  }[operator];
  return { name, operator, value, matches };
}

const series = (id: number) =>
  Labels.of({ __name__: `m${id % 3}`, id: String(id), parity: id % 2 ? "odd" : "even" });

async function fill(store: Tsdb, count: number, samples: number): Promise<void> {
  const refs: number[] = [];
  for (let i = 0; i < samples; i++) {
    const appender = store.appender();
    for (let id = 0; id < count; id++) {
      refs[id] = appender.append(refs[id] ?? 0, series(id), T0 + i * 15_000, id * 1000 + i);
    }
    await appender.commit();
  }
}

test("openTsdb() gives back what was committed, after closing and without it", async (t) => {
  const directory = temporary(t);
  const first = await open(directory);
  await fill(first, 20, 300);
  const before = await first.select([matcher("parity", "=", "odd")], ALL);
  assert.equal(before.length, 10);
  assert.equal(before[0].timestamps.length, 300);
  assert.equal(before[1].timestamps, before[0].timestamps, "shared");
  assert.deepEqual(before[0].labels.toObject(), { __name__: "m0", id: "15", parity: "odd" });
  assert.deepEqual([...before[0].values.subarray(0, 2)], [15000, 15001]);

  // As after a kill: a second store on the same files, nothing closed.
  const crashed = await open(directory, { readOnly: true });
  assert.deepEqual(await crashed.select([matcher("parity", "=", "odd")], ALL), before);
  await crashed.close();
  await first.close();
  const second = await open(directory);
  assert.deepEqual(await second.select([matcher("parity", "=", "odd")], ALL), before);
  await second.close();
});

test("select() answers every kind of matcher as matching one by one does", async (t) => {
  const store = await open(temporary(t));
  await fill(store, 60, 1);
  const cases: Matcher[][] = [
    [],
    [matcher("__name__", "=", "m1")],
    [matcher("__name__", "!=", "m1")],
    [matcher("id", "=~", "1|2|3|99")],
    [matcher("id", "!~", "1|2|3")],
    [matcher("id", "=~", "1.*")],
    [matcher("id", "!~", "1.*")],
    [matcher("id", "=~", ".*")],
    [matcher("id", "!~", ".*")],
    [matcher("id", "=~", ".+")],
    [matcher("id", "!~", ".+")],
    [matcher("none", "=", "")],
    [matcher("none", "!=", "")],
    [matcher("none", "=~", "|x")],
    [matcher("none", "!~", "|x")],
    [matcher("none", "=~", ".+")],
    [matcher("id", "=", "")],
    [matcher("parity", "=", "odd"), matcher("__name__", "=~", "m0|m2"), matcher("id", "!=", "5")],
  ];
  const all = Array.from({ length: 60 }, (_, id) => series(id));
  for (const matchers of cases) {
    const found = await store.select(matchers, ALL);
    const expected = all.filter((labels) => matchers.every((m) => m.matches(labels.get(m.name))));
    const name = matchers.map((m) => m.name + m.operator + m.value).join();
    assert.deepEqual(new Set(found.map((s) => s.labels.key)), new Set(expected.map((l) => l.key)), name);
    // Asked again after new series, the kept selection is completed.
    const added = series(1000 + cases.indexOf(matchers));
    all.push(added);
    const appender = store.appender();
    appender.append(0, added, T0, 1);
    await appender.commit();
    const isNewOne = matchers.every((m) => m.matches(added.get(m.name)));
    assert.equal((await store.select(matchers, ALL)).length, found.length + (isNewOne ? 1 : 0), name);
  }
  await store.close();
});

test("append() refuses with upstream's words", async (t) => {
  const store = await open(temporary(t));
  await fill(store, 1, 3);
  const appender = store.appender();
  const at = (timestampMs: number, value: number) => () => appender.append(0, series(0), timestampMs, value);
  const last = T0 + 2 * 15_000;
  for (const [run, reason] of [
    [at(last, 5), "duplicate sample for timestamp"],
    [at(T0, 5), "out of order sample"],
    [at(last - 3600_001, 5), "out of bounds"],
    [() => appender.append(0, Labels.empty, T0, 1), "invalid label set"],
  ] as const) {
    assert.throws(run, (error) => error instanceof AppendError && error.reason === reason);
  }
  at(last, 2)();
  at(last + 1, 7)();
  assert.equal(appender.appendKnown(999, last + 2, 1), false);
  await appender.commit();
  const [found] = await store.select([], ALL);
  assert.deepEqual([...found.values], [0, 1, 2, 7]);
  await store.close();
});

test("stale markers keep their bits through the log", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  const appender = store.appender();
  const ref = appender.append(0, series(1), T0, Number.NaN);
  appender.appendStale(ref, series(1), T0 + 1);
  await appender.commit();
  await store.close();
  const again = await open(directory, { readOnly: true });
  const [{ values }] = await again.select([], ALL);
  const words = new Uint32Array(values.buffer, values.byteOffset);
  assert.deepEqual([isStaleMarker(words, 0), isStaleMarker(words, 1)], [false, true]);
});

test("openTsdb() cuts a damaged log at the first bad record and says so", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  await fill(store, 10, 50);
  await store.close();
  const segment = join(directory, "wal", "00000000");
  const { size } = statSync(segment);
  appendFileSync(segment, Buffer.from([1, 0, 200, 1, 2, 3, 4, 5, 6]));
  writeFileSync(join(directory, "wal", "00000001"), Buffer.from("garbage"));
  const lines: string[] = [];
  const log = createLogger({ clock: systemClock, write: (line) => lines.push(line), format: "tab" });
  const again = await open(directory, { log });
  const found = await again.select([], ALL);
  assert.equal(found.length, 10);
  assert.equal(found[0].values.length, 50);
  assert.ok(lines.some((line) => line.includes("Encountered WAL read error, attempting repair")));
  assert.equal(statSync(segment).size, size);
  assert.equal(again.counters.walCorruptions, 1);
  await again.close();
  assert.deepEqual(readdirSync(join(directory, "wal")), ["00000000", "00000001"]);
});

test("openTsdb() refuses a directory that another process holds", async (t) => {
  const directory = temporary(t);
  const { ppid } = process;
  const { readFileSync } = await import("node:fs");
  const stat = readFileSync(`/proc/${ppid}/stat`, "utf8");
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  writeFileSync(join(directory, "lock"), `${ppid} ${start}\n`);
  await assert.rejects(open(directory), /lock .*: held by process/);
  writeFileSync(join(directory, "lock"), `${ppid} 1\n`);
  const store = await open(directory);
  await store.close();
});

test("status() counts series, pairs and values", async (t) => {
  const store = await open(temporary(t));
  await fill(store, 30, 2);
  const status = await store.status(2);
  assert.deepEqual(status.headStats, {
    numSeries: 30,
    numLabelPairs: 3 + 30 + 2,
    chunkCount: 30,
    minTime: T0,
    maxTime: T0 + 15_000,
  });
  assert.deepEqual(status.seriesCountByMetricName[0], { name: "m0", value: 10 });
  assert.deepEqual(status.labelValueCountByLabelName[0], { name: "id", value: 30 });
  assert.deepEqual(status.seriesCountByLabelValuePair[0], { name: "parity=even", value: 15 });
  await store.close();
});

test("chunks are closed at upstream's size, whatever the values (seed 12)", async (t) => {
  const store = await open(temporary(t));
  const random = seededRandom(12);
  const expected: Map<number, number[]> = new Map();
  for (let i = 0; i < 400; i++) {
    const appender = store.appender();
    for (let id = 0; id < 30; id++) {
      // From values that take no bits to values that take all of them.
      const value = random.float() < id / 30 ? new DataView(random.bytes(8).buffer).getFloat64(0) : 1;
      const finite = Number.isFinite(value) ? value : 0;
      appender.append(0, series(id), T0 + i * 7000 + Math.floor(random.float() * (id % 2) * 6000), finite);
      expected.set(id, [...(expected.get(id) ?? []), finite]);
    }
    await appender.commit();
  }
  for (const found of await store.select([], ALL)) {
    assert.deepEqual([...found.values], expected.get(Number(found.labels.get("id"))));
  }
  assert.ok(store.headStats().chunkCount > 30 * 3);
  await store.close();
});

test("histograms, exemplars, metadata and deletions come back from the log", async (t) => {
  const directory = temporary(t);
  const store = await open(directory, { maxExemplars: 10, walCompression: "snappy" });
  const labels = Labels.of({ __name__: "h" });
  const histogram = (count: number): FloatHistogram => ({
    counterResetHint: "unknown",
    schema: 3,
    zeroThreshold: 0.001,
    zeroCount: 0,
    count,
    sum: 1.5,
    positiveSpans: [{ offset: 2, length: 1 }],
    negativeSpans: [],
    positiveBuckets: [count],
    negativeBuckets: [],
    customValues: [],
  });
  const exemplar = { labels: Labels.of({ trace_id: "abc" }), value: 0.5, timestampMs: T0 };
  for (let i = 0; i < 30; i++) {
    const appender = store.appender();
    const ref = appender.appendHistogram(0, labels, T0 + i * 1000, histogram(i + (i > 20 ? 0.5 : 0)));
    if (i === 0) appender.appendExemplar(ref, labels, exemplar);
    appender.setMetadata("h", { type: "histogram", help: "seconds", unit: "s" });
    await appender.commit();
  }
  const last = store.appender();
  last.appendStale(0, labels, T0 + 30_000);
  last.append(0, labels, T0 + 31_000, 7);
  await last.commit();
  await store.deleteSeries([matcher("__name__", "=", "h")], { minMs: T0 + 1000, maxMs: T0 + 2000 });
  const check = async (tsdb: Tsdb) => {
    const [found] = await tsdb.select([], ALL);
    assert.deepEqual(
      Array.from(found.timestamps, (time, i) => [
        (time - T0) / 1000,
        found.histograms?.[i]?.count ?? found.values[i],
      ]),
      [0, ...Array.from({ length: 27 }, (_, i) => i + 3), 30, 31].map((i) => [
        i,
        i === 31 ? 7 : i === 30 ? Number.NaN : i + (i > 20 ? 0.5 : 0),
      ]),
    );
    const words = new Uint32Array(found.values.buffer, found.values.byteOffset, 2 * found.values.length);
    assert.ok(isStaleMarker(words, found.values.length - 2));
    const [{ exemplars }] = await tsdb.exemplars([[matcher("__name__", "=", "h")]], ALL);
    assert.deepEqual(exemplars, [exemplar]);
    assert.deepEqual(tsdb.metadata().get("h"), { type: "histogram", help: "seconds", unit: "s" });
  };
  await check(store);
  await store.close();
  const again = await open(directory, { maxExemplars: 10 });
  await check(again);
  await again.close();
});

test("a series of histograms that has ended is told by a stale marker, in head, log, late samples and blocks", async (t) => {
  const directory = temporary(t);
  const labels = Labels.of({ __name__: "h" });
  const histogram = createHistogram({
    count: 1,
    positiveSpans: [{ offset: 0, length: 1 }],
    positiveBuckets: [1],
  });
  const check = async (store: Tsdb, expected: string) => {
    const [{ values, histograms }] = await store.select([], ALL);
    const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
    const shown = Array.from(values, (_, i) => (histograms?.[i] ? "h" : isStaleMarker(words, i) ? "s" : "?"));
    assert.equal(shown.join(""), expected);
  };
  const options = { outOfOrderTimeWindowMs: 60_000, minBlockDurationMs: 60_000 };
  const store = await open(directory, options);
  const appender = store.appender();
  appender.appendHistogram(0, labels, T0, histogram);
  await appender.commit();
  appender.appendStale(0, labels, T0 + 20_000);
  await appender.commit();
  await check(store, "hs");
  appender.appendHistogram(0, labels, T0 + 30_000, histogram);
  await appender.commit();
  appender.appendStale(0, labels, T0 + 10_000);
  await appender.commit();
  await check(store, "hssh");
  await store.close();
  const again = await open(directory, options);
  await check(again, "hssh");
  const later = again.appender();
  later.append(0, Labels.of({ __name__: "h2" }), T0 + 300_000, 1);
  await later.commit();
  await again.compact();
  assert.ok(again.blocks().length > 0);
  const [first] = await again.select([matcher("__name__", "=", "h")], ALL);
  assert.equal(first.histograms?.filter((each) => each !== undefined).length, 2);
  await again.close();
});
