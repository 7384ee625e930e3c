/** Writes metric families in the protobuf exposition format: messages with their length in front. */
import { ProtobufWriter } from "../protobuf/writer.ts";
import {
  CLIENT_METRIC_TYPES,
  type ClientBuckets,
  type ClientExemplar,
  type ClientHistogram,
  type ClientMetric,
  type ClientMetricFamily,
} from "./metric-family.ts";

export const CLIENT_PROTOBUF_CONTENT_TYPE =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

export function encodeMetricFamilies(families: Iterable<ClientMetricFamily>): Uint8Array {
  const body = new ProtobufWriter(4096);
  const writer = new ProtobufWriter(4096);
  for (const family of families) {
    writer.reset();
    writeFamily(writer, family);
    body.rawVarint(writer.length);
    body.rawBytes(writer.view());
  }
  return body.finish();
}

function writeFamily(writer: ProtobufWriter, family: ClientMetricFamily): void {
  const type = typeof family.type === "number" ? family.type : CLIENT_METRIC_TYPES.indexOf(family.type);
  if (family.name !== "") writer.string(0x0a, family.name);
  if (family.help !== "") writer.string(0x12, family.help);
  if (type !== 0) writer.int32(0x18, type);
  for (const metric of family.metrics) {
    const start = writer.begin(0x22);
    writeMetric(writer, metric, family.type);
    writer.end(start);
  }
  if (family.unit !== "") writer.string(0x2a, family.unit);
}

function writeMetric(writer: ProtobufWriter, metric: ClientMetric, type: ClientMetricFamily["type"]): void {
  writeLabels(writer, 0x0a, metric.labels);
  if (type === "gauge") writeValue(writer, 0x12, metric.value);
  else if (type === "counter") writeCounter(writer, metric);
  else if (metric.summary !== undefined) writeSummary(writer, metric);
  else if (metric.histogram === undefined) writeValue(writer, 0x2a, metric.value);
  if (metric.timestampMs !== 0) writer.int64Number(0x30, metric.timestampMs);
  if (metric.histogram !== undefined) {
    const start = writer.begin(0x3a);
    writeHistogram(writer, metric.histogram, metric.startTimestampMs);
    writer.end(start);
  }
}

function writeLabels(writer: ProtobufWriter, tag: number, labels: readonly string[]): void {
  for (let i = 0; i < labels.length; i += 2) {
    const start = writer.begin(tag);
    writer.string(0x0a, labels[i]);
    writer.string(0x12, labels[i + 1]);
    writer.end(start);
  }
}

function writeValue(writer: ProtobufWriter, tag: number, value: number): void {
  const start = writer.begin(tag);
  writer.double(0x09, value);
  writer.end(start);
}

function writeCounter(writer: ProtobufWriter, { value, exemplar, startTimestampMs }: ClientMetric): void {
  const start = writer.begin(0x1a);
  writer.double(0x09, value);
  if (exemplar !== undefined) writeExemplar(writer, 0x12, exemplar);
  writeTime(writer, 0x1a, startTimestampMs);
  writer.end(start);
}

function writeSummary(writer: ProtobufWriter, { summary, startTimestampMs }: ClientMetric): void {
  const { sampleCount, sampleSum, quantiles } = summary!;
  const start = writer.begin(0x22);
  writer.int64Number(0x08, sampleCount);
  writer.double(0x11, sampleSum);
  for (const { quantile, value } of quantiles) {
    const at = writer.begin(0x1a);
    writer.double(0x09, quantile);
    writer.double(0x11, value);
    writer.end(at);
  }
  writeTime(writer, 0x22, startTimestampMs);
  writer.end(start);
}

function writeHistogram(writer: ProtobufWriter, histogram: ClientHistogram, startTimestampMs: number): void {
  if (histogram.sampleCount !== 0) writer.int64Number(0x08, histogram.sampleCount);
  writer.double(0x11, histogram.sampleSum);
  for (const { cumulativeCount, cumulativeCountFloat, upperBound, exemplar } of histogram.buckets) {
    const at = writer.begin(0x1a);
    if (cumulativeCount !== 0) writer.int64Number(0x08, cumulativeCount);
    writer.double(0x11, upperBound);
    if (exemplar !== undefined) writeExemplar(writer, 0x1a, exemplar);
    if (cumulativeCountFloat !== 0) writer.double(0x21, cumulativeCountFloat);
    writer.end(at);
  }
  if (histogram.sampleCountFloat !== 0) writer.double(0x21, histogram.sampleCountFloat);
  if (histogram.schema !== 0) writer.sint32(0x28, histogram.schema);
  if (histogram.zeroThreshold !== 0) writer.double(0x31, histogram.zeroThreshold);
  if (histogram.zeroCount !== 0) writer.int64Number(0x38, histogram.zeroCount);
  if (histogram.zeroCountFloat !== 0) writer.double(0x41, histogram.zeroCountFloat);
  writeBuckets(writer, 0x4a, histogram.negative);
  writeBuckets(writer, 0x62, histogram.positive);
  writeTime(writer, 0x7a, startTimestampMs);
  for (const exemplar of histogram.exemplars) writeExemplar(writer, 0x82, exemplar);
}

/** Spans under `tag`, deltas and counts under the two fields that follow it. */
function writeBuckets(writer: ProtobufWriter, tag: number, { spans, deltas, counts }: ClientBuckets): void {
  for (const { offset, length } of spans) {
    const start = writer.begin(tag);
    if (offset !== 0) writer.sint32(0x08, offset);
    if (length !== 0) writer.uint32(0x10, length);
    writer.end(start);
  }
  if (deltas.length > 0) {
    const start = writer.begin(tag + 8);
    for (const delta of deltas) writer.rawVarint(delta < 0 ? -delta * 2 - 1 : delta * 2);
    writer.end(start);
  }
  if (counts.length > 0) {
    const start = writer.begin(tag + 16);
    for (const count of counts) writer.rawDouble(count);
    writer.end(start);
  }
}

function writeExemplar(writer: ProtobufWriter, tag: number, exemplar: ClientExemplar): void {
  const start = writer.begin(tag);
  writeLabels(writer, 0x0a, exemplar.labels);
  writer.double(0x11, exemplar.value);
  if (exemplar.timestampMs !== undefined) writeTime(writer, 0x1a, exemplar.timestampMs, true);
  writer.end(start);
}

/** `google.protobuf.Timestamp`. Not written for 0, unless that is a time. */
function writeTime(writer: ProtobufWriter, tag: number, timestampMs: number, isKnown = false): void {
  if (timestampMs === 0 && !isKnown) return;
  const seconds = Math.floor(timestampMs / 1000);
  const start = writer.begin(tag);
  writer.int64Number(0x08, seconds);
  writer.int32(0x10, (timestampMs - seconds * 1000) * 1_000_000);
  writer.end(start);
}
