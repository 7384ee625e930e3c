import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { textOf } from "../../model/otlp-attributes.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { ComponentSettings, Payload } from "../component.ts";
import { RETRY, SENDING_QUEUE } from "../config/shared-settings.ts";
import { Telemetry } from "../telemetry.ts";
import { COMPACT_AFTER_BYTES, QueueLog } from "./queue-log.ts";
import { createSender } from "./sender.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "queue-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a queue's file gives back what was not done, whatever happened (seeds 1 to 20)", async () => {
  await inFolder(async (folder) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const path = join(folder, `q${seed}`);
      const expected = new Map<number, string>();
      for (let life = 0; life < 4; life++) {
        const { log, pending } = await QueueLog.open(systemDisk, path);
        const found = pending.map(({ sequence, payload }) => [
          sequence,
          Buffer.from(payload).toString("hex"),
        ]);
        assert.deepEqual(found, [...expected], `seed ${seed}, life ${life}`);
        for (let i = 0; i < 60; i++) {
          if (random.float() < 0.6) {
            const payload = random.bytes(randomInteger(random, 40_000));
            expected.set(await log.put(payload), Buffer.from(payload).toString("hex"));
          } else if (expected.size > 0) {
            const [sequence] = [...expected.keys()].slice(randomInteger(random, expected.size));
            expected.delete(sequence);
            const done = log.done(sequence);
            if (random.float() < 0.5) await done;
          }
        }
        // The process is killed: nothing is closed in order, and a write was cut off.
        await log.done(-1);
        await log.close();
        await appendFile(path, random.bytes(randomInteger(random, 30)));
      }
    }
  });
});

test("a queue's file does not grow for ever", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "q");
    const { log } = await QueueLog.open(systemDisk, path);
    const payload = new Uint8Array(COMPACT_AFTER_BYTES / 10);
    for (let i = 0; i < 50; i++) await log.done(await log.put(payload));
    const kept = await log.put(payload);
    await log.close();
    assert.ok((await readFile(path)).length < 2 * COMPACT_AFTER_BYTES);
    const { log: again, pending } = await QueueLog.open(systemDisk, path);
    assert.deepEqual(
      pending.map(({ sequence }) => sequence),
      [kept],
    );
    await again.close();
  });
});

test("a damaged file gives what stands before the damage", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "q");
    const { log } = await QueueLog.open(systemDisk, path);
    for (const byte of [1, 2, 3]) await log.put(Uint8Array.of(byte));
    await log.close();
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 0xff;
    await writeFile(path, bytes);
    const { log: again, pending } = await QueueLog.open(systemDisk, path);
    assert.deepEqual(
      pending.map(({ payload }) => payload[0]),
      [1, 2],
    );
    await again.close();
  });
});

const payload = (name: string): Payload => ({
  signal: "logs",
  data: [
    {
      resource: { attributes: [{ key: "k", value: name }], droppedAttributesCount: 0 },
      scopeLogs: [],
      schemaUrl: "",
    },
  ],
});
const nameOf = ({ data }: Payload) => textOf(data[0].resource.attributes[0].value);

test("a sender with storage sends after a restart what it had taken before", async () => {
  await inFolder(async (folder) => {
    const clock = new VirtualClock();
    const settings: ComponentSettings = {
      id: "otlp_http/logs",
      log: silentLogger,
      clock,
      random: seededRandom(1),
      network: createNodeNetwork(() => {}),
      disk: systemDisk,
      telemetry: new Telemetry(),
      memoryUsage: () => 0,
      print: () => {},
      storageDirectory: (id) => (id === "file_storage" ? folder : undefined),
    };
    const sent: unknown[] = [];
    const create = (push: (payload: Payload) => Promise<void>, storage = "file_storage") =>
      createSender({
        settings,
        signal: "logs",
        queue: { ...SENDING_QUEUE.default(), storage, num_consumers: 1 },
        retry: RETRY.default(),
        push,
      });
    const down = create(async () => {
      throw new Error("down");
    });
    await down.start!();
    for (const name of ["a", "b", "c"]) await down.consume(payload(name));
    await clock.advance(1);
    // Killed: nobody calls shutdown.
    const up = create(async (one) => void sent.push(nameOf(one)));
    await up.start!();
    await clock.advance(1);
    while (sent.length < 3) await clock.advance(1);
    await up.consume(payload("d"));
    while (sent.length < 4) await clock.advance(1);
    await up.shutdown!();
    assert.deepEqual(sent, ["a", "b", "c", "d"]);
    const third = create(async (one) => void sent.push(nameOf(one)));
    await third.start!();
    await clock.advance(1);
    assert.equal(sent.length, 4);
    await third.shutdown!();
    await assert.rejects(
      create(async () => {}, "other").start!(),
      /storage extension "other" is not in service::extensions/,
    );
    await down.shutdown!();
  });
});
