/**
 * KEDA's external scaler contract (`externalscaler.proto`, KEDA 2.20) over gRPC: how a program tells KEDA its own
 * metric, and, with `StreamIsActive`, wakes a workload at zero without waiting to be polled.
 *
 * ```
 * ScaledObjectRef        1 name  2 namespace  3 scalerMetadata (map)
 * IsActiveResponse       1 result
 * GetMetricSpecResponse  1 metricSpecs { 1 metricName  2 targetSize (int64)  3 targetSizeFloat }
 * GetMetricsRequest      1 scaledObjectRef  2 metricName
 * GetMetricsResponse     1 metricValues { 1 metricName  2 metricValue (int64)  3 metricValueFloat }
 * ```
 */
import type { HttpHandler, Network } from "../../base/network.ts";
import { callServerStream, callUnary, type GrpcCallOptions } from "../grpc/client.ts";
import { type GrpcCall, type GrpcMethod, type GrpcServerOptions, grpcHandler } from "../grpc/server.ts";
import { ProtobufReader } from "../protobuf/reader.ts";
import { ProtobufWriter } from "../protobuf/writer.ts";

const SERVICE = "/externalscaler.ExternalScaler";

/** Entries that a metadata map or a list of metrics may have. */
export const MAX_ENTRIES = 1000;

/** Which ScaledObject asks, and what its trigger says. */
export interface ScaledObjectRef {
  name: string;
  namespace: string;
  scalerMetadata: Record<string, string>;
}

export interface ExternalMetricSpec {
  metricName: string;
  targetSize: number;
}

export interface ExternalMetric {
  metricName: string;
  value: number;
}

export interface GetMetricsRequest {
  scaledObjectRef: ScaledObjectRef;
  metricName: string;
}

/** The program's side. */
export interface ExternalScalerServer {
  isActive(ref: ScaledObjectRef): boolean | Promise<boolean>;
  /** The state at once, then each change. Ends when the signal aborts. */
  streamIsActive(ref: ScaledObjectRef, signal: AbortSignal): AsyncIterable<boolean>;
  getMetricSpec(ref: ScaledObjectRef): ExternalMetricSpec[] | Promise<ExternalMetricSpec[]>;
  getMetrics(request: GetMetricsRequest): ExternalMetric[] | Promise<ExternalMetric[]>;
}

/** KEDA's side. @throws GrpcError */
export interface ExternalScalerClient {
  isActive(ref: ScaledObjectRef, options?: GrpcCallOptions): Promise<boolean>;
  streamIsActive(ref: ScaledObjectRef, options?: GrpcCallOptions): AsyncIterable<boolean>;
  getMetricSpec(ref: ScaledObjectRef, options?: GrpcCallOptions): Promise<ExternalMetricSpec[]>;
  /** The specs at once, then when they change; `UNIMPLEMENTED` where the program has none to push. */
  streamMetricSpec(ref: ScaledObjectRef, options?: GrpcCallOptions): AsyncIterable<ExternalMetricSpec[]>;
  getMetrics(request: GetMetricsRequest, options?: GrpcCallOptions): Promise<ExternalMetric[]>;
}

/** A handler for `network.serve({ …, protocol: "h2c" }, handler)`. */
export function externalScalerHandler(
  server: ExternalScalerServer,
  options: GrpcServerOptions = {},
): HttpHandler {
  async function* streamIsActive(request: Uint8Array, call: GrpcCall) {
    for await (const active of server.streamIsActive(decodeRef(request), call.signal)) {
      yield encodeIsActive(active);
    }
  }
  /** The specs once, and then an open stream: KEDA that came up before the program learns them now. */
  async function* streamMetricSpec(request: Uint8Array, { signal }: GrpcCall) {
    yield encodeSpecs(await server.getMetricSpec(decodeRef(request)));
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
  }
  const methods: [string, GrpcMethod][] = [
    ["IsActive", { unary: async (body) => encodeIsActive(await server.isActive(decodeRef(body))) }],
    ["StreamIsActive", { serverStream: streamIsActive }],
    ["StreamMetricSpec", { serverStream: streamMetricSpec }],
    ["GetMetricSpec", { unary: async (body) => encodeSpecs(await server.getMetricSpec(decodeRef(body))) }],
    [
      "GetMetrics",
      { unary: async (body) => encodeMetrics(await server.getMetrics(decodeMetricsRequest(body))) },
    ],
  ];
  return grpcHandler(new Map(methods.map(([name, method]) => [`${SERVICE}/${name}`, method])), options);
}

