/** What the three signals have in common on the wire: where they are sent, how they are written, what answers. */
import { countLogRecords, type ResourceLogs } from "../../model/otlp-logs.ts";
import { countDataPoints, type ResourceMetrics } from "../../model/otlp-metrics.ts";
import { countSpans, type ResourceSpans } from "../../model/otlp-traces.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";
import { JsonFields } from "./common-json.ts";
import { decodeLogsJson, encodeLogsJson } from "./logs-json.ts";
import { decodeLogs, encodeLogs } from "./logs-protobuf.ts";
import { decodeMetricsJson, encodeMetricsJson } from "./metrics-json.ts";
import { decodeMetrics, encodeMetrics } from "./metrics-protobuf.ts";
import { decodeTracesJson, encodeTracesJson } from "./traces-json.ts";
import { decodeTraces, encodeTraces } from "./traces-protobuf.ts";

/** What a signal's data are, one item for each resource. */
export interface SignalData {
  metrics: readonly ResourceMetrics[];
  traces: readonly ResourceSpans[];
  logs: readonly ResourceLogs[];
}

export type Signal = keyof SignalData;

export interface OtlpCodec<S extends Signal> {
  /** `/package.Service/Method` */
  grpcPath: string;
  /** `/v1/metrics` */
  httpPath: string;
  /** The field of the partial success that says how many items were rejected, in JSON. */
  rejectedField: string;
  /** Data points, spans, log records. */
  count(data: SignalData[S]): number;
  encode(data: SignalData[S]): Uint8Array;
  /** @throws ProtobufError */
  decode(bytes: Uint8Array): SignalData[S];
  encodeJson(data: SignalData[S]): string;
  /** @throws OtlpJsonError */
  decodeJson(bytes: Uint8Array): SignalData[S];
}

const COLLECTOR = "/opentelemetry.proto.collector";

export const OTLP_CODECS: { [S in Signal]: OtlpCodec<S> } = {
  metrics: {
    grpcPath: `${COLLECTOR}.metrics.v1.MetricsService/Export`,
    httpPath: "/v1/metrics",
    rejectedField: "rejectedDataPoints",
    count: countDataPoints,
    encode: encodeMetrics,
    decode: decodeMetrics,
    encodeJson: encodeMetricsJson,
    decodeJson: decodeMetricsJson,
  },
  traces: {
    grpcPath: `${COLLECTOR}.trace.v1.TraceService/Export`,
    httpPath: "/v1/traces",
    rejectedField: "rejectedSpans",
    count: countSpans,
    encode: encodeTraces,
    decode: decodeTraces,
    encodeJson: encodeTracesJson,
    decodeJson: decodeTracesJson,
  },
  logs: {
    grpcPath: `${COLLECTOR}.logs.v1.LogsService/Export`,
    httpPath: "/v1/logs",
    rejectedField: "rejectedLogRecords",
    count: countLogRecords,
    encode: encodeLogs,
    decode: decodeLogs,
    encodeJson: encodeLogsJson,
    decodeJson: decodeLogsJson,
  },
};

export const SIGNALS = Object.keys(OTLP_CODECS) as Signal[];

/** What a server did not take although it answered OK. */
export interface PartialSuccess {
  rejected: number;
  message: string;
}

/** `ExportMetricsServiceResponse` and its siblings, which have the same layout. */
export function encodeExportResponse(partial?: PartialSuccess): Uint8Array {
  const writer = new ProtobufWriter();
  if (partial !== undefined) {
    const message = writer.begin(0x0a);
    if (partial.rejected !== 0) writer.int64Number(0x08, partial.rejected);
    if (partial.message !== "") writer.string(0x12, partial.message);
    writer.end(message);
  }
  return writer.finish();
}

/** The partial success in a response, undefined when everything was taken without a word. */
export function decodeExportResponse(bytes: Uint8Array): PartialSuccess | undefined {
  const reader = new ProtobufReader(bytes);
  let partial: PartialSuccess | undefined;
  while (reader.position < reader.length) {
    const tag = reader.tag();
    if (tag === 0x0a) partial = readPartialSuccess(reader);
    else reader.skip(tag, reader.length);
  }
  reader.finish(reader.length);
  return isWorthTelling(partial) ? partial : undefined;
}

function readPartialSuccess(reader: ProtobufReader): PartialSuccess {
  const end = reader.delimited(reader.length);
  const partial = { rejected: 0, message: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) partial.rejected = reader.int64Number();
    else if (tag === 0x12) partial.message = reader.string(end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return partial;
}

export function decodeExportResponseJson(signal: Signal, bytes: Uint8Array): PartialSuccess | undefined {
  const partial = JsonFields.parse(bytes).message("partialSuccess", undefined, (fields) => ({
    rejected: fields.count(OTLP_CODECS[signal].rejectedField),
    message: fields.string("errorMessage"),
  }));
  return isWorthTelling(partial) ? partial : undefined;
}

function isWorthTelling(partial: PartialSuccess | undefined): boolean {
  return partial !== undefined && (partial.rejected !== 0 || partial.message !== "");
}
