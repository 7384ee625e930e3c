import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { ChunkedStreamError, decodeFrames, encodeFrame } from "./chunked-stream.ts";

test("decodeFrames() gives what encodeFrame() took, of every length of a length", () => {
  const random = seededRandom(1);
  const all = [0, 1, 127, 128, 16_383, 16_384, 70_000].map((length) => random.bytes(length));
  const stream = Buffer.concat(all.map(encodeFrame));
  assert.deepEqual(
    [...decodeFrames(stream)].map((data) => Buffer.from(data)),
    all.map((data) => Buffer.from(data)),
  );
});

test("decodeFrames() tells damage", () => {
  const frame = encodeFrame(new Uint8Array([1, 2, 3]));
  const cases: [bytes: Uint8Array, problem: RegExp][] = [
    [frame.subarray(0, frame.length - 1), /unexpected EOF/],
    [new Uint8Array([0x80]), /unexpected EOF/],
    [Uint8Array.from(frame, (byte, i) => (i === 6 ? byte ^ 1 : byte)), /checksum mismatch/],
    [new Uint8Array([0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]), /message size exceeded the limit/],
  ];
  for (const [bytes, problem] of cases) assert.throws(() => [...decodeFrames(bytes)], problem);
  const random = seededRandom(2);
  for (let i = 0; i < 2_000; i++) {
    const bytes = Buffer.concat([frame, encodeFrame(random.bytes(randomInteger(random, 300)))]);
    bytes[randomInteger(random, bytes.length)] ^= 1 << randomInteger(random, 8);
    assert.throws(() => [...decodeFrames(bytes)], ChunkedStreamError);
  }
});
