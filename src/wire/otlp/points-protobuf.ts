/** The data points of metrics as protobuf. */
import type { KeyValue } from "../../model/otlp-attributes.ts";
import {
  type Exemplar,
  type ExponentialBuckets,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  NO_BUCKETS,
  type NumberPoint,
  type NumberValue,
  type SummaryPoint,
} from "../../model/otlp-metrics.ts";
import type { ProtobufReader } from "../protobuf/reader.ts";
import type { ProtobufWriter } from "../protobuf/writer.ts";
import { readKeyValue, writeAttributes } from "./common-protobuf.ts";

const NO_EXEMPLARS: readonly Exemplar[] = [];

export function readNumberPoint(reader: ProtobufReader, limit: number): NumberPoint {
  const end = reader.delimited(limit);
  const attributes: KeyValue[] = [];
  let [startTimeUnixNano, timeUnixNano, flags] = [0n, 0n, 0];
  let value: NumberValue | null = null;
  let exemplars: Exemplar[] | undefined;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x3a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x11) startTimeUnixNano = reader.fixed64();
    else if (tag === 0x19) timeUnixNano = reader.fixed64();
    else if (tag === 0x21) value = reader.double();
    else if (tag === 0x31) value = reader.sfixed64();
    else if (tag === 0x2a) (exemplars ??= []).push(readExemplar(reader, end));
    else if (tag === 0x40) flags = reader.uint32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return {
    attributes,
    startTimeUnixNano,
    timeUnixNano,
    flags,
    value,
    exemplars: exemplars ?? NO_EXEMPLARS,
  };
}

export function readHistogramPoint(reader: ProtobufReader, limit: number): HistogramPoint {
  const end = reader.delimited(limit);
  const attributes: KeyValue[] = [];
  let [startTimeUnixNano, timeUnixNano, flags, count] = [0n, 0n, 0, 0];
  let sum: number | undefined;
  let min: number | undefined;
  let max: number | undefined;
  const bucketCounts: number[] = [];
  const explicitBounds: number[] = [];
  let exemplars: Exemplar[] | undefined;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x4a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x11) startTimeUnixNano = reader.fixed64();
    else if (tag === 0x19) timeUnixNano = reader.fixed64();
    else if (tag === 0x21) count = reader.fixed64Number();
    else if (tag === 0x29) sum = reader.double();
    else if (tag === 0x32) readPacked(reader, end, bucketCounts, reader.fixed64Number);
    else if (tag === 0x31) bucketCounts.push(reader.fixed64Number());
    else if (tag === 0x3a) readPacked(reader, end, explicitBounds, reader.double);
    else if (tag === 0x39) explicitBounds.push(reader.double());
    else if (tag === 0x42) (exemplars ??= []).push(readExemplar(reader, end));
    else if (tag === 0x50) flags = reader.uint32();
    else if (tag === 0x59) min = reader.double();
    else if (tag === 0x61) max = reader.double();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return {
    attributes,
    startTimeUnixNano,
    timeUnixNano,
    flags,
    count,
    sum,
    min,
    max,
    bucketCounts,
    explicitBounds,
    exemplars: exemplars ?? NO_EXEMPLARS,
  };
}

export function readExponentialHistogramPoint(
  reader: ProtobufReader,
  limit: number,
): ExponentialHistogramPoint {
  const end = reader.delimited(limit);
  const attributes: KeyValue[] = [];
  let [startTimeUnixNano, timeUnixNano] = [0n, 0n];
  let [flags, count, scale, zeroCount, zeroThreshold] = [0, 0, 0, 0, 0];
  let sum: number | undefined;
  let min: number | undefined;
  let max: number | undefined;
  let positive = NO_BUCKETS;
  let negative = NO_BUCKETS;
  let exemplars: Exemplar[] | undefined;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x11) startTimeUnixNano = reader.fixed64();
    else if (tag === 0x19) timeUnixNano = reader.fixed64();
    else if (tag === 0x21) count = reader.fixed64Number();
    else if (tag === 0x29) sum = reader.double();
    else if (tag === 0x30) scale = reader.sint32();
    else if (tag === 0x39) zeroCount = reader.fixed64Number();
    else if (tag === 0x42) positive = readBuckets(reader, end);
    else if (tag === 0x4a) negative = readBuckets(reader, end);
    else if (tag === 0x50) flags = reader.uint32();
    else if (tag === 0x5a) (exemplars ??= []).push(readExemplar(reader, end));
    else if (tag === 0x61) min = reader.double();
    else if (tag === 0x69) max = reader.double();
    else if (tag === 0x71) zeroThreshold = reader.double();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return {
    attributes,
    startTimeUnixNano,
    timeUnixNano,
    flags,
    count,
    sum,
    min,
    max,
    scale,
    zeroCount,
    zeroThreshold,
    positive,
    negative,
    exemplars: exemplars ?? NO_EXEMPLARS,
  };
}

