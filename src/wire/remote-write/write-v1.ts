/**
 * `prometheus.WriteRequest`, remote write 1.0 (`prompb/types.proto`).
 *
 * ```
 * WriteRequest  1 TimeSeries*  3 MetricMetadata*
 * TimeSeries    1 Label*  2 Sample*  3 Exemplar*  4 Histogram*
 * Label         1 name  2 value          Sample  1 double  2 int64 milliseconds
 * ```
 */
import { Labels } from "../../model/labels.ts";
import { ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import { readHistogram, STALE_NAN_BITS, writeHistogram } from "./histogram-codec.ts";
import {
  METRIC_TYPES,
  type WriteExemplar,
  type WriteRequest,
  type WriteSample,
  type WriteSeries,
} from "./write-request.ts";

/** Series in one request; its size is limited before. */
export const MAX_SERIES_PER_REQUEST = 1_000_000;

/** @throws ProtobufError */
export function decodeWriteRequestV1(bytes: Uint8Array): WriteRequest {
  const reader = new ProtobufReader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const request: WriteRequest = { series: [], metadata: [] };
  const end = bytes.length;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      if (request.series.length >= MAX_SERIES_PER_REQUEST)
        throw new ProtobufError(`more than ${MAX_SERIES_PER_REQUEST} series in a request`);
      request.series.push(readSeries(reader, view, reader.delimited(end)));
    } else if (tag === 0x1a) request.metadata.push(readMetadata(reader, reader.delimited(end)));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return request;
}

/** A `TimeSeries` that ends at `end`; `view` is over the reader's bytes. @throws ProtobufError */
export function readSeries(reader: ProtobufReader, view: DataView, end: number): WriteSeries {
  const labels: string[] = [];
  const series: WriteSeries = { labels: Labels.empty, samples: [], histograms: [], exemplars: [] };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) readLabel(reader, reader.delimited(end), labels);
    else if (tag === 0x12) series.samples.push(readSample(reader, view, reader.delimited(end)));
    else if (tag === 0x1a) series.exemplars.push(readExemplar(reader, reader.delimited(end)));
    else if (tag === 0x22) series.histograms.push(readHistogram(reader, reader.delimited(end)));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  series.labels = labelsOf(labels);
  return series;
}

/** Sorted already, as the protocol demands, or put in order; the receiver judges the labels themselves. */
export function labelsOf(flat: string[]): Labels {
  for (let i = 2; i < flat.length; i += 2) {
    // Also equal names: they are the receiver's to refuse, so they must stay to be seen.
    if (flat[i] <= flat[i - 2]) {
      const pairs: [string, string][] = [];
      for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]]);
      pairs.sort((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
      return Labels.fromSorted(pairs.flat());
    }
  }
  return Labels.fromSorted(flat);
}

export function readLabel(reader: ProtobufReader, end: number, into: string[]): void {
  let name = "";
  let value = "";
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string(end);
    else if (tag === 0x12) value = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  into.push(name, value);
}

function readSample(reader: ProtobufReader, view: DataView, end: number): WriteSample {
  const sample: WriteSample = { timestampMs: 0, value: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x09) {
      sample.value = reader.double();
      if (Number.isNaN(sample.value) && isStale(view, reader.position - 8)) sample.stale = true;
    } else if (tag === 0x10) sample.timestampMs = reader.int64Number();
    else if (tag === 0x18) sample.startTimestampMs = reader.int64Number();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return sample;
}

export { readSample };

/** Whether the little-endian double at `at` is the stale marker, quieted or not. */
export function isStale(view: DataView, at: number): boolean {
  const high = view.getUint32(at + 4, true);
  return view.getUint32(at, true) === 2 && (high === 0x7ff00000 || high === 0x7ff80000);
}

function readExemplar(reader: ProtobufReader, end: number): WriteExemplar {
  const labels: string[] = [];
  const exemplar = { labels: Labels.empty, value: 0, timestampMs: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) readLabel(reader, reader.delimited(end), labels);
    else if (tag === 0x11) exemplar.value = reader.double();
    else if (tag === 0x18) exemplar.timestampMs = reader.int64Number();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  exemplar.labels = labelsOf(labels);
  return exemplar;
}

function readMetadata(reader: ProtobufReader, end: number): WriteRequest["metadata"][number] {
  const metadata = { type: "unknown" as string, metric: "", help: "", unit: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) metadata.type = METRIC_TYPES[reader.uint32()] ?? "unknown";
    else if (tag === 0x12) metadata.metric = reader.string(end);
    else if (tag === 0x22) metadata.help = reader.string(end);
    else if (tag === 0x2a) metadata.unit = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return metadata;
}

export function encodeWriteRequestV1(request: WriteRequest): Uint8Array {
  const writer = new ProtobufWriter(4096);
  for (const series of request.series) writeSeries(writer, series);
  for (const metadata of request.metadata) {
    const start = writer.begin(0x1a);
    const type = METRIC_TYPES.indexOf(metadata.type as (typeof METRIC_TYPES)[number]);
    if (type > 0) writer.uint32(0x08, type);
    writer.string(0x12, metadata.metric);
    if (metadata.help !== "") writer.string(0x22, metadata.help);
    if (metadata.unit !== "") writer.string(0x2a, metadata.unit);
    writer.end(start);
  }
  return writer.finish();
}

/** A `TimeSeries` as field 1. */
export function writeSeries(writer: ProtobufWriter, series: WriteSeries): void {
  const start = writer.begin(0x0a);
  writeLabels(writer, series.labels);
  for (const sample of series.samples) {
    const at = writer.begin(0x12);
    if (sample.stale) writer.fixed64(0x09, STALE_NAN_BITS);
    else writeDouble(writer, 0x09, sample.value);
    writer.int64Number(0x10, sample.timestampMs);
    writer.end(at);
  }
  for (const exemplar of series.exemplars) {
    const at = writer.begin(0x1a);
    writeLabels(writer, exemplar.labels);
    writeDouble(writer, 0x11, exemplar.value);
    writer.int64Number(0x18, exemplar.timestampMs);
    writer.end(at);
  }
  for (const histogram of series.histograms) writeHistogram(writer, 4, histogram);
  writer.end(start);
}

/** Zero is what a reader takes for a field that is missing; negative zero is not. */
function writeDouble(writer: ProtobufWriter, tag: number, value: number): void {
  if (!Object.is(value, 0)) writer.double(tag, value);
}

/** Each `Label` as field 1. */
export function writeLabels(writer: ProtobufWriter, labels: Labels): void {
  const { flat } = labels;
  for (let i = 0; i < flat.length; i += 2) {
    const at = writer.begin(0x0a);
    writer.string(0x0a, flat[i]);
    writer.string(0x12, flat[i + 1]);
    writer.end(at);
  }
}
