import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../base/random.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import {
  CLIENT_METRIC_TYPES,
  type ClientExemplar,
  type ClientHistogram,
  type ClientMetric,
  type ClientMetricFamily,
  createClientHistogram,
} from "./metric-family.ts";
import { decodeMetricFamilies, MAX_LABELS_PER_METRIC } from "./metric-family-decoder.ts";
import { encodeMetricFamilies } from "./metric-family-encoder.ts";

const many = (random: Random, below: number) => Array.from({ length: randomInteger(random, below) });
const word = (random: Random) =>
  ["a", "böse", "x".repeat(1 + randomInteger(random, 200)), "job"][randomInteger(random, 4)];
const labels = (random: Random) => many(random, 4).flatMap((_, i) => [`l${i}`, word(random)]);
const timeMs = (random: Random) =>
  random.float() < 0.3 ? 0 : 1_700_000_000_000 + randomInteger(random, 1e9);

function exemplar(random: Random): ClientExemplar {
  const hasTime = random.float() < 0.7;
  return {
    labels: labels(random),
    value: random.float(),
    timestampMs: hasTime ? timeMs(random) : undefined,
  };
}

function histogram(random: Random): ClientHistogram {
  const side = () => ({
    spans: many(random, 3).map(() => ({
      offset: randomInteger(random, 9) - 4,
      length: randomInteger(random, 3),
    })),
    deltas: many(random, 4).map(() => randomInteger(random, 1000) - 500),
    counts: many(random, 4).map(() => random.float() * 100),
  });
  return createClientHistogram({
    sampleCount: randomInteger(random, 2) * 2 ** 40,
    sampleCountFloat: randomInteger(random, 2) * 2.5,
    sampleSum: random.float(),
    buckets: many(random, 4).map(() => ({
      cumulativeCount: randomInteger(random, 100),
      cumulativeCountFloat: randomInteger(random, 2) * 0.5,
      upperBound: random.float(),
      ...(random.float() < 0.5 ? { exemplar: exemplar(random) } : {}),
    })),
    schema: randomInteger(random, 13) - 4,
    zeroThreshold: randomInteger(random, 2) * 1e-9,
    zeroCount: randomInteger(random, 3),
    zeroCountFloat: randomInteger(random, 2) * 1.5,
    negative: side(),
    positive: side(),
    exemplars: many(random, 3).map(() => exemplar(random)),
  });
}

function metric(random: Random, type: ClientMetricFamily["type"]): ClientMetric {
  const base = { labels: labels(random), timestampMs: timeMs(random), value: 0, startTimestampMs: 0 };
  const startTimestampMs = timeMs(random);
  const value = random.float() * 1e6;
  switch (type) {
    case "counter":
      return {
        ...base,
        value,
        startTimestampMs,
        ...(random.float() < 0.5 ? { exemplar: exemplar(random) } : {}),
      };
    case "summary": {
      const quantiles = many(random, 3).map(() => ({ quantile: random.float(), value: random.float() }));
      const summary = { sampleCount: randomInteger(random, 100), sampleSum: random.float(), quantiles };
      return { ...base, startTimestampMs, summary };
    }
    case "histogram":
    case "gaugehistogram":
      return { ...base, startTimestampMs, histogram: histogram(random) };
    default:
      return { ...base, value };
  }
}

function families(random: Random): ClientMetricFamily[] {
  return many(random, 6).map((_, i) => {
    const type = CLIENT_METRIC_TYPES[randomInteger(random, CLIENT_METRIC_TYPES.length)];
    const metrics = many(random, 5).map(() => metric(random, type));
    return { name: `m${i}`, help: random.float() < 0.5 ? word(random) : "", type, unit: "", metrics };
  });
}

test("decodeMetricFamilies() and encodeMetricFamilies() are inverse (seeded)", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 300; round++) {
    const expected = families(random);
    assert.deepEqual(decodeMetricFamilies(encodeMetricFamilies(expected)), expected);
  }
});

test("decodeMetricFamilies() gives families or a ProtobufError for mutated bytes (seeded)", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 5_000; round++) {
    const bytes = encodeMetricFamilies(families(random));
    if (bytes.length === 0) continue;
    for (let n = randomInteger(random, 5); n >= 0; n--)
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    try {
      decodeMetricFamilies(bytes.subarray(0, 1 + randomInteger(random, bytes.length)));
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error));
    }
  }
});

test("decodeMetricFamilies() limits the labels of a metric", () => {
  const withLabels = (count: number) => {
    const flat = Array.from({ length: count }, (_, i) => [`l${i}`, "v"]).flat();
    const one = { labels: flat, timestampMs: 0, value: 1, startTimestampMs: 0 };
    return encodeMetricFamilies([{ name: "a", help: "", type: "gauge", unit: "", metrics: [one] }]);
  };
  assert.equal(
    decodeMetricFamilies(withLabels(MAX_LABELS_PER_METRIC))[0].metrics[0].labels.length,
    2 * MAX_LABELS_PER_METRIC,
  );
  assert.throws(() => decodeMetricFamilies(withLabels(MAX_LABELS_PER_METRIC + 1)), /more than 10000 labels/);
});

test("decodeMetricFamilies() says what is wrong", () => {
  const cases: [hex: string, message: RegExp][] = [
    ["05", /clientpb: insufficient length of buffer, expected at least 6 bytes, got 1 bytes/],
    ["ffffffffffff01", /invalid varint/],
    // name as a varint
    ["020801", /wrong wireType = 0 for field Name/],
    // a metric with a label whose name is empty, and one whose value is no UTF-8
    ["0622040a020a00", /invalid label name/],
    ["0722050a031201ff", /invalid label value/],
  ];
  for (const [hex, message] of cases)
    assert.throws(() => decodeMetricFamilies(Buffer.from(hex, "hex")), message, hex);
});