function readBuckets(reader: ProtobufReader, limit: number): ExponentialBuckets {
  const end = reader.delimited(limit);
  let offset = 0;
  const counts: number[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) offset = reader.sint32();
    else if (tag === 0x12) readPacked(reader, end, counts, reader.uint64Number);
    else if (tag === 0x10) counts.push(reader.uint64Number());
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { offset, counts };
}

export function readSummaryPoint(reader: ProtobufReader, limit: number): SummaryPoint {
  const end = reader.delimited(limit);
  const attributes: KeyValue[] = [];
  let [startTimeUnixNano, timeUnixNano, flags, count, sum] = [0n, 0n, 0, 0, 0];
  const quantiles: SummaryPoint["quantiles"][number][] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x3a) attributes.push(readKeyValue(reader, end));
    else if (tag === 0x11) startTimeUnixNano = reader.fixed64();
    else if (tag === 0x19) timeUnixNano = reader.fixed64();
    else if (tag === 0x21) count = reader.fixed64Number();
    else if (tag === 0x29) sum = reader.double();
    else if (tag === 0x32) quantiles.push(readQuantile(reader, end));
    else if (tag === 0x40) flags = reader.uint32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { attributes, startTimeUnixNano, timeUnixNano, flags, count, sum, quantiles };
}

function readQuantile(reader: ProtobufReader, limit: number): SummaryPoint["quantiles"][number] {
  const end = reader.delimited(limit);
  let [quantile, value] = [0, 0];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x09) quantile = reader.double();
    else if (tag === 0x11) value = reader.double();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { quantile, value };
}

function readExemplar(reader: ProtobufReader, limit: number): Exemplar {
  const end = reader.delimited(limit);
  const filteredAttributes: KeyValue[] = [];
  let [timeUnixNano, spanId, traceId] = [0n, "", ""];
  let value: NumberValue | null = null;
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x3a) filteredAttributes.push(readKeyValue(reader, end));
    else if (tag === 0x11) timeUnixNano = reader.fixed64();
    else if (tag === 0x19) value = reader.double();
    else if (tag === 0x31) value = reader.sfixed64();
    else if (tag === 0x22) spanId = reader.hex(end);
    else if (tag === 0x2a) traceId = reader.hex(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { filteredAttributes, timeUnixNano, value, spanId, traceId };
}

function readPacked(reader: ProtobufReader, limit: number, into: number[], readOne: () => number): void {
  const end = reader.delimited(limit);
  while (reader.position < end) into.push(readOne.call(reader));
  reader.finish(end);
}

// ---- encoders ----

interface PointHead {
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
}

function writeTimes(writer: ProtobufWriter, point: PointHead): void {
  if (point.startTimeUnixNano !== 0n) writer.fixed64(0x11, point.startTimeUnixNano);
  if (point.timeUnixNano !== 0n) writer.fixed64(0x19, point.timeUnixNano);
}

export function writeNumberPoint(writer: ProtobufWriter, point: NumberPoint): void {
  const message = writer.begin(0x0a);
  writeTimes(writer, point);
  if (typeof point.value === "number") writer.double(0x21, point.value);
  writeExemplars(writer, 0x2a, point.exemplars);
  if (typeof point.value === "bigint") writer.fixed64(0x31, point.value);
  writeAttributes(writer, 0x3a, point.attributes);
  if (point.flags !== 0) writer.uint32(0x40, point.flags);
  writer.end(message);
}

