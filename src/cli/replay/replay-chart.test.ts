import assert from "node:assert/strict";
import { test } from "node:test";
import { replayChart } from "./replay-chart.ts";
import type { ReplaySteps } from "./replay-model.ts";

/** What is written below a chart of so many steps. */
function timesOf(start: string, stepMs: number, count: number): string[] {
  const none = new Uint8Array(count);
  const steps = { replicas: new Int32Array(count).fill(1), hidden: none, readAsIdle: none, fallback: none };
  const svg = replayChart({
    startMs: Date.parse(start),
    stepMs,
    need: new Float64Array(count).fill(1),
    steps: steps as unknown as ReplaySteps,
    top: 2,
  });
  return [...svg.matchAll(/>([\d-]*[ \d:]*:\d\d|\d\d-\d\d)<\/text>/g)].map(([, text]) => text);
}

test("replayChart() writes round times, ten or so at most", () => {
  assert.deepEqual(timesOf("2026-01-01T00:00:01Z", 15_000, 22), [
    "00:01",
    "00:02",
    "00:03",
    "00:04",
    "00:05",
  ]);
  assert.deepEqual(timesOf("2026-01-01T00:00:00Z", 15_000, 5), [
    "00:00:00",
    "00:00:15",
    "00:00:30",
    "00:00:45",
    "00:01:00",
  ]);
  assert.deepEqual(timesOf("2026-01-01T22:30:00Z", 60_000, 61), [
    ...["22:30", "22:40", "22:50", "23:00", "23:10", "23:20", "23:30"],
  ]);
  assert.deepEqual(timesOf("2026-01-01T00:00:00Z", 3_600_000, 73).slice(0, 2), [
    "01-01 00:00",
    "01-01 12:00",
  ]);
  assert.deepEqual(timesOf("2026-01-01T12:00:00Z", 3_600_000, 7 * 24), [
    ...["01-02", "01-03", "01-04", "01-05", "01-06", "01-07", "01-08"],
  ]);
});
