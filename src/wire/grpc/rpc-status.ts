/** `google.rpc.Status`, with the one detail that OTLP gives a meaning: `RetryInfo`. */
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";

export interface RpcStatus {
  /** A `GrpcCode`. */
  code: number;
  message: string;
  /** From `RetryInfo`: the server says when to come back. */
  retryDelayMs?: number;
}

const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

export function encodeRpcStatus(status: RpcStatus): Uint8Array {
  const writer = new ProtobufWriter();
  if (status.code !== 0) writer.int32(0x08, status.code);
  if (status.message !== "") writer.string(0x12, status.message);
  if (status.retryDelayMs !== undefined) {
    const any = writer.begin(0x1a);
    writer.string(0x0a, RETRY_INFO);
    const info = writer.begin(0x12);
    const duration = writer.begin(0x0a);
    const seconds = Math.floor(status.retryDelayMs / 1000);
    if (seconds !== 0) writer.int64Number(0x08, seconds);
    const nanos = Math.round((status.retryDelayMs - seconds * 1000) * 1e6);
    if (nanos !== 0) writer.int32(0x10, nanos);
    writer.end(duration);
    writer.end(info);
    writer.end(any);
  }
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeRpcStatus(bytes: Uint8Array): RpcStatus {
  const reader = new ProtobufReader(bytes);
  const end = reader.length;
  const status: RpcStatus = { code: 0, message: "" };
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x08) status.code = reader.int32();
    else if (tag === 0x12) status.message = reader.string(end);
    else if (tag === 0x1a) status.retryDelayMs ??= readRetryInfo(reader, end);
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return status;
}

/** An `Any`: its delay when it is a `RetryInfo`. */
function readRetryInfo(reader: ProtobufReader, limit: number): number | undefined {
  const end = reader.delimited(limit);
  let type = "";
  let value = new Uint8Array();
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === 0x0a) type = reader.string(end);
    else if (tag === 0x12) value = new Uint8Array(reader.bytesField(end));
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return type === RETRY_INFO ? readDelay(new ProtobufReader(value)) : undefined;
}

function readDelay(reader: ProtobufReader): number {
  let [seconds, nanos] = [0, 0];
  const end = reader.length;
  while (reader.position < end) {
    const tag = reader.tag();
    // The duration's fields are read in the same loop: its own tag only opens it.
    if (tag === 0x0a) reader.delimited(end);
    else if (tag === 0x08) seconds = reader.int64Number();
    else if (tag === 0x10) nanos = reader.int32();
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return seconds * 1000 + nanos / 1e6;
}