export function writeHistogramPoint(writer: ProtobufWriter, point: HistogramPoint): void {
  const message = writer.begin(0x0a);
  writeTimes(writer, point);
  if (point.count !== 0) writer.fixed64(0x21, BigInt(point.count));
  if (point.sum !== undefined) writer.double(0x29, point.sum);
  writePacked(writer, 0x32, point.bucketCounts, writer.rawFixed64);
  writePacked(writer, 0x3a, point.explicitBounds, writer.rawDouble);
  writeExemplars(writer, 0x42, point.exemplars);
  writeAttributes(writer, 0x4a, point.attributes);
  if (point.flags !== 0) writer.uint32(0x50, point.flags);
  if (point.min !== undefined) writer.double(0x59, point.min);
  if (point.max !== undefined) writer.double(0x61, point.max);
  writer.end(message);
}

export function writeExponentialHistogramPoint(
  writer: ProtobufWriter,
  point: ExponentialHistogramPoint,
): void {
  const message = writer.begin(0x0a);
  writeAttributes(writer, 0x0a, point.attributes);
  writeTimes(writer, point);
  if (point.count !== 0) writer.fixed64(0x21, BigInt(point.count));
  if (point.sum !== undefined) writer.double(0x29, point.sum);
  if (point.scale !== 0) writer.sint32(0x30, point.scale);
  if (point.zeroCount !== 0) writer.fixed64(0x39, BigInt(point.zeroCount));
  writeBuckets(writer, 0x42, point.positive);
  writeBuckets(writer, 0x4a, point.negative);
  if (point.flags !== 0) writer.uint32(0x50, point.flags);
  writeExemplars(writer, 0x5a, point.exemplars);
  if (point.min !== undefined) writer.double(0x61, point.min);
  if (point.max !== undefined) writer.double(0x69, point.max);
  if (point.zeroThreshold !== 0) writer.double(0x71, point.zeroThreshold);
  writer.end(message);
}

function writeBuckets(writer: ProtobufWriter, tag: number, buckets: ExponentialBuckets): void {
  if (buckets.offset === 0 && buckets.counts.length === 0) return;
  const message = writer.begin(tag);
  if (buckets.offset !== 0) writer.sint32(0x08, buckets.offset);
  writePacked(writer, 0x12, buckets.counts, writer.rawVarint);
  writer.end(message);
}

export function writeSummaryPoint(writer: ProtobufWriter, point: SummaryPoint): void {
  const message = writer.begin(0x0a);
  writeTimes(writer, point);
  if (point.count !== 0) writer.fixed64(0x21, BigInt(point.count));
  if (point.sum !== 0) writer.double(0x29, point.sum);
  for (const { quantile, value } of point.quantiles) {
    const inner = writer.begin(0x32);
    if (quantile !== 0) writer.double(0x09, quantile);
    if (value !== 0) writer.double(0x11, value);
    writer.end(inner);
  }
  writeAttributes(writer, 0x3a, point.attributes);
  if (point.flags !== 0) writer.uint32(0x40, point.flags);
  writer.end(message);
}

function writeExemplars(writer: ProtobufWriter, tag: number, exemplars: readonly Exemplar[]): void {
  for (const exemplar of exemplars) {
    const message = writer.begin(tag);
    if (exemplar.timeUnixNano !== 0n) writer.fixed64(0x11, exemplar.timeUnixNano);
    if (typeof exemplar.value === "number") writer.double(0x19, exemplar.value);
    if (exemplar.spanId !== "") writer.hex(0x22, exemplar.spanId);
    if (exemplar.traceId !== "") writer.hex(0x2a, exemplar.traceId);
    if (typeof exemplar.value === "bigint") writer.fixed64(0x31, exemplar.value);
    writeAttributes(writer, 0x3a, exemplar.filteredAttributes);
    writer.end(message);
  }
}

function writePacked(
  writer: ProtobufWriter,
  tag: number,
  values: readonly number[],
  writeOne: (value: number) => void,
): void {
  if (values.length === 0) return;
  const message = writer.begin(tag);
  for (const value of values) writeOne.call(writer, value);
  writer.end(message);
}
