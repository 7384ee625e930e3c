import assert from "node:assert/strict";
import { test } from "node:test";
import { TouchedSlots } from "./touched-slots.ts";

test("TouchedSlots has each slot once until it is taken, and none beyond its length", () => {
  const touched = new TouchedSlots(5);
  for (const slot of [3, 1, 3, 4, 5, 6, 1]) touched.add(slot);
  assert.equal(touched.size, 3);
  assert.deepEqual([...touched.take()], [3, 1, 4]);
  assert.deepEqual([...touched.take()], []);
  touched.add(3);
  assert.deepEqual([...touched.take()], [3]);
});
