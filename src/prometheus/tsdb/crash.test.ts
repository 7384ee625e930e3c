/**
 * `kill -9` at random points: a child process writes, acknowledges, compacts and applies retention; after each kill
 * the directory must open and hold every acknowledged sample. `CRASH_POINTS=200` kills so often.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { randomInteger, seededRandom, systemRandom } from "../../base/random.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { openTsdb, type Tsdb } from "./mod.ts";

const POINTS = Number(process.env.CRASH_POINTS ?? 12);
const SEED = Number(process.env.CRASH_SEED ?? 1);
const T0 = 1_700_000_000_000;
const STEP_MS = 1000;
const SERIES = 40;
/** Batches after which the series of a set are others. */
const CHURN = 150;
const RETENTION_MS = 20 * 60_000;
const BLOCK_MS = 60_000;
const ALL = { minMs: 0, maxMs: 1e15 };

function open(directory: string): Promise<Tsdb> {
  return openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    minBlockDurationMs: BLOCK_MS,
    maxBlockDurationMs: 9 * BLOCK_MS,
    retentionMs: RETENTION_MS,
    outOfOrderTimeWindowMs: BLOCK_MS,
    walSegmentBytes: 256 * 1024,
    compactInBackground: false,
  });
}

const labelsOf = (id: number, batch: number) =>
  Labels.of({ __name__: "load", id: String(id), generation: String(Math.floor(batch / CHURN)) });

const LATE = Labels.of({ __name__: "late" });

function histogram(batch: number): FloatHistogram {
  return {
    counterResetHint: "unknown",
    schema: 0,
    zeroThreshold: 0.001,
    zeroCount: 0,
    count: batch,
    sum: batch * 2,
    positiveSpans: [{ offset: batch % 50, length: 1 }],
    negativeSpans: [],
    positiveBuckets: [batch],
    negativeBuckets: [],
    customValues: [],
  };
}

const acknowledgementsOf = (directory: string) => `${directory}.acknowledged`;

