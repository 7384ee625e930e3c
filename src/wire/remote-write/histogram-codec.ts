/** The `Histogram` message, which both versions of remote write share, and its stale marker. */
import type { CounterResetHint, FloatHistogram, Span } from "../../model/histogram.ts";
import { ProtobufError, type ProtobufReader } from "../protobuf/reader.ts";
import { readRepeated, readSint64 } from "../protobuf/repeated.ts";
import type { ProtobufWriter } from "../protobuf/writer.ts";
import type { WriteHistogram } from "./write-request.ts";

/** Spans may promise this many buckets at most: a few bytes could otherwise claim billions. */
export const MAX_HISTOGRAM_BUCKETS = 100_000;

/** The bits of the NaN that ends a series. */
export const STALE_NAN_BITS = 0x7ff0000000000002n;

const HINTS: CounterResetHint[] = ["unknown", "reset", "not_reset", "gauge"];

export function readHistogram(reader: ProtobufReader, end: number): WriteHistogram {
  const histogram: FloatHistogram = {
    counterResetHint: "unknown",
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: [],
    negativeBuckets: [],
    customValues: [],
  };
  const result: WriteHistogram = { timestampMs: 0, histogram, isInteger: true };
  const positiveDeltas: number[] = [];
  const negativeDeltas: number[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    switch (tag >>> 3) {
      case 1:
        histogram.count = reader.uint64Number();
        break;
      case 2:
        histogram.count = reader.double();
        result.isInteger = false;
        break;
      case 3:
        histogram.sum = reader.double();
        break;
      case 4:
        histogram.schema = reader.sint32();
        break;
      case 5:
        histogram.zeroThreshold = reader.double();
        break;
      case 6:
        histogram.zeroCount = reader.uint64Number();
        break;
      case 7:
        histogram.zeroCount = reader.double();
        break;
      case 8:
        histogram.negativeSpans.push(readSpan(reader, end));
        break;
      case 9:
        readRepeated(reader, tag, end, () => negativeDeltas.push(readSint64(reader)));
        break;
      case 10:
        readRepeated(reader, tag, end, () => histogram.negativeBuckets.push(reader.double()));
        break;
      case 11:
        histogram.positiveSpans.push(readSpan(reader, end));
        break;
      case 12:
        readRepeated(reader, tag, end, () => positiveDeltas.push(readSint64(reader)));
        break;
      case 13:
        readRepeated(reader, tag, end, () => histogram.positiveBuckets.push(reader.double()));
        break;
      case 14:
        histogram.counterResetHint = HINTS[reader.uint32()] ?? "unknown";
        break;
      case 15:
        result.timestampMs = reader.int64Number();
        break;
      case 16:
        readRepeated(reader, tag, end, () => histogram.customValues.push(reader.double()));
        break;
      case 17:
        result.startTimestampMs = reader.int64Number();
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  if (result.isInteger) {
    histogram.positiveBuckets = absolute(positiveDeltas);
    histogram.negativeBuckets = absolute(negativeDeltas);
  }
  checkSpans("positive", histogram.positiveSpans, histogram.positiveBuckets.length);
  checkSpans("negative", histogram.negativeSpans, histogram.negativeBuckets.length);
  return result;
}

function readSpan(reader: ProtobufReader, outerEnd: number): Span {
  const end = reader.delimited(outerEnd);
  const span = { offset: 0, length: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) span.offset = reader.sint32();
    else if (tag === 0x10) span.length = reader.uint32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return span;
}

/** Texts after `model/histogram/generic.go`. */
function checkSpans(side: string, spans: Span[], buckets: number): void {
  let total = 0;
  for (const [index, span] of spans.entries()) {
    if (index > 0 && span.offset < 0)
      throw new ProtobufError(`${side} side: span number ${index + 1} with offset ${span.offset}`);
    total += span.length;
  }
  if (total > MAX_HISTOGRAM_BUCKETS)
    throw new ProtobufError(`${side} side: more than ${MAX_HISTOGRAM_BUCKETS} buckets`);
  if (total !== buckets)
    throw new ProtobufError(
      `${side} side: spans need ${total} buckets, have ${buckets} buckets: histogram spans specify different number of buckets than provided`,
    );
}

function absolute(deltas: number[]): number[] {
  let current = 0;
  return deltas.map((delta) => (current += delta));
}

function deltas(counts: readonly number[]): number[] {
  return counts.map((count, index) => count - (index === 0 ? 0 : counts[index - 1]));
}

export function writeHistogram(writer: ProtobufWriter, field: number, sample: WriteHistogram): void {
  const { histogram } = sample;
  const start = writer.begin((field << 3) | 2);
  if (sample.isInteger) writer.int64Number(0x08, histogram.count);
  else writer.double(0x11, histogram.count);
  writer.double(0x19, histogram.sum);
  writer.sint32(0x20, histogram.schema);
  writer.double(0x29, histogram.zeroThreshold);
  if (sample.isInteger) writer.int64Number(0x30, histogram.zeroCount);
  else writer.double(0x39, histogram.zeroCount);
  writeSpans(writer, 0x42, histogram.negativeSpans);
  writeBuckets(writer, 0x4a, histogram.negativeBuckets, sample.isInteger);
  writeSpans(writer, 0x5a, histogram.positiveSpans);
  writeBuckets(writer, 0x62, histogram.positiveBuckets, sample.isInteger);
  writer.uint32(0x70, HINTS.indexOf(histogram.counterResetHint));
  writer.int64Number(0x78, sample.timestampMs);
  if (histogram.customValues.length > 0) {
    const values = writer.begin(0x82);
    for (const value of histogram.customValues) writer.rawDouble(value);
    writer.end(values);
  }
  if (sample.startTimestampMs) writer.int64Number(0x88, sample.startTimestampMs);
  writer.end(start);
}

function writeSpans(writer: ProtobufWriter, tag: number, spans: readonly Span[]): void {
  for (const span of spans) {
    const start = writer.begin(tag);
    writer.sint32(0x08, span.offset);
    writer.uint32(0x10, span.length);
    writer.end(start);
  }
}

/** Integer counts as deltas under `tag`, float counts under the field that follows it. */
function writeBuckets(
  writer: ProtobufWriter,
  tag: number,
  counts: readonly number[],
  isInteger: boolean,
): void {
  if (counts.length === 0) return;
  const start = writer.begin(isInteger ? tag : tag + 8);
  if (isInteger) for (const delta of deltas(counts)) writer.rawVarint(delta < 0 ? -delta * 2 - 1 : delta * 2);
  else for (const count of counts) writer.rawDouble(count);
  writer.end(start);
}
