import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../base/random.ts";
import type { FloatHistogram, Span } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { METRIC_TYPES, type WriteRequest } from "./write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "./write-v1.ts";
import { decodeWriteRequestV2, encodeWriteRequestV2 } from "./write-v2.ts";

const VERSIONS = [
  { version: 1, encode: encodeWriteRequestV1, decode: decodeWriteRequestV1 },
  { version: 2, encode: encodeWriteRequestV2, decode: decodeWriteRequestV2 },
];

function randomRequest(random: Random, version: number): WriteRequest {
  const many = (below: number) => Array.from({ length: randomInteger(random, below) });
  const word = () =>
    ["a", "böse", "x".repeat(1 + randomInteger(random, 200)), "job"][randomInteger(random, 4)];
  const labels = () => Labels.of(many(5).map((_, i) => [`l${i}`, word()] as const));
  const time = () => 1.7e12 + randomInteger(random, 1e9);
  return {
    series: many(8).map(() => ({
      labels: labels(),
      samples: many(4).map(() =>
        random.float() < 0.2
          ? { timestampMs: time(), value: Number.NaN, stale: true }
          : {
              timestampMs: random.float() < 0.1 ? -time() : time(),
              value: random.float() * 10 ** randomInteger(random, 20),
            },
      ),
      histograms: many(2).map(() => ({
        timestampMs: time(),
        ...randomHistogram(random),
        ...(version === 2 ? { startTimestampMs: time() } : {}),
      })),
      exemplars: many(2).map(() => ({ labels: labels(), value: random.float(), timestampMs: time() })),
      ...(version === 2
        ? { metadata: { type: METRIC_TYPES[randomInteger(random, 8)], help: word(), unit: "s" } }
        : {}),
    })),
    metadata:
      version === 1 ? many(3).map(() => ({ metric: word(), type: "counter", help: word(), unit: "" })) : [],
  };
}

function randomHistogram(random: Random): { histogram: FloatHistogram; isInteger: boolean } {
  const isInteger = random.float() < 0.5;
  const spans = (): Span[] => [
    { offset: randomInteger(random, 9) - 4, length: 2 },
    { offset: randomInteger(random, 5), length: 1 },
  ];
  const counts = () => [1, 2, 3].map(() => randomInteger(random, 1e6) + (isInteger ? 0 : 0.5));
  return {
    isInteger,
    histogram: {
      counterResetHint: "gauge",
      schema: randomInteger(random, 12) - 4,
      zeroThreshold: 1e-6,
      zeroCount: isInteger ? 3 : 3.5,
      count: isInteger ? 2 ** 40 : 7.25,
      sum: -3.5,
      positiveSpans: spans(),
      negativeSpans: spans(),
      positiveBuckets: counts(),
      negativeBuckets: counts(),
      customValues: random.float() < 0.3 ? [0.5, 1, 2] : [],
    },
  };
}

for (const { version, encode, decode } of VERSIONS) {
  test(`remote write ${version}: decoder and encoder are inverse (seeded)`, () => {
    const random = seededRandom(version);
    for (let round = 0; round < 200; round++) {
      const request = randomRequest(random, version);
      assert.deepEqual(decode(encode(request)), request);
    }
  });

  test(`remote write ${version}: mutated bytes give a request or a ProtobufError (seeded)`, () => {
    const random = seededRandom(10 + version);
    for (let round = 0; round < 5_000; round++) {
      const bytes = encode(randomRequest(random, version)).slice();
      if (bytes.length === 0) continue;
      for (let n = randomInteger(random, 5); n >= 0; n--)
        bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
      try {
        decode(bytes.subarray(0, 1 + randomInteger(random, bytes.length)));
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }
  });
}

test("encodeWriteRequestV1() leaves zero out, which readers take for what is missing", () => {
  const sizeOf = (value: number) => {
    const samples = [{ timestampMs: 1, value }];
    const series = [{ labels: Labels.of({ a: "b" }), samples, histograms: [], exemplars: [] }];
    const bytes = encodeWriteRequestV1({ series, metadata: [] });
    assert.ok(Object.is(decodeWriteRequestV1(bytes).series[0].samples[0].value, value));
    return bytes.length;
  };
  assert.equal(sizeOf(1) - sizeOf(0), 9);
  assert.equal(sizeOf(-0), sizeOf(1));
});

test("decodeWriteRequestV1() keeps repeated label names, in order, for the receiver to refuse", () => {
  const label = "0a060a0161120162";
  const bytes = Buffer.from(`0a10${label}${label}`, "hex");
  assert.deepEqual(decodeWriteRequestV1(bytes).series[0].labels.flat, ["a", "b", "a", "b"]);
});

test("decodeWriteRequestV2() tells of each series whose references lie outside of the symbols", () => {
  // symbols [""], one series with label refs [0, 9], with [0], and with [] and metadata whose help is 9
  const cases: [hex: string, problem: string][] = [
    [
      "22002a040a020009",
      "parsing labels for series [0 9]: labelRefs 0 (name) = 9 (value) outside of symbols table (size 1)",
    ],
    ["22002a030a0100", "parsing labels for series [0]: invalid labelRefs length 1"],
    [
      "22002a042a021809",
      "parsing metadata for series []: metadata help_ref 9 outside of symbols table (size 1)",
    ],
  ];
  for (const [hex, problem] of cases)
    assert.equal(decodeWriteRequestV2(Buffer.from(hex, "hex")).series[0].problem, problem);
  const { exemplarProblems } = decodeWriteRequestV2(Buffer.from("22002a0522030a0101", "hex")).series[0];
  assert.deepEqual(exemplarProblems, ["parsing exemplar for series {}: invalid labelRefs length 1"]);
  const other = decodeWriteRequestV2(Buffer.from("220161220162" + "2a040a020001", "hex")).series[0];
  assert.deepEqual([other.problem, other.labels.toObject()], [undefined, { a: "b" }]);
});

test("decodeWriteRequestV1() rejects a histogram whose spans and buckets disagree", () => {
  const request = randomRequest(seededRandom(3), 1);
  request.series = [
    {
      labels: Labels.empty,
      samples: [],
      exemplars: [],
      histograms: [{ timestampMs: 1, ...randomHistogram(seededRandom(1)) }],
    },
  ];
  request.series[0].histograms[0].histogram.positiveSpans = [{ offset: 0, length: 2 ** 31 }];
  assert.throws(() => decodeWriteRequestV1(encodeWriteRequestV1(request)), /positive side: more than/);
  request.series[0].histograms[0].histogram.positiveSpans = [{ offset: 0, length: 2 }];
  assert.throws(() => decodeWriteRequestV1(encodeWriteRequestV1(request)), /spans need 2 buckets, have 3/);
});
