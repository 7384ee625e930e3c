/**
 * `prometheus.ReadRequest` (`prompb/remote.proto`): what a reader asks a store for.
 *
 * ```
 * ReadRequest   1 Query*  2 accepted response types (0 samples, 1 streamed chunks)
 * Query         1 start ms  2 end ms  3 LabelMatcher*  4 ReadHints
 * LabelMatcher  1 type (0 =, 1 !=, 2 =~, 3 !~)  2 name  3 value
 * ReadHints     1 step ms  2 function  3 start ms  4 end ms  5 grouping*  6 by  7 range ms
 * ```
 */
import { ProtobufError, ProtobufReader } from "../protobuf/reader.ts";
import { readRepeated } from "../protobuf/repeated.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";

export const SAMPLES = 0;
export const STREAMED_XOR_CHUNKS = 1;

export interface ReadMatcher {
  /** Its number in the protocol: 0 `=`, 1 `!=`, 2 `=~`, 3 `!~`; others are for the server to refuse. */
  type: number;
  name: string;
  value: string;
}

export interface ReadQuery {
  startMs: number;
  endMs: number;
  matchers: ReadMatcher[];
  /** The function or aggregation around the selector; "": none was told. The other hints are passed over. */
  function: string;
}

export interface ReadRequest {
  queries: ReadQuery[];
  /** What the reader takes, best first; none is as good as samples. */
  acceptedTypes: number[];
}

/** A request may have so many queries, a query so many matchers. */
export const MAX_QUERIES = 1_000;
export const MAX_MATCHERS = 10_000;

/** @throws ProtobufError */
export function decodeReadRequest(bytes: Uint8Array): ReadRequest {
  const reader = new ProtobufReader(bytes);
  const end = bytes.length;
  const request: ReadRequest = { queries: [], acceptedTypes: [] };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      if (request.queries.length >= MAX_QUERIES)
        throw new ProtobufError(`more than ${MAX_QUERIES} queries in a request`);
      request.queries.push(readQuery(reader, reader.delimited(end)));
    } else if (tag >>> 3 === 2) {
      readRepeated(reader, tag, end, () => request.acceptedTypes.push(reader.int32()));
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  return request;
}

function readQuery(reader: ProtobufReader, end: number): ReadQuery {
  const query: ReadQuery = { startMs: 0, endMs: 0, matchers: [], function: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) query.startMs = reader.int64Number();
    else if (tag === 0x10) query.endMs = reader.int64Number();
    else if (tag === 0x1a) {
      if (query.matchers.length >= MAX_MATCHERS)
        throw new ProtobufError(`more than ${MAX_MATCHERS} matchers in a query`);
      query.matchers.push(readMatcher(reader, reader.delimited(end)));
    } else if (tag === 0x22) query.function = readFunction(reader, reader.delimited(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return query;
}

function readMatcher(reader: ProtobufReader, end: number): ReadMatcher {
  const matcher: ReadMatcher = { type: 0, name: "", value: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) matcher.type = reader.int32();
    else if (tag === 0x12) matcher.name = reader.string(end);
    else if (tag === 0x1a) matcher.value = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return matcher;
}

/** Of the hints only the function. */
function readFunction(reader: ProtobufReader, end: number): string {
  let name = "";
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x12) name = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return name;
}

export function encodeReadRequest(request: ReadRequest): Uint8Array {
  const writer = new ProtobufWriter();
  for (const query of request.queries) {
    const start = writer.begin(0x0a);
    writer.int64Number(0x08, query.startMs);
    writer.int64Number(0x10, query.endMs);
    for (const { type, name, value } of query.matchers) {
      const at = writer.begin(0x1a);
      writer.int32(0x08, type);
      writer.string(0x12, name);
      writer.string(0x1a, value);
      writer.end(at);
    }
    if (query.function !== "") {
      const at = writer.begin(0x22);
      writer.string(0x12, query.function);
      writer.end(at);
    }
    writer.end(start);
  }
  for (const type of request.acceptedTypes) writer.int32(0x10, type);
  return writer.finish();
}
