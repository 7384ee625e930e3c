/** The decoders that `fuzz-decoders.ts` attacks: what is good input, how it is read, and which errors are promised. */
import { systemClock } from "../src/base/clock.ts";
import { type Random, randomInteger } from "../src/base/random.ts";
import { createHistogram } from "../src/model/histogram.ts";
import { compareStrings, Labels } from "../src/model/labels.ts";
import { parseExpression } from "../src/prometheus/promql/parser/expression-parser.ts";
import { Regex } from "../src/prometheus/regex/regex.ts";
import { decodeFrames, encodeFrame } from "../src/prometheus/remote/chunked-stream.ts";
import { ByteWriter } from "../src/prometheus/tsdb/bytes/byte-writer.ts";
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM } from "../src/prometheus/tsdb/chunks/chunk-encoding.ts";
import { decodeHistogramChunk, encodeHistogramChunk } from "../src/prometheus/tsdb/chunks/histogram-chunk.ts";
import { SampleColumns } from "../src/prometheus/tsdb/chunks/sample-columns.ts";
import { appendXor, ROW_WORDS, resetXorRow, xorByteLength } from "../src/prometheus/tsdb/chunks/xor-chunk.ts";
import { DECODE_SLACK_BYTES, decodeXor } from "../src/prometheus/tsdb/chunks/xor-decoder.ts";
import { decodeXor2 } from "../src/prometheus/tsdb/chunks/xor2-decoder.ts";
import { IndexReader } from "../src/prometheus/tsdb/index/index-reader.ts";
import { IndexWriter } from "../src/prometheus/tsdb/index/index-writer.ts";
import { Pacer } from "../src/prometheus/tsdb/pacer.ts";
import { decodeTombstones, encodeTombstones, Tombstones } from "../src/prometheus/tsdb/tombstones.ts";
import { readHistograms, writeHistograms } from "../src/prometheus/tsdb/wal/wal-histogram-records.ts";
import { readWal } from "../src/prometheus/tsdb/wal/wal-reader.ts";
import {
  readExemplars,
  readMetadata,
  readSamples,
  readSeries,
  readTombstones,
  writeExemplars,
  writeMetadata,
  writeSamples,
  writeSeries,
  writeTombstones,
} from "../src/prometheus/tsdb/wal/wal-records.ts";
import { WalWriter } from "../src/prometheus/tsdb/wal/wal-writer.ts";
import { MemoryDisk } from "../src/simulation/virtual/memory-disk.ts";
import { type ClientMetricFamily, createClientHistogram } from "../src/wire/client-model/metric-family.ts";
import { encodeMetricFamilies } from "../src/wire/client-model/metric-family-encoder.ts";
import { checkOpenMetrics } from "../src/wire/exposition/check-openmetrics.ts";
import { customBucketEntries } from "../src/wire/exposition/custom-bucket-entries.ts";
import { protobufEntries } from "../src/wire/exposition/protobuf-entries.ts";
import { type ScrapedEntry, textEntries } from "../src/wire/exposition/scraped-entry.ts";
import { TextParser } from "../src/wire/exposition/text-parser.ts";
import { decodeMetricsJson, encodeMetricsJson } from "../src/wire/otlp/metrics-json.ts";
import { decodeMetrics, encodeMetrics } from "../src/wire/otlp/metrics-protobuf.ts";
import { decodeTracesJson } from "../src/wire/otlp/traces-json.ts";
import { decodeTraces } from "../src/wire/otlp/traces-protobuf.ts";
import { translateMetrics } from "../src/wire/otlp-to-prometheus/translate.ts";
import { decodeReadRequest, encodeReadRequest } from "../src/wire/remote-read/read-request.ts";
import {
  decodeChunkedReadResponse,
  encodeChunkedReadResponse,
} from "../src/wire/remote-read/read-response.ts";
import type { WriteRequest } from "../src/wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../src/wire/remote-write/write-v1.ts";
import { decodeWriteRequestV2, encodeWriteRequestV2 } from "../src/wire/remote-write/write-v2.ts";
import { snappyCompress, snappyDecompress } from "../src/wire/snappy.ts";

