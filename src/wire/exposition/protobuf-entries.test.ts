import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { formatTestHistogram } from "../../model/histogram-format.ts";
import {
  type ClientMetric,
  type ClientMetricFamily,
  createClientHistogram,
} from "../client-model/metric-family.ts";
import { encodeMetricFamilies } from "../client-model/metric-family-encoder.ts";
import { ExpositionError } from "./exposition-error.ts";
import { MAX_BUCKETS_PER_HISTOGRAM, type ProtobufOptions, protobufEntries } from "./protobuf-entries.ts";
import type { ScrapedEntry } from "./scraped-entry.ts";

const PLAIN: ProtobufOptions = {
  ignoreNativeHistograms: false,
  keepClassicHistograms: false,
  convertClassicHistograms: false,
};
const metric = (fields: Partial<ClientMetric>): ClientMetric => ({
  labels: [],
  timestampMs: 0,
  value: 0,
  startTimestampMs: 0,
  ...fields,
});
const family = (
  type: ClientMetricFamily["type"],
  metrics: ClientMetric[],
  rest: Partial<ClientMetricFamily> = {},
): ClientMetricFamily => ({ name: "m", help: "h", type, unit: "", metrics, ...rest });

function shown(entry: ScrapedEntry): string {
  if (entry.kind !== "sample") return `${entry.kind} ${entry.metricName} ${entry.text}`;
  const flat = entry.labels();
  const pairs: string[] = [];
  for (let i = 2; i < flat.length; i += 2) pairs.push(`${flat[i]}=${flat[i + 1]}`);
  const value = entry.histogram === undefined ? entry.value : formatTestHistogram(entry.histogram);
  const exemplars = entry.exemplars.map((each) => ` #${each.value}@${each.timestampMs}`).join("");
  return `${flat[1]}{${pairs}} ${value}${exemplars}`;
}
const read = (bytes: Uint8Array, options: Partial<ProtobufOptions> = {}) =>
  Array.from(protobufEntries(bytes, { ...PLAIN, ...options }), shown);
const samples = (one: ClientMetricFamily, options: Partial<ProtobufOptions> = {}) =>
  read(encodeMetricFamilies([one]), options).slice(2);

/** Classic with two buckets, and native with three observations in buckets 1, 2 and 5. */
const both = createClientHistogram({
  sampleCount: 3,
  sampleSum: 6,
  buckets: [
    {
      cumulativeCount: 1,
      cumulativeCountFloat: 0,
      upperBound: 1,
      exemplar: { labels: [], value: 0.5, timestampMs: 7 },
    },
    { cumulativeCount: 2, cumulativeCountFloat: 0, upperBound: 5 },
  ],
  positive: {
    spans: [
      { offset: 1, length: 2 },
      { offset: 1, length: 2 },
    ],
    deltas: [1, 0, -1, 1],
    counts: [],
  },
});

test("protobufEntries() tells a family's help, unit and type, and its simple metrics", () => {
  const one = family("counter", [metric({ labels: ["a", "b"], value: 5, timestampMs: 12 })], { unit: "s" });
  const entries = [...protobufEntries(encodeMetricFamilies([one, family("gauge", [])]), PLAIN)];
  assert.deepEqual(entries.map(shown), ["help m h", "unit m s", "type m counter", "m{a=b} 5"]);
  assert.equal(entries[3].kind === "sample" && entries[3].timestampMs, 12);
  assert.deepEqual(samples(family("unknown", [metric({ value: 2 })])), ["m{} 2"]);
});

test("protobufEntries() gives summaries and classic histograms as series", () => {
  const summary = { sampleCount: 4, sampleSum: 2, quantiles: [{ quantile: 1, value: 9 }] };
  assert.deepEqual(samples(family("summary", [metric({ summary })])), [
    "m_count{} 4",
    "m_sum{} 2",
    "m{quantile=1.0} 9",
  ]);
  const classic = createClientHistogram({ sampleCount: 3, sampleSum: 6, buckets: both.buckets });
  assert.deepEqual(samples(family("histogram", [metric({ histogram: classic, labels: ["x", "y"] })])), [
    "m_count{x=y} 3",
    "m_sum{x=y} 6",
    "m_bucket{x=y,le=1.0} 1 #0.5@7",
    "m_bucket{x=y,le=5.0} 2",
    "m_bucket{x=y,le=+Inf} 3",
  ]);
});

