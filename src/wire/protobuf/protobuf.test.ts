import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { ProtobufError, ProtobufReader } from "./reader.ts";
import { ProtobufWriter } from "./writer.ts";

test("ProtobufWriter and ProtobufReader agree on every scalar", () => {
  const writer = new ProtobufWriter(4);
  writer.uint32(0x08, 0xffffffff);
  writer.int64(0x08, -1n);
  writer.int64Number(0x08, 2 ** 53);
  writer.int64Number(0x08, -3);
  writer.int32(0x08, -7);
  writer.sint32(0x08, -5);
  writer.fixed64(0x09, 2n ** 64n - 1n);
  writer.double(0x09, -0.5);
  writer.fixed32(0x0d, 7);
  writer.bool(0x08, true);
  writer.string(0x0a, "grün");
  writer.hex(0x0a, "0aff");
  const bytes = writer.finish();
  const reader = new ProtobufReader(bytes);
  const next = <T>(read: () => T): T => {
    reader.tag();
    return read();
  };
  assert.equal(
    next(() => reader.uint32()),
    0xffffffff,
  );
  assert.equal(
    next(() => reader.int64()),
    -1n,
  );
  assert.equal(
    next(() => reader.uint64Number()),
    2 ** 53,
  );
  assert.equal(
    next(() => reader.int64Number()),
    -3,
  );
  assert.equal(
    next(() => reader.int32()),
    -7,
  );
  assert.equal(
    next(() => reader.sint32()),
    -5,
  );
  assert.equal(
    next(() => reader.fixed64()),
    2n ** 64n - 1n,
  );
  assert.equal(
    next(() => reader.double()),
    -0.5,
  );
  assert.equal(
    next(() => reader.fixed32()),
    7,
  );
  assert.equal(
    next(() => reader.bool()),
    true,
  );
  assert.equal(
    next(() => reader.string(bytes.length)),
    "grün",
  );
  assert.equal(
    next(() => reader.hex(bytes.length)),
    "0aff",
  );
  reader.finish(bytes.length);
});

test("ProtobufWriter.end() makes room for the length of a long message", () => {
  for (const length of [0, 42, 43, 127, 128, 16_383, 16_384, 2_097_152]) {
    const writer = new ProtobufWriter();
    const message = writer.begin(0x12);
    writer.bytes(0x0a, new Uint8Array(length).fill(7));
    writer.end(message);
    const bytes = writer.view();
    const reader = new ProtobufReader(bytes);
    assert.equal(reader.tag(), 0x12);
    const end = reader.delimited(bytes.length);
    assert.equal(end, bytes.length);
    assert.equal(reader.tag(), 0x0a);
    const content = reader.bytesField(end);
    assert.equal(content.length, length);
    assert.ok(content.every((byte) => byte === 7));
  }
});

test("strings of every length and alphabet survive", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 2_000; round++) {
    const alphabet = ["abc", "aé", "a€", "a😀"][round % 4];
    const symbols = [...alphabet];
    const text = Array.from(
      { length: randomInteger(random, 90) },
      () => symbols[randomInteger(random, symbols.length)],
    ).join("");
    const writer = new ProtobufWriter();
    writer.string(0x0a, text);
    const reader = new ProtobufReader(writer.view());
    reader.tag();
    assert.equal(reader.string(reader.length), text);
    reader.finish(reader.length);
  }
});

test("ProtobufReader fails on what is cut off, and never reads past the end", () => {
  const cases: [string, number[], (reader: ProtobufReader) => unknown][] = [
    ["a varint without its last byte", [0x80], (reader) => reader.uint32()],
    ["a varint of 11 bytes", Array(11).fill(0x80), (reader) => reader.uint32()],
    ["a 64-bit varint of 11 bytes", Array(11).fill(0x80), (reader) => reader.uint64()],
    ["half a double", [1, 2, 3], (reader) => reader.double()],
    ["a string longer than the message", [5, 65], (reader) => reader.string(2)],
    ["a group", [], (reader) => reader.skip(0x0b, 0)],
    ["field number 0", [0x02], (reader) => reader.tag()],
  ];
  for (const [name, bytes, read] of cases) {
    assert.throws(() => read(new ProtobufReader(Uint8Array.from(bytes))), ProtobufError, name);
  }
});