/**
 * @param address `host:port`
 * @param tls whom to trust and what to show; in clear text where it is not given
 */
export function createExternalScalerClient(
  network: Network,
  address: string,
  tls?: GrpcCallOptions["tls"],
): ExternalScalerClient {
  const url = (method: string) => `${tls === undefined ? "http" : "https"}://${address}${SERVICE}/${method}`;
  const unary = (method: string, message: Uint8Array, options?: GrpcCallOptions) =>
    callUnary(network, url(method), message, { ...options, tls });
  async function* stream<T>(
    method: string,
    ref: ScaledObjectRef,
    decode: (message: Uint8Array) => T,
    options?: GrpcCallOptions,
  ): AsyncGenerator<T> {
    const call = { ...options, tls };
    for await (const message of callServerStream(network, url(method), encodeRef(ref), call)) {
      yield decode(message);
    }
  }
  return {
    isActive: async (ref, options) => decodeIsActive(await unary("IsActive", encodeRef(ref), options)),
    streamIsActive: (ref, options) => stream("StreamIsActive", ref, decodeIsActive, options),
    getMetricSpec: async (ref, options) => decodeSpecs(await unary("GetMetricSpec", encodeRef(ref), options)),
    streamMetricSpec: (ref, options) => stream("StreamMetricSpec", ref, decodeSpecs, options),
    getMetrics: async (request, options) =>
      decodeMetrics(await unary("GetMetrics", encodeMetricsRequest(request), options)),
  };
}

// ---- messages ----

const LENGTH_1 = 0x0a;
const LENGTH_2 = 0x12;
const LENGTH_3 = 0x1a;
const VARINT_1 = 0x08;
const VARINT_2 = 0x10;
const DOUBLE_3 = 0x19;

export function encodeRef(ref: ScaledObjectRef): Uint8Array {
  const writer = new ProtobufWriter();
  writeRef(writer, ref);
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeRef(bytes: Uint8Array): ScaledObjectRef {
  const reader = new ProtobufReader(bytes);
  return readRef(reader, bytes.length);
}

function writeRef(writer: ProtobufWriter, { name, namespace, scalerMetadata }: ScaledObjectRef): void {
  if (name !== "") writer.string(LENGTH_1, name);
  if (namespace !== "") writer.string(LENGTH_2, namespace);
  for (const [key, value] of Object.entries(scalerMetadata)) {
    const start = writer.begin(LENGTH_3);
    writer.string(LENGTH_1, key);
    writer.string(LENGTH_2, value);
    writer.end(start);
  }
}

function readRef(reader: ProtobufReader, end: number): ScaledObjectRef {
  let name = "";
  let namespace = "";
  const metadata = new Map<string, string>();
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === LENGTH_1) name = reader.string(end);
    else if (tag === LENGTH_2) namespace = reader.string(end);
    else if (tag === LENGTH_3) {
      const entryEnd = reader.delimited(end);
      let [key, value] = ["", ""];
      while (reader.position < entryEnd) {
        const entryTag = reader.tag();
        if (entryTag === LENGTH_1) key = reader.string(entryEnd);
        else if (entryTag === LENGTH_2) value = reader.string(entryEnd);
        else reader.skip(entryTag, entryEnd);
      }
      reader.finish(entryEnd);
      checkCount(metadata.set(key, value).size);
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  return { name, namespace, scalerMetadata: Object.fromEntries(metadata) };
}

export function encodeIsActive(active: boolean): Uint8Array {
  const writer = new ProtobufWriter();
  if (active) writer.bool(VARINT_1, true);
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeIsActive(bytes: Uint8Array): boolean {
  const reader = new ProtobufReader(bytes);
  let active = false;
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag === VARINT_1) active = reader.bool();
    else reader.skip(tag, bytes.length);
  }
  reader.finish(bytes.length);
  return active;
}

