import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { type Random, randomHex, randomInteger, seededRandom } from "../../base/random.ts";
import type { AnyValue, Attributes } from "../../model/otlp-attributes.ts";
import type { LogRecord, ResourceLogs } from "../../model/otlp-logs.ts";
import type { Exemplar, MetricData, NumberValue, ResourceMetrics } from "../../model/otlp-metrics.ts";
import type { ResourceSpans, Span } from "../../model/otlp-traces.ts";
import { decodeRpcStatus, encodeRpcStatus } from "../grpc/rpc-status.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { MAX_VALUE_DEPTH } from "./common-protobuf.ts";
import {
  decodeExportResponse,
  decodeExportResponseJson,
  encodeExportResponse,
  OTLP_CODECS,
  SIGNALS,
  type Signal,
  type SignalData,
} from "./signal.ts";

/** Makes data of every shape. */
class Generator {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  below(limit: number): number {
    return randomInteger(this.random, limit);
  }

  chance(): boolean {
    return this.random.float() < 0.5;
  }

  many<T>(limit: number, make: () => T): T[] {
    return Array.from({ length: this.below(limit) }, make);
  }

  text(): string {
    const alphabet = [...'ab._-0 é€😀\\"\n'];
    return this.many(this.chance() ? 6 : 60, () => alphabet[this.below(alphabet.length)]).join("");
  }

  uint64(): bigint {
    return this.chance() ? 0n : BigInt(`0x${randomHex(this.random, 1 + this.below(8))}`);
  }

