import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_UNSEEN, SeenValues } from "./seen-values.ts";

test("what stood for a moment only is seen, and then what came after it", () => {
  const replicas = new SeenValues<number>();
  assert.equal(replicas.look(), undefined);
  for (const value of [3, 3, 1, 1, 3]) replicas.add(value);
  assert.deepEqual([replicas.look(), replicas.look(), replicas.look(), replicas.look()], [3, 1, 3, 3]);
  replicas.add(3);
  replicas.add(2);
  assert.deepEqual([replicas.look(), replicas.look()], [2, 2]);
});

test("so many unseen values are kept, and the newest among them", () => {
  const replicas = new SeenValues<number>();
  for (let value = 0; value <= MAX_UNSEEN; value++) replicas.add(value);
  const seen = Array.from({ length: MAX_UNSEEN }, () => replicas.look());
  assert.deepEqual([seen[0], seen.at(-1), replicas.look()], [1, MAX_UNSEEN, MAX_UNSEEN]);
});
