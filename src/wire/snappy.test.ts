import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../base/random.ts";
import { SnappyError, snappyCompress, snappyDecompress } from "./snappy.ts";

const text = (value: string) => new TextEncoder().encode(value);

test("snappyDecompress() reads blocks of the reference encoder", () => {
  const cases: [hex: string, expected: string][] = [
    ["00", ""],
    ["0308616263", "abc"],
    // A literal "ab", then a copy with offset 2 that overlaps itself.
    ["0a0461621102", "ababababab"],
  ];
  for (const [hex, expected] of cases) {
    assert.equal(new TextDecoder().decode(snappyDecompress(Buffer.from(hex, "hex"), 100)), expected);
  }
});

test("snappyDecompress() rejects what is corrupt", () => {
  const cases = [
    "",
    "80",
    "ffffffffff01",
    "05",
    "0308616263ff",
    "0204616263",
    "0411",
    "04110161",
    "041d0000",
  ];
  for (const hex of cases) {
    assert.throws(() => snappyDecompress(Buffer.from(hex, "hex"), 1 << 20), SnappyError, hex);
  }
});

test("snappyDecompress() refuses a block above the limit before it allocates", () => {
  const block = snappyCompress(new Uint8Array(1000));
  assert.equal(snappyDecompress(block, 1000).length, 1000);
  assert.throws(() => snappyDecompress(block, 999), /larger than 999 bytes/);
  assert.throws(() => snappyDecompress(Buffer.from("ffffffff0f00", "hex"), 1 << 20), /larger/);
});

test("snappyDecompress() writes into the buffer given when it is large enough", () => {
  const reuse = new Uint8Array(100);
  const out = snappyDecompress(snappyCompress(text("hello")), 100, reuse);
  assert.equal(out.buffer, reuse.buffer);
  assert.equal(out.length, 5);
});

test("snappyCompress() and snappyDecompress() are inverse (seeded)", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const length = randomInteger(random, round % 10 === 0 ? 200_000 : 3000);
    const alphabet = 1 + randomInteger(random, 255);
    const input = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      // Runs and repeats, so that copies of all shapes occur.
      input[i] =
        i > 40 && random.float() < 0.7
          ? input[i - 1 - randomInteger(random, 40)]
          : randomInteger(random, alphabet);
    }
    assert.deepEqual(snappyDecompress(snappyCompress(input), length), input, `round ${round}`);
  }
});

test("snappyDecompress() never does more than throw SnappyError on mutated input (seeded)", () => {
  const random = seededRandom(8);
  const block = snappyCompress(text("the quick brown fox jumps over the lazy dog ".repeat(20)));
  for (let round = 0; round < 20_000; round++) {
    const mutated = block.slice(0, 1 + randomInteger(random, block.length));
    for (let n = randomInteger(random, 4); n >= 0; n--)
      mutated[randomInteger(random, mutated.length)] = randomInteger(random, 256);
    try {
      snappyDecompress(mutated, 1 << 16);
    } catch (error) {
      assert.ok(error instanceof SnappyError);
    }
  }
});
