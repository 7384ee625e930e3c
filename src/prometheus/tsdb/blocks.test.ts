import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { SeriesSamples } from "../storage.ts";
import { openTsdb, type Tsdb, type TsdbOptions } from "./mod.ts";

const HOUR = 3600_000;
const T0 = Math.floor(1_700_000_000_000 / (18 * HOUR)) * 18 * HOUR;
const ALL = { minMs: 0, maxMs: T0 + 1e10 };

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

const equals = (name: string, value: string): Matcher => ({
  name,
  operator: "=",
  value,
  matches: (text) => text === value,
});

const labelsOf = (id: number) => Labels.of({ __name__: `m${id % 3}`, id: String(id), zone: `z${id % 2}` });

/** Appends a sample a minute to each series, from `fromMin` to `toMin` minutes after T0. */
async function fill(store: Tsdb, series: number[], fromMin: number, toMin: number): Promise<void> {
  for (let minute = fromMin; minute < toMin; minute++) {
    const appender = store.appender();
    for (const id of series) appender.append(0, labelsOf(id), T0 + minute * 60_000, id * 1e6 + minute);
    await appender.commit();
  }
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => i);

function plain(series: SeriesSamples[]) {
  return series.map(({ labels, timestamps, values }) => [labels.key, [...timestamps], [...values]]);
}

test("compact() cuts blocks of two hours, merges them by level, and queries see the same", async (t) => {
  const directory = temporary(t);
  const store = await open(directory, { maxBlockDurationMs: 18 * HOUR });
  await fill(store, ids(20), 0, 25 * 60);
  const before = plain(await store.select([], ALL));
  assert.equal(before[0][1].length, 25 * 60);
  await store.compact();
  const ranges = () => store.blocks().map((meta) => [(meta.minTime - T0) / HOUR, (meta.maxTime - T0) / HOUR]);
  assert.deepEqual(
    ranges(),
    [
      [0, 18],
      [18, 20],
      [20, 22],
      [22, 24],
    ].slice(0, ranges().length),
  );
  assert.equal(store.headStats().minTime, T0 + ranges().at(-1)![1] * HOUR);
  assert.deepEqual(plain(await store.select([], ALL)), before);
  const range = { minMs: T0 + 17 * HOUR, maxMs: T0 + 24.5 * HOUR };
  assert.deepEqual(
    plain(await store.select([equals("zone", "z1")], range)),
    before
      .filter(([key]) => (key as string).endsWith("z1"))
      .map(([key, times, values]) => {
        const keep = (_: number, i: number) =>
          (times as number[])[i] >= range.minMs && (times as number[])[i] <= range.maxMs;
        return [key, (times as number[]).filter(keep), (values as number[]).filter(keep)];
      }),
  );
  assert.deepEqual(await store.labelValues("zone", [], ALL), ["z0", "z1"]);
  assert.deepEqual(await store.labelNames([equals("id", "3")], { minMs: T0, maxMs: T0 }), [
    "__name__",
    "id",
    "zone",
  ]);
  await store.close();
  const again = await open(directory);
  assert.deepEqual(plain(await again.select([], ALL)), before);
  await again.close();
});

test("series that ended leave the head and stay in blocks; new ones may take their place", async (t) => {
  const store = await open(temporary(t));
  await fill(store, ids(40), 0, 10);
  await fill(store, ids(5), 10, 5 * 60);
  await store.compact();
  assert.equal(store.headStats().numSeries, 5);
  assert.equal((await store.select([], ALL)).length, 40);
  await fill(store, [1, 39], 5 * 60, 5 * 60 + 5);
  const [revived] = await store.select([equals("id", "39")], ALL);
  assert.equal(revived.timestamps.length, 15);
  await store.close();
});

test("deleteSeries() hides samples of head and blocks at once, cleanTombstones() removes them", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  await fill(store, ids(6), 0, 6 * 60);
  await store.compact();
  const range = { minMs: T0 + 1 * HOUR, maxMs: T0 + 5.5 * HOUR };
  await store.deleteSeries([equals("zone", "z0")], range);
  const expected = ids(6 * 60)
    .filter((minute) => minute < 60 || minute > 330)
    .map((minute) => T0 + minute * 60_000);
  const check = async (tsdb: Tsdb) => {
    for (const { labels, timestamps } of await tsdb.select([], ALL)) {
      if (labels.get("zone") === "z0") assert.deepEqual([...timestamps], expected);
      else assert.equal(timestamps.length, 360);
    }
  };
  await check(store);
  assert.ok(store.blocks().some((meta) => (meta.stats?.numTombstones ?? 0) > 0));
  await store.close();
  const again = await open(directory);
  await check(again);
  await again.cleanTombstones();
  await check(again);
  assert.ok(again.blocks().every((meta) => !meta.stats?.numTombstones));
  await again.close();
});

