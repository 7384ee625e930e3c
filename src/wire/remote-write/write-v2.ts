/**
 * `io.prometheus.write.v2.Request`, remote write 2.0 (`prompb/io/prometheus/write/v2/types.proto`): strings travel once,
 * in a symbol table whose first entry is "".
 *
 * ```
 * Request     4 symbol*  5 TimeSeries*
 * TimeSeries  1 label refs (packed)  2 Sample*  3 Histogram*  4 Exemplar*  5 Metadata
 * ```
 */
import { Labels } from "../../model/labels.ts";
import { ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { readRepeated } from "../protobuf/repeated.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import { readHistogram, STALE_NAN_BITS, writeHistogram } from "./histogram-codec.ts";
import {
  METRIC_TYPES,
  type WriteExemplar,
  type WriteMetadata,
  type WriteRequest,
  type WriteSeries,
} from "./write-request.ts";
import { labelsOf, MAX_SERIES_PER_REQUEST, readSample } from "./write-v1.ts";

/** @throws ProtobufError */
export function decodeWriteRequestV2(bytes: Uint8Array): WriteRequest {
  const reader = new ProtobufReader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  const symbols: string[] = [];
  const spans: [start: number, end: number][] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x22) symbols.push(reader.string(end));
    else if (tag === 0x2a) {
      if (spans.length >= MAX_SERIES_PER_REQUEST)
        throw new ProtobufError(`more than ${MAX_SERIES_PER_REQUEST} series in a request`);
      const stop = reader.delimited(end);
      spans.push([reader.position, stop]);
      reader.position = stop;
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  // The first symbol should be the empty string, which receivers do not insist on.
  // Series after their symbols, wherever the sender put the two.
  const series = spans.map(([start, stop]) => {
    reader.position = start;
    return readSeries(reader, view, stop, symbols);
  });
  return { series, metadata: [] };
}

/** References outside of the symbols spoil the series that has them, not the request. */
class SymbolError extends Error {}

function readSeries(reader: ProtobufReader, view: DataView, end: number, symbols: string[]): WriteSeries {
  const refs: number[] = [];
  let metadataAt: [start: number, end: number] | undefined;
  const exemplarsAt: [start: number, end: number][] = [];
  const series: WriteSeries = { labels: Labels.empty, samples: [], histograms: [], exemplars: [] };
  while (reader.position < end) {
    const tag = reader.tag();
    switch (tag >>> 3) {
      case 1:
        readRepeated(reader, tag, end, () => refs.push(reader.uint32()));
        break;
      case 2:
        series.samples.push(readSample(reader, view, reader.delimited(end)));
        break;
      case 3:
        series.histograms.push(readHistogram(reader, reader.delimited(end)));
        break;
      case 4:
        exemplarsAt.push(pass(reader, end));
        break;
      case 5:
        metadataAt = pass(reader, end);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  const shown = `series [${refs.join(" ")}]`;
  const { problem } = attempt(`parsing labels for ${shown}`, () => (series.labels = labelsAt(refs, symbols)));
  if (problem !== undefined) return { ...series, problem };
  if (metadataAt !== undefined) {
    const [start, stop] = metadataAt;
    reader.position = start;
    const read = attempt(`parsing metadata for ${shown}`, () => readMetadata(reader, stop, symbols));
    if (read.problem !== undefined) return { ...series, problem: read.problem };
    series.metadata = read.value;
  }
  for (const [start, stop] of exemplarsAt) {
    reader.position = start;
    const what = `parsing exemplar for series ${series.labels}`;
    const read = attempt(what, () => readExemplar(reader, stop, symbols));
    if (read.problem === undefined) series.exemplars.push(read.value);
    else (series.exemplarProblems ??= []).push(read.problem);
  }
  return series;
}

/** Goes over a message, and answers where it stands. */
function pass(reader: ProtobufReader, outerEnd: number): [start: number, end: number] {
  const end = reader.delimited(outerEnd);
  const start = reader.position;
  reader.position = end;
  return [start, end];
}

function attempt<T>(
  what: string,
  read: () => T,
): { problem: undefined; value: T } | { problem: string; value?: undefined } {
  try {
    return { problem: undefined, value: read() };
  } catch (error) {
    if (error instanceof SymbolError) return { problem: `${what}: ${error.message}` };
    throw error;
  }
}

function labelsAt(refs: number[], symbols: string[]): Labels {
  if (refs.length % 2 !== 0) throw new SymbolError(`invalid labelRefs length ${refs.length}`);
  for (let i = 0; i < refs.length; i += 2) {
    if (refs[i] < symbols.length && refs[i + 1] < symbols.length) continue;
    throw new SymbolError(
      `labelRefs ${refs[i]} (name) = ${refs[i + 1]} (value) outside of symbols table (size ${symbols.length})`,
    );
  }
  return labelsOf(refs.map((ref) => symbols[ref]));
}

function symbolAt(ref: number, symbols: string[], field: string): string {
  if (ref < symbols.length) return symbols[ref];
  throw new SymbolError(`metadata ${field} ${ref} outside of symbols table (size ${symbols.length})`);
}

function readExemplar(reader: ProtobufReader, end: number, symbols: string[]): WriteExemplar {
  const refs: number[] = [];
  const exemplar = { labels: Labels.empty, value: 0, timestampMs: 0 };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag >>> 3 === 1) readRepeated(reader, tag, end, () => refs.push(reader.uint32()));
    else if (tag === 0x11) exemplar.value = reader.double();
    else if (tag === 0x18) exemplar.timestampMs = reader.int64Number();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  exemplar.labels = labelsAt(refs, symbols);
  return exemplar;
}

function readMetadata(reader: ProtobufReader, end: number, symbols: string[]): WriteMetadata {
  const metadata: WriteMetadata = { type: "unknown", help: "", unit: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) metadata.type = METRIC_TYPES[reader.uint32()] ?? "unknown";
    else if (tag === 0x18) metadata.help = symbolAt(reader.uint32(), symbols, "help_ref");
    else if (tag === 0x20) metadata.unit = symbolAt(reader.uint32(), symbols, "unit_ref");
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return metadata;
}

export function encodeWriteRequestV2(request: WriteRequest): Uint8Array {
  const symbols = new Map<string, number>([["", 0]]);
  const refOf = (text: string): number => {
    let ref = symbols.get(text);
    if (ref === undefined) symbols.set(text, (ref = symbols.size));
    return ref;
  };
  const body = new ProtobufWriter(4096);
  for (const series of request.series) {
    const start = body.begin(0x2a);
    writeRefs(body, series.labels, refOf);
    for (const sample of series.samples) {
      const at = body.begin(0x12);
      if (sample.stale) body.fixed64(0x09, STALE_NAN_BITS);
      else body.double(0x09, sample.value);
      body.int64Number(0x10, sample.timestampMs);
      if (sample.startTimestampMs) body.int64Number(0x18, sample.startTimestampMs);
      body.end(at);
    }
    for (const histogram of series.histograms) writeHistogram(body, 3, histogram);
    for (const exemplar of series.exemplars) {
      const at = body.begin(0x22);
      writeRefs(body, exemplar.labels, refOf);
      body.double(0x11, exemplar.value);
      body.int64Number(0x18, exemplar.timestampMs);
      body.end(at);
    }
    if (series.metadata !== undefined) writeMetadata(body, series.metadata, refOf);
    body.end(start);
  }
  const head = new ProtobufWriter(1024);
  for (const symbol of symbols.keys()) head.string(0x22, symbol);
  return Buffer.concat([head.view(), body.view()]);
}

function writeRefs(writer: ProtobufWriter, labels: Labels, refOf: (text: string) => number): void {
  if (labels.flat.length === 0) return;
  const at = writer.begin(0x0a);
  for (const text of labels.flat) writer.rawVarint(refOf(text));
  writer.end(at);
}

function writeMetadata(
  writer: ProtobufWriter,
  metadata: WriteMetadata,
  refOf: (text: string) => number,
): void {
  const at = writer.begin(0x2a);
  const type = METRIC_TYPES.indexOf(metadata.type as (typeof METRIC_TYPES)[number]);
  if (type > 0) writer.uint32(0x08, type);
  if (metadata.help !== "") writer.uint32(0x18, refOf(metadata.help));
  if (metadata.unit !== "") writer.uint32(0x20, refOf(metadata.unit));
  writer.end(at);
}
