import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { JsonBytes } from "./json-bytes.ts";
import { SeriesTexts, seriesStart } from "./series-texts.ts";

function written(texts: SeriesTexts, answer: readonly Labels[]): string {
  const out = new JsonBytes();
  texts.begin();
  for (const labels of answer) texts.write(labels, out);
  return Buffer.from(out.finish()).toString();
}

const labelsOf = (id: number) => Labels.of({ __name__: "m", id: `é${id}`, text: '"\\<' });

test("SeriesTexts writes any series in any order as without it", () => {
  const seed = 20261129;
  const random = seededRandom(seed);
  const all = Array.from({ length: 200 }, (_, id) => labelsOf(id));
  const texts = new SeriesTexts(4096);
  for (let round = 0; round < 200; round++) {
    const from = randomInteger(random, all.length);
    const answer = all.slice(from, from + randomInteger(random, 100)).filter(() => random.float() < 0.9);
    assert.equal(written(texts, answer), answer.map(seriesStart).join(""), `seed ${seed}, round ${round}`);
    assert.ok(texts.heldBytes <= 4096);
  }
});

test("SeriesTexts keeps texts up to its limit, and starts again with the answer after one that went beyond", () => {
  const [a, b, c] = [1, 2, 3].map(labelsOf);
  const bytes = Buffer.byteLength(seriesStart(a));
  const texts = new SeriesTexts(2 * bytes);
  written(texts, [a, b]);
  assert.equal(texts.heldBytes, 2 * bytes);
  written(texts, [b, a]);
  assert.equal(texts.heldBytes, 2 * bytes);
  assert.equal(written(texts, [a, b, c, a]), [a, b, c, a].map(seriesStart).join(""));
  assert.equal(texts.heldBytes, 2 * bytes);
  assert.equal(written(texts, [c]), seriesStart(c));
  assert.equal(texts.heldBytes, bytes);
});
