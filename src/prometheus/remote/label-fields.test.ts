import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { LabelFields } from "./label-fields.ts";

const utf8 = new TextEncoder();

function field(tag: number, bytes: Uint8Array): number[] {
  const length = bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >>> 7];
  return [tag, ...length, ...bytes];
}

/** Label fields as a sender writes them, in the order given. */
function encoded(pairs: readonly (readonly [string, string])[]): Uint8Array {
  return Uint8Array.from(
    pairs.flatMap(([name, value]) =>
      field(0x0a, Uint8Array.from([...field(0x0a, utf8.encode(name)), ...field(0x12, utf8.encode(value))])),
    ),
  );
}

/** The key as `label-key.ts` describes it. */
function keyOf(labels: Labels): number[] {
  return [...labels.flat].flatMap((text) => [text.length, ...utf8.encode(text)]);
}

test("LabelFields.read() makes the key of ASCII labels in order", () => {
  const fields = new LabelFields();
  for (const pairs of [
    [["__name__", "up"]],
    [
      ["Zone", "a"],
      ["__name__", "up"],
      ["a", "x".repeat(100)],
      ["ab", "\0"],
    ],
  ] as const) {
    const bytes = encoded(pairs);
    const length = fields.read(bytes, 0, bytes.length);
    assert.deepEqual([...fields.bytes.subarray(0, length)], keyOf(Labels.of(pairs)));
  }
});

test("LabelFields.read() leaves unusual labels to the general decoder", () => {
  const name = ["__name__", "up"] as const;
  for (const [why, pairs] of Object.entries({
    "no labels": [],
    "no metric name": [["job", "a"]],
    "an empty value": [name, ["a", ""]],
    "an empty name": [["", "a"], name],
    "out of order": [["job", "a"], name],
    "the same twice": [name, ["a", "1"], ["a", "2"]],
    "a longer name first": [name, ["ab", "1"], ["a", "2"]],
    "not ASCII": [name, ["a", "é"]],
    "a long value": [name, ["a", "x".repeat(128)]],
  } satisfies Record<string, (readonly [string, string])[]>)) {
    const bytes = encoded(pairs);
    assert.equal(new LabelFields().read(bytes, 0, bytes.length), -1, why);
  }
});

test("LabelFields.read() refuses fields that are cut off or of another kind, or makes a key (seed 11)", () => {
  const random = seededRandom(11);
  const fields = new LabelFields();
  const pairs = [
    ["__name__", "requests_total"],
    ["job", "app"],
    ["pod", "a-1"],
  ] as const;
  const good = encoded(pairs);
  const wholes = [1, 2].map((count) => encoded(pairs.slice(0, count)).length);
  for (let end = 1; end < good.length; end++) {
    const length = fields.read(good.slice(0, end), 0, end);
    const isWhole = wholes.includes(end);
    assert.equal(length >= 0, isWhole, `${end} bytes`);
  }
  for (let round = 0; round < 20_000; round++) {
    const bytes = good.slice();
    for (let i = 0; i <= randomInteger(random, 3); i++)
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    const length = fields.read(bytes, 0, bytes.length);
    assert.ok(length === -1 || (length > 0 && length < bytes.length));
  }
});
