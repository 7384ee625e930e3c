import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { HeaderDecoder, HeaderEncoder, MAX_HEADER_BLOCK_BYTES, SPDY_DICTIONARY } from "./header-block.ts";
import { MAX_FRAME_BYTES, SpdyConnection, type SpdyStream } from "./spdy-connection.ts";

/** The client's end of a connection in memory. */
function connect(onStream: (stream: SpdyStream) => void) {
  const received: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      received.push(chunk);
      done();
    },
  });
  const connection = new SpdyConnection(socket, new Uint8Array(), onStream);
  return { socket, connection, received: () => Buffer.concat(received) };
}

/** Lets everything else run until the condition holds; the test fails by its assertions when it never does. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !condition(); turn++)
    await new Promise((resolve) => setImmediate(resolve));
}

function control(type: number, flags: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE((0x80030000 | type) >>> 0, 0);
  head.writeUInt32BE((flags << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}

function synStream(id: number, block: Uint8Array): Buffer {
  const start = Buffer.alloc(10);
  start.writeUInt32BE(id, 0);
  return control(1, 0, Buffer.concat([start, block]));
}

function data(id: number, flags: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE((flags << 24) | bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

test("HeaderDecoder reads what HeaderEncoder writes, block after block", async () => {
  const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()];
  assert.equal(SPDY_DICTIONARY.length, 1423);
  for (let round = 0; round < 50; round++) {
    const headers = {
      streamtype: "stdout",
      port: String(round),
      "content-length": "17",
      x: "grün".repeat(round),
    };
    assert.deepEqual(await decoder.decode(await encoder.encode(headers)), headers);
  }
});

test("HeaderDecoder refuses headers that unpack to too much, and damaged ones", async () => {
  const encoder = new HeaderEncoder();
  const bomb = await encoder.encode({ a: "x".repeat(MAX_HEADER_BLOCK_BYTES) });
  assert.ok(bomb.length < 1000);
  await assert.rejects(new HeaderDecoder().decode(bomb), /longer than/);
  await assert.rejects(new HeaderDecoder().decode(Buffer.from("not zlib at all")));
});

test("SpdyConnection opens streams, carries data both ways and answers pings", async () => {
  const streams: SpdyStream[] = [];
  const { socket, received } = connect((stream) => streams.push(stream));
  const block = await new HeaderEncoder().encode({ streamType: "data", port: "80" });
  const whole = Buffer.concat([
    synStream(1, block),
    data(1, 0, Buffer.from("hello ")),
    data(1, 1, Buffer.from("world")),
    control(6, 0, Buffer.from([0, 0, 0, 7])),
  ]);
  // In pieces of any size, as TCP gives it.
  for (let at = 0; at < whole.length; at += 5) socket.push(whole.subarray(at, at + 5));
  await until(() => streams.length > 0);
  assert.equal(streams.length, 1);
  assert.deepEqual(streams[0].headers, { streamtype: "data", port: "80" });
  let text = "";
  for await (const chunk of streams[0]) text += Buffer.from(chunk).toString();
  assert.equal(text, "hello world");
  await streams[0].write(Buffer.from("answer"));
  await streams[0].end();
  await until(() => received().includes(control(6, 0, Buffer.from([0, 0, 0, 7]))));
  const bytes = received();
  assert.equal(bytes.readUInt32BE(0), 0x80030002);
  assert.ok(bytes.includes(data(1, 0, Buffer.from("answer"))));
  assert.ok(bytes.includes(data(1, 1, Buffer.alloc(0))));
  assert.ok(bytes.includes(control(6, 0, Buffer.from([0, 0, 0, 7]))));
});

test("SpdyConnection stops reading from a client that is faster than the stream's reader", async () => {
  const streams: SpdyStream[] = [];
  const { socket } = connect((stream) => streams.push(stream));
  socket.push(synStream(1, await new HeaderEncoder().encode({})));
  const chunk = Buffer.alloc(64 * 1024, 1);
  for (let i = 0; i < 100; i++) socket.push(data(1, i === 99 ? 1 : 0, chunk));
  await until(() => streams.length > 0 && socket.isPaused());
  assert.ok(streams[0].waitingBytes < 1024 * 1024, String(streams[0].waitingBytes));
  let length = 0;
  for await (const part of streams[0]) length += part.length;
  assert.equal(length, 100 * chunk.length);
});

test("SpdyConnection closes on frames that are too long or damaged", async () => {
  const tooLong = Buffer.alloc(8);
  tooLong.writeUInt32BE(1, 0);
  tooLong.writeUInt32BE(MAX_FRAME_BYTES + 1, 4);
  for (const bytes of [tooLong, synStream(1, Buffer.from("garbage")), control(1, 0, Buffer.alloc(2))]) {
    const { socket, connection } = connect(() => {});
    socket.push(bytes);
    await until(() => connection.signal.aborted);
    assert.ok(connection.signal.aborted);
  }
});

test("SpdyConnection survives random bytes", async () => {
  const random = seededRandom(4);
  for (let round = 0; round < 50; round++) {
    const { socket, connection } = connect(() => {});
    socket.push(Buffer.from(random.bytes(1 + randomInteger(random, 500))));
    await new Promise((resolve) => setImmediate(resolve));
    connection.close();
  }
});
