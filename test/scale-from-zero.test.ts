import assert from "node:assert/strict";
import { test } from "node:test";
import { createExternalScalerClient } from "../src/wire/keda/external-scaler.ts";
import { assertWhole, tenantNames } from "./tier-chaos.ts";
import { TierWorld, Workload } from "./tier-world.ts";

const REF = { name: "test-db-small", namespace: "percolate-test", scalerMetadata: {} };

/** What KEDA does with an external-push trigger: scales from zero as soon as the stream says active. */
async function followAsKeda(world: TierWorld, router: string): Promise<boolean[]> {
  const address = router.replace("http://", "").replace(":8080", ":6000");
  const scaler = createExternalScalerClient(world.network.host("10.3.0.1"), address);
  const seen: boolean[] = [];
  const run = async () => {
    for await (const active of scaler.streamIsActive(REF)) {
      seen.push(active);
      const { length } = [...world.pods.keys()];
      if (active && length === 0) await world.scale(1);
    }
  };
  void run();
  return seen;
}

test("100 concurrent first requests at zero wake the tier and all are answered", async () => {
  const world = new TierWorld(7);
  const { clock } = world;
  await world.start(0);
  const router = await clock.runUntil(world.addRouter());
  const seen = await followAsKeda(world, router);
  await clock.advance(1_000);
  assert.deepEqual(seen, [false]);
  const work = new Workload(world);
  const sentMs = clock.monotonic();
  const all = Promise.all(tenantNames(100).map((tenant) => work.write(tenant, router)));
  await clock.runUntil(all, 30_000);
  assert.ok(clock.monotonic() - sentMs < 3_000, "within 3 s");
  assert.equal(work.acknowledged.size, 100);
  assert.deepEqual(work.failures, []);
  assert.deepEqual(seen, [false, true]);
  await clock.advance(50_000);
  assert.deepEqual(seen, [false, true, false]);
  await assertWhole(world, work, router, 7);
});

test("at zero for too long, or with too many waiting, the router answers 503 with Retry-After", async () => {
  const world = new TierWorld(8);
  const { clock } = world;
  await world.start(0);
  const router = await clock.runUntil(world.addRouter({ maxWaitMs: 2_000, maxPending: 10 }));
  const work = new Workload(world);
  const all = Promise.all(tenantNames(11).map((tenant) => work.write(tenant, router)));
  await clock.advance(1_000);
  assert.equal(work.refused, 1);
  assert.equal(world.routers[0].router.pending, 10);
  await clock.runUntil(all, 30_000);
  assert.equal(work.refused, 11);
  assert.equal(world.routers[0].router.pending, 0);
  assert.deepEqual(work.failures, []);
});

test("a pod that was scaled away and killed before it could hand over is asked back", async () => {
  const world = new TierWorld(9);
  const { clock } = world;
  await world.start(3);
  const router = await clock.runUntil(world.addRouter());
  await clock.advance(5_000);
  const work = new Workload(world);
  await clock.runUntil(Promise.all(tenantNames(30).map((tenant) => work.write(tenant, router))), 30_000);
  await clock.runUntil(world.scale(2));
  world.kill("test-db-small-2");
  await clock.advance(10_000);
  assert.equal(world.pods.size, 2);
  const address = router.replace("http://", "").replace(":8080", ":6000");
  const scaler = createExternalScalerClient(world.network.host("10.3.0.1"), address);
  const needed = async () => (await scaler.getMetrics({ scaledObjectRef: REF, metricName: "" }))[0].value;
  assert.equal(await clock.runUntil(needed()), 0);
  const reads = Promise.all([...work.acknowledged.keys()].map((id) => work.read(id, router)));
  await clock.advance(20_000);
  assert.equal(await clock.runUntil(needed()), 3);
  await clock.runUntil(world.scale(3));
  await clock.runUntil(reads, 60_000);
  await assertWhole(world, work, router, 9);
});
