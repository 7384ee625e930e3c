/** What a client hears when the server behind the Collector refuses, without a queue between them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { HttpServer } from "../base/network.ts";
import { callUnary } from "../wire/grpc/client.ts";
import { decodeRpcStatus, encodeRpcStatus } from "../wire/grpc/rpc-status.ts";
import { grpcHandler } from "../wire/grpc/server.ts";
import { GrpcCode, GrpcError } from "../wire/grpc/status.ts";
import { OTLP_CODECS } from "../wire/otlp/signal.ts";
import { freePorts, network, startCollector } from "./collector-fixture.ts";
import type { Service } from "./mod.ts";

const HOST = "127.17.1.2";
const { grpcPath, httpPath, encode, decodeJson } = OTLP_CODECS.logs;
const LOGS = encode(
  decodeJson(
    new TextEncoder().encode(
      JSON.stringify({
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: "tenant moved" } }] }] }],
      }),
    ),
  ),
);

let grpcAnswer: GrpcError | undefined;
let httpAnswer: { status: number; headers?: Record<string, string> } = { status: 200 };
const servers: HttpServer[] = [];
let service: Service;
/** Ports of the receivers whose data go to a gRPC and to an HTTP server. */
let ports: { grpcToGrpc: number; httpToGrpc: number; grpcToHttp: number; httpToHttp: number };

before(async () => {
  const unary = async () => {
    if (grpcAnswer !== undefined) throw grpcAnswer;
    return new Uint8Array();
  };
  const grpcServer = await network.serve(
    { host: HOST, port: 0, protocol: "h2c" },
    grpcHandler(new Map([[grpcPath, { unary }]])),
  );
  const httpServer = await network.serve({ host: HOST, port: 0 }, () => httpAnswer);
  servers.push(grpcServer, httpServer);
  const [grpcToGrpc, httpToGrpc, grpcToHttp, httpToHttp] = await freePorts(HOST, 4);
  ports = { grpcToGrpc, httpToGrpc, grpcToHttp, httpToHttp };
  const receiver = (grpc: number, http: number) =>
    `{ protocols: { grpc: { endpoint: "${HOST}:${grpc}" }, http: { endpoint: "${HOST}:${http}" } } }`;
  const once = "sending_queue: { enabled: false }, retry_on_failure: { enabled: false }";
  const started = await startCollector(`
receivers:
  otlp/grpc: ${receiver(grpcToGrpc, httpToGrpc)}
  otlp/http: ${receiver(grpcToHttp, httpToHttp)}
exporters:
  otlp_grpc: { endpoint: "${HOST}:${grpcServer.port}", tls: { insecure: true }, ${once} }
  otlp_http: { endpoint: "http://${HOST}:${httpServer.port}", ${once} }
service:
  pipelines:
    logs/grpc: { receivers: [otlp/grpc], exporters: [otlp_grpc] }
    logs/http: { receivers: [otlp/http], exporters: [otlp_http] }
`);
  service = started.service;
});

after(async () => {
  await service.shutdown();
  await Promise.all(servers.map((server) => server.close()));
});

async function sendGrpc(port: number): Promise<GrpcError | undefined> {
  try {
    await callUnary(network, `http://${HOST}:${port}${grpcPath}`, LOGS);
    return undefined;
  } catch (error) {
    return error as GrpcError;
  }
}

async function sendHttp(port: number) {
  const response = await network.fetch(`http://${HOST}:${port}${httpPath}`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: LOGS,
  });
  const body = await response.bytes(10_000);
  return { status: response.status, headers: response.headers, body };
}

test("a gRPC server's status is the gRPC client's, every code of them", async () => {
  for (const [name, code] of Object.entries(GrpcCode)) {
    grpcAnswer = code === GrpcCode.OK ? undefined : new GrpcError(code, "no room");
    const heard = await sendGrpc(ports.grpcToGrpc);
    assert.equal(heard?.code ?? GrpcCode.OK, code, name);
    if (heard !== undefined) assert.match(heard.details, /no room$/, name);
  }
});

test("a gRPC server's status becomes the HTTP status that OTLP gives it", async () => {
  const cases: [code: number, status: number][] = [
    [GrpcCode.CANCELLED, 503],
    [GrpcCode.DEADLINE_EXCEEDED, 503],
    [GrpcCode.ABORTED, 503],
    [GrpcCode.OUT_OF_RANGE, 503],
    [GrpcCode.UNAVAILABLE, 503],
    [GrpcCode.DATA_LOSS, 503],
    [GrpcCode.RESOURCE_EXHAUSTED, 429],
    [GrpcCode.INVALID_ARGUMENT, 400],
    [GrpcCode.UNAUTHENTICATED, 401],
    [GrpcCode.PERMISSION_DENIED, 403],
    [GrpcCode.UNIMPLEMENTED, 404],
    [GrpcCode.UNKNOWN, 500],
    [GrpcCode.INTERNAL, 500],
    [GrpcCode.NOT_FOUND, 500],
  ];
  for (const [code, status] of cases) {
    grpcAnswer = new GrpcError(code, "no room");
    const heard = await sendHttp(ports.httpToGrpc);
    assert.equal(heard.status, status, `code ${code}`);
    assert.equal(decodeRpcStatus(heard.body).code, code);
  }
});

test("an HTTP server's status becomes the gRPC code that it stands for", async () => {
  const cases: [status: number, code: number][] = [
    [200, GrpcCode.OK],
    [400, GrpcCode.INVALID_ARGUMENT],
    [401, GrpcCode.UNAUTHENTICATED],
    [403, GrpcCode.PERMISSION_DENIED],
    [404, GrpcCode.UNIMPLEMENTED],
    [429, GrpcCode.RESOURCE_EXHAUSTED],
    [500, GrpcCode.UNKNOWN],
    [502, GrpcCode.UNAVAILABLE],
    [503, GrpcCode.UNAVAILABLE],
    [504, GrpcCode.UNAVAILABLE],
  ];
  for (const [status, code] of cases) {
    httpAnswer = { status };
    assert.equal((await sendGrpc(ports.grpcToHttp))?.code ?? GrpcCode.OK, code, `HTTP ${status}`);
  }
});

test("an HTTP server's status passes to the HTTP client as far as OTLP knows it", async () => {
  const cases: [status: number, heard: number][] = [
    [200, 200],
    [400, 400],
    [401, 401],
    [403, 403],
    [404, 404],
    [409, 500],
    [418, 500],
    [429, 429],
    [500, 500],
    [502, 503],
    [503, 503],
    [504, 503],
  ];
  for (const [status, expected] of cases) {
    httpAnswer = { status };
    assert.equal((await sendHttp(ports.httpToHttp)).status, expected, `HTTP ${status}`);
  }
});

test("RetryInfo of the server behind becomes the client's Retry-After, in whole seconds", async () => {
  const details = encodeRpcStatus({
    code: GrpcCode.RESOURCE_EXHAUSTED,
    message: "no room",
    retryDelayMs: 13_700,
  });
  grpcAnswer = new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, "no room", details);
  const heard = await sendHttp(ports.httpToGrpc);
  assert.equal(heard.status, 429);
  assert.equal(heard.headers["retry-after"], "13");
  grpcAnswer = new GrpcError(GrpcCode.RESOURCE_EXHAUSTED, "no room");
  assert.equal((await sendHttp(ports.httpToGrpc)).headers["retry-after"], undefined);
});
