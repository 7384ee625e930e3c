import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { systemDisk } from "../../../base/disk.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { compareLabels, compareStrings, Labels } from "../../../model/labels.ts";
import { CHUNK_XOR } from "../chunks/chunk-encoding.ts";
import { ChunkCursor, ChunkSegments } from "../chunks/chunk-segment-reader.ts";
import { ChunkSegmentWriter } from "../chunks/chunk-segment-writer.ts";
import { Pacer } from "../pacer.ts";
import { IndexReader } from "./index-reader.ts";
import { type ChunkReference, IndexWriter } from "./index-writer.ts";

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "index-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const NAMES = ["__name__", "a", "job", "zz", "ä"];

function randomSeries(seed: number, count: number) {
  const random = seededRandom(seed);
  const all = new Map<string, Labels>();
  while (all.size < count) {
    const labels = Labels.of(
      NAMES.filter(() => random.float() < 0.8).map((name) => [
        name,
        `v${"é".repeat(randomInteger(random, 3))}${randomInteger(random, 60)}`,
      ]),
    );
    if (labels.size > 0) all.set(labels.key, labels);
  }
  let reference = 8;
  return [...all.values()].sort(compareLabels).map((labels) => {
    let time = -randomInteger(random, 1e6);
    const chunks: ChunkReference[] = Array.from({ length: randomInteger(random, 5) === 0 ? 40 : 3 }, () => {
      const minMs = (time += 1 + randomInteger(random, 1e7));
      time += randomInteger(random, 1e7);
      return { minMs, maxMs: time, reference: (reference += randomInteger(random, 5000)) };
    });
    return { labels, chunks };
  });
}

async function write(path: string, series: ReturnType<typeof randomSeries>): Promise<void> {
  const symbols = [...new Set(series.flatMap(({ labels }) => labels.flat))].sort(compareStrings);
  const writer = await IndexWriter.create(systemDisk, path, symbols, new Pacer(systemClock));
  for (const { labels, chunks } of series) {
    writer.addSeries(labels, chunks);
    if (writer.needsFlush()) await writer.flush();
  }
  await writer.finish();
}

test("IndexReader gives back series, chunks, postings and values that IndexWriter wrote (seed 4)", async (t) => {
  const path = join(temporary(t), "index");
  const series = randomSeries(4, 3000);
  await write(path, series);
  const reader = await IndexReader.open(systemDisk, path, new Pacer(systemClock));
  const all = await reader.allPostings();
  assert.equal(all.length, series.length);
  for (const [i, number] of all.entries()) {
    await reader.prepareSeries(number);
    const { labels, chunks } = reader.series(number);
    assert.deepEqual(labels.flat, series[i].labels.flat);
    assert.deepEqual(chunks, series[i].chunks);
  }
  assert.deepEqual(reader.labelNames(), NAMES);
  for (const name of NAMES) {
    const values = [...new Set(series.map(({ labels }) => labels.get(name)).filter((v) => v !== ""))].sort(
      compareStrings,
    );
    assert.deepEqual([...reader.labelValues(name)], values);
    for (const value of [...values, "missing", "", "\u{10ffff}"]) {
      const expected = [...all].filter((_, i) => value !== "" && series[i].labels.get(name) === value);
      assert.deepEqual([...(await reader.postings(name, value))], expected, `${name}=${value}`);
    }
  }
  assert.deepEqual(
    [...reader.symbols()],
    [...new Set(series.flatMap(({ labels }) => labels.flat))].sort(compareStrings),
  );
  await reader.close();
});

test("IndexReader reads a series whose entry is longer than a window", async (t) => {
  const path = join(temporary(t), "index");
  const chunks = Array.from({ length: 60_000 }, (_, i) => ({
    minMs: i * 10,
    maxMs: i * 10 + 5,
    reference: 8 + i * 300,
  }));
  await write(path, [
    { labels: Labels.of({ a: "1" }), chunks },
    { labels: Labels.of({ a: "2" }), chunks },
  ]);
  const reader = await IndexReader.open(systemDisk, path, new Pacer(systemClock));
  for (const number of await reader.allPostings()) {
    await reader.prepareSeries(number);
    assert.equal(reader.series(number).chunks.length, 60_000);
  }
  await reader.close();
});

test("a damaged index throws, wherever the damage is, and never hangs (seed 5)", async (t) => {
  const path = join(temporary(t), "index");
  await write(path, randomSeries(5, 50));
  const good = readFileSync(path);
  const random = seededRandom(5);
  for (let round = 0; round < 300; round++) {
    const bad = Uint8Array.from(
      round % 3 === 0 ? good.subarray(0, randomInteger(random, good.length)) : good,
    );
    if (round % 3 !== 0) bad[randomInteger(random, bad.length)] ^= 1 << randomInteger(random, 8);
    writeFileSync(path, bad);
    try {
      const reader = await IndexReader.open(systemDisk, path, new Pacer(systemClock));
      try {
        for (const number of await reader.allPostings()) {
          await reader.prepareSeries(number);
          reader.series(number);
        }
        for (const name of reader.labelNames())
          await reader.postingsWhere(name, undefined, new Pacer(systemClock));
      } finally {
        await reader.close();
      }
    } catch (error) {
      assert.match(String(error), /CorruptionError/);
    }
  }
});

test("chunks come back over several segments, in any order, and damage is found (seed 9)", async (t) => {
  const directory = temporary(t);
  const random = seededRandom(9);
  const writer = new ChunkSegmentWriter(systemDisk, directory, 100_000);
  const chunks: { reference: number; bytes: Uint8Array }[] = [];
  for (let i = 0; i < 800; i++) {
    const bytes = random.bytes(2 + randomInteger(random, i % 100 === 0 ? 20_000 : 600));
    if (writer.needsPreparation(bytes.length + 16)) await writer.prepare(bytes.length + 16);
    const chunk = { minMs: 0, maxMs: 1, encoding: CHUNK_XOR, bytes, samples: 1 } as const;
    chunks.push({ reference: writer.add(chunk), bytes });
  }
  await writer.finish();
  assert.ok((await systemDisk.list(directory)).length >= 3);
  const segments = new ChunkSegments(systemDisk, directory);
  for (const order of [chunks, chunks.filter((_, i) => i % 37 === 0), chunks.toReversed()]) {
    const cursor = new ChunkCursor(
      segments,
      order.map((chunk) => chunk.reference),
    );
    for (const { bytes } of order) {
      await cursor.prepare();
      const raw = cursor.take();
      assert.deepEqual(raw.bytes.slice(raw.start, raw.start + raw.byteLength), bytes);
    }
  }
  await segments.close();
  const file = join(directory, "000001");
  const bad = readFileSync(file);
  bad[chunks[3].reference + 5] ^= 1;
  writeFileSync(file, bad);
  const damaged = new ChunkSegments(systemDisk, directory);
  const cursor = new ChunkCursor(damaged, [chunks[3].reference]);
  await cursor.prepare();
  assert.throws(() => cursor.take(), /CorruptionError.*checksum mismatch/);
  const beyond = new ChunkCursor(damaged, [5e6]);
  await assert.rejects(async () => beyond.prepare(), /is beyond the end/);
  await damaged.close();
});
