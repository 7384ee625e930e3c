/**
 * Faults at random on a tier in virtual time, checked against what must never happen.
 *
 * As a program: `node test/tier-chaos.ts FIRST COUNT` runs that many seeds and prints those that fail.
 */
import assert from "node:assert/strict";
import { randomInteger } from "../src/base/random.ts";
import { TierWorld, Workload } from "./tier-world.ts";

export const tenantNames = (count: number) => Array.from({ length: count }, (_, index) => `tenant-${index}`);

/** Everything that was acknowledged can be read, each tenant is in one place, and nothing forbidden happened. */
export async function assertWhole(
  world: TierWorld,
  work: Workload,
  router: string,
  seed: number,
): Promise<void> {
  const { clock } = world;
  const lost: string[] = [];
  for (const id of work.acknowledged.keys()) {
    if (!(await clock.runUntil(work.read(id, router), 120_000))) lost.push(id);
  }
  assert.deepEqual(world.violations, [], `seed ${seed}`);
  assert.deepEqual(lost, [], `seed ${seed}`);
  for (const [tenant, places] of world.filesByTenant()) {
    assert.equal(places.length, 1, `seed ${seed}: ${tenant} is at ${places.join(", ")}`);
  }
}

/** One run: scaling, kills, restarts and slow disks at random moments, then peace and a look at everything. */
export async function chaos(seed: number): Promise<TierWorld> {
  const world = new TierWorld(seed);
  const { clock, random } = world;
  await world.start(2);
  const routers = [await clock.runUntil(world.addRouter()), await clock.runUntil(world.addRouter())];
  await clock.advance(1_000);
  const work = new Workload(world);
  const running = tenantNames(12).map((tenant) => work.run(tenant, routers, 1_000));
  for (let step = 0; step < 25; step++) {
    const names = [...world.pods.keys()];
    const name = names[randomInteger(random, Math.max(names.length, 1))];
    const action = randomInteger(random, 6);
    if (action <= 1) await clock.runUntil(world.scale(1 + randomInteger(random, 4)));
    else if (action === 2 && name !== undefined) world.kill(name);
    else if (action === 3 && name !== undefined) world.terminate(name);
    else if (action === 4) world.diskDelayMs = randomInteger(random, 40);
    await clock.advance(randomInteger(random, 3_000));
  }
  world.diskDelayMs = 0;
  await clock.runUntil(world.scale(5));
  await clock.advance(20_000);
  work.stop();
  await clock.runUntil(Promise.all(running), 120_000);
  await clock.runUntil(world.scale(2));
  await clock.advance(120_000);
  assert.deepEqual(work.failures, [], `seed ${seed}`);
  await assertWhole(world, work, routers[0], seed);
  return world;
}

if (import.meta.main) {
  const [first = 1, count = 100] = process.argv.slice(2).map(Number);
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      await chaos(seed);
    } catch (error) {
      failed++;
      console.error(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  console.log(`${count} seeds from ${first}: ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