export function encodeSpecs(specs: ExternalMetricSpec[]): Uint8Array {
  return encodeNumbers(specs.map(({ metricName, targetSize }) => [metricName, targetSize]));
}

/** @throws ProtobufError */
export function decodeSpecs(bytes: Uint8Array): ExternalMetricSpec[] {
  return decodeNumbers(bytes).map(([metricName, targetSize]) => ({ metricName, targetSize }));
}

export function encodeMetrics(metrics: ExternalMetric[]): Uint8Array {
  return encodeNumbers(metrics.map(({ metricName, value }) => [metricName, value]));
}

/** @throws ProtobufError */
export function decodeMetrics(bytes: Uint8Array): ExternalMetric[] {
  return decodeNumbers(bytes).map(([metricName, value]) => ({ metricName, value }));
}

export function encodeMetricsRequest({ scaledObjectRef, metricName }: GetMetricsRequest): Uint8Array {
  const writer = new ProtobufWriter();
  const start = writer.begin(LENGTH_1);
  writeRef(writer, scaledObjectRef);
  writer.end(start);
  if (metricName !== "") writer.string(LENGTH_2, metricName);
  return writer.finish();
}

/** @throws ProtobufError */
export function decodeMetricsRequest(bytes: Uint8Array): GetMetricsRequest {
  const reader = new ProtobufReader(bytes);
  const request: GetMetricsRequest = {
    scaledObjectRef: { name: "", namespace: "", scalerMetadata: {} },
    metricName: "",
  };
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag === LENGTH_1) request.scaledObjectRef = readRef(reader, reader.delimited(bytes.length));
    else if (tag === LENGTH_2) request.metricName = reader.string(bytes.length);
    else reader.skip(tag, bytes.length);
  }
  reader.finish(bytes.length);
  return request;
}

/** Specs and values are the same message: a name and a number, whole and as a double. */
function encodeNumbers(entries: [name: string, number: number][]): Uint8Array {
  const writer = new ProtobufWriter();
  for (const [name, number] of entries) {
    const start = writer.begin(LENGTH_1);
    if (name !== "") writer.string(LENGTH_1, name);
    // The whole number too: KEDA before 2.17 reads no other.
    const whole = Math.trunc(number);
    if (whole !== 0 && Number.isSafeInteger(whole)) writer.int64Number(VARINT_2, whole);
    if (number !== 0) writer.double(DOUBLE_3, number);
    writer.end(start);
  }
  return writer.finish();
}

function decodeNumbers(bytes: Uint8Array): [name: string, number: number][] {
  const reader = new ProtobufReader(bytes);
  const entries: [string, number][] = [];
  while (reader.position < bytes.length) {
    const tag = reader.tag();
    if (tag !== LENGTH_1) {
      reader.skip(tag, bytes.length);
      continue;
    }
    const end = reader.delimited(bytes.length);
    let [name, whole, double] = ["", 0, 0];
    while (reader.position < end) {
      const field = reader.tag();
      if (field === LENGTH_1) name = reader.string(end);
      else if (field === VARINT_2) whole = Number(reader.int64());
      else if (field === DOUBLE_3) double = reader.double();
      else reader.skip(field, end);
    }
    reader.finish(end);
    // Upstream takes the double only when it is above zero.
    checkCount(entries.push([name, double > 0 ? double : whole]));
  }
  reader.finish(bytes.length);
  return entries;
}

function checkCount(count: number): void {
  if (count > MAX_ENTRIES)
    throw new Error(`more than ${MAX_ENTRIES} entries in a message of an external scaler`);
}
