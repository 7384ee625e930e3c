import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { SeriesCache } from "./series-cache.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("SeriesCache finds what was set, in any order, and nothing else (seed 5)", () => {
  const random = seededRandom(5);
  const cache = new SeriesCache({ hashSeed: 7 });
  const names = Array.from({ length: 5000 }, (_, i) => `series${i}{${"x".repeat(i % 19)}}`);
  for (const [i, name] of names.entries()) {
    const bytes = bytesOf(`..${name}`);
    assert.equal(cache.find(bytes, 2, bytes.length), 0);
    cache.set(bytes, 2, bytes.length, i + 1);
  }
  const all = bytesOf(names.join(""));
  for (let round = 0; round < 3; round++) {
    let at = 0;
    for (const [i, name] of names.entries()) {
      assert.equal(cache.find(all, at, at + name.length), i + 1);
      at += name.length;
    }
  }
  for (let round = 0; round < 5000; round++) {
    const i = randomInteger(random, names.length);
    const bytes = bytesOf(names[i]);
    assert.equal(cache.find(bytes, 0, bytes.length), i + 1);
    assert.equal(cache.find(bytes, 0, bytes.length - 1), 0);
  }
  cache.set(bytesOf(names[3]), 0, names[3].length, 99);
  assert.equal(cache.find(bytesOf(names[3]), 0, names[3].length), 99);
  assert.equal(cache.size, names.length);
});

test("SeriesCache starts again when it is full", () => {
  const cache = new SeriesCache({ hashSeed: 7, maxSeries: 10 });
  for (let i = 0; i < 10; i++) cache.set(bytesOf(`s${i}`), 0, 2, i + 1);
  assert.equal(cache.size, 10);
  cache.set(bytesOf("t0"), 0, 2, 11);
  assert.equal(cache.size, 1);
  assert.equal(cache.find(bytesOf("s0"), 0, 2), 0);
  assert.equal(cache.find(bytesOf("t0"), 0, 2), 11);
});
