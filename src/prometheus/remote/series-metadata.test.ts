import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { type FamilyMetadata, SeriesMetadata } from "./series-metadata.ts";

const family = (metric: string, type: string): FamilyMetadata => ({ metric, type, help: metric, unit: "" });

test("a series is found by its family's name and what the family's type puts behind it", () => {
  const known = new SeriesMetadata(new VirtualClock(), () => [
    family("requests", "counter"),
    family("old_total", "counter"),
    family("latency", "histogram"),
    family("depth", "gaugehistogram"),
    family("wait", "summary"),
    family("build", "info"),
    family("tasks", "gauge"),
    family("odd_count", "histogram"),
  ]);
  const familyOf = (name: string) => known.of(name)?.help;
  for (const [name, expected] of [
    ["requests_total", "requests"],
    ["requests", "requests"],
    ["old_total", "old_total"],
    ["old", undefined],
    ["latency_bucket", "latency"],
    ["latency_count", "latency"],
    ["latency", "latency"],
    ["latency_total", undefined],
    ["depth_gsum", "depth"],
    ["depth_sum", undefined],
    ["wait_sum", "wait"],
    ["wait_bucket", undefined],
    ["build_info", "build"],
    ["tasks", "tasks"],
    ["tasks_sum", undefined],
    ["odd_count", undefined],
    ["odd_count_bucket", "odd_count"],
  ] as const)
    assert.equal(familyOf(name), expected, name);
});

test("families are asked for again after a minute, and after a second where one is missing", async () => {
  const clock = new VirtualClock();
  let reads = 0;
  let families = [family("a", "gauge")];
  const known = new SeriesMetadata(clock, () => {
    reads++;
    return families;
  });
  assert.equal(known.of("b"), undefined);
  assert.equal(known.of("b"), undefined);
  assert.equal(reads, 1);
  families = [family("a", "counter"), family("b", "gauge")];
  await clock.advance(1_000);
  assert.equal(known.of("a")?.type, "gauge");
  assert.equal(reads, 1);
  assert.equal(known.of("b")?.type, "gauge");
  assert.equal(known.of("a")?.type, "counter");
  assert.equal(reads, 2);
  await clock.advance(60_000);
  known.of("a");
  assert.equal(reads, 3);
});
