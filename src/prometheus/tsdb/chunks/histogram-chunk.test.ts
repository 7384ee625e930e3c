import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../../base/random.ts";
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram } from "../../../model/histogram.ts";
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM } from "./chunk-encoding.ts";
import {
  decodeHistogramChunk,
  encodeHistogramChunk,
  GAUGE,
  RESET_BEFORE,
  RESET_NONE,
  RESET_UNKNOWN,
  staleHistogram,
} from "./histogram-chunk.ts";
import { alignHistograms, bucketIndexes, HistogramSeries } from "./histogram-series.ts";
import { equalHistograms } from "./histogram-shape.ts";

function histogram(random: Random, isInteger: boolean, base = 0): FloatHistogram {
  const count = () => base + (isInteger ? randomInteger(random, 1000) : random.float() * 1000);
  const isCustom = random.float() < 0.2;
  const length = 1 + randomInteger(random, 5);
  return {
    counterResetHint: "unknown",
    schema: isCustom ? CUSTOM_BUCKETS_SCHEMA : randomInteger(random, 13) - 4,
    zeroThreshold: isCustom ? 0 : [0, 2 ** -128, 0.001, 1][randomInteger(random, 4)],
    zeroCount: isCustom ? 0 : count(),
    count: count() + 2 ** randomInteger(random, 50),
    sum: (random.float() - 0.5) * 1e6,
    positiveSpans: [
      { offset: isCustom ? 0 : randomInteger(random, 200) - 100, length },
      { offset: 2, length: 1 },
    ],
    negativeSpans: isCustom ? [] : [{ offset: -3, length: 2 }],
    positiveBuckets: Array.from({ length: length + 1 }, count),
    negativeBuckets: isCustom ? [] : [count(), count()],
    customValues: isCustom ? [0.005, 0.1, 1, 33554.431, Math.PI, -2, 1e9] : [],
  };
}

function decode(bytes: Uint8Array, encoding: 2 | 3) {
  const out = { timestamps: [] as number[], histograms: [] as FloatHistogram[] };
  decodeHistogramChunk(bytes, encoding, -Infinity, Infinity, out);
  return out;
}

test("histogram chunks give back what was encoded (seed 3)", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 300; round++) {
    const isInteger = round % 2 === 0;
    const encoding = isInteger ? CHUNK_HISTOGRAM : CHUNK_FLOAT_HISTOGRAM;
    const first = histogram(random, isInteger);
    const histograms = [first];
    const timestamps = [1_700_000_000_000];
    for (let i = randomInteger(random, 20); i > 0; i--) {
      const { positiveSpans, negativeSpans, schema, zeroThreshold, customValues } = first;
      const other = histogram(random, isInteger);
      histograms.push({
        ...other,
        positiveSpans,
        negativeSpans,
        schema,
        zeroThreshold,
        customValues,
        positiveBuckets: first.positiveBuckets.map(() => other.positiveBuckets[0]),
        negativeBuckets: first.negativeBuckets.map(() => other.positiveBuckets[1]),
      });
      timestamps.push(timestamps.at(-1)! + 1 + randomInteger(random, 1e6));
    }
    if (round % 5 === 0) {
      histograms.push(staleHistogram());
      timestamps.push(timestamps.at(-1)! + 1);
    }
    const back = decode(encodeHistogramChunk({ timestamps, histograms }, encoding, RESET_NONE), encoding);
    assert.deepEqual(back.timestamps, timestamps);
    for (const [i, expected] of histograms.entries()) {
      if (!equalHistograms(back.histograms[i], expected)) assert.deepEqual(back.histograms[i], expected);
    }
    assert.deepEqual(
      back.histograms.slice(0, 2).map((h) => h.counterResetHint),
      ["unknown", "not_reset"]
        .slice(0, histograms.length)
        .map((hint, i) => (Number.isNaN(histograms[i].sum) ? "unknown" : hint)),
    );
  }
});

test("decodeHistogramChunk() throws or answers on damaged chunks (seed 4)", () => {
  const random = seededRandom(4);
  const histograms = Array.from({ length: 5 }, () => histogram(seededRandom(9), true));
  const good = encodeHistogramChunk({ timestamps: [1, 2, 3, 4, 5], histograms }, CHUNK_HISTOGRAM, GAUGE);
  for (let round = 0; round < 3000; round++) {
    const bad = good.slice(0, 1 + randomInteger(random, good.length));
    for (let flips = 0; flips < 3; flips++)
      bad[randomInteger(random, bad.length)] ^= 1 << randomInteger(random, 8);
    try {
      decode(bad, round % 2 === 0 ? CHUNK_HISTOGRAM : CHUNK_FLOAT_HISTOGRAM);
    } catch (error) {
      assert.match(String(error), /CorruptionError/);
    }
  }
});