export interface FuzzedDecoder {
  name: string;
  /** How many of the iterations it gets, relative to the others. */
  share: number;
  /** Good input, to be mutated. */
  inputs: (random: Random) => Uint8Array[];
  read: (bytes: Uint8Array) => unknown;
  /** The names of errors that it may throw. */
  errors: readonly string[];
}

const text = (...all: string[]) => all.map((each) => new TextEncoder().encode(each));
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const everything = { minMs: Number.NEGATIVE_INFINITY, maxMs: Number.POSITIVE_INFINITY };
const HISTOGRAM = createHistogram({
  count: 7,
  sum: 3,
  zeroCount: 1,
  zeroThreshold: 0.001,
  positiveSpans: [
    { offset: -2, length: 2 },
    { offset: 3, length: 1 },
  ],
  positiveBuckets: [1, 2, 3],
});

function drain(entries: Iterable<ScrapedEntry>): void {
  for (const entry of entries) if (entry.kind === "sample") entry.labels();
}

const EXPOSITION = text(
  '# HELP h Böse \\n hilfe\n# TYPE h histogram\nh_bucket{le="1",a="b\\"c"} 1 # {trace="x"} 0.5 1.25\nh_bucket{le="+Inf"} 3\nh_sum 5.25e3\nh_count 3\n# EOF\n',
  '# TYPE c counter\n# UNIT c_s s\nc_s_total{x="1"} 17 1700000000.5\nc_s_created{x="1"} 1.6e9\n# EOF\n',
  '{"ä.name",b="c"} NaN 1700000000000\n  a  {  x = "y" , } +Inf\n#comment\n\ns{quantile="0.5"} -1\n',
);

function clientFamilies(): Uint8Array {
  const metric = { labels: ["a", "böse"], timestampMs: 5, value: 2, startTimestampMs: 1000 };
  const exemplar = { labels: ["t", "x"], value: 0.5, timestampMs: 7 };
  const native = { spans: [{ offset: 1, length: 2 }], deltas: [1, -1], counts: [] };
  const histogram = createClientHistogram({
    sampleCount: 1,
    buckets: [{ cumulativeCount: 1, cumulativeCountFloat: 0, upperBound: 2, exemplar }],
    positive: native,
    exemplars: [exemplar],
  });
  const summary = { sampleCount: 3, sampleSum: 4, quantiles: [{ quantile: 0.5, value: 1 }] };
  const family = (type: ClientMetricFamily["type"], metrics: ClientMetricFamily["metrics"]) => ({
    name: `m_${type}`,
    help: "help",
    type,
    unit: "s",
    metrics,
  });
  return encodeMetricFamilies([
    family("counter", [{ ...metric, exemplar }, metric]),
    family("histogram", [{ ...metric, histogram }]),
    family("summary", [{ ...metric, summary }]),
  ]);
}

const WRITE: WriteRequest = {
  series: [
    {
      labels: Labels.of({ __name__: "a", x: "böse" }),
      samples: [{ timestampMs: 1_700_000_000_000, value: 1.5 }],
      histograms: [{ timestampMs: 5, histogram: HISTOGRAM, isInteger: true }],
      exemplars: [{ labels: Labels.of({ t: "1" }), value: 1, timestampMs: 3 }],
    },
    { labels: Labels.of({ __name__: "b" }), samples: [], histograms: [], exemplars: [] },
  ],
  metadata: [],
};

/** OTLP with one metric of each kind. */
const OTLP = decodeMetricsJson(
  text(
    JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
          scopeMetrics: [
            {
              scope: { name: "scope" },
              metrics: [
                { name: "g", unit: "1", gauge: { dataPoints: [{ timeUnixNano: "5", asDouble: 1.5 }] } },
                {
                  name: "c",
                  unit: "By/s",
                  sum: {
                    aggregationTemporality: 2,
                    isMonotonic: true,
                    dataPoints: [{ timeUnixNano: "5", asInt: "3" }],
                  },
                },
                {
                  name: "h",
                  histogram: {
                    aggregationTemporality: 2,
                    dataPoints: [{ count: "3", sum: 4, bucketCounts: ["1", "2"], explicitBounds: [1] }],
                  },
                },
                {
                  name: "e",
                  exponentialHistogram: {
                    aggregationTemporality: 2,
                    dataPoints: [
                      { count: "3", scale: 9, positive: { offset: -3, bucketCounts: ["1", "2"] } },
                    ],
                  },
                },
                {
                  name: "q",
                  summary: { dataPoints: [{ count: "1", quantileValues: [{ quantile: 1, value: 2 }] }] },
                },
              ],
            },
          ],
        },
      ],
    }),
  )[0],
);
const translate = (data: typeof OTLP) =>
  translateMetrics(data, {
    strategy: "UnderscoreEscapingWithSuffixes",
    resourceLabels: () => true,
    externalLabels: undefined,
    metadata: true,
  });