test("deleteSeries() deletes what a series has, and nothing that it gets later", async (t) => {
  const store = await open(temporary(t));
  await fill(store, [1, 2], 0, 10);
  await fill(store, [1], 10, 30);
  await store.deleteSeries([equals("id", "2")], ALL);
  await fill(store, [2], 20, 25);
  const [, { timestamps }] = await store.select([], ALL);
  assert.deepEqual(
    [...timestamps],
    [20, 21, 22, 23, 24].map((minute) => T0 + minute * 60_000),
  );
  await store.close();
});

test("a block that takes the place of one with tombstones is of the first level, as upstream's", async (t) => {
  const directory = temporary(t);
  const store = await open(directory, { maxBlockDurationMs: 18 * HOUR });
  await fill(store, ids(3), 0, 10 * 60);
  await store.compact();
  const [before] = store.blocks();
  assert.ok(before.compaction.level > 1);
  await store.deleteSeries([equals("id", "1")], { minMs: T0, maxMs: T0 + HOUR });
  await store.cleanTombstones();
  const [{ ulid, minTime, maxTime, compaction, stats }] = store.blocks();
  assert.deepEqual([minTime, maxTime], [before.minTime, before.maxTime]);
  assert.deepEqual(compaction, {
    level: 1,
    sources: [ulid],
    parents: [{ ulid: before.ulid, minTime, maxTime }],
  });
  assert.deepEqual(Object.keys(stats!), ["numSamples", "numFloatSamples", "numSeries", "numChunks"]);
  await store.close();
});

test("retention removes blocks that are too old, or do not fit", async (t) => {
  const store = await open(temporary(t), { retentionMs: 6 * HOUR, maxBlockDurationMs: 2 * HOUR });
  await fill(store, ids(3), 0, 16 * 60);
  await store.compact();
  const newest = store.blocks().at(-1)!.maxTime;
  assert.ok(store.blocks().every((meta) => newest - meta.maxTime < 6 * HOUR));
  // Each of the first four went with the block that made it too old.
  assert.equal(store.blocks().length, 3);
  assert.equal(store.counters.timeRetentions, 4);
  // A reload of the configuration may keep less.
  store.reconfigure({ retentionMs: 2 * HOUR });
  await store.compact();
  assert.deepEqual(
    store.blocks().map((meta) => meta.maxTime),
    [newest],
  );
  await store.close();
  const small = await open(temporary(t), { retentionBytes: 1, maxBlockDurationMs: 2 * HOUR });
  await fill(small, ids(3), 0, 6 * 60);
  await small.compact();
  assert.deepEqual(small.blocks(), []);
  await small.close();
});

test("snapshot() copies everything to a directory that opens", async (t) => {
  const directory = temporary(t);
  const store = await open(directory);
  await fill(store, ids(6), 0, 6 * 60);
  await store.compact();
  const name = await store.snapshot(false);
  assert.match(name, /^\d{8}T\d{6}Z-[0-9a-f]{16}$/);
  const copy = await open(join(directory, "snapshots", name), { readOnly: true });
  assert.deepEqual(plain(await copy.select([], ALL)), plain(await store.select([], ALL)));
  await copy.close();
  await store.close();
});

test("a damaged block is set aside with a message, and what a crash left behind is removed", async (t) => {
  const directory = temporary(t);
  const store = await open(directory, { maxBlockDurationMs: 2 * HOUR });
  await fill(store, ids(6), 0, 8 * 60);
  await store.compact();
  const [first, second] = store.blocks();
  await store.close();
  const { truncateSync, mkdirSync } = await import("node:fs");
  truncateSync(join(directory, first.ulid, "index"), 100);
  mkdirSync(join(directory, "01HF0000000000000000000000.tmp-for-creation"));
  const errors: string[] = [];
  const log = { ...silentLogger, error: (message: string) => errors.push(message), with: () => silentLogger };
  const again = await open(directory, { log });
  assert.deepEqual(errors, ["Failed to open block, it is not used"]);
  assert.equal(again.blocks()[0].ulid, second.ulid);
  assert.ok(readdirSync(directory).includes(first.ulid));
  assert.ok(!readdirSync(directory).some((name) => name.includes("tmp")));
  await again.close();
});

test("the log is cut to a checkpoint from which everything in the head comes back", async (t) => {
  const directory = temporary(t);
  const store = await open(directory, { walSegmentBytes: 64 * 1024 });
  await fill(store, ids(100), 0, 6 * 60);
  await store.compact();
  assert.equal(store.counters.checkpointCreations, 1);
  const expected = plain(await store.select([], ALL));
  await store.close();
  assert.ok(readdirSync(join(directory, "wal")).some((name) => name.startsWith("checkpoint.")));
  const again = await open(directory);
  assert.deepEqual(plain(await again.select([], ALL)), expected);
  await again.close();
});
