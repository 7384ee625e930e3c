import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { LARGEST_PIECE, PostingLists } from "./posting-lists.ts";

test("PostingLists keeps lists apart while they grow from one size to the next (seed 6)", () => {
  const random = seededRandom(6);
  const lists = new PostingLists();
  const model: number[][] = [];
  for (let slot = 0; slot < 60_000; slot++) {
    const isNew = model.length === 0 || random.float() < 0.05;
    // Early pairs come more often: there are lists of every size.
    const pair = isNew ? model.length : Math.floor(model.length * random.float() ** 3);
    if (isNew) {
      lists.begin(pair, slot);
      model.push([slot]);
    } else {
      lists.push(pair, slot);
      model[pair].push(slot);
    }
  }
  assert.ok(model.some(({ length }) => length > 10 * LARGEST_PIECE));
  for (const [pair, slots] of model.entries()) {
    assert.equal(lists.lengthOf(pair), slots.length);
    assert.deepEqual([...lists.slotsOf(pair)], slots);
  }
});

test("PostingLists.slotsOf() answers what does not change with later slots, at every size", () => {
  const lists = new PostingLists();
  lists.begin(0, 0);
  const seen: Int32Array[] = [];
  for (let slot = 1; slot <= 3 * LARGEST_PIECE; slot++) {
    seen.push(lists.slotsOf(0));
    lists.push(0, slot);
    // Takes the piece that the first list has left.
    lists.begin(slot, slot);
    for (let i = 1; i < slot % LARGEST_PIECE; i++) lists.push(slot, slot + i);
  }
  for (const [i, slots] of seen.entries())
    assert.deepEqual(
      [...slots],
      Array.from({ length: i + 1 }, (_, slot) => slot),
    );
});

test("PostingLists.set() takes whole lists, to which slots can be added", () => {
  const lists = new PostingLists();
  const lengths = [1, 2, 4, 5, LARGEST_PIECE - 1, LARGEST_PIECE, LARGEST_PIECE + 1, 1000];
  for (const [pair, length] of lengths.entries()) {
    lists.set(
      pair,
      Int32Array.from({ length }, (_, i) => i),
    );
    assert.equal(lists.lengthOf(pair), length);
    lists.push(pair, length);
    assert.deepEqual(
      [...lists.slotsOf(pair)],
      Array.from({ length: length + 1 }, (_, i) => i),
    );
  }
});
