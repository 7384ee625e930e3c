import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { nodeThreads } from "../../base/threads.ts";
import { createHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { Block } from "./block/block.ts";
import { headBlockMeta } from "./block/block-meta.ts";
import { isLarge, makeBlock, makeBlockInThread } from "./block-making.ts";
import { SeriesColumns } from "./chunks/chunk-decoder.ts";
import { freezeHead } from "./head/frozen-head.ts";
import { Head } from "./head/head.ts";
import { Pacer } from "./pacer.ts";

const HOUR = 3600_000;
const SERIES = 100;
const ULID = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
const word = new DataView(new ArrayBuffer(8));

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "block-making-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Floats, every tenth series native histograms, of which one takes more than the pool's pieces. */
function append(head: Head, slot: number, minute: number): void {
  const timestampMs = minute * 60_000;
  if (slot % 10 !== 3) {
    word.setFloat64(0, slot + Math.sin(minute * slot));
    head.appendFloat(slot, timestampMs, word.getInt32(4), word.getInt32(0));
    return;
  }
  const length = slot === 53 ? 2000 : 3;
  const positiveBuckets = Array.from({ length }, (_, i) => minute + (i % 7));
  const count = positiveBuckets.reduce((sum, value) => sum + value, 0);
  head.appendHistogram(
    slot,
    timestampMs,
    createHistogram({ count, sum: minute, positiveSpans: [{ offset: 0, length }], positiveBuckets }),
  );
}

function filledHead(): Head {
  const head = new Head(2 * HOUR, 7);
  for (let id = 0; id < SERIES; id++) {
    head.slotOfLabels(
      Labels.of({ __name__: `m${id % 7}`, id: `${(id * 7919) % SERIES}`, zone: `ä${id % 2}` }),
    );
  }
  // The first half of the series ends within the range.
  for (let minute = 0; minute < 130; minute++) {
    for (let slot = 0; slot < SERIES; slot++)
      if (slot >= SERIES / 2 || minute < 90) append(head, slot, minute);
  }
  head.tombstones.add(11, { minMs: 20 * 60_000, maxMs: 40 * 60_000 });
  return head;
}

/** Name and content of every file below a directory. */
function files(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => [
        join(entry.parentPath, entry.name).slice(directory.length),
        readFileSync(join(entry.parentPath, entry.name), "hex"),
      ]),
  );
}

test("a block of a frozen head has its samples of then, and is the same made in a thread", async (t) => {
  const directory = temporary(t);
  const head = filledHead();
  const { minMs, maxMs } = { minMs: 0, maxMs: 2 * HOUR - 1 };
  const samplesOf = (slot: number) => {
    const columns = new SeriesColumns();
    head.readInOrder(slot, minMs, maxMs, columns);
    return columns;
  };
  const expected = Array.from({ length: SERIES }, (_, slot) => {
    const { floats, histograms } = samplesOf(slot);
    return floats.length + histograms.timestamps.length;
  });
  const chunks = head.chunks.count;
  const freezing = await freezeHead(head, minMs, maxMs, new Pacer(systemClock));
  assert.equal(head.chunks.count, chunks, "copies are not counted");
  const meta = headBlockMeta(ULID, minMs, maxMs + 1);
  const order = { meta, content: { head: freezing.head, minMs, maxMs } };
  const inThread = makeBlockInThread({ ...order, directory: `${directory}/thread` }, systemDisk, nodeThreads);
  // The head goes on: chunks are closed, grow and move, series are new.
  for (let minute = 130; minute < 400; minute++) {
    for (let slot = SERIES / 2; slot < SERIES; slot++) append(head, slot, minute);
  }
  head.slotOfLabels(Labels.of({ __name__: "later" }));
  const written = await makeBlock({ ...order, directory: `${directory}/slices` }, systemDisk, systemClock);
  assert.deepEqual(await inThread, written);
  assert.deepEqual(files(`${directory}/thread`), files(`${directory}/slices`));
  assert.equal(written?.stats?.numSeries, SERIES);
  assert.equal(
    written?.stats?.numSamples,
    expected.reduce((sum, count) => sum + count, 0),
  );
  const held = head.chunks.closed.count;
  await freezing.thaw();
  assert.ok(head.chunks.closed.count < held, "copies are given back");
  assert.equal(head.chunks.held, 0);

  const block = await Block.open(systemDisk, `${directory}/thread/${ULID}`, new Pacer(systemClock));
  try {
    const names = (await block.entries([], { minMs, maxMs }, systemClock)).map(({ labels }) => labels.key);
    const sorted = Array.from({ length: SERIES }, (_, slot) => head.labelsOf(slot).key).sort();
    assert.deepEqual(names.toSorted(), sorted);
  } finally {
    await block.close();
  }
});

test("blocks are merged in a thread as in slices", async (t) => {
  const directory = temporary(t);
  const head = filledHead();
  const names = [ULID, `${ULID.slice(0, -1)}1`];
  for (const [i, ulid] of names.entries()) {
    const [minMs, maxMs] = [i * HOUR, (i + 1) * HOUR - 1];
    const freezing = await freezeHead(head, minMs, maxMs, new Pacer(systemClock));
    const meta = headBlockMeta(ulid, minMs, maxMs + 1);
    await makeBlock(
      { directory, meta, content: { head: freezing.head, minMs, maxMs } },
      systemDisk,
      systemClock,
    );
    await freezing.thaw();
  }
  const meta = headBlockMeta(`${ULID.slice(0, -1)}2`, 0, 2 * HOUR);
  const order = { meta, content: { blocks: names.map((name) => `${directory}/${name}`) } };
  const inThread = await makeBlockInThread(
    { ...order, directory: `${directory}/thread` },
    systemDisk,
    nodeThreads,
  );
  const inSlices = await makeBlock({ ...order, directory: `${directory}/slices` }, systemDisk, systemClock);
  assert.deepEqual(inThread, inSlices);
  assert.equal(inThread?.stats?.numSeries, SERIES);
  assert.deepEqual(files(`${directory}/thread`), files(`${directory}/slices`));
});

test("what a thread throws is thrown to who asked for the block", async (t) => {
  const order = {
    directory: temporary(t),
    meta: headBlockMeta(ULID, 0, HOUR),
    content: { blocks: ["/nowhere/01HZZZZZZZZZZZZZZZZZZZZZZZ"] },
  };
  await assert.rejects(makeBlockInThread(order, systemDisk, nodeThreads), /ENOENT/);
});

test("a block is made in a thread from 50,000 series, or 200,000 chunks of blocks, on", () => {
  assert.deepEqual(
    [isLarge(49_999), isLarge(50_000), isLarge(1, 199_999), isLarge(1, 200_000)],
    [false, true, false, true],
  );
});
