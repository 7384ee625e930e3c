import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { writeTextFormat } from "../../wire/exposition/exposition-writer.ts";
import type { InstantResult, QueryEngine, QueryOptions } from "./engine.ts";
import { EngineMetrics } from "./engine-metrics.ts";
import { EngineQueue } from "./engine-queue.ts";

/** Two queries at once; each takes a second. */
function queueOfTwo() {
  const clock = new VirtualClock();
  const order: string[] = [];
  const timeouts: (number | undefined)[] = [];
  const engine = {
    async instant(query: string, _: number, { timeoutMs }: QueryOptions = {}) {
      order.push(query);
      timeouts.push(timeoutMs);
      await clock.sleep(1000);
      if (query === "bad") throw new Error("bad");
      return {
        counts: { queried: 3, read: 2, peak: 1 },
        seconds: { prepare: 0, evaluate: 1, sort: 0 },
      } as unknown as InstantResult;
    },
  } as unknown as QueryEngine;
  const metrics = new EngineMetrics(clock, 2);
  const queue = new EngineQueue(engine, { clock, metrics, maxConcurrent: 2, timeoutMs: 5000 });
  return { clock, order, timeouts, metrics, queue };
}

test("EngineQueue runs as many queries as it may, the others in the order in which they came", async () => {
  const { clock, order, timeouts, metrics, queue } = queueOfTwo();
  const all = Promise.allSettled(["a", "bad", "c", "d"].map((query) => queue.instant(query, 0)));
  await clock.advance(0);
  assert.deepEqual(order, ["a", "bad"]);
  assert.equal(metrics.queries.value(), 4);
  await clock.advance(1000);
  assert.deepEqual(order, ["a", "bad", "c", "d"]);
  assert.deepEqual(timeouts, [5000, 5000, 4000, 4000]);
  await clock.advance(1000);
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual(
    [metrics.queries.value(), metrics.samples.value(), metrics.samplesRead.value()],
    [0, 9, 6],
  );
  const text = writeTextFormat(metrics.instruments.map((each) => each.family()));
  assert.match(text, /query_duration_histogram_seconds_bucket\{slice="queue_time",le="0.01"\} 2\n/);
  assert.match(text, /query_duration_seconds_count\{slice="inner_eval"\} 3\n/);
});

test("EngineQueue gives up a query whose time is over, or that nobody wants, before its turn", async () => {
  const { clock, order, queue } = queueOfTwo();
  const abort = new AbortController();
  const running = ["a", "b"].map((query) => queue.instant(query, 0));
  const late = assert.rejects(queue.instant("late", 0, { timeoutMs: 500 }), /query timed out in query queue/);
  const gone = assert.rejects(
    queue.instant("gone", 0, { signal: abort.signal }),
    /query was canceled in query queue/,
  );
  await clock.advance(0);
  abort.abort();
  await clock.advance(1000);
  await Promise.all([...running, late, gone]);
  const next = queue.instant("next", 0);
  await clock.runUntil(next);
  assert.deepEqual(order, ["a", "b", "next"]);
});
