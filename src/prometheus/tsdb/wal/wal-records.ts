/**
 * The records of the write-ahead log (`tsdb/record/record.go`). Each begins with its type; numbers are big-endian,
 * references and times after the first of a record are differences from the first.
 *
 * ```
 * series      1 │ { ref <8b> │ labels <uvarint> │ { len <uvarint> name │ len <uvarint> value } … } …
 * samples     2 │ ref <8b> │ time <8b> │ { ref-ref0 <varint> │ time-time0 <varint> │ value <8b> } …
 * tombstones  3 │ { ref <8b> │ min <varint> │ max <varint> } …
 * exemplars   4 │ ref <8b> │ time <8b> │ { ref-ref0 <varint> │ time-time0 <varint> │ value <8b> │ labels } …
 * metadata    6 │ { ref <uvarint> │ type <1b> │ fields <uvarint> │ { name, value as strings } … } …
 * ```
 * Histogram records are in `wal-histogram-records.ts`.
 */
import { Labels } from "../../../model/labels.ts";
import type { Exemplar, MetricMetadata } from "../../storage.ts";
import { ByteReader } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { labelCount, writeLabelKey } from "../index/label-key.ts";

export const RECORD_SERIES = 1;
export const RECORD_SAMPLES = 2;
export const RECORD_TOMBSTONES = 3;
export const RECORD_EXEMPLARS = 4;
export const RECORD_MMAP_MARKERS = 5;
export const RECORD_METADATA = 6;
export const RECORD_HISTOGRAMS = 7;
export const RECORD_FLOAT_HISTOGRAMS = 8;
export const RECORD_CUSTOM_HISTOGRAMS = 9;
export const RECORD_CUSTOM_FLOAT_HISTOGRAMS = 10;
export const RECORD_SAMPLES_V2 = 11;
export const RECORD_HISTOGRAMS_V2 = 12;
export const RECORD_FLOAT_HISTOGRAMS_V2 = 13;

/** Upstream's numbers of the metric types, by position. */
const METRIC_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
];

/** Adds one series to a series record, which the first call begins. */
export function writeSeries(out: ByteWriter, ref: number, key: Uint8Array): void {
  if (out.length === 0) out.u8(RECORD_SERIES);
  out.u64(ref);
  out.uvarint(labelCount(key, 0, key.length));
  out.raw(key);
}

/** Calls `each` for every series, with its label key as a range of `record`. @throws CorruptionError */
export function readSeries(
  record: Uint8Array,
  each: (ref: number, key: Uint8Array, start: number, end: number) => void,
): void {
  const reader = new ByteReader(record, 1);
  while (reader.remaining > 0) {
    const ref = reader.u64();
    const strings = 2 * reader.uvarint();
    const start = reader.position;
    for (let i = 0; i < strings; i++) reader.skip(reader.uvarint());
    each(ref, record, start, reader.position);
  }
}

/** A batch of samples as columns. */
export interface SampleBatch {
  length: number;
  refs: Float64Array;
  timestamps: Float64Array;
  /** Two words per value, low half first. */
  words: Int32Array;
}

/** Most a sample takes: two varints of differences and the value. */
const MAX_SAMPLE_RECORD_BYTES = 10 + 10 + 8;

/** Writes the samples from `from` to `to` (excluded) as one record. */
export function writeSamples(out: ByteWriter, batch: SampleBatch, from: number, to: number): void {
  const { refs, timestamps, words } = batch;
  const firstRef = refs[from];
  const firstTime = timestamps[from];
  out.u8(RECORD_SAMPLES);
  out.u64(firstRef);
  out.u64(firstTime);
  out.reserve((to - from) * MAX_SAMPLE_RECORD_BYTES);
  for (let i = from; i < to; i++) {
    writeShortVarint(out, refs[i] - firstRef);
    writeShortVarint(out, timestamps[i] - firstTime);
    const at = out.length;
    out.view.setInt32(at, words[2 * i + 1]);
    out.view.setInt32(at + 4, words[2 * i]);
    out.length = at + 8;
  }
}

/** `ByteWriter.varint` with the common sizes written out. */
function writeShortVarint(out: ByteWriter, value: number): void {
  if (value >= -(2 ** 30) && value < 2 ** 30) {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
    const { bytes } = out;
    let at = out.length;
    while (zigzag >= 0x80) {
      bytes[at++] = (zigzag & 0x7f) | 0x80;
      zigzag >>>= 7;
    }
    bytes[at] = zigzag;
    out.length = at + 1;
  } else {
    out.varint(value);
  }
}