test("protobufEntries() prefers the native histogram, and gives the classic one on request", () => {
  const one = family("histogram", [metric({ histogram: both })]);
  const native = "m{} {{count:3 sum:6 offset:1 buckets:[1 1 0 0 1]}} #0.5@7";
  const classic = [
    "m_count{} 3",
    "m_sum{} 6",
    "m_bucket{le=1.0} 1 #0.5@7",
    "m_bucket{le=5.0} 2",
    "m_bucket{le=+Inf} 3",
  ];
  const custom = "m{} {{schema:-53 count:3 sum:6 custom_values:[1 5] buckets:[1 1 1]}} #0.5@7";
  assert.deepEqual(samples(one), [native]);
  assert.deepEqual(samples(one, { keepClassicHistograms: true }), [native, ...classic]);
  assert.deepEqual(samples(one, { ignoreNativeHistograms: true }), classic);
  assert.deepEqual(samples(one, { convertClassicHistograms: true }), [native]);
  assert.deepEqual(samples(one, { ignoreNativeHistograms: true, convertClassicHistograms: true }), [custom]);
});

test("protobufEntries() reads float and gauge histograms, and one without observations by its empty span", () => {
  const float = createClientHistogram({
    sampleCountFloat: 2.5,
    zeroCountFloat: 1,
    zeroThreshold: 0.5,
    negative: { spans: [{ offset: 0, length: 1 }], deltas: [], counts: [1.5] },
  });
  assert.deepEqual(samples(family("gaugehistogram", [metric({ histogram: float })])), [
    "m{} {{count:2.5 z_bucket:1 z_bucket_w:0.5 counter_reset_hint:gauge n_buckets:[1.5]}}",
  ]);
  const empty = createClientHistogram({
    positive: { spans: [{ offset: 0, length: 0 }], deltas: [], counts: [] },
  });
  assert.deepEqual(samples(family("histogram", [metric({ histogram: empty })])), ["m{} {{}}"]);
});

test("protobufEntries() refuses what is not valid", () => {
  const histogram = (fields: Parameters<typeof createClientHistogram>[0]) =>
    family("histogram", [metric({ histogram: createClientHistogram(fields) })]);
  const spans = (length: number, deltas: number) => ({
    positive: { spans: [{ offset: 0, length }], deltas: new Array(deltas).fill(0), counts: [] },
  });
  const cases: [ClientMetricFamily, RegExp][] = [
    [family("gauge", [metric({})], { name: "" }), /invalid metric name/],
    [family(17, [metric({})]), /unknown metric type for metric "m": 17/],
    [histogram(spans(3, 2)), /histogram "m": positive side: spans require 3 buckets, have 2/],
    [
      histogram(spans(MAX_BUCKETS_PER_HISTOGRAM + 1, MAX_BUCKETS_PER_HISTOGRAM + 1)),
      /more than 100000 buckets/,
    ],
  ];
  for (const [one, message] of cases) assert.throws(() => samples(one), message);
  assert.equal(samples(histogram(spans(MAX_BUCKETS_PER_HISTOGRAM, MAX_BUCKETS_PER_HISTOGRAM))).length, 1);
});

test("protobufEntries() gives entries or an ExpositionError for mutated bytes (seeded)", () => {
  const random = seededRandom(3);
  const whole = encodeMetricFamilies([
    family("histogram", [metric({ histogram: both, labels: ["a", "b"] }), metric({ histogram: both })]),
    family("summary", [metric({ summary: { sampleCount: 1, sampleSum: 2, quantiles: [] } })]),
  ]);
  for (let round = 0; round < 5_000; round++) {
    const bytes = whole.slice();
    for (let n = randomInteger(random, 5); n >= 0; n--)
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    try {
      read(bytes, { keepClassicHistograms: round % 2 === 0, convertClassicHistograms: round % 3 === 0 });
    } catch (error) {
      assert.ok(error instanceof ExpositionError, String(error));
    }
  }
});
