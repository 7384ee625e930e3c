import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../base/random.ts";
import { SnappyDecompressor, SnappyError, snappyCompress, snappyDecompress } from "./snappy.ts";

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

test("SnappyDecompressor keeps memory up to its limit, and decompresses what needs more", () => {
  const small = snappyCompress(text("hello"));
  const large = snappyCompress(new Uint8Array(1000).fill(7));
  const needed = 1000 + large.length + 128;
  for (const [keepBytes, isKept] of [
    [needed - 1, false],
    [needed, true],
    [needed + 1, true],
  ] as const) {
    const snappy = new SnappyDecompressor(keepBytes);
    const first = snappy.decompress(large, 1000);
    assert.deepEqual(first, new Uint8Array(1000).fill(7));
    const second = snappy.decompress(small, 1000);
    assert.equal(new TextDecoder().decode(second), "hello");
    assert.equal(first.buffer === second.buffer, isKept, `${keepBytes} of ${needed}`);
  }
  assert.throws(() => new SnappyDecompressor(1 << 20).decompress(large, 999), /larger than 999 bytes/);
});

test("snappyDecompress() reads elements of every kind", () => {
  const input = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >>> (i % 5));
  const random = seededRandom(9);
  for (let round = 0; round < 200; round++) {
    const { block, expected } = randomBlock(random, input);
    assert.deepEqual(snappyDecompress(block, 1 << 20), expected, `round ${round}`);
  }
});

test("snappyCompress() and snappyDecompress() are inverse (seeded)", () => {
  const random = seededRandom(7);
  const snappy = new SnappyDecompressor(100_000);
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
    assert.deepEqual(snappy.decompress(snappyCompress(input), length), input, `round ${round}`);
  }
});

/** A block of literals and copies of all lengths and offsets, more than our encoder makes, and what it stands for. */
function randomBlock(random: Random, source: Uint8Array): { block: Uint8Array; expected: Uint8Array } {
  const elements: number[] = [];
  const expected: number[] = [];
  const bytesOf = (number: number, count: number) =>
    Array.from({ length: count }, (_, i) => Math.floor(number / 2 ** (8 * i)) & 0xff);
  for (let count = 1 + randomInteger(random, 60); count > 0; count--) {
    const kind = expected.length === 0 ? 0 : randomInteger(random, 4);
    const size = kind === 1 ? 4 + randomInteger(random, 8) : 1 + randomInteger(random, 64);
    if (kind === 0) {
      const extra = size > 60 ? 1 + randomInteger(random, 4) : 0;
      const start = randomInteger(random, source.length - 64);
      elements.push((extra > 0 ? 59 + extra : size - 1) << 2, ...bytesOf(size - 1, extra));
      elements.push(...source.subarray(start, start + size));
      expected.push(...source.subarray(start, start + size));
      continue;
    }
    const farthest = Math.min(expected.length, kind === 1 ? 2047 : 65_535);
    const offset = 1 + randomInteger(random, random.float() < 0.3 ? Math.min(farthest, 20) : farthest);
    if (kind === 1) elements.push(1 | ((size - 4) << 2) | ((offset >>> 8) << 5), offset & 0xff);
    else elements.push(kind | ((size - 1) << 2), ...bytesOf(offset, kind === 2 ? 2 : 4));
    for (let i = 0; i < size; i++) expected.push(expected[expected.length - offset]);
  }
  const { length } = expected;
  const header = [(length & 0x7f) | 0x80, ((length >>> 7) & 0x7f) | 0x80, length >>> 14];
  return { block: Uint8Array.from([...header, ...elements]), expected: Uint8Array.from(expected) };
}

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
