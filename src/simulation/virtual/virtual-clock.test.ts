import assert from "node:assert/strict";
import { test } from "node:test";
import { VIRTUAL_EPOCH_MS, VirtualClock } from "./virtual-clock.ts";

test("advance() fires timers by time, then by creation, and moves the clock to each", async () => {
  const clock = new VirtualClock();
  const fired: [string, number][] = [];
  const note = (name: string) => () => void fired.push([name, clock.now() - VIRTUAL_EPOCH_MS]);
  clock.after(20, note("late"));
  clock.after(10, note("first"));
  clock.after(10, note("second"));
  clock.after(31, note("never"));
  await clock.advance(30);
  assert.deepEqual(fired, [
    ["first", 10],
    ["second", 10],
    ["late", 20],
  ]);
  assert.equal(clock.monotonic(), 30);
  assert.equal(clock.pending, 1);
});

test("advance() runs the promises that a timer caused before the next timer", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const task = async (name: string) => {
    await clock.sleep(5);
    order.push(`${name} woke`);
    for (let i = 0; i < 10; i++) await undefined;
    order.push(`${name} done`);
  };
  void task("a");
  void task("b");
  await clock.advance(5);
  assert.deepEqual(order, ["a woke", "a done", "b woke", "b done"]);
});

test("advance() fires timers that timers set, when they fall into the time", async () => {
  const clock = new VirtualClock();
  let count = 0;
  const again = () => {
    count++;
    clock.after(10, again);
  };
  clock.after(10, again);
  await clock.advance(95);
  assert.equal(count, 9);
});

test("every() repeats until cancelled, also from its own callback", async () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const timer = clock.every(15, () => {
    times.push(clock.monotonic());
    if (times.length === 3) timer.cancel();
  });
  await clock.advance(1000);
  assert.deepEqual(times, [15, 30, 45]);
  assert.equal(clock.pending, 0);
});

test("cancel() of a timer that fired, or twice, does nothing", async () => {
  const clock = new VirtualClock();
  const timer = clock.after(1, () => {});
  clock.after(5, () => {});
  await clock.advance(2);
  timer.cancel();
  timer.cancel();
  assert.equal(clock.pending, 1);
});

test("sleep() rejects with the signal's reason", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const sleeping = clock.sleep(10, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  assert.equal(clock.pending, 0);
});

test("runUntil() takes as much time as the promise needs, and says when it can't settle", async () => {
  const clock = new VirtualClock();
  const work = async () => {
    await clock.sleep(100);
    await clock.sleep(23);
    return "done";
  };
  assert.equal(await clock.runUntil(work()), "done");
  assert.equal(clock.monotonic(), 123);
  await assert.rejects(clock.runUntil(new Promise(() => {})), /nothing is scheduled/);
  clock.every(10, () => {});
  await assert.rejects(clock.runUntil(new Promise(() => {}), 100), /pending after 100 ms/);
});

test("jump() moves the wall clock only", async () => {
  const clock = new VirtualClock(1_000);
  let at = 0;
  clock.after(10, () => void (at = clock.now()));
  clock.jump(-500);
  await clock.advance(10);
  assert.equal(at, 510);
  assert.equal(clock.monotonic(), 10);
});

test("10,000 timers in random order fire in order", async () => {
  const clock = new VirtualClock();
  let last = -1;
  let ordered = true;
  for (let i = 0; i < 10_000; i++) {
    clock.after((i * 7919) % 1009, () => {
      ordered &&= clock.monotonic() >= last;
      last = clock.monotonic();
    });
  }
  await clock.advance(2000);
  assert.ok(ordered);
  assert.equal(clock.pending, 0);
});