  double(): number {
    const special = [0, -0.5, 1e300, -1e-300, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    return this.chance() ? special[this.below(special.length)] : this.random.float() * 1e6;
  }

  optional(): number | undefined {
    return this.chance() ? this.double() : undefined;
  }

  count(): number {
    return this.chance() ? this.below(5) : this.below(2 ** 53);
  }

  value(depth = 0): AnyValue {
    const kind = this.below(depth > 3 ? 6 : 8);
    if (kind === 0) return this.text();
    if (kind === 1) return this.chance();
    if (kind === 2) return BigInt.asIntN(64, this.uint64());
    if (kind === 3) return this.double();
    if (kind === 4) return this.random.bytes(this.below(5));
    if (kind === 5) return null;
    if (kind === 6) return this.many(4, () => this.value(depth + 1));
    return { entries: this.attributes(depth + 1) };
  }

  attributes(depth = 0): Attributes {
    return this.many(4, () => ({ key: this.text(), value: this.value(depth) }));
  }

  number(): NumberValue | null {
    const kind = this.below(3);
    return kind === 0 ? null : kind === 1 ? this.double() : BigInt.asIntN(64, this.uint64());
  }

  id(bytes: number): string {
    return this.chance() ? "" : randomHex(this.random, bytes);
  }

  described() {
    return { attributes: this.attributes(), droppedAttributesCount: this.below(3) };
  }

  resource() {
    const entityRefs = this.many(3, () => this.entityRef());
    return entityRefs.length === 0 ? this.described() : { ...this.described(), entityRefs };
  }

  entityRef() {
    const keys = () => this.many(3, () => this.text());
    return { type: this.text(), schemaUrl: this.text(), idKeys: keys(), descriptionKeys: keys() };
  }

  scope() {
    return { ...this.described(), name: this.text(), version: this.text() };
  }

  exemplars(): Exemplar[] {
    return this.many(3, () => ({
      filteredAttributes: this.attributes(),
      timeUnixNano: this.uint64(),
      value: this.number(),
      spanId: this.id(8),
      traceId: this.id(16),
    }));
  }

  data(): MetricData {
    const head = () => ({
      attributes: this.attributes(),
      startTimeUnixNano: this.uint64(),
      timeUnixNano: this.uint64(),
      flags: this.below(2),
    });
    const number = () => ({ ...head(), value: this.number(), exemplars: this.exemplars() });
    const statistics = () => ({
      count: this.count(),
      sum: this.optional(),
      min: this.optional(),
      max: this.optional(),
    });
    const buckets = () => ({ offset: this.below(20) - 10, counts: this.many(5, () => this.count()) });
    const temporality = this.below(3);
    const kind = this.below(6);
    if (kind === 0) return { type: "gauge", points: this.many(4, number) };
    if (kind === 1)
      return { type: "sum", points: this.many(4, number), temporality, monotonic: this.chance() };
    if (kind === 2) {
      const points = this.many(4, () => ({
        ...head(),
        ...statistics(),
        bucketCounts: this.many(5, () => this.count()),
        explicitBounds: this.many(5, () => this.double()),
        exemplars: this.exemplars(),
      }));
      return { type: "histogram", points, temporality };
    }
    if (kind === 3) {
      const points = this.many(4, () => ({
        ...head(),
        ...statistics(),
        scale: this.below(24) - 10,
        zeroCount: this.count(),
        zeroThreshold: this.double(),
        positive: buckets(),
        negative: buckets(),
        exemplars: this.exemplars(),
      }));
      return { type: "exponentialHistogram", points, temporality };
    }
    if (kind === 4) {
      const points = this.many(4, () => ({
        ...head(),
        count: this.count(),
        sum: this.double(),
        quantiles: this.many(4, () => ({ quantile: this.double(), value: this.double() })),
      }));
      return { type: "summary", points };
    }
    return { type: "empty", points: [] };
  }

  metrics(): ResourceMetrics[] {
    const metric = () => ({
      name: this.text(),
      description: this.text(),
      unit: this.text(),
      metadata: this.attributes(),
      data: this.data(),
    });
    const scope = () => ({ scope: this.scope(), metrics: this.many(4, metric), schemaUrl: this.text() });
    return this.many(4, () => ({
      resource: this.resource(),
      scopeMetrics: this.many(3, scope),
      schemaUrl: this.text(),
    }));
  }

  traces(): ResourceSpans[] {
    const span = (): Span => ({
      traceId: this.id(16),
      spanId: this.id(8),
      traceState: this.text(),
      parentSpanId: this.id(8),
      flags: this.below(2 ** 32),
      name: this.text(),
      kind: this.below(6),
      startTimeUnixNano: this.uint64(),
      endTimeUnixNano: this.uint64(),
      attributes: this.attributes(),
      droppedAttributesCount: this.below(3),
      events: this.many(3, () => ({ ...this.described(), timeUnixNano: this.uint64(), name: this.text() })),
      droppedEventsCount: this.below(3),
      links: this.many(3, () => ({
        ...this.described(),
        traceId: this.id(16),
        spanId: this.id(8),
        traceState: this.text(),
        flags: this.below(2),
      })),
      droppedLinksCount: this.below(3),
      status: { message: this.text(), code: this.below(3) },
    });
    const scope = () => ({ scope: this.scope(), spans: this.many(4, span), schemaUrl: this.text() });
    return this.many(4, () => ({
      resource: this.resource(),
      scopeSpans: this.many(3, scope),
      schemaUrl: this.text(),
    }));
  }

  logs(): ResourceLogs[] {
    const record = (): LogRecord => ({
      timeUnixNano: this.uint64(),
      observedTimeUnixNano: this.uint64(),
      severityNumber: this.below(25),
      severityText: this.text(),
      body: this.value(),
      attributes: this.attributes(),
      droppedAttributesCount: this.below(3),
      flags: this.below(2 ** 32),
      traceId: this.id(16),
      spanId: this.id(8),
      eventName: this.text(),
    });
    const scope = () => ({ scope: this.scope(), logRecords: this.many(4, record), schemaUrl: this.text() });
    return this.many(4, () => ({
      resource: this.resource(),
      scopeLogs: this.many(3, scope),
      schemaUrl: this.text(),
    }));
  }
}

function roundTrips<S extends Signal>(signal: S, data: SignalData[S]): void {
  const codec = OTLP_CODECS[signal];
  const bytes = codec.encode(data);
  assert.deepEqual(codec.decode(bytes), data);
  const json = codec.encodeJson(data);
  assert.deepEqual(codec.decodeJson(new TextEncoder().encode(json)), data);
}

test("metrics, traces and logs survive protobuf and JSON (seeds 1 to 150)", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const generator = new Generator(seed);
    try {
      roundTrips("metrics", generator.metrics());
      roundTrips("traces", generator.traces());
      roundTrips("logs", generator.logs());
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

test("decoders only throw ProtobufError on bytes that were damaged", () => {
  const random = seededRandom(99);
  for (let round = 0; round < 1_500; round++) {
    const generator = new Generator(round);
    const signal = SIGNALS[round % 3];
    const bytes = Uint8Array.from(OTLP_CODECS[signal].encode(generator[signal]() as never));
    for (let i = 0; i < 3 && bytes.length > 0; i++)
      bytes[randomInteger(random, bytes.length)] = random.bytes(1)[0];
    try {
      OTLP_CODECS[signal].decode(bytes.subarray(0, randomInteger(random, bytes.length + 1)));
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
    }
  }
});

test("decodeLogs() bounds how deep a value is nested", () => {
  const nested = (depth: number): AnyValue => (depth === 0 ? "x" : [nested(depth - 1)]);
  const aRecord: LogRecord = {
    timeUnixNano: 1n,
    observedTimeUnixNano: 1n,
    severityNumber: 9,
    severityText: "INFO",
    eventName: "",
    body: null,
    attributes: [],
    droppedAttributesCount: 0,
    flags: 0,
    traceId: "",
    spanId: "",
  };
  const record = (body: AnyValue) => [
    {
      resource: { attributes: [], droppedAttributesCount: 0 },
      schemaUrl: "",
      scopeLogs: [
        {
          scope: { name: "", version: "", attributes: [], droppedAttributesCount: 0 },
          schemaUrl: "",
          logRecords: [{ ...aRecord, body }],
        },
      ],
    },
  ];
  const { encode, decode, encodeJson, decodeJson } = OTLP_CODECS.logs;
  assert.ok(decode(encode(record(nested(MAX_VALUE_DEPTH)))));
  assert.throws(() => decode(encode(record(nested(MAX_VALUE_DEPTH + 1)))), /nested deeper than 32/);
  const json = (depth: number) => new TextEncoder().encode(encodeJson(record(nested(depth))));
  assert.ok(decodeJson(json(MAX_VALUE_DEPTH)));
  assert.throws(() => decodeJson(json(MAX_VALUE_DEPTH + 1)), /nested deeper than 32/);
});

test("OTLP/JSON decoders name the field that is wrong", () => {
  const cases: [Signal, unknown, RegExp][] = [
    ["metrics", [], /^OtlpJsonError: request: expected an object$/],
    ["metrics", { resourceMetrics: {} }, /resourceMetrics: expected an array/],
    [
      "traces",
      { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: "xyz" }] }] }] },
      /resourceSpans\[0\].scopeSpans\[0\].spans\[0\].traceId: expected hexadecimal digits/,
    ],
    [
      "logs",
      { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: "1.5" }] }] }] },
      /logRecords\[0\].timeUnixNano: expected an integer/,
    ],
    [
      "logs",
      { resourceLogs: [{ resource: { attributes: [{ key: 1 }] } }] },
      /attributes\[0\].key: expected a string/,
    ],
  ];
  for (const [signal, json, message] of cases) {
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    assert.throws(() => OTLP_CODECS[signal].decodeJson(bytes), message);
  }
  assert.throws(
    () => OTLP_CODECS.logs.decodeJson(new TextEncoder().encode("{")),
    /^OtlpJsonError: request: /,
  );
});