/** @throws CorruptionError after the samples that could be read */
export function readSamples(
  record: Uint8Array,
  each: (ref: number, timestampMs: number, low: number, high: number) => void,
): void {
  const reader = new ByteReader(record, 1);
  if (reader.remaining === 0) return;
  if (record[0] === RECORD_SAMPLES_V2) {
    readSamplesV2(reader, each);
    return;
  }
  const firstRef = reader.u64();
  const firstTime = reader.i64();
  const { bytes, view, end } = reader;
  let at = reader.position;
  while (at < end) {
    // Differences of one or two bytes are read here, which is most of them.
    let zigzag = bytes[at];
    let next = at + 1;
    if (zigzag >= 0x80) {
      zigzag = (zigzag & 0x7f) | (bytes[at + 1] << 7);
      next = at + 2;
    }
    const second = bytes[next];
    if (zigzag < 0x4000 && second < 0x80 && next + 9 <= end) {
      const ref = firstRef + ((zigzag >>> 1) ^ -(zigzag & 1));
      const time = firstTime + ((second >>> 1) ^ -(second & 1));
      each(ref, time, view.getInt32(next + 5), view.getInt32(next + 1));
      at = next + 9;
      continue;
    }
    reader.position = at;
    const ref = firstRef + reader.varint();
    const time = firstTime + reader.varint();
    reader.need(8);
    each(ref, time, view.getInt32(reader.position + 4), view.getInt32(reader.position));
    at = reader.position + 8;
  }
}

/** How a sample's start time is given in the newer records; any other marker is followed by it. */
const NO_START = 0;
const SAME_START = 1;

/** As the above with references relative to the sample before, and start times, which we do not keep. */
function readSamplesV2(
  reader: ByteReader,
  each: (ref: number, timestampMs: number, low: number, high: number) => void,
): void {
  let ref = 0;
  let firstTime = 0;
  for (let isFirst = true; reader.remaining > 0; isFirst = false) {
    ref += reader.varint();
    let time = reader.varint();
    if (isFirst) {
      firstTime = time;
      reader.varint();
    } else {
      time += firstTime;
      skipStartTime(reader);
    }
    reader.need(8);
    const { view, position } = reader;
    each(ref, time, view.getInt32(position + 4), view.getInt32(position));
    reader.position = position + 8;
  }
}

/** Reads over the marker for a start time, and the start time where it has one. */
export function skipStartTime(reader: ByteReader): void {
  const marker = reader.u8();
  if (marker !== NO_START && marker !== SAME_START) reader.varint();
}

export function writeTombstones(
  out: ByteWriter,
  stones: { ref: number; minMs: number; maxMs: number }[],
): void {
  out.u8(RECORD_TOMBSTONES);
  for (const { ref, minMs, maxMs } of stones) {
    out.u64(ref);
    out.varint(minMs);
    out.varint(maxMs);
  }
}

export function readTombstones(
  record: Uint8Array,
  each: (ref: number, minMs: number, maxMs: number) => void,
): void {
  const reader = new ByteReader(record, 1);
  while (reader.remaining > 0) each(reader.u64(), reader.varint(), reader.varint());
}

export interface ExemplarOfSeries {
  ref: number;
  exemplar: Exemplar;
}

export function writeExemplars(out: ByteWriter, exemplars: ExemplarOfSeries[]): void {
  const { ref: firstRef, exemplar: first } = exemplars[0];
  out.u8(RECORD_EXEMPLARS);
  out.u64(firstRef);
  out.u64(first.timestampMs);
  for (const { ref, exemplar } of exemplars) {
    out.varint(ref - firstRef);
    out.varint(exemplar.timestampMs - first.timestampMs);
    out.float64(exemplar.value);
    out.uvarint(exemplar.labels.size);
    writeLabelKey(out, exemplar.labels);
  }
}

export function readExemplars(record: Uint8Array, each: (ref: number, exemplar: Exemplar) => void): void {
  const reader = new ByteReader(record, 1);
  if (reader.remaining === 0) return;
  const firstRef = reader.u64();
  const firstTime = reader.i64();
  while (reader.remaining > 0) {
    const ref = firstRef + reader.varint();
    const timestampMs = firstTime + reader.varint();
    const value = reader.float64();
    each(ref, { labels: readLabels(reader), value, timestampMs });
  }
}

function readLabels(reader: ByteReader): Labels {
  const count = reader.uvarint();
  const flat: string[] = [];
  for (let i = 0; i < count; i++) flat.push(reader.string(), reader.string());
  return flat.length === 0 ? Labels.empty : Labels.fromSorted(flat);
}

export function writeMetadata(out: ByteWriter, entries: { ref: number; metadata: MetricMetadata }[]): void {
  out.u8(RECORD_METADATA);
  for (const { ref, metadata } of entries) {
    out.uvarint(ref);
    out.u8(Math.max(0, METRIC_TYPES.indexOf(metadata.type)));
    out.uvarint(2);
    for (const text of ["UNIT", metadata.unit, "HELP", metadata.help]) out.string(text);
  }
}

export function readMetadata(
  record: Uint8Array,
  each: (ref: number, metadata: MetricMetadata) => void,
): void {
  const reader = new ByteReader(record, 1);
  while (reader.remaining > 0) {
    const ref = reader.uvarint();
    const metadata: MetricMetadata = { type: METRIC_TYPES[reader.u8()] ?? "unknown", unit: "", help: "" };
    const fields = reader.uvarint();
    for (let i = 0; i < fields; i++) {
      const name = reader.string();
      const value = reader.string();
      if (name === "UNIT") metadata.unit = value;
      else if (name === "HELP") metadata.help = value;
    }
    each(ref, metadata);
  }
}
