/** Metrics as protobuf: `ExportMetricsServiceRequest`, which has the layout of `MetricsData`. */
import type { KeyValue } from "../../model/otlp-attributes.ts";
import type { Metric, MetricData, ResourceMetrics, ScopeMetrics } from "../../model/otlp-metrics.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import {
  readItems,
  readKeyValue,
  readResourceGroup,
  readScopeGroup,
  writeAttributes,
  writeResourceGroup,
  writeScopeGroup,
} from "./common-protobuf.ts";
import {
  readExponentialHistogramPoint,
  readHistogramPoint,
  readNumberPoint,
  readSummaryPoint,
  writeExponentialHistogramPoint,
  writeHistogramPoint,
  writeNumberPoint,
  writeSummaryPoint,
} from "./points-protobuf.ts";

/** @throws ProtobufError */
export function decodeMetrics(bytes: Uint8Array): ResourceMetrics[] {
  return readItems(new ProtobufReader(bytes), readResourceMetrics);
}

function readResourceMetrics(reader: ProtobufReader, limit: number): ResourceMetrics {
  const { head, items, schemaUrl } = readResourceGroup(reader, limit, readScopeMetrics);
  return { resource: head, scopeMetrics: items, schemaUrl };
}

function readScopeMetrics(reader: ProtobufReader, limit: number): ScopeMetrics {
  const { head, items, schemaUrl } = readScopeGroup(reader, limit, readMetric);
  return { scope: head, metrics: items, schemaUrl };
}

const EMPTY: MetricData = { type: "empty", points: [] };

function readMetric(reader: ProtobufReader, limit: number): Metric {
  const end = reader.delimited(limit);
  let [name, description, unit] = ["", "", ""];
  let data = EMPTY;
  const metadata: KeyValue[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string(end);
    else if (tag === 0x12) description = reader.string(end);
    else if (tag === 0x1a) unit = reader.string(end);
    else if (tag === 0x2a) data = { type: "gauge", points: readData(reader, end, readNumberPoint).points };
    else if (tag === 0x3a) data = { type: "sum", ...readData(reader, end, readNumberPoint) };
    else if (tag === 0x4a) data = histogramData(readData(reader, end, readHistogramPoint));
    else if (tag === 0x52) data = exponentialData(readData(reader, end, readExponentialHistogramPoint));
    else if (tag === 0x5a) data = { type: "summary", points: readData(reader, end, readSummaryPoint).points };
    else if (tag === 0x62) metadata.push(readKeyValue(reader, end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { name, description, unit, metadata, data };
}

interface Data<P> {
  points: P[];
  temporality: number;
  monotonic: boolean;
}

function histogramData({ points, temporality }: Data<ReturnType<typeof readHistogramPoint>>): MetricData {
  return { type: "histogram", points, temporality };
}

function exponentialData({
  points,
  temporality,
}: Data<ReturnType<typeof readExponentialHistogramPoint>>): MetricData {
  return { type: "exponentialHistogram", points, temporality };
}

/** Gauge, Sum, Histogram, ExponentialHistogram and Summary: their fields have the same numbers. */
function readData<P>(
  reader: ProtobufReader,
  limit: number,
  readPoint: (reader: ProtobufReader, limit: number) => P,
): Data<P> {
  const end = reader.delimited(limit);
  const points: P[] = [];
  let [temporality, monotonic] = [0, false];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) points.push(readPoint(reader, end));
    else if (tag === 0x10) temporality = reader.int32();
    else if (tag === 0x18) monotonic = reader.bool();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { points, temporality, monotonic };
}

export function encodeMetrics(data: readonly ResourceMetrics[]): Uint8Array {
  const writer = new ProtobufWriter();
  for (const { resource, scopeMetrics, schemaUrl } of data) {
    writeResourceGroup(writer, resource, schemaUrl, () => {
      for (const { scope, metrics, schemaUrl } of scopeMetrics) {
        writeScopeGroup(writer, scope, schemaUrl, () => {
          for (const metric of metrics) writeMetric(writer, metric);
        });
      }
    });
  }
  return writer.finish();
}

const DATA_TAGS = { gauge: 0x2a, sum: 0x3a, histogram: 0x4a, exponentialHistogram: 0x52, summary: 0x5a };

function writeMetric(writer: ProtobufWriter, metric: Metric): void {
  const message = writer.begin(0x12);
  if (metric.name !== "") writer.string(0x0a, metric.name);
  if (metric.description !== "") writer.string(0x12, metric.description);
  if (metric.unit !== "") writer.string(0x1a, metric.unit);
  const { data } = metric;
  if (data.type !== "empty") {
    const inner = writer.begin(DATA_TAGS[data.type]);
    writePoints(writer, data);
    if ("temporality" in data && data.temporality !== 0) writer.int32(0x10, data.temporality);
    if (data.type === "sum" && data.monotonic) writer.bool(0x18, true);
    writer.end(inner);
  }
  writeAttributes(writer, 0x62, metric.metadata);
  writer.end(message);
}

function writePoints(writer: ProtobufWriter, data: MetricData): void {
  if (data.type === "gauge" || data.type === "sum") {
    for (const point of data.points) writeNumberPoint(writer, point);
  } else if (data.type === "histogram") {
    for (const point of data.points) writeHistogramPoint(writer, point);
  } else if (data.type === "exponentialHistogram") {
    for (const point of data.points) writeExponentialHistogramPoint(writer, point);
  } else if (data.type === "summary") {
    for (const point of data.points) writeSummaryPoint(writer, point);
  }
}
