import assert from "node:assert/strict";
import test from "node:test";
import { createFailureBackOff, MAX_FAILING_KEYS } from "./failure-back-off.ts";

const LIMITS = { minMs: 1_000, maxMs: 4_000 };

test("each failure doubles the wait, a long silence starts over", () => {
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs };
  const { fail, remainingMs } = createFailureBackOff(clock, LIMITS);
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    fail("a");
    waits.push(remainingMs("a"));
  }
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 4_000]);
  assert.equal(remainingMs("b"), 0);
  clock.nowMs += 8_000;
  fail("a");
  assert.equal(remainingMs("a"), 4_000);
  clock.nowMs += 8_001;
  fail("a");
  assert.equal(remainingMs("a"), 1_000);
});

test("the key that has not failed for longest is forgotten past the limit", () => {
  const { fail, remainingMs } = createFailureBackOff({ now: () => 1_000 }, LIMITS);
  for (let i = 0; i < MAX_FAILING_KEYS; i++) fail(`k${i}`);
  assert.equal(remainingMs("k0"), 1_000);
  fail("one more");
  assert.deepEqual([remainingMs("k0"), remainingMs("k1")], [0, 1_000]);
});
