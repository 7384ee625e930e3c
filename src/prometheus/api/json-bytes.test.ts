import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonBytes, MAX_DIGITS_VALUE, MAX_SPARE_BYTES } from "./json-bytes.ts";

const textOf = (json: JsonBytes) => Buffer.from(json.finish()).toString();

test("JsonBytes puts texts and bytes one behind another", () => {
  const json = new JsonBytes();
  json.ascii("[1,");
  json.text('"é"');
  json.bytes(Buffer.from(",2"));
  json.short(Buffer.from(",3"));
  json.slice(Buffer.from("x,4x"), 1, 3);
  json.ascii("]");
  assert.equal(textOf(json), '[1,"é",2,3,4]');
});

test("JsonBytes writes whole numbers as String() does", () => {
  const numbers = [0, 1, 9, 10, 11, 99, 100, 12_345, 999_999_999, 1_000_000_000, MAX_DIGITS_VALUE];
  const json = new JsonBytes();
  for (const number of numbers) {
    json.digits(number);
    json.ascii(" ");
  }
  assert.equal(textOf(json), `${numbers.join(" ")} `);
});

test("JsonBytes leaves a text that was not released alone", () => {
  const first = new JsonBytes();
  first.ascii("a".repeat(100_000));
  const finished = first.finish();
  const [second, third] = [new JsonBytes(), new JsonBytes()];
  second.ascii("b".repeat(100_000));
  third.ascii("c".repeat(100_000));
  assert.equal(Buffer.from(finished).toString(), "a".repeat(100_000));
  assert.equal(textOf(second), "b".repeat(100_000));
  assert.equal(textOf(third), "c".repeat(100_000));
  // What is released goes to one of the next only, also when it is released twice.
  first.release();
  first.release();
  const [fourth, fifth] = [new JsonBytes(), new JsonBytes()];
  fourth.ascii("d");
  fifth.ascii("e");
  assert.equal(textOf(fourth), "d");
  assert.equal(textOf(fifth), "e");
});

test("JsonBytes does not give away the memory of a text in the making", () => {
  const json = new JsonBytes();
  json.ascii("a");
  json.release();
  json.ascii("b");
  assert.equal(textOf(json), "ab");
});

test("JsonBytes keeps memory up to its limit", () => {
  const half = new Uint8Array(MAX_SPARE_BYTES / 2);
  const large = new JsonBytes();
  large.bytes(half);
  large.bytes(half);
  assert.equal(large.finish().length, MAX_SPARE_BYTES);
  large.release();
  assert.equal(JsonBytes.spareBytes, MAX_SPARE_BYTES);
  const tooLarge = new JsonBytes();
  assert.equal(JsonBytes.spareBytes, 0);
  tooLarge.bytes(half);
  tooLarge.bytes(half);
  tooLarge.ascii("x");
  assert.equal(tooLarge.finish().length, MAX_SPARE_BYTES + 1);
  tooLarge.release();
  assert.equal(JsonBytes.spareBytes, 0);
});
