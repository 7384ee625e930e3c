import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { bodyOf } from "../../base/network.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { callServerStream, callUnary } from "./client.ts";
import { frameMessage, readMessages } from "./framing.ts";
import { grpcHandler } from "./server.ts";
import { decodeGrpcMessage, encodeGrpcMessage, GrpcCode, GrpcError, grpcCodeName } from "./status.ts";

const HOST = "127.17.0.1";
const text = (value: string) => new TextEncoder().encode(value);

test("readMessages() finds the messages wherever the body is cut", async () => {
  const random = seededRandom(7);
  for (let round = 0; round < 200; round++) {
    const messages = Array.from({ length: randomInteger(random, 5) }, () =>
      random.bytes(randomInteger(random, 300)),
    );
    const body = Buffer.concat(messages.map((message) => frameMessage(message)));
    async function* cut() {
      for (let at = 0; at < body.length; ) {
        const length = 1 + randomInteger(random, 40);
        yield new Uint8Array(body.subarray(at, at + length));
        at += length;
      }
    }
    const read = await Array.fromAsync(readMessages(cut()));
    assert.deepEqual(
      read.map((message) => Buffer.from(message).toString("hex")),
      messages.map((message) => Buffer.from(message).toString("hex")),
    );
  }
});

test("readMessages() refuses what is too large, unknown or cut off", async () => {
  const bomb = frameMessage(gzipSync(new Uint8Array(1000)), true);
  const cases: [Uint8Array, string, number][] = [
    [frameMessage(new Uint8Array(101)), "identity", GrpcCode.RESOURCE_EXHAUSTED],
    [bomb, "gzip", GrpcCode.RESOURCE_EXHAUSTED],
    [bomb, "snappy", GrpcCode.UNIMPLEMENTED],
    [frameMessage(text("no gzip"), true), "gzip", GrpcCode.INTERNAL],
    [frameMessage(text("hello")).subarray(0, 7), "identity", GrpcCode.INTERNAL],
  ];
  for (const [body, encoding, code] of cases) {
    const reading = Array.fromAsync(readMessages(bodyOf(body), encoding, 100));
    await assert.rejects(reading, (error: GrpcError) => error.code === code);
  }
  assert.equal(
    (await Array.fromAsync(readMessages(bodyOf(frameMessage(new Uint8Array(100))), "", 100))).length,
    1,
  );
});

test("a client and a server talk over h2c", async (t) => {
  const network = createNodeNetwork(() => {});
  const methods = new Map([
    ["/t.Echo/Unary", { unary: (request: Uint8Array) => request }],
    [
      "/t.Echo/Fail",
      {
        unary: () => {
          throw new GrpcError(GrpcCode.UNAVAILABLE, "später, 100 %");
        },
      },
    ],
    [
      "/t.Echo/Stream",
      {
        async *serverStream(request: Uint8Array) {
          for (const byte of request) yield Uint8Array.of(byte);
          throw new GrpcError(GrpcCode.DATA_LOSS, "end");
        },
      },
    ],
  ]);
  const server = await network.serve({ host: HOST, port: 0, protocol: "h2c" }, grpcHandler(methods));
  t.after(() => server.close());
  const url = `http://${HOST}:${server.port}`;
  const large = seededRandom(1).bytes(200_000);
  for (const compression of ["identity", "gzip"] as const) {
    assert.deepEqual(
      Buffer.from(await callUnary(network, `${url}/t.Echo/Unary`, large, { compression })),
      Buffer.from(large),
    );
  }
  assert.equal((await callUnary(network, `${url}/t.Echo/Unary`, new Uint8Array())).length, 0);
  await assert.rejects(callUnary(network, `${url}/t.Echo/Fail`, text("x")), {
    code: GrpcCode.UNAVAILABLE,
    details: "später, 100 %",
  });
  await assert.rejects(callUnary(network, `${url}/t.Other/X`, text("x")), {
    message: "rpc error: code = Unimplemented desc = unknown service t.Other",
  });
  const seen: number[] = [];
  await assert.rejects(
    async () => {
      for await (const answer of callServerStream(network, `${url}/t.Echo/Stream`, Uint8Array.of(1, 2, 3)))
        seen.push(answer[0]);
    },
    { code: GrpcCode.DATA_LOSS },
  );
  assert.deepEqual(seen, [1, 2, 3]);
});

test("callUnary() says UNAVAILABLE when nobody listens", async () => {
  const network = createNodeNetwork(() => {});
  const call = callUnary(network, `http://${HOST}:9/t.Echo/Unary`, text("x"));
  await assert.rejects(call, { code: GrpcCode.UNAVAILABLE });
});

test("grpc-message survives any text", () => {
  for (const message of ["plain", "100 %", "a\nb", "grün 😀", "%zz", ""]) {
    assert.equal(decodeGrpcMessage(encodeGrpcMessage(message)), message);
  }
  assert.equal(grpcCodeName(8), "ResourceExhausted");
});
