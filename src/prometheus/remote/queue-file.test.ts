import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { MAX_SEGMENT_BYTES, QueueFile } from "./queue-file.ts";

const record = (text: string, samples = 1) => ({ bytes: new TextEncoder().encode(text), samples });

async function opened(disk: MemoryDisk, maxBytes = 1 << 30): Promise<QueueFile> {
  const queue = new QueueFile(disk, "/q", maxBytes);
  await queue.open();
  return queue;
}

async function texts(queue: QueueFile, maxSamples = 100): Promise<string[]> {
  return (await queue.peek(maxSamples)).records.map(({ bytes }) => new TextDecoder().decode(bytes));
}

test("QueueFile gives records in order, across restarts, each until it was taken", async () => {
  const disk = new MemoryDisk();
  const queue = await opened(disk);
  for (const text of ["a", "b", "c"]) queue.put(record(text, 2));
  const { records, next } = await queue.peek(4);
  assert.equal(records.length, 2);
  await queue.take(next);
  assert.deepEqual(await texts(queue), ["c"]);
  const again = await opened(disk);
  again.put(record("d"));
  assert.deepEqual(await texts(again), ["c", "d"]);
  assert.deepEqual(await texts(again, 1), ["c"]);
});

test("QueueFile leaves out a record that a crash tore or a disk damaged, and goes on behind it", async () => {
  const disk = new MemoryDisk();
  const queue = await opened(disk);
  queue.put(record("whole"));
  queue.put(record("torn away"));
  const bytes = await disk.readFile("/q/00000001");
  await disk.writeFile("/q/00000001", bytes.subarray(0, bytes.length - 3));
  const again = await opened(disk);
  again.put(record("later"));
  assert.deepEqual(await texts(again), ["whole", "later"]);
});

test("QueueFile drops its oldest segments when it is full", async () => {
  const disk = new MemoryDisk();
  const queue = await opened(disk, MAX_SEGMENT_BYTES + 10);
  const large = { bytes: new Uint8Array(MAX_SEGMENT_BYTES), samples: 1 };
  queue.put(large);
  await queue.rotate();
  queue.put(record("kept"));
  await queue.rotate();
  assert.equal(queue.droppedSegments, 1);
  assert.deepEqual(await texts(queue), ["kept"]);
});
