import assert from "node:assert/strict";
import { test } from "node:test";
import { fractionalBound } from "./exponential-bounds.ts";

test("fractionalBound() gives upstream's bounds to the last bit", () => {
  assert.equal(fractionalBound(0, 8), 1);
  // 2^(1/2), as upstream has it: one place below the nearest number.
  assert.equal(fractionalBound(1, 1) / 2, 0.7071067811865475);
  assert.equal(fractionalBound(128, 8) / 2, 0.7071067811865475);
  assert.equal(fractionalBound(1, 8) / 2, 0.5013556375251013);
  assert.equal(fractionalBound(2, 8) / 2, 0.5027149505564014);
});

test("fractionalBound() rises, and stays close to the power of two", () => {
  for (let position = 1; position < 256; position++) {
    assert.ok(fractionalBound(position, 8) > fractionalBound(position - 1, 8));
    assert.ok(Math.abs(fractionalBound(position, 8) / 2 ** (position / 256) - 1) < 1e-15);
  }
  assert.equal(fractionalBound(1, 9), 2 ** (1 / 512));
});