const EXPRESSIONS = text(
  'sum by (a) (rate(b{c!~"d.*",e="f"}[5m:1m] @ end() offset -1m)) / on (x) group_left (y) 2 ^ -3',
  "topk(5, histogram_quantile(0.9, h)) unless up{job=~'a|b'} or vector(1) > bool 0x1f",
  '{"utf8.name", "label ü"="1"}[1h30m] ',
  "a and (b + fill (0) c) # comment\n - 1e3",
);
const PATTERNS = text(
  "(a|b)+[c-x]*?\\d{2,5}$",
  "(?i:foo)\\b|\\x{10FFFF}(?P<n>[^\\s])",
  "a{0,3}(b*)*|\\p{Lu}",
);

function written(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(out);
  return out.written().slice();
}

/** One of each record of the log. */
function records(): Uint8Array[] {
  const samples = {
    length: 2,
    refs: Float64Array.of(1, 2),
    timestamps: Float64Array.of(1_700_000_000_000, 5),
    words: Int32Array.of(1, 2, 3, 4),
  };
  const exemplar = { labels: Labels.of({ t: "x" }), value: 1, timestampMs: 4 };
  const metadata = { type: "gauge", help: "h", unit: "" };
  return [
    written((out) => writeSeries(out, 7, Uint8Array.of(1, 97, 1, 98))),
    written((out) => writeSamples(out, samples, 0, 2)),
    written((out) => writeTombstones(out, [{ ref: 3, minMs: 1, maxMs: 2 }])),
    written((out) => writeExemplars(out, [{ ref: 5, exemplar }])),
    written((out) => writeMetadata(out, [{ ref: 9, metadata }])),
    ...[7, 8].map((type) =>
      written((out) => writeHistograms(out, type, [{ ref: 1, timestampMs: 2, histogram: HISTOGRAM }])),
    ),
  ];
}

const RECORD_READERS = [readSeries, readSamples, readTombstones, readExemplars, readMetadata, readHistograms];

function xorChunk(random: Random): Uint8Array {
  const words = new Int32Array(ROW_WORDS);
  const chunk = new DataView(new ArrayBuffer(120 * 24));
  resetXorRow(words, 0);
  for (let i = 0; i < 100; i++) {
    const high = 0x40000000 | randomInteger(random, 1 << 20);
    appendXor(
      words,
      new Float64Array(words.buffer),
      0,
      chunk,
      0,
      i * 15_000 + randomInteger(random, 9),
      i,
      high,
    );
  }
  return new Uint8Array(chunk.buffer, 0, xorByteLength(words, 0));
}

function readXor(bytes: Uint8Array): void {
  const padded = new Uint8Array(bytes.length + DECODE_SLACK_BYTES);
  padded.set(bytes);
  decodeXor(
    new DataView(padded.buffer),
    0,
    bytes.length,
    everything.minMs,
    everything.maxMs,
    new SampleColumns(),
  );
}

/** The first byte of a histogram chunk's input says which encoding it is read as. */
function histogramChunks(): Uint8Array[] {
  const samples = { timestamps: [1, 5, 9], histograms: [HISTOGRAM, HISTOGRAM, { ...HISTOGRAM, count: 9 }] };
  return ([CHUNK_HISTOGRAM, CHUNK_FLOAT_HISTOGRAM] as const).map((encoding) =>
    Buffer.concat([Uint8Array.of(encoding), encodeHistogramChunk(samples, encoding, 0)]),
  );
}

