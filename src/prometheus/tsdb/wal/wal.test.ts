import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import type { Disk, DiskFile } from "../../../base/disk.ts";
import { systemDisk } from "../../../base/disk.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import type { Exemplar } from "../../storage.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { writeLabelKey } from "../index/label-key.ts";
import { PAGE_BYTES, segmentIndexes } from "./wal-format.ts";
import { histogramRecordType, readHistograms, writeHistograms } from "./wal-histogram-records.ts";
import { readWal, WalCorruptionError } from "./wal-reader.ts";
import {
  readExemplars,
  readMetadata,
  readSamples,
  readSeries,
  readTombstones,
  writeExemplars,
  writeMetadata,
  writeSamples,
  writeSeries,
  writeTombstones,
} from "./wal-records.ts";
import { WalWriter } from "./wal-writer.ts";

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "wal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function readAll(directory: string): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  const segments = segmentIndexes(await systemDisk.list(directory));
  for await (const batch of readWal(systemDisk, directory, segments)) {
    for (const { data } of batch) records.push(Uint8Array.from(data));
  }
  return records;
}

for (const compression of ["none", "snappy"] as const) {
  test(`WalWriter and readWal() keep records of any size, compression ${compression} (seed 1)`, async (t) => {
    const directory = temporary(t);
    const random = seededRandom(1);
    const writer = await WalWriter.open({ directory, disk: systemDisk, compression, segmentBytes: 1 << 20 });
    const sizes = [
      0,
      1,
      PAGE_BYTES - 7,
      PAGE_BYTES - 8,
      PAGE_BYTES,
      PAGE_BYTES - 13,
      3 * PAGE_BYTES,
      200_000,
    ];
    for (let i = 0; i < 200; i++) sizes.push(randomInteger(random, 2 ** (1 + randomInteger(random, 17))));
    const records = sizes.map((size, i) => (i % 2 === 0 ? random.bytes(size) : new Uint8Array(size).fill(i)));
    for (const [i, record] of records.entries()) {
      writer.log(i % 10 === 0 ? [record] : [record, record]);
      await writer.whenReady();
    }
    await writer.nextSegment();
    writer.log([Uint8Array.of(9)]);
    await writer.close();
    const expected = [
      ...records.flatMap((record, i) => (i % 10 === 0 ? [record] : [record, record])),
      Uint8Array.of(9),
    ];
    assert.deepEqual(await readAll(directory), expected);
    assert.ok(writer.segmentIndex >= 2);
  });
}

test("readWal() reads records that are compressed with zstd", async (t) => {
  const directory = temporary(t);
  const data = zstdCompressSync(Buffer.from("hello hello hello"));
  const out = new ByteWriter();
  out.u8(1 | 16);
  out.u16(data.length);
  out.u32(crc32c(data));
  out.raw(data);
  writeFileSync(join(directory, "00000000"), out.written());
  assert.equal(new TextDecoder().decode((await readAll(directory))[0]), "hello hello hello");
});

test("readWal() says where a log is damaged, and gives what lies before", async (t) => {
  const directory = temporary(t);
  const writer = await WalWriter.open({ directory, disk: systemDisk });
  for (let i = 0; i < 10; i++) writer.log([new Uint8Array(100).fill(i)]);
  await writer.close();
  const file = join(directory, "00000000");
  const good = readFileSync(file);
  for (const [change, message] of [
    [(bytes: Buffer) => void (bytes[5 * 107 + 50] ^= 1), /unexpected checksum/],
    [(bytes: Buffer) => void (bytes[5 * 107] = 4), /unexpected record type 4/],
    [(bytes: Buffer) => void (bytes[5 * 107] = 0), /unexpected non-zero byte in padded page/],
    [(bytes: Buffer) => bytes.subarray(0, 5 * 107 + 3), /unexpected end of a record's header/],
    [(bytes: Buffer) => bytes.subarray(0, 5 * 107 + 30), /unexpected end of a record/],
  ] as const) {
    const bytes = Buffer.from(good);
    writeFileSync(file, change(bytes) ?? bytes);
    const seen: number[] = [];
    const read = async () => {
      for await (const batch of readWal(systemDisk, directory, [0]))
        for (const { data } of batch) seen.push(data[0]);
    };
    await assert.rejects(read(), (error) => {
      assert.ok(error instanceof WalCorruptionError);
      assert.match(error.message, message);
      assert.equal(error.offset, 5 * 107);
      return true;
    });
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  }
});

test("WalWriter cuts off what a full disk left half written, before it goes on", async (t) => {
  const directory = temporary(t);
  let isFull = false;
  const disk: Disk = {
    ...systemDisk,
    async open(path, mode) {
      const file = await systemDisk.open(path, mode);
      const appendNow = (data: Uint8Array) => {
        if (!isFull) return file.appendNow(data);
        file.appendNow(data.subarray(0, 5));
        throw new Error("ENOSPC: no space left on device");
      };
      const failing: DiskFile = {
        read: (position, length) => file.read(position, length),
        write: (position, data) => file.write(position, data),
        appendNow,
        truncate: (size) => file.truncate(size),
        sync: () => file.sync(),
        syncNow: () => file.syncNow(),
        size: () => file.size(),
        close: () => file.close(),
      };
      return failing;
    },
  };
  const writer = await WalWriter.open({ directory, disk });
  writer.log([Uint8Array.of(1)]);
  isFull = true;
  assert.throws(() => writer.log([Uint8Array.of(2)]), /ENOSPC/);
  assert.throws(() => writer.log([Uint8Array.of(2)]), /ends in a failed write/);
  isFull = false;
  await writer.whenReady();
  writer.log([Uint8Array.of(3)]);
  await writer.close();
  assert.deepEqual(await readAll(directory), [Uint8Array.of(1), Uint8Array.of(3)]);
});

const written = (write: (out: ByteWriter) => void) => {
  const out = new ByteWriter();
  write(out);
  return out.written();
};

test("records give back what was written (seed 2)", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 200; round++) {
    const length = 1 + randomInteger(random, 50);
    const batch = {
      length,
      refs: Float64Array.from({ length }, () => randomInteger(random, 2 ** (1 + randomInteger(random, 40)))),
      timestamps: Float64Array.from(
        { length },
        () => 1e12 + randomInteger(random, 2 ** randomInteger(random, 40)),
      ),
      words: Int32Array.from({ length: 2 * length }, () => (random.float() * 2 ** 32) | 0),
    };
    const seen: number[][] = [];
    readSamples(
      written((out) => writeSamples(out, batch, 0, length)),
      (...sample) => seen.push(sample),
    );
    assert.deepEqual(
      seen,
      Array.from({ length }, (_, i) => [
        batch.refs[i],
        batch.timestamps[i],
        batch.words[2 * i],
        batch.words[2 * i + 1],
      ]),
    );
  }
});

