import assert from "node:assert/strict";
import { test } from "node:test";
import { PagedColumn } from "./paged-column.ts";

test("PagedColumn keeps what was set, over the edges of its pages", () => {
  const column = new PagedColumn();
  assert.equal(column.heldBytes, 0);
  const page = 1 << 14;
  const indexes = [0, 1, page - 1, page, 3 * page - 1, 3 * page, 3 * page + 1];
  for (const index of indexes) column.set(index, -index);
  for (const index of indexes) assert.equal(column.get(index), index === 0 ? 0 : -index);
  assert.equal(column.get(2 * page), 0);
  assert.equal(column.heldBytes, 4 * 4 * page);
  column.set(page, 2 ** 31 - 1);
  assert.equal(column.get(page), 2 ** 31 - 1);
});
