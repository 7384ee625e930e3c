import assert from "node:assert/strict";
import test from "node:test";
import {
  AGGREGATE_AFTER,
  AGGREGATE_INTERVAL_MS,
  createEventCorrelator,
  MAX_CORRELATED,
  SPAM_BURST,
  SPAM_REFILL_MS,
} from "./event-correlator.ts";

function correlator() {
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs };
  return { clock, ...createEventCorrelator(clock) };
}

test("the tenth message of one reason stands for its like, and so do those after it", () => {
  const { aggregate } = correlator();
  for (let i = 1; i < AGGREGATE_AFTER; i++)
    assert.deepEqual(aggregate("a", `m${i}`), { combined: false, message: `m${i}` });
  // One that was told before is no new message.
  assert.equal(aggregate("a", "m3").combined, false);
  for (const message of ["m10", "m11"])
    assert.deepEqual(aggregate("a", message), {
      combined: true,
      message: `(combined from similar events): ${message}`,
    });
  assert.equal(aggregate("b", "m1").combined, false);
});

test("after a silence messages stand alone again", () => {
  const { aggregate, clock } = correlator();
  for (let i = 0; i < AGGREGATE_AFTER; i++) aggregate("a", `m${i}`);
  clock.nowMs += AGGREGATE_INTERVAL_MS;
  assert.equal(aggregate("a", "x").combined, true);
  clock.nowMs += AGGREGATE_INTERVAL_MS + 1;
  assert.equal(aggregate("a", "y").combined, false);
});

test("a source has a burst of events about an object, then one every five minutes", () => {
  const { admits, clock } = correlator();
  for (let i = 0; i < SPAM_BURST; i++) assert.equal(admits("a"), true);
  assert.equal(admits("a"), false);
  assert.equal(admits("b"), true);
  clock.nowMs += SPAM_REFILL_MS - 1;
  assert.equal(admits("a"), false);
  clock.nowMs += 1;
  assert.equal(admits("a"), true);
  assert.equal(admits("a"), false);
});

test("the subject that has been silent longest is forgotten past the limit", () => {
  const { admits } = correlator();
  for (let i = 0; i <= SPAM_BURST; i++) admits("first");
  for (let i = 1; i < MAX_CORRELATED; i++) admits(`s${i}`);
  assert.equal(admits("first"), false);
  for (let i = 0; i < MAX_CORRELATED; i++) admits(`t${i}`);
  assert.equal(admits("first"), true);
});
