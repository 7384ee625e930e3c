/**
 * The two answers to a `ReadRequest` (`prompb/remote.proto`, `types.proto`): samples in one message, or chunks as the
 * store has them, a message at a time.
 *
 * ```
 * ReadResponse         1 QueryResult*         QueryResult    1 TimeSeries*
 * ChunkedReadResponse  1 ChunkedSeries*  2 query index
 * ChunkedSeries        1 Label*  2 Chunk*
 * Chunk                1 min time ms  2 max time ms  3 encoding  4 bytes
 * ```
 */
import type { Labels } from "../../model/labels.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import type { WriteSeries } from "../remote-write/write-request.ts";
import { labelsOf, readLabel, readSeries, writeLabels, writeSeries } from "../remote-write/write-v1.ts";

export interface ReadChunk {
  minMs: number;
  maxMs: number;
  /** As in a block: 1 XOR, 2 histograms, 3 float histograms, … */
  encoding: number;
  bytes: Uint8Array;
}

export interface ChunkedReadResponse {
  series: { labels: Labels; chunks: ReadChunk[] }[];
  queryIndex: number;
}

/** @param results for each query its series */
export function encodeReadResponse(results: readonly (readonly WriteSeries[])[]): Uint8Array {
  const writer = new ProtobufWriter(4096);
  for (const series of results) {
    const start = writer.begin(0x0a);
    for (const each of series) writeSeries(writer, each);
    writer.end(start);
  }
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeReadResponse(bytes: Uint8Array): WriteSeries[][] {
  const reader = new ProtobufReader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const results: WriteSeries[][] = [];
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag !== 0x0a) {
      reader.skip(tag, bytes.length);
      continue;
    }
    const end = reader.delimited(bytes.length);
    const series: WriteSeries[] = [];
    while (reader.position < end) {
      const inner = reader.tag();
      if (inner === 0x0a) series.push(readSeries(reader, view, reader.delimited(end)));
      else reader.skip(inner, end);
    }
    reader.finish(end);
    results.push(series);
  }
  reader.finish(bytes.length);
  return results;
}

export function encodeChunkedReadResponse({ series, queryIndex }: ChunkedReadResponse): Uint8Array {
  const writer = new ProtobufWriter(4096);
  for (const { labels, chunks } of series) {
    const start = writer.begin(0x0a);
    writeLabels(writer, labels);
    for (const { minMs, maxMs, encoding, bytes } of chunks) {
      const at = writer.begin(0x12);
      writer.int64Number(0x08, minMs);
      writer.int64Number(0x10, maxMs);
      writer.uint32(0x18, encoding);
      writer.bytes(0x22, bytes);
      writer.end(at);
    }
    writer.end(start);
  }
  if (queryIndex !== 0) writer.int64Number(0x10, queryIndex);
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeChunkedReadResponse(bytes: Uint8Array): ChunkedReadResponse {
  const reader = new ProtobufReader(bytes);
  const response: ChunkedReadResponse = { series: [], queryIndex: 0 };
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag === 0x0a) response.series.push(readChunkedSeries(reader, reader.delimited(bytes.length)));
    else if (tag === 0x10) response.queryIndex = reader.int64Number();
    else reader.skip(tag, bytes.length);
  }
  reader.finish(bytes.length);
  return response;
}

function readChunkedSeries(reader: ProtobufReader, end: number): ChunkedReadResponse["series"][number] {
  const labels: string[] = [];
  const chunks: ReadChunk[] = [];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) readLabel(reader, reader.delimited(end), labels);
    else if (tag === 0x12) chunks.push(readChunk(reader, reader.delimited(end)));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { labels: labelsOf(labels), chunks };
}

function readChunk(reader: ProtobufReader, end: number): ReadChunk {
  const chunk: ReadChunk = { minMs: 0, maxMs: 0, encoding: 0, bytes: new Uint8Array(0) };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) chunk.minMs = reader.int64Number();
    else if (tag === 0x10) chunk.maxMs = reader.int64Number();
    else if (tag === 0x18) chunk.encoding = reader.uint32();
    else if (tag === 0x22) chunk.bytes = reader.bytesField(end).slice();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return chunk;
}