test("OTLP/JSON decoders take integers as strings and numbers, and ignore what they do not know", () => {
  const bytes = new TextEncoder().encode(
    '{"resourceMetrics":[{"__proto__":{"schemaUrl":"x"},"new":1,"scopeMetrics":[{"metrics":[{"name":"m","sum":' +
      '{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"9223372036854775807"},{"asInt":5},' +
      '{"asDouble":"NaN"}]}}]}]}]}',
  );
  const [{ scopeMetrics, schemaUrl }] = OTLP_CODECS.metrics.decodeJson(bytes);
  const { data } = scopeMetrics[0].metrics[0];
  assert.deepEqual(
    data.points.map((point) => ("value" in point ? point.value : undefined)),
    [2n ** 63n - 1n, 5n, Number.NaN],
  );
  assert.equal(schemaUrl, "");
});

test("export responses and statuses survive", () => {
  assert.equal(encodeExportResponse().length, 0);
  assert.equal(decodeExportResponse(new Uint8Array()), undefined);
  const partial = { rejected: 3, message: "why" };
  assert.deepEqual(decodeExportResponse(encodeExportResponse(partial)), partial);
  const json = new TextEncoder().encode('{"partialSuccess":{"rejectedSpans":"3","errorMessage":"why"}}');
  assert.deepEqual(decodeExportResponseJson("traces", json), partial);
  for (const status of [
    { code: 14, message: "later", retryDelayMs: 12_345.5 },
    { code: 8, message: "" },
  ]) {
    assert.deepEqual(decodeRpcStatus(encodeRpcStatus(status)), status);
  }
});

test("upstream's examples decode, and survive protobuf", (t) => {
  const folder = ["../../../../shared", "../../../../../shared"]
    .map((path) => new URL(`${path}/conformance/otlp/`, import.meta.url))
    .find((url) => existsSync(url));
  if (folder === undefined) return t.skip("no conformance data beside the repository");
  const examples: [file: string, signal: Signal, count: number][] = [
    ["metrics.json", "metrics", 4],
    ["trace.json", "traces", 1],
    ["logs.json", "logs", 1],
    ["events.json", "logs", 1],
  ];
  for (const [file, signal, count] of examples) {
    const codec = OTLP_CODECS[signal];
    const data: unknown = codec.decodeJson(readFileSync(new URL(file, folder)));
    assert.equal(codec.count(data as never), count, file);
    roundTrips(signal, data as never);
  }
});
