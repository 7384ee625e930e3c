import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { MemoryDisk } from "./memory-disk.ts";

test("what is synchronised survives a loss of power, and nothing else", async () => {
  const disk = new MemoryDisk();
  const file = await disk.open("/d/a", "update");
  await file.write(0, Buffer.from("kept"));
  await file.sync();
  await file.write(0, Buffer.from("lost!"));
  disk.losePower();
  assert.equal(Buffer.from(await disk.readFile("/d/a")).toString(), "kept");
});

test("MemoryDisk keeps of a file what a copy at each sync() would, whatever is done to it (seeds 1 to 200)", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const disk = new MemoryDisk();
    const file = await disk.open("/a", "update");
    let now = Buffer.alloc(0);
    let durable: Buffer | undefined;
    for (let step = 0; step < 60; step++) {
      const at = randomInteger(random, 80);
      const grown = (size: number) => Buffer.concat([now, Buffer.alloc(Math.max(size - now.length, 0))]);
      switch (randomInteger(random, 4)) {
        case 0: {
          const data = Buffer.from(random.bytes(1 + randomInteger(random, 40)));
          await file.write(at, data);
          now = grown(at + data.length);
          data.copy(now, at);
          break;
        }
        case 1:
          file.appendNow(Buffer.of(step));
          now = Buffer.concat([now, Buffer.of(step)]);
          break;
        case 2:
          await file.truncate(at);
          now = grown(at).subarray(0, at);
          break;
        default:
          file.syncNow();
          durable = Buffer.from(now);
      }
      assert.deepEqual(Buffer.from(await disk.readFile("/a")), now, `seed ${seed}, step ${step}`);
    }
    disk.losePower();
    const left = (await disk.stat("/a")) === undefined ? undefined : Buffer.from(await disk.readFile("/a"));
    assert.deepEqual(left, durable, `seed ${seed}`);
  }
});