/** Writes batch after batch, and a line to a file for each one that is acknowledged. */
async function child(directory: string, firstBatch: number): Promise<void> {
  const acknowledgements = openSync(acknowledgementsOf(directory), "w");
  const store = await open(directory);
  let isCompacting = false;
  for (let batch = firstBatch; ; batch++) {
    const appender = store.appender();
    const timestampMs = T0 + batch * STEP_MS;
    for (let id = 0; id < SERIES; id++)
      appender.append(0, labelsOf(id, batch), timestampMs, batch * 1000 + id);
    appender.appendHistogram(0, Labels.of({ __name__: "hist" }), timestampMs, histogram(batch));
    // In groups of eight the other way round.
    appender.append(0, LATE, T0 + (batch ^ 7) * STEP_MS, batch ^ 7);
    await appender.commit();
    // To a file, since a pipe that nobody empties takes no more.
    writeSync(acknowledgements, `${batch}\n`);
    if (batch === firstBatch) writeSync(1, "started\n");
    if (batch % 30 === 0 && !isCompacting) {
      isCompacting = true;
      void store.compact().then(() => (isCompacting = false));
    }
    if (batch % 400 === 399) await store.deleteSeries([], { minMs: 0, maxMs: 1 });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** @returns the last batch that was acknowledged */
async function killAfter(directory: string, firstBatch: number, delayMs: number): Promise<number> {
  const process_ = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), "child", directory, String(firstBatch)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let onFirst = () => {};
  const first = new Promise<void>((resolve) => (onFirst = resolve));
  process_.stdout.on("data", () => onFirst());
  const ended = new Promise<number | null>((resolve) => process_.on("close", (code) => resolve(code)));
  await Promise.race([first, ended]);
  await sleep(delayMs);
  process_.kill("SIGKILL");
  assert.equal(await ended, null, "the child must live until it is killed");
  const output = readFileSync(acknowledgementsOf(directory), "utf8");
  // The kill may cut off the last line.
  return Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
}

/** Checks that all batches up to the last acknowledged that are within the retention are there; answers the newest one. */
async function verify(directory: string, acknowledged: ReadonlySet<number>, name: string): Promise<number> {
  const store = await open(directory);
  const newest = Math.max(
    ...(await store.select([], ALL))
      .filter(({ labels }) => !labels.equals(LATE))
      .map(({ timestamps }) => timestamps[timestamps.length - 1]),
  );
  const keptFrom = Math.max(...store.blocks().map((meta) => meta.maxTime), 0) - RETENTION_MS;
  const firstBatch = Math.max(1, Math.ceil((keptFrom - T0) / STEP_MS));
  const seen = new Map<number, number>();
  const late = new Set<number>();
  for (const { labels, timestamps, values, histograms } of await store.select([], ALL)) {
    for (const [i, timestampMs] of timestamps.entries()) {
      const batch = (timestampMs - T0) / STEP_MS;
      if (labels.get("__name__") === "late") {
        late.add(batch);
        assert.equal(values[i], batch, name);
        continue;
      }
      seen.set(batch, (seen.get(batch) ?? 0) + 1);
      if (histograms?.[i] !== undefined) assert.equal(histograms[i].count, batch, name);
      else assert.equal(values[i], batch * 1000 + Number(labels.get("id")), name);
    }
  }
  const lastBatch = Math.max(...acknowledged);
  for (let batch = firstBatch; batch <= lastBatch; batch++) {
    const where = `${name}: batch ${batch}, kept from ${firstBatch}`;
    assert.equal(seen.get(batch), SERIES + 1, where);
    // Of a batch that was not acknowledged, what came in order may be there alone.
    if (acknowledged.has(batch) && (batch ^ 7) >= firstBatch)
      assert.ok(late.has(batch ^ 7), `late, ${where}`);
  }
  await store.close();
  return (newest - T0) / STEP_MS;
}

if (process.argv[2] === "child") {
  await child(process.argv[3], Number(process.argv[4]));
} else {
  test(`kill -9 at ${POINTS} random points loses nothing that was acknowledged (seed ${SEED})`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "tsdb-crash-"));
    t.after(() => {
      rmSync(directory, { recursive: true, force: true });
      rmSync(acknowledgementsOf(directory), { force: true });
    });
    const random = seededRandom(SEED);
    let next = 1;
    const acknowledged = new Set<number>();
    for (let point = 0; point < POINTS; point++) {
      const last = await killAfter(directory, next, randomInteger(random, 400));
      for (let batch = next; batch <= last; batch++) acknowledged.add(batch);
      const newest = await verify(directory, acknowledged, `point ${point}`);
      assert.ok(newest >= last);
      next = newest + 1;
    }
    t.diagnostic(`${POINTS} kills, ${acknowledged.size} acknowledged batches of ${SERIES + 1} samples`);
  });

  test("a log that is cut off or has a bit flipped anywhere opens up to there (seed 21)", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "tsdb-flip-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const store = await open(directory);
    for (let batch = 1; batch <= 50; batch++) {
      const appender = store.appender();
      for (let id = 0; id < SERIES; id++) appender.append(0, labelsOf(id, 0), T0 + batch * 100, batch);
      await appender.commit();
    }
    await store.close();
    const segment = join(directory, "wal", "00000000");
    const good = readFileSync(segment);
    const random = seededRandom(21);
    for (let round = 0; round < 60; round++) {
      for (const name of readdirSync(join(directory, "wal"))) rmSync(join(directory, "wal", name));
      writeFileSync(segment, good);
      const at = randomInteger(random, good.length);
      if (round % 2 === 0) {
        truncateSync(segment, at);
      } else {
        const bad = Uint8Array.from(good);
        bad[at] ^= 1 << randomInteger(random, 8);
        writeFileSync(segment, bad);
      }
      const damaged = await open(directory);
      const found = await damaged.select([], ALL);
      const lengths = new Set(found.map((series) => series.timestamps.length));
      assert.ok(lengths.size <= 1, "whole batches only");
      for (const series of found)
        assert.deepEqual(
          [...series.values],
          Array.from(series.values, (_, i) => i + 1),
        );
      assert.ok(statSync(segment).size <= good.length);
      await damaged.close();
    }
  });
}