function readHistogramChunk(bytes: Uint8Array): void {
  const encoding = bytes[0] % 2 === 0 ? CHUNK_HISTOGRAM : CHUNK_FLOAT_HISTOGRAM;
  const out = { timestamps: [], histograms: [] };
  decodeHistogramChunk(bytes.subarray(1), encoding, everything.minMs, everything.maxMs, out);
}

async function segment(): Promise<Uint8Array> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/wal");
  const writer = await WalWriter.open({
    directory: "/wal",
    disk,
    compression: "snappy",
    segmentBytes: 1 << 20,
  });
  writer.log(records());
  writer.log([new Uint8Array(9_000).fill(7)]);
  await writer.close();
  return disk.readFile("/wal/00000000");
}

async function readSegment(bytes: Uint8Array): Promise<void> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/wal");
  await disk.writeFile("/wal/00000000", bytes);
  for await (const batch of readWal(disk, "/wal", [0]))
    for (const { data } of batch) RECORD_READERS[(data[0] ?? 0) % RECORD_READERS.length](data, () => {});
}

async function indexFile(): Promise<Uint8Array> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/block");
  const all = Array.from({ length: 20 }, (_, i) => Labels.of({ __name__: "a", i: String(100 + i) }));
  const symbols = [...new Set(all.flatMap(({ flat }) => flat))].sort(compareStrings);
  const writer = await IndexWriter.create(disk, "/block/index", symbols, new Pacer(systemClock));
  for (const [i, labels] of all.entries())
    writer.addSeries(labels, [{ minMs: i, maxMs: i + 5, reference: 8 + i }]);
  await writer.finish();
  return disk.readFile("/block/index");
}

async function readIndex(bytes: Uint8Array): Promise<void> {
  const disk = new MemoryDisk();
  await disk.makeDirectory("/block");
  await disk.writeFile("/block/index", bytes);
  const pacer = new Pacer(systemClock);
  const reader = await IndexReader.open(disk, "/block/index", pacer);
  for (const number of await reader.allPostings()) {
    await reader.prepareSeries(number);
    reader.series(number);
  }
  for (const name of reader.labelNames()) await reader.postingsWhere(name, undefined, pacer);
  await reader.close();
}

function tombstones(): Uint8Array {
  const stones = new Tombstones();
  stones.add(16, { minMs: 1, maxMs: 5 });
  stones.add(17, { minMs: -9, maxMs: 1_700_000_000_000 });
  return encodeTombstones(stones);
}

const EXPOSITION_ERRORS = ["ExpositionError"];
const READ = {
  queries: [{ startMs: 1, endMs: 2, matchers: [{ type: 2, name: "a", value: "b|c" }], function: "rate" }],
  acceptedTypes: [1, 0],
};
const CHUNKED = {
  series: [
    {
      labels: Labels.of({ __name__: "a" }),
      chunks: [{ minMs: 1, maxMs: 9, encoding: 1, bytes: text("chunk")[0] }],
    },
  ],
  queryIndex: 1,
};
const PROTOBUF_ERRORS = ["ProtobufError"];
const DAMAGE = ["CorruptionError", "WalCorruptionError"];
const entries = (format: "text" | "openmetrics") => (bytes: Uint8Array) =>
  drain(textEntries(new TextParser(bytes, { format })));
const [WAL_SEGMENT, INDEX_FILE] = [await segment(), await indexFile()];

