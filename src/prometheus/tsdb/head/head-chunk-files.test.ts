import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { silentLogger } from "../../../base/log.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { Labels } from "../../../model/labels.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { encodeColumns } from "../chunks/chunk-encoder.ts";
import { openTsdb } from "../mod.ts";
import { readHeadChunks } from "./head-chunk-files.ts";

const T0 = 1_700_000_000_000;

/** A file as upstream writes it, with zeros behind the last chunk. */
function headChunksFile(
  chunks: { ref: number; samples: [timestampMs: number, value: number][] }[],
): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0x0130bc91);
  writer.u8(1);
  writer.zeros(3);
  for (const { ref, samples } of chunks) {
    const columns = new SeriesColumns();
    const value = new Float64Array(1);
    const words = new Uint32Array(value.buffer);
    for (const [timestampMs, number] of samples) {
      value[0] = number;
      columns.floats.push(timestampMs, words[0], words[1]);
    }
    for (const chunk of encodeColumns(columns)) {
      const start = writer.written().length;
      writer.u64(ref);
      writer.u64(chunk.minMs);
      writer.u64(chunk.maxMs);
      writer.u8(chunk.encoding);
      writer.uvarint(chunk.bytes.length);
      writer.raw(chunk.bytes);
      const view = writer.written();
      writer.u32(crc32c(view, start, view.length));
    }
  }
  writer.zeros(100);
  return writer.written().slice();
}

test("readHeadChunks() reads up to the zeros, and tells damage", () => {
  const file = headChunksFile([
    {
      ref: 1,
      samples: [
        [T0, 1],
        [T0 + 1000, 2],
      ],
    },
    { ref: 7, samples: [[T0, 3]] },
  ]);
  const chunks = [...readHeadChunks(file)];
  assert.deepEqual(
    chunks.map(({ ref, minMs, maxMs, encoding, isLate }) => [ref, minMs, maxMs, encoding, isLate]),
    [
      [1, T0, T0 + 1000, 1, false],
      [7, T0, T0, 1, false],
    ],
  );
  assert.deepEqual([...readHeadChunks(new Uint8Array(0))], []);
  const random = seededRandom(3);
  for (let i = 0; i < 2_000; i++) {
    const bad = Uint8Array.from(file.subarray(0, 8 + randomInteger(random, file.length - 8)));
    if (bad.length > 0) bad[randomInteger(random, bad.length)] ^= 1 << randomInteger(random, 8);
    try {
      for (const { data } of readHeadChunks(bad)) assert.ok(data.length <= bad.length);
    } catch (error) {
      assert.ok(error instanceof CorruptionError, String(error));
    }
  }
});

test("what a damaged log lost comes back from head chunks, and is in the log then", async () => {
  const disk = new MemoryDisk();
  const messages: string[] = [];
  const log = { ...silentLogger, info: (message: string) => messages.push(message), with: () => log };
  const open = () =>
    openTsdb({
      directory: "/data",
      disk,
      clock: systemClock,
      random: seededRandom(1),
      log,
      compactInBackground: false,
    });
  const store = await open();
  const samples: [number, number][] = Array.from({ length: 130 }, (_, i) => [T0 + i * 60_000, i]);
  const lengths: number[] = [];
  let ref = 0;
  for (const [timestampMs, value] of samples) {
    const appender = store.appender();
    ref = appender.append(ref, Labels.of({ __name__: "a" }), timestampMs, value);
    await appender.commit();
    lengths.push((await disk.stat("/data/wal/00000000"))!.size);
  }
  await store.close();
  // The log is damaged after 20 samples; chunks of 120 had been written out.
  const wal = Uint8Array.from(await disk.readFile("/data/wal/00000000"));
  wal[lengths[19] + 8] ^= 1;
  await disk.writeFile("/data/wal/00000000", wal);
  await disk.makeDirectory("/data/chunks_head");
  await disk.writeFile("/data/chunks_head/000001", headChunksFile([{ ref, samples: samples.slice(0, 120) }]));
  for (const expected of [120, 120]) {
    const again = await open();
    const [{ values }] = await again.select([], { minMs: 0, maxMs: 1e15 });
    assert.deepEqual(
      [...values],
      samples.slice(0, expected).map(([, value]) => value),
    );
    await again.close();
  }
  assert.equal(messages.filter((message) => message.startsWith("Samples taken from head chunks")).length, 1);
  assert.deepEqual(await disk.list("/data/chunks_head"), []);
});
