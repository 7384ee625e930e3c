import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { crc32c } from "./crc32c.ts";

test("crc32c() gives the values of RFC 3720", () => {
  for (const [bytes, expected] of [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [new TextEncoder().encode("123456789"), 0xe3069283],
  ] as const) {
    assert.equal(crc32c(bytes), expected);
  }
});

test("crc32c() goes on from a seed, at any length", () => {
  const data = seededRandom(1).bytes(1000);
  for (const split of [0, 1, 7, 8, 255, 256, 257, 999, 1000]) {
    assert.equal(crc32c(data, split, data.length, crc32c(data, 0, split)), crc32c(data));
  }
});
