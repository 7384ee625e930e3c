import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { ChunkPool } from "./chunk-pool.ts";

test("ChunkPool gives pieces that do not overlap, of any size, and reuses them (seed 6)", () => {
  const random = seededRandom(6);
  const pool = new ChunkPool();
  const held: { handle: number; size: number; mark: number }[] = [];
  const check = ({ handle, size, mark }: (typeof held)[number]) =>
    assert.ok(
      pool.bytes(handle, size).every((byte) => byte === mark),
      `${handle} ${size}`,
    );
  let largest = 0;
  for (let round = 0; round < 20_000; round++) {
    if (held.length < 500 && random.float() < 0.6) {
      const size = 1 + randomInteger(random, round % 50 === 0 ? 5000 : 1200);
      const handle = pool.allocate(size);
      const mark = randomInteger(random, 256);
      pool.bytes(handle, ChunkPool.capacity(size)).fill(mark);
      held.push({ handle, size, mark });
    } else if (held.length > 0) {
      const [piece] = held.splice(randomInteger(random, held.length), 1);
      check(piece);
      const other = pool.allocate(piece.size);
      pool.copy(piece.handle, other, piece.size);
      check({ ...piece, handle: other });
      pool.release(piece.handle, piece.size);
      pool.release(other, piece.size);
    }
    largest = Math.max(largest, held.length);
  }
  for (const piece of held) check(piece);
  assert.ok(pool.heldBytes < 4 << 20, "freed pieces are used again");
  assert.ok(largest > 100);
});