test("series, tombstones, exemplars and metadata come back", () => {
  const labels = Labels.of({ __name__: "a", é: "ü".repeat(100), z: "" });
  const key = written((out) => writeLabelKey(out, labels)).slice();
  const series: unknown[] = [];
  readSeries(
    written((out) => {
      writeSeries(out, 7, key);
      writeSeries(out, 2 ** 40, key);
    }),
    (ref, bytes, start, end) => series.push([ref, bytes.slice(start, end)]),
  );
  assert.deepEqual(series, [
    [7, key],
    [2 ** 40, key],
  ]);
  const stones = [{ ref: 3, minMs: -5, maxMs: 2 ** 45 }];
  const back: unknown[] = [];
  readTombstones(
    written((out) => writeTombstones(out, stones)),
    (ref, minMs, maxMs) => back.push({ ref, minMs, maxMs }),
  );
  assert.deepEqual(back, stones);
  const exemplars = [1, 2].map((n) => ({
    ref: n * 1000,
    exemplar: { labels, value: n / 3, timestampMs: 1e12 - n } as Exemplar,
  }));
  const exemplarsBack: typeof exemplars = [];
  readExemplars(
    written((out) => writeExemplars(out, exemplars)),
    (ref, exemplar) => exemplarsBack.push({ ref, exemplar }),
  );
  assert.deepEqual(exemplarsBack, exemplars);
  const metadata = [{ ref: 9, metadata: { type: "counter", help: "h\n", unit: "s" } }];
  const metadataBack: typeof metadata = [];
  readMetadata(
    written((out) => writeMetadata(out, metadata)),
    (ref, entry) => metadataBack.push({ ref, metadata: entry }),
  );
  assert.deepEqual(metadataBack, metadata);
});

function histogram(isInteger: boolean, isCustom: boolean): FloatHistogram {
  const n = isInteger ? 3 : 3.5;
  return {
    counterResetHint: "gauge",
    schema: isCustom ? CUSTOM_BUCKETS_SCHEMA : -2,
    zeroThreshold: 0.5,
    zeroCount: isCustom ? 0 : n,
    count: 10,
    sum: -1.5,
    positiveSpans: [{ offset: -3, length: 2 }],
    negativeSpans: isCustom ? [] : [{ offset: 5, length: 1 }],
    positiveBuckets: [n, 1],
    negativeBuckets: isCustom ? [] : [7],
    customValues: isCustom ? [1, 2.5] : [],
  };
}

test("histogram records come back, each kind in its type", () => {
  const types = new Set<number>();
  for (const isInteger of [true, false]) {
    for (const isCustom of [true, false]) {
      const value = histogram(isInteger, isCustom);
      const type = histogramRecordType(value);
      types.add(type);
      const samples = [1, 2].map((n) => ({ ref: n, timestampMs: 1e12 + n, histogram: value }));
      const back: typeof samples = [];
      readHistograms(
        written((out) => writeHistograms(out, type, samples)),
        (ref, timestampMs, found) => back.push({ ref, timestampMs, histogram: found }),
      );
      assert.deepEqual(back, samples);
    }
  }
  assert.deepEqual([...types].sort(), [10, 7, 8, 9]);
});

test("damaged records throw or answer, and take no more memory than they are long (seed 6)", () => {
  const random = seededRandom(6);
  const value = histogram(true, false);
  const good = [
    written((out) => writeHistograms(out, 7, [{ ref: 1, timestampMs: 2, histogram: value }])).slice(),
    written((out) => writeTombstones(out, [{ ref: 3, minMs: 1, maxMs: 2 }])).slice(),
    written((out) =>
      writeMetadata(out, [{ ref: 9, metadata: { type: "gauge", help: "h", unit: "" } }]),
    ).slice(),
    written((out) => writeSeries(out, 7, Uint8Array.of(1, 97, 1, 98))).slice(),
    written((out) =>
      writeSamples(
        out,
        { length: 1, refs: Float64Array.of(1), timestamps: Float64Array.of(2), words: Int32Array.of(1, 2) },
        0,
        1,
      ),
    ).slice(),
  ];
  const readers = [readHistograms, readTombstones, readMetadata, readSeries, readSamples, readExemplars];
  for (let round = 0; round < 20_000; round++) {
    const bad = Uint8Array.from(good[round % good.length]);
    for (let flips = 0; flips < 2; flips++)
      bad[randomInteger(random, bad.length)] = randomInteger(random, 256);
    try {
      readers[randomInteger(random, readers.length)](
        bad.subarray(0, 1 + randomInteger(random, bad.length)),
        () => {},
      );
    } catch (error) {
      assert.match(String(error), /CorruptionError/);
    }
  }
});
