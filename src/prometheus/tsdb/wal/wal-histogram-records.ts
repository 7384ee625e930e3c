/**
 * The log's records of native histograms (`tsdb/record/record.go`): integer ones hold counts as whole numbers and
 * buckets as differences from bucket to bucket, float ones hold float64s. Custom bucket ones have types of their own.
 *
 * ```
 * type │ ref <8b> │ time <8b> │ { ref-ref0 <varint> │ time-time0 <varint> │ histogram } …
 *
 * histogram: hint <1b> │ schema <varint> │ zero threshold <8b> │ zero count │ count │ sum <8b>
 *            │ positive spans │ negative spans │ positive buckets │ negative buckets │ custom values
 * ```
 */
import {
  type CounterResetHint,
  CUSTOM_BUCKETS_SCHEMA,
  type FloatHistogram,
  type Span,
} from "../../../model/histogram.ts";
import type { SeriesRef } from "../../storage.ts";
import { ByteReader, CorruptionError } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { bitsOf } from "../chunks/histogram-chunk.ts";
import { isIntegerHistogram } from "../chunks/histogram-shape.ts";
import {
  RECORD_CUSTOM_FLOAT_HISTOGRAMS,
  RECORD_CUSTOM_HISTOGRAMS,
  RECORD_FLOAT_HISTOGRAMS,
  RECORD_FLOAT_HISTOGRAMS_V2,
  RECORD_HISTOGRAMS,
  RECORD_HISTOGRAMS_V2,
  skipStartTime,
} from "./wal-records.ts";

export interface HistogramOfSeries {
  ref: SeriesRef;
  timestampMs: number;
  histogram: FloatHistogram;
}

/** By upstream's numbers. */
const HINTS: CounterResetHint[] = ["unknown", "reset", "not_reset", "gauge"];

/** The record type that a histogram belongs into. */
export function histogramRecordType(histogram: FloatHistogram): number {
  const isCustom = histogram.schema === CUSTOM_BUCKETS_SCHEMA;
  if (isIntegerHistogram(histogram)) return isCustom ? RECORD_CUSTOM_HISTOGRAMS : RECORD_HISTOGRAMS;
  return isCustom ? RECORD_CUSTOM_FLOAT_HISTOGRAMS : RECORD_FLOAT_HISTOGRAMS;
}

/** @param samples at least one, all of that type */
export function writeHistograms(out: ByteWriter, type: number, samples: HistogramOfSeries[]): void {
  const first = samples[0];
  out.u8(type);
  out.u64(first.ref);
  out.u64(first.timestampMs);
  const isInteger = type === RECORD_HISTOGRAMS || type === RECORD_CUSTOM_HISTOGRAMS;
  for (const { ref, timestampMs, histogram } of samples) {
    out.varint(ref - first.ref);
    out.varint(timestampMs - first.timestampMs);
    writeHistogram(out, histogram, isInteger);
  }
}

function writeHistogram(out: ByteWriter, histogram: FloatHistogram, isInteger: boolean): void {
  out.u8(HINTS.indexOf(histogram.counterResetHint));
  out.varint(histogram.schema);
  out.float64(histogram.zeroThreshold);
  if (isInteger) {
    out.uvarint(histogram.zeroCount);
    out.uvarint(histogram.count);
  } else {
    out.float64(histogram.zeroCount);
    out.float64(histogram.count);
  }
  const sum = bitsOf(histogram.sum);
  out.bits(sum.low, sum.high);
  for (const spans of [histogram.positiveSpans, histogram.negativeSpans]) {
    out.uvarint(spans.length);
    for (const { offset, length } of spans) {
      out.varint(offset);
      out.uvarint(length);
    }
  }
  for (const buckets of [histogram.positiveBuckets, histogram.negativeBuckets]) {
    out.uvarint(buckets.length);
    for (let i = 0; i < buckets.length; i++) {
      if (isInteger) out.varint(i === 0 ? buckets[0] : buckets[i] - buckets[i - 1]);
      else out.float64(buckets[i]);
    }
  }
  if (histogram.schema !== CUSTOM_BUCKETS_SCHEMA) return;
  out.uvarint(histogram.customValues.length);
  for (const bound of histogram.customValues) out.float64(bound);
}

/** Reads a record of any of the histogram types, the ones with start times included. @throws CorruptionError */
export function readHistograms(
  record: Uint8Array,
  each: (ref: SeriesRef, timestampMs: number, histogram: FloatHistogram) => void,
): void {
  const type = record[0];
  const reader = new ByteReader(record, 1);
  if (reader.remaining === 0) return;
  const hasStartTimes = type === RECORD_HISTOGRAMS_V2 || type === RECORD_FLOAT_HISTOGRAMS_V2;
  const isInteger =
    type === RECORD_HISTOGRAMS || type === RECORD_CUSTOM_HISTOGRAMS || type === RECORD_HISTOGRAMS_V2;
  const firstRef = hasStartTimes ? reader.varint() : reader.u64();
  const firstTime = hasStartTimes ? reader.varint() : reader.i64();
  if (hasStartTimes) reader.varint();
  let ref = firstRef;
  for (let isFirst = true; reader.remaining > 0; isFirst = false) {
    let time = firstTime;
    if (!hasStartTimes) {
      ref = firstRef + reader.varint();
      time += reader.varint();
    } else if (!isFirst) {
      ref += reader.varint();
      time += reader.varint();
      skipStartTime(reader);
    }
    each(ref, time, readHistogram(reader, isInteger));
  }
}

function readHistogram(reader: ByteReader, isInteger: boolean): FloatHistogram {
  const counterResetHint = HINTS[reader.u8()] ?? "unknown";
  const schema = reader.varint();
  const zeroThreshold = reader.float64();
  const zeroCount = isInteger ? reader.uvarint() : reader.float64();
  const count = isInteger ? reader.uvarint() : reader.float64();
  const sum = reader.float64();
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const positiveBuckets = readBuckets(reader, isInteger);
  const negativeBuckets = readBuckets(reader, isInteger);
  const customValues = schema === CUSTOM_BUCKETS_SCHEMA ? readBuckets(reader, false) : [];
  return {
    counterResetHint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues,
  };
}

function readSpans(reader: ByteReader): Span[] {
  const count = checkCount(reader, 2);
  return Array.from({ length: count }, () => ({ offset: reader.varint(), length: reader.uvarint() }));
}

function readBuckets(reader: ByteReader, isInteger: boolean): number[] {
  const count = checkCount(reader, isInteger ? 1 : 8);
  let last = 0;
  return Array.from({ length: count }, () => (isInteger ? (last += reader.varint()) : reader.float64()));
}

/** A number of elements that the record can hold. */
function checkCount(reader: ByteReader, elementBytes: number): number {
  const count = reader.uvarint();
  if (count * elementBytes > reader.remaining) throw new CorruptionError("invalid size");
  return count;
}
