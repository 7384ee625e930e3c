import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { SampleColumns } from "./sample-columns.ts";
import {
  appendXor,
  MAX_SAMPLE_BYTES,
  ROW_FLOATS,
  ROW_WORDS,
  resetXorRow,
  writeXorCount,
  xorByteLength,
} from "./xor-chunk.ts";
import { DECODE_SLACK_BYTES, decodeXor } from "./xor-decoder.ts";

type Sample = [timestampMs: number, low: number, high: number];

function encode(samples: Sample[], row = 0): Uint8Array {
  const floats = new Float64Array(ROW_FLOATS * (row + 1));
  const words = new Int32Array(floats.buffer);
  const bytes = new Uint8Array(samples.length * MAX_SAMPLE_BYTES + 32);
  resetXorRow(words, row);
  for (const [t, low, high] of samples) {
    appendXor(words, floats, row, new DataView(bytes.buffer), 0, t, low, high);
  }
  assert.equal(words.length, ROW_WORDS * (row + 1));
  writeXorCount(words, row, new DataView(bytes.buffer), 0);
  return bytes.slice(0, xorByteLength(words, row));
}

function decode(bytes: Uint8Array, minMs = -Infinity, maxMs = Infinity): Sample[] {
  const padded = new Uint8Array(bytes.length + DECODE_SLACK_BYTES);
  padded.set(bytes);
  const out = new SampleColumns();
  decodeXor(new DataView(padded.buffer), 0, bytes.length, minMs, maxMs, out);
  return Array.from({ length: out.length }, (_, i) => [
    out.timestamps[i],
    out.words[2 * i] | 0,
    out.words[2 * i + 1] | 0,
  ]);
}

const scratch = new Float64Array(1);
const halves = new Int32Array(scratch.buffer);
function sample(t: number, value: number): Sample {
  scratch[0] = value;
  return [t, halves[0], halves[1]];
}

test("appendXor() writes the bytes that chunkenc/xor.go writes", () => {
  // t=1 → varint 2; 1.0; delta 1; same value.
  assert.equal(
    Buffer.from(encode([sample(1, 1), sample(2, 1)])).toString("hex"),
    "0002" + "02" + "3ff0000000000000" + "01" + "00",
  );
  // 1 to 2: the xor is 0x7ff0…: 1 leading zero, 11 significant bits.
  assert.equal(
    Buffer.from(encode([sample(0, 1), sample(10, 2)])).toString("hex"),
    "0002" + "00" + "3ff0000000000000" + "0a" + "c25fff",
  );
});

test("appendXor() and decodeXor() keep timestamps at the edge of every delta size", () => {
  for (const change of [
    0,
    1,
    -1,
    8191,
    8192,
    8193,
    -8191,
    -8192,
    65535,
    65536,
    65537,
    -65535,
    -65536,
    524287,
    524288,
    524289,
    -524287,
    -524288,
    2 ** 31,
    2 ** 32 + 5,
    2 ** 40,
  ]) {
    const delta = 2 ** 21;
    const samples = [sample(5, 1), sample(5 + delta, 1), sample(5 + 2 * delta + change, 1)];
    if (samples[2][0] > samples[1][0]) assert.deepEqual(decode(encode(samples)), samples, String(change));
  }
  for (const first of [-1, -(2 ** 40), 0, 1_700_000_000_000]) {
    assert.deepEqual(decode(encode([sample(first, 2)])), [sample(first, 2)]);
  }
});

test("decodeXor() gives back any samples, whatever the bits (seed 7)", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 400; round++) {
    const samples: Sample[] = [];
    let t = randomInteger(random, 2 ** 30) * (random.float() < 0.5 ? -1 : 1000);
    let value = 0;
    const style = randomInteger(random, 5);
    const count = 1 + randomInteger(random, 240);
    for (let i = 0; i < count; i++) {
      t += style === 0 ? 15000 : 1 + randomInteger(random, 2 ** (1 + randomInteger(random, 25)));
      if (style < 2) value += randomInteger(random, 100);
      else if (style === 2) value = random.float() * 1e6;
      if (style < 3) samples.push(sample(t, value));
      else
        samples.push([
          t,
          (random.float() * 2 ** 32) | 0,
          style === 3 ? (random.float() * 2 ** 32) | 0 : 0x7ff00000,
        ]);
    }
    assert.deepEqual(decode(encode(samples, 2)), samples, `round ${round}`);
    const [min, max] = [samples[count >> 2][0], samples[(3 * count) >> 2][0]];
    assert.deepEqual(
      decode(encode(samples), min, max),
      samples.filter(([time]) => time >= min && time <= max),
    );
  }
});

test("decodeXor() throws or answers, but never hangs or reads beyond, on damaged chunks (seed 8)", () => {
  const random = seededRandom(8);
  const good = encode(Array.from({ length: 120 }, (_, i) => sample(i * 15000, i * i)));
  for (let round = 0; round < 2000; round++) {
    const bad = good.slice(0, 1 + randomInteger(random, good.length));
    for (let flips = 0; flips < 3; flips++) {
      bad[randomInteger(random, bad.length)] ^= 1 << randomInteger(random, 8);
    }
    try {
      decode(bad);
    } catch (error) {
      assert.match(String(error), /CorruptionError/);
    }
  }
});

test("the stale marker keeps its bits", () => {
  const stale: Sample = [3, 2, 0x7ff00000];
  assert.deepEqual(decode(encode([sample(1, 5), sample(2, NaN), stale]))[2], stale);
});
