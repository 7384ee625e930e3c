import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { BitWriter } from "./bit-writer.ts";
import { CHUNK_HISTOGRAM } from "./chunk-encoding.ts";
import { decodeHistogramChunk, encodeHistogramChunk } from "./histogram-chunk.ts";
import { SampleColumns } from "./sample-columns.ts";
import { decodeXor2 } from "./xor2-decoder.ts";

type Sample = [timestampMs: number, low: number, high: number];
const STALE: [number, number] = [2, 0x7ff00000];

/** The encoder, as plain as can be: every changed value gets a new window of all 64 bits, or the last one again. */
function encode(samples: Sample[], hasStartTimes: boolean): Uint8Array {
  const out = new BitWriter();
  out.bits(samples.length, 16);
  out.bits(hasStartTimes ? 0x80 | 2 : 0, 8);
  const varint = (value: number) => uvarint(value >= 0 ? 2 * value : -2 * value - 1);
  const uvarint = (value: number) => {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.bits((rest % 0x80) | 0x80, 8);
    out.bits(rest, 8);
  };
  let base: [number, number] = [0, 0];
  let hasWindow = false;
  let [time, delta] = [0, 0];
  for (const [i, [timestampMs, low, high]] of samples.entries()) {
    const isStale = low === STALE[0] && high === STALE[1];
    const isSame = !isStale && low === base[0] && high === base[1];
    const window = (reuse: [number, number], fresh: [number, number]) => {
      if (hasWindow) out.bits(...reuse);
      else out.bits(...fresh);
      if (!hasWindow) out.bits(0, 11);
      hasWindow = true;
      out.word64(low ^ base[0], high ^ base[1]);
    };
    const value = () => {
      if (isStale) out.bits(7, 3);
      else if (isSame) out.bits(0, 1);
      else window([2, 2], [6, 3]);
    };
    const difference = timestampMs - time - delta;
    if (i === 0) {
      varint(timestampMs);
      out.word64(low, high);
      if (hasStartTimes) varint(1000);
    } else if (i === 1) {
      uvarint(timestampMs - time);
      value();
    } else if (difference === 0) {
      if (isStale) out.bits(31, 5);
      else if (isSame) out.bits(0, 1);
      else {
        out.bits(2, 2);
        window([0, 1], [1, 1]);
      }
    } else {
      if (difference >= -4096 && difference <= 4095) out.bits((6 << 13) | (difference & 0x1fff), 16);
      else if (difference >= -524288 && difference <= 524287)
        out.bits((14 << 20) | (difference & 0xfffff), 24);
      else {
        out.bits(30, 5);
        out.word64(difference | 0, Math.floor(difference / 2 ** 32));
      }
      value();
    }
    if (hasStartTimes && i >= 2) out.varbitInt(i * 17);
    if (i > 0) delta = timestampMs - time;
    time = timestampMs;
    if (!isStale) base = [low, high];
  }
  return out.finish();
}

function decode(bytes: Uint8Array): Sample[] {
  const out = new SampleColumns();
  decodeXor2(bytes, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, out);
  return Array.from({ length: out.length }, (_, i) => [
    out.timestamps[i],
    out.words[2 * i] | 0,
    out.words[2 * i + 1] | 0,
  ]);
}

function randomSamples(seed: number): Sample[] {
  const random = seededRandom(seed);
  let time = 1_700_000_000_000;
  let last: [number, number] = [5, 0x40000000];
  return Array.from({ length: 1 + randomInteger(random, 150) }, () => {
    time += random.float() < 0.5 ? 15_000 : 1 + randomInteger(random, 2 ** (1 + randomInteger(random, 35)));
    const choice = random.float();
    if (choice < 0.1) return [time, ...STALE];
    if (choice < 0.6) last = [(random.float() * 2 ** 32) | 0, (random.float() * 0x7f000000) | 0];
    return [time, ...last];
  });
}

test("decodeXor2() gives back samples, stale markers and start times between them (seeds 0 to 199)", () => {
  for (let seed = 0; seed < 200; seed++) {
    const samples = randomSamples(seed);
    assert.deepEqual(decode(encode(samples, seed % 2 === 0)), samples, `seed ${seed}`);
  }
});

test("decodeXor2() throws or answers on damaged chunks (seed 3)", () => {
  const random = seededRandom(3);
  const good = encode(randomSamples(8), true);
  for (let round = 0; round < 3000; round++) {
    const bad = good.slice(0, 1 + randomInteger(random, good.length));
    for (let flips = 0; flips < 3; flips++)
      bad[randomInteger(random, bad.length)] ^= 1 << randomInteger(random, 8);
    try {
      decode(bad);
    } catch (error) {
      assert.match(String(error), /CorruptionError/);
    }
  }
});

test("a histogram chunk with start times but none known reads as one without", () => {
  const histogram = {
    counterResetHint: "not_reset" as const,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 5,
    sum: 1,
    positiveSpans: [{ offset: 0, length: 1 }],
    negativeSpans: [],
    positiveBuckets: [5],
    negativeBuckets: [],
    customValues: [],
  };
  const samples = { timestamps: [1, 2], histograms: [histogram, histogram] };
  const chunk = encodeHistogramChunk(samples, CHUNK_HISTOGRAM, 0);
  const out = { timestamps: [] as number[], histograms: [] as object[] };
  // Flags "gauge" move to the first byte.
  chunk[0] |= 0xc0;
  decodeHistogramChunk(chunk, 5, 0, 10, out as never);
  assert.deepEqual(out.timestamps, [1, 2]);
  assert.deepEqual(out.histograms, [
    { ...histogram, counterResetHint: "gauge" },
    { ...histogram, counterResetHint: "gauge" },
  ]);
});