test("alignHistograms() gives all the union of their buckets", () => {
  const base = histogram(seededRandom(1), true);
  const of = (spans: [number, number][], buckets: number[]): FloatHistogram => ({
    ...base,
    positiveSpans: spans.map(([offset, length]) => ({ offset, length })),
    positiveBuckets: buckets,
  });
  const aligned = alignHistograms([
    of([[1, 2]], [5, 6]),
    of(
      [
        [0, 1],
        [3, 2],
      ],
      [1, 2, 3],
    ),
  ]);
  assert.deepEqual(bucketIndexes(aligned[0].positiveSpans), [0, 1, 2, 4, 5]);
  assert.deepEqual(
    aligned.map((h) => h.positiveBuckets),
    [
      [0, 5, 6, 0, 0],
      [1, 0, 0, 2, 3],
    ],
  );
});

test("HistogramSeries cuts at resets, schema changes and full chunks", () => {
  const of = (count: number, schema = 1): FloatHistogram => ({
    counterResetHint: "unknown",
    schema,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum: count,
    positiveSpans: [{ offset: 0, length: 1 }],
    negativeSpans: [],
    positiveBuckets: [count],
    negativeBuckets: [],
    customValues: [],
  });
  const series = new HistogramSeries();
  const lengths = [5, 6, 3, 4, 4].map(
    (count, i) => series.append(i, of(count, i === 4 ? 2 : 1), 1e9)?.samples ?? 0,
  );
  assert.deepEqual(lengths, [0, 0, 2, 0, 2]);
  assert.equal(series.append(10, { ...of(5, 2), counterResetHint: "gauge" }, 1e9)?.samples, 1);
  assert.equal(series.append(2e9, { ...of(1, 2), counterResetHint: "gauge" }, 3e9)?.samples, 1);
  assert.equal(series.close()?.samples, 1);
  assert.equal(series.close(), undefined);
});

test("HistogramSeries foresees the end of a chunk, so that those of a range are equally long", () => {
  const RANGE_MS = 2 * 3600_000;
  const of = (count: number, buckets: number): FloatHistogram => ({
    ...histogram(seededRandom(1), true),
    counterResetHint: "unknown",
    zeroCount: 0,
    count: count * buckets,
    sum: 1,
    positiveSpans: [{ offset: 0, length: buckets }],
    negativeSpans: [],
    positiveBuckets: new Array(buckets).fill(count),
    negativeBuckets: [],
  });
  for (const [buckets, isSmall] of [
    [24, true],
    [400, false],
  ] as const) {
    const series = new HistogramSeries();
    const chunks = [];
    for (let i = 0; i < 480; i++) {
      const closed = series.append(i * 15_000, of(30 * i + 25 * (i % 2), buckets), RANGE_MS);
      if (closed !== undefined) chunks.push(closed);
    }
    chunks.push(series.close()!);
    assert.equal(
      chunks.reduce((sum, { samples }) => sum + samples, 0),
      480,
    );
    const whole = chunks.slice(0, -1).map(({ samples }) => samples);
    assert.ok(Math.max(...whole) - Math.min(...whole) <= 1, `${whole}`);
    const largest = Math.max(...chunks.map(({ bytes }) => bytes.length));
    if (isSmall) assert.ok(chunks.length > 2 && largest > 512 && largest < 2048, `${largest}`);
    else assert.ok(Math.min(...whole) >= 10, "a chunk has ten samples at least");
  }
});

test("what follows a float is not compared with the histogram before it", () => {
  const of = (count: number): FloatHistogram => ({
    ...histogram(seededRandom(1), true),
    counterResetHint: "unknown",
    count,
    zeroCount: count,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: [],
    negativeBuckets: [],
  });
  const flags = (isBetween: boolean): number => {
    const series = new HistogramSeries();
    series.append(0, of(5), 1e9);
    if (isBetween) series.endRun();
    else series.close();
    series.append(1, of(3), 1e9);
    return series.close()!.bytes[2];
  };
  assert.deepEqual([flags(true), flags(false)], [RESET_UNKNOWN, RESET_BEFORE]);
});