export const DECODERS: readonly FuzzedDecoder[] = [
  {
    name: "snappy",
    share: 8,
    inputs: (random) => [
      snappyCompress(random.bytes(300)),
      snappyCompress(text("abcabcabcabc".repeat(99))[0]),
    ],
    read: (bytes) => snappyDecompress(bytes, 1 << 20),
    errors: ["SnappyError"],
  },
  { name: "text", share: 8, inputs: () => EXPOSITION, read: entries("text"), errors: EXPOSITION_ERRORS },
  {
    name: "openmetrics",
    share: 8,
    inputs: () => EXPOSITION,
    read: entries("openmetrics"),
    errors: EXPOSITION_ERRORS,
  },
  {
    name: "custom buckets of text",
    share: 4,
    inputs: () => EXPOSITION,
    read: (bytes) => drain(customBucketEntries(textEntries(new TextParser(bytes, { format: "text" })), true)),
    errors: EXPOSITION_ERRORS,
  },
  {
    name: "openmetrics, strict",
    share: 4,
    inputs: () => EXPOSITION,
    read: checkOpenMetrics,
    errors: EXPOSITION_ERRORS,
  },
  {
    name: "protobuf exposition",
    share: 8,
    inputs: () => [clientFamilies()],
    read: (bytes) =>
      drain(
        protobufEntries(bytes, {
          ignoreNativeHistograms: false,
          keepClassicHistograms: true,
          convertClassicHistograms: true,
        }),
      ),
    errors: EXPOSITION_ERRORS,
  },
  {
    name: "remote write 1",
    share: 8,
    inputs: () => [encodeWriteRequestV1(WRITE)],
    read: decodeWriteRequestV1,
    errors: PROTOBUF_ERRORS,
  },
  {
    name: "remote write 2",
    share: 8,
    inputs: () => [encodeWriteRequestV2(WRITE)],
    read: decodeWriteRequestV2,
    errors: PROTOBUF_ERRORS,
  },
  {
    name: "remote read",
    share: 4,
    inputs: () => [encodeReadRequest(READ), encodeChunkedReadResponse(CHUNKED)],
    read: (bytes) => [decodeReadRequest(bytes), decodeChunkedReadResponse(bytes)],
    errors: PROTOBUF_ERRORS,
  },
  {
    name: "remote read stream",
    share: 2,
    inputs: () => [encodeFrame(encodeChunkedReadResponse(CHUNKED))],
    read: (bytes) => [...decodeFrames(bytes)],
    errors: ["ChunkedStreamError"],
  },
  {
    name: "OTLP protobuf, translated",
    share: 8,
    inputs: () => [encodeMetrics(OTLP)],
    read: (bytes) => translate(decodeMetrics(bytes)),
    errors: PROTOBUF_ERRORS,
  },
  {
    name: "OTLP JSON, translated",
    share: 8,
    inputs: () => text(encodeMetricsJson(OTLP)),
    read: (bytes) => translate(decodeMetricsJson(bytes)),
    errors: ["OtlpJsonError"],
  },
  {
    name: "OTLP traces",
    share: 2,
    inputs: () => [encodeMetrics(OTLP)],
    read: decodeTraces,
    errors: PROTOBUF_ERRORS,
  },
  {
    name: "OTLP traces, JSON",
    share: 2,
    inputs: () =>
      text('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"ab","name":"x","kind":2}]}]}]}'),
    read: decodeTracesJson,
    errors: ["OtlpJsonError"],
  },
  {
    name: "PromQL",
    share: 6,
    inputs: () => EXPRESSIONS,
    read: (bytes) => parseExpression(textOf(bytes)),
    errors: ["ParseError"],
  },
  {
    name: "regular expressions",
    share: 6,
    inputs: () => PATTERNS,
    read: (bytes) => new Regex(textOf(bytes)).matches("aaaabbbbccc12345 foo bar x"),
    errors: ["RegexError"],
  },
  {
    name: "log records",
    share: 8,
    inputs: () => records(),
    read: (bytes) => RECORD_READERS[(bytes[0] ?? 0) % RECORD_READERS.length](bytes, () => {}),
    errors: DAMAGE,
  },
  { name: "log segments", share: 1, inputs: () => [WAL_SEGMENT], read: readSegment, errors: DAMAGE },
  { name: "XOR chunks", share: 8, inputs: (random) => [xorChunk(random)], read: readXor, errors: DAMAGE },
  {
    name: "XOR2 chunks",
    share: 4,
    inputs: (random) => [xorChunk(random)],
    read: (bytes) => decodeXor2(bytes, everything.minMs, everything.maxMs, new SampleColumns()),
    errors: DAMAGE,
  },
  {
    name: "histogram chunks",
    share: 8,
    inputs: () => histogramChunks(),
    read: readHistogramChunk,
    errors: DAMAGE,
  },
  { name: "tombstones", share: 2, inputs: () => [tombstones()], read: decodeTombstones, errors: DAMAGE },
  { name: "index", share: 1, inputs: () => [INDEX_FILE], read: readIndex, errors: DAMAGE },
];
