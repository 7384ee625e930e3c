import assert from "node:assert/strict";
import { test } from "node:test";
import { settle, VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { MAX_QUEUED_KEYS, ReconcileQueue } from "./reconcile-queue.ts";

test("a key runs once at a time, and again when it was added meanwhile", async () => {
  const releases: (() => void)[] = [];
  const started: string[] = [];
  const queue = new ReconcileQueue(new VirtualClock(), new AbortController().signal, (key) => {
    started.push(key);
    return new Promise((resolve) => releases.push(resolve));
  });
  for (const key of ["a", "a", "b", "a"]) queue.add(key);
  await settle();
  assert.deepEqual(started, ["a", "b"]);
  releases[0]();
  await settle();
  assert.deepEqual(started, ["a", "b", "a"]);
  releases[2]();
  await settle();
  assert.equal(started.length, 3);
});

test("a failure is tried again after waits that double, until it works", async () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const queue = new ReconcileQueue(clock, new AbortController().signal, async () => {
    times.push(clock.monotonic());
    if (times.length < 5) throw new Error("not yet");
  });
  queue.add("a");
  await clock.advance(10_000);
  assert.deepEqual(
    times.map((time) => time - times[0]),
    [0, 5, 15, 35, 75],
  );
  queue.add("a");
  await settle();
  assert.equal(times.length, 6);
});

test("keys are bounded, and none runs after the end", async () => {
  const stop = new AbortController();
  let runs = 0;
  const queue = new ReconcileQueue(new VirtualClock(), stop.signal, () => {
    runs++;
    return new Promise(() => {});
  });
  for (let i = 0; i < MAX_QUEUED_KEYS; i++) queue.add(String(i));
  assert.equal(runs, MAX_QUEUED_KEYS);
  assert.throws(() => queue.add("one more"), { message: "the reconcile queue is full" });
  stop.abort();
  queue.add("late");
  assert.equal(runs, MAX_QUEUED_KEYS);
});
