/**
 * Files of a store that are cut off, have a bit flipped, or are missing, one at a time: the store opens, says what it
 * found, and what it still answers is right. `DAMAGE_POINTS=5000` damages so often.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { openTsdb, type Tsdb } from "./mod.ts";

const POINTS = Number(process.env.DAMAGE_POINTS ?? 60);
const SEED = Number(process.env.DAMAGE_SEED ?? 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T0 = Math.floor(1_700_000_000_000 / (18 * HOUR)) * 18 * HOUR;
const SERIES = 60;
const ALL = { minMs: 0, maxMs: 1e15 };
const MATCH = { minMs: T0, maxMs: T0 + 20 * MINUTE };

async function open(disk: MemoryDisk, messages: string[] = []): Promise<Tsdb> {
  const tell = (message: string) => messages.push(message);
  const log = { ...silentLogger, warn: tell, error: tell, with: () => log };
  return openTsdb({
    directory: "/data",
    disk,
    clock: systemClock,
    random: seededRandom(1),
    log,
    compactInBackground: false,
    outOfOrderTimeWindowMs: HOUR,
    walSegmentBytes: 32 * 1024,
  });
}

const labelsOf = (id: number) => Labels.of({ __name__: "m", id: String(id), pad: "x".repeat(40) });
const valueOfSample = (id: number, timestampMs: number) => id * 1e6 + (timestampMs - T0) / MINUTE;

/** Blocks, one with tombstones, a checkpoint, several segments and late samples. */
async function filled(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const store = await open(disk);
  for (let minute = 0; minute < 7 * 60; minute++) {
    const appender = store.appender();
    const timestampMs = T0 + minute * MINUTE;
    for (let id = 0; id < SERIES; id++)
      appender.append(0, labelsOf(id), timestampMs, valueOfSample(id, timestampMs));
    await appender.commit();
    if (minute % 60 === 59) await store.compact();
  }
  await store.deleteSeries(
    [{ name: "id", operator: "=", value: "3", matches: (text) => text === "3" }],
    MATCH,
  );
  const late = store.appender();
  const lateMs = T0 + 7 * HOUR - 10 * MINUTE - 30_000;
  for (let id = 0; id < SERIES; id++) late.append(0, labelsOf(id), lateMs, valueOfSample(id, lateMs));
  await late.commit();
  await store.close();
  return disk;
}

async function filesBelow(disk: MemoryDisk, directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await disk.list(directory)) {
    const path = `${directory}/${name}`;
    const stat = await disk.stat(path);
    if (stat?.isDirectory) files.push(...(await filesBelow(disk, path)));
    else if (name !== "lock") files.push(path);
  }
  return files;
}

async function copyOf(disk: MemoryDisk): Promise<MemoryDisk> {
  const copy = new MemoryDisk();
  for (const path of await filesBelow(disk, "/data")) {
    await copy.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    await copy.writeFile(path, await disk.readFile(path));
  }
  return copy;
}

/** The samples that a store answers; undefined: it says that it can't. */
async function samplesOf(store: Tsdb): Promise<number | undefined> {
  let found: Awaited<ReturnType<Tsdb["select"]>>;
  try {
    found = await store.select([], ALL);
  } catch (error) {
    const { name, code, stack } = error as Error & { code?: string };
    assert.ok(name === "CorruptionError" || code === "ENOENT", stack);
    return undefined;
  }
  let count = 0;
  for (const { labels, timestamps, values } of found) {
    const id = Number(labels.get("id"));
    count += timestamps.length;
    for (const [i, timestampMs] of timestamps.entries())
      if (values[i] !== valueOfSample(id, timestampMs))
        assert.fail(`${labels} at ${timestampMs}: ${values[i]}`);
  }
  return count;
}

/** Damages a file and tells how. */
async function damage(disk: MemoryDisk, path: string, seed: number): Promise<string> {
  const random = seededRandom(seed);
  const bytes = Uint8Array.from(await disk.readFile(path));
  const kind = bytes.length === 0 ? 2 : randomInteger(random, 3);
  const at = randomInteger(random, Math.max(1, bytes.length));
  if (kind === 0) {
    bytes[at] ^= 1 << randomInteger(random, 8);
    await disk.writeFile(path, bytes);
    return `${path}: bit flipped at ${at}`;
  }
  if (kind === 1) {
    await disk.writeFile(path, bytes.subarray(0, at));
    return `${path}: cut at ${at}`;
  }
  await disk.remove(path);
  return `${path}: removed`;
}

test(`a damaged file is repaired or set aside with a message, at ${POINTS} points (seed ${SEED})`, async (t) => {
  const good = await filled();
  const reference = await open(await copyOf(good));
  const whole = (await samplesOf(reference))!;
  await reference.close();
  const files = await filesBelow(good, "/data");
  for (const part of [
    "/chunks/",
    "/index",
    "/meta.json",
    "/tombstones",
    "/wal/checkpoint",
    "/wal/0",
    "/wbl/",
  ])
    assert.ok(
      files.some((path) => path.includes(part)),
      part,
    );
  const random = seededRandom(SEED);
  let lost = 0;
  for (let point = 0; point < POINTS; point++) {
    const disk = await copyOf(good);
    const what = await damage(disk, files[randomInteger(random, files.length)], SEED * 1e6 + point);
    const messages: string[] = [];
    const store = await open(disk, messages);
    const count = await samplesOf(store);
    // Without the file of deletions, what was deleted is there again.
    if (count !== undefined && count < whole) {
      lost++;
      // A log that ends early, at the end of a record, looks like one to which nothing more was written.
      // And no checksum guards the times in `meta.json`.
      const canBeSilent = /\/(?:wal|wbl)\/.*: (?:cut|removed)|meta\.json: bit/.test(what);
      assert.ok(
        canBeSilent || messages.length > 0,
        `${what}: ${whole - count} samples are missing without a word`,
      );
    }
    // It goes on: what is written now is there, and after another start too.
    const appender = store.appender();
    const nowMs = T0 + 7 * HOUR + MINUTE;
    appender.append(0, Labels.of({ __name__: "m", id: "99" }), nowMs, valueOfSample(99, nowMs));
    await appender.commit();
    await store.close();
    const again = await open(disk);
    const after = await samplesOf(again);
    if (count !== undefined) assert.equal(after, count + 1, what);
    await again.close();
  }
  t.diagnostic(`${POINTS} damages, ${lost} of which lost samples`);
});

test("a log with a segment missing says so, and is one that upstream opens", async () => {
  const disk = await filled();
  const segments = async () => (await disk.list("/data/wal")).filter((name) => /^\d+$/.test(name));
  const before = await segments();
  assert.ok(before.length >= 3, before.join(" "));
  await disk.remove(`/data/wal/${before[1]}`);
  const messages: string[] = [];
  await (await open(disk, messages)).close();
  assert.ok(
    messages.some((message) => message.startsWith("WAL segments are not sequential")),
    messages.join("\n"),
  );
  const first = Number(before[0]);
  assert.deepEqual(
    (await segments()).map(Number),
    (await segments()).map((_, i) => first + i),
  );
});
