import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonBytes, MAX_SPARE_BYTES } from "./json-bytes.ts";

test("JsonBytes puts texts and bytes one behind another", () => {
  const json = new JsonBytes();
  json.ascii("[1,");
  json.text('"é"');
  json.bytes(Buffer.from(",2]"));
  assert.equal(Buffer.from(json.finish()).toString(), '[1,"é",2]');
});

test("JsonBytes leaves a finished text alone while its memory is used for the next ones", () => {
  const first = new JsonBytes();
  first.ascii("a".repeat(100_000));
  const finished = first.finish();
  // Two at once can't have the same memory.
  const [second, third] = [new JsonBytes(), new JsonBytes()];
  second.ascii("b".repeat(100_000));
  third.ascii("c".repeat(100_000));
  assert.equal(Buffer.from(finished).toString(), "a".repeat(100_000));
  assert.equal(Buffer.from(second.finish()).toString(), "b".repeat(100_000));
  assert.equal(Buffer.from(third.finish()).toString(), "c".repeat(100_000));
});

test("JsonBytes keeps memory up to its limit", () => {
  const half = new Uint8Array(MAX_SPARE_BYTES / 2);
  const large = new JsonBytes();
  large.bytes(half);
  large.bytes(half);
  assert.equal(large.finish().length, MAX_SPARE_BYTES);
  assert.equal(JsonBytes.spareBytes, MAX_SPARE_BYTES);
  const tooLarge = new JsonBytes();
  assert.equal(JsonBytes.spareBytes, 0);
  tooLarge.bytes(half);
  tooLarge.bytes(half);
  tooLarge.ascii("x");
  assert.equal(tooLarge.finish().length, MAX_SPARE_BYTES + 1);
  assert.equal(JsonBytes.spareBytes, 0);
});
