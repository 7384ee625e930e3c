/**
 * What decoding and encoding OTLP metrics costs, against protobufjs, and what becomes of them on the way to remote write:
 * 2,200 points, a tenth of them histograms. Interleaved rounds in one process, medians.
 */
import protobuf from "protobufjs";
import { attributesOf } from "../../src/model/otlp-attributes.ts";
import type { Metric, ResourceMetrics } from "../../src/model/otlp-metrics.ts";
import { decodeMetrics, encodeMetrics } from "../../src/wire/otlp/metrics-protobuf.ts";
import { translateMetrics } from "../../src/wire/otlp-to-prometheus/translate.ts";
import { encodeWriteRequestV1 } from "../../src/wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../src/wire/snappy.ts";
import { type BenchResult, median } from "../measure.ts";

const NUMBERS = 2_000;
const HISTOGRAMS = 200;
const POINTS = NUMBERS + HISTOGRAMS;
const REPEATS = 30;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const PROTO = `
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }
message Exemplar { repeated KeyValue filtered_attributes = 7; fixed64 time_unix_nano = 2; oneof value { double as_double = 3; sfixed64 as_int = 6; } bytes span_id = 4; bytes trace_id = 5; }
message NumberDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; } repeated Exemplar exemplars = 5; uint32 flags = 8; }
message HistogramDataPoint { repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; repeated Exemplar exemplars = 8; uint32 flags = 10; optional double min = 11; optional double max = 12; }
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message Metric { string name = 1; string description = 2; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; string schema_url = 3; }
message Request { repeated ResourceMetrics resource_metrics = 1; }
`;

function workload(): ResourceMetrics[] {
  const head = (i: number) => ({
    attributes: attributesOf({
      tenant_id: `tenant-${i % 500}`,
      pod: `test-db-small-${i % 4}`,
      tier: "small",
    }),
    startTimeUnixNano: 1_800_000_000_000_000_000n,
    timeUnixNano: 1_800_000_015_000_000_000n,
    flags: 0,
    exemplars: [],
  });
  const metric = (name: string, unit: string, data: Metric["data"]): Metric => ({
    name,
    description: "for the bench",
    unit,
    metadata: [],
    data,
  });
  const numbers = Array.from({ length: NUMBERS }, (_, i) => ({
    ...head(i),
    value: i % 2 === 0 ? BigInt(i) : i * 1.5,
  }));
  const histograms = Array.from({ length: HISTOGRAMS }, (_, i) => ({
    ...head(i),
    count: i * 15,
    sum: i * 1.5,
    min: undefined,
    max: undefined,
    bucketCounts: [...BOUNDS, 0].map((_, bucket) => bucket * i),
    explicitBounds: BOUNDS,
  }));
  const scope = { name: "bench", version: "1", attributes: [], droppedAttributesCount: 0 };
  const metrics = [
    ...Array.from({ length: 10 }, (_, i) =>
      metric(`percolate.tenant_requests.${i}`, "requests", {
        type: "sum",
        monotonic: true,
        temporality: 2,
        points: numbers.slice(i * 200, (i + 1) * 200),
      }),
    ),
    metric("http.server.request.duration", "s", { type: "histogram", temporality: 2, points: histograms }),
  ];
  const resource = {
    attributes: attributesOf({ "service.name": "test-db", "service.instance.id": "0" }),
    droppedAttributesCount: 0,
  };
  return [{ resource, schemaUrl: "", scopeMetrics: [{ scope, schemaUrl: "", metrics }] }];
}

/** Nanoseconds of processor time a point. */
function cost(work: () => void): number {
  const start = process.cpuUsage();
  for (let i = 0; i < REPEATS; i++) work();
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / (REPEATS * POINTS);
}

export function benchOtlp(rounds: number, log: (line: string) => void): BenchResult[] {
  const data = workload();
  const bytes = encodeMetrics(data);
  const Request = protobuf.parse(PROTO).root.lookupType("Request");
  const message = Request.decode(bytes);
  const same = Buffer.compare(Buffer.from(Request.encode(message).finish()), Buffer.from(bytes));
  log(
    `${POINTS} points in ${bytes.length} bytes; protobufjs ${same === 0 ? "writes the same bytes" : "writes them in another order"}`,
  );
  const works: Record<string, () => void> = {
    decode: () => decodeMetrics(bytes),
    "decode protobufjs": () => Request.decode(bytes),
    encode: () => encodeMetrics(data),
    "encode protobufjs": () => Request.encode(message).finish(),
    "to remote write": () =>
      snappyCompress(
        encodeWriteRequestV1(translateMetrics(decodeMetrics(bytes), { namespace: "otlp" }).request),
      ),
  };
  const times = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    // The first round warms up.
    for (const [name, work] of Object.entries(works))
      if (round === 0) cost(work);
      else times.get(name)!.push(cost(work));
  }
  const of = (name: string) => median(times.get(name)!);
  return [
    {
      name: "OTLP decode",
      unit: "ns/point",
      ours: of("decode"),
      peers: { protobufjs: of("decode protobufjs") },
      goals: { protobufjs: 6 },
    },
    {
      name: "OTLP encode",
      unit: "ns/point",
      ours: of("encode"),
      peers: { protobufjs: of("encode protobufjs") },
    },
    { name: "OTLP to remote write", unit: "ns/point", ours: of("to remote write"), peers: {} },
  ];
}
