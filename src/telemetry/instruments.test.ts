import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { Registry } from "./registry.ts";

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };

function counterOf(options: { seriesLimit?: number; idleExpiryMs?: number } = {}) {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const counter = registry.counter({
    name: "percolate.tenant_requests",
    description: "Total requests per tenant",
    unit: "requests",
    labels: ["kind", "tenant_id"],
    constants: { pod: "p0" },
    ...options,
  });
  const points = () => {
    const [family] = registry.collect();
    assert.equal(family.kind, "counter");
    return Object.fromEntries(
      family.points.map((point) => [
        Object.values(point.attributes).join("/"),
        "value" in point ? point.value : 0,
      ]),
    );
  };
  return { clock, registry, counter, points };
}

test("Counter adds per set of labels, bound or not", () => {
  const { counter, points } = counterOf();
  const bound = counter.bind({ kind: "read", tenant_id: "a" });
  bound.add(2);
  counter.add(1, { kind: "read", tenant_id: "a" });
  counter.add(5, { kind: "write", tenant_id: "a" });
  counter.add(7, { kind: "read", tenant_id: "b" });
  assert.deepEqual(points(), { "p0/read/a": 3, "p0/write/a": 5, "p0/read/b": 7 });
});

test("Counter counts what is above the limit in one overflow series", () => {
  const { counter, points } = counterOf({ seriesLimit: 4 });
  for (const tenant_id of ["a", "b", "c"]) counter.add(1, { kind: "read", tenant_id });
  assert.deepEqual(points(), { "p0/read/a": 1, "p0/read/b": 1, "p0/read/c": 1 });
  for (const tenant_id of ["d", "e", "a"]) counter.add(1, { kind: "read", tenant_id });
  assert.deepEqual(points(), { "p0/read/a": 2, "p0/read/b": 1, "p0/read/c": 1, "p0/true": 2 });
  assert.throws(() => counterOf({ seriesLimit: 1 }), /seriesLimit must be at least 2/);
});

test("Counter has a limit when nobody sets one: as OpenTelemetry's, 2000 with the overflow series", () => {
  const { counter, points } = counterOf();
  for (let i = 0; i < 2_000; i++) counter.add(1, { kind: "read", tenant_id: `t${i}` });
  const all = points();
  assert.equal(Object.keys(all).length, 2_000);
  assert.equal(all["p0/true"], 1);
});

test("Counter forgets idle series, which makes room below the limit", async () => {
  const { clock, counter, points } = counterOf({ seriesLimit: 3, idleExpiryMs: 60_000 });
  const bound = counter.bind({ kind: "read", tenant_id: "a" });
  bound.add(1);
  counter.add(1, { kind: "read", tenant_id: "b" });
  assert.equal(Object.keys(points()).length, 2);
  await clock.advance(59_999);
  counter.add(1, { kind: "read", tenant_id: "b" });
  assert.equal(Object.keys(points()).length, 2);
  await clock.advance(1);
  assert.deepEqual(points(), { "p0/read/b": 2 });
  counter.add(1, { kind: "read", tenant_id: "c" });
  assert.deepEqual(points(), { "p0/read/b": 2, "p0/read/c": 1 });
  // The bound one begins anew: over the limit it goes to the overflow series.
  bound.add(4);
  assert.deepEqual(points(), { "p0/read/b": 2, "p0/read/c": 1, "p0/true": 4 });
});

test("Counter revives a bound series that had expired, from zero and with a new start", async () => {
  const { clock, registry, counter, points } = counterOf({ idleExpiryMs: 1_000 });
  const bound = counter.bind({ kind: "read", tenant_id: "a" });
  bound.add(10);
  registry.collect();
  await clock.advance(1_000);
  assert.deepEqual(points(), {});
  bound.add(3);
  counter.add(1, { kind: "read", tenant_id: "a" });
  assert.deepEqual(points(), { "p0/read/a": 4 });
  assert.equal(registry.collect()[0].points[0].startMs, clock.now());
});

test("Histogram counts a value in the first bucket whose bound it does not exceed", () => {
  const registry = new Registry(new VirtualClock());
  const histogram = registry.histogram(
    { name: "d", description: "", unit: "s", labels: ["route"] },
    [1, 2, 4],
  );
  for (const value of [0, 1, 1.5, 2, 4, 4.1]) histogram.record(value, { route: "/" });
  const series = histogram.bind({ route: "/" });
  assert.deepEqual([...series.counts], [2, 2, 1, 1]);
  assert.deepEqual([series.count, series.sum, series.min, series.max], [6, 12.6, 0, 4.1]);
  assert.throws(
    () => registry.histogram({ name: "e", description: "", unit: "s", labels: [] }, [1, 1]),
    /bounds must be finite and ascending/,
  );
});

test("exemplars are kept of sampled traces only", () => {
  const registry = new Registry(new VirtualClock());
  const histogram = registry.histogram({ name: "d", description: "", unit: "s", labels: ["route"] }, [1]);
  histogram.record(0.5, { route: "/" }, { ...SPAN, sampled: false });
  assert.equal(histogram.bind({ route: "/" }).exemplars, undefined);
  histogram.record(3, { route: "/" }, SPAN);
  const [below, above] = histogram.bind({ route: "/" }).exemplars!;
  assert.equal(below, undefined);
  assert.deepEqual([above?.value, above?.traceId], [3, SPAN.traceId]);
});

test("Registry refuses a second instrument of one name", () => {
  const { registry } = counterOf();
  const again = { name: "percolate.tenant.requests", description: "", unit: "requests", labels: [] };
  assert.throws(() => registry.counter(again), /instrument percolate.tenant.requests exists already/);
});
