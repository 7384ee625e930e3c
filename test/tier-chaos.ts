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
  const unread: string[] = [];
  for (const id of work.acknowledged.keys()) {
    if (unread.length < 3 && !(await clock.runUntil(work.read(id, router), 120_000))) unread.push(id);
  }
  if (unread.length > 0 || world.violations.length > 0) {
    const { epoch, pods } = await clock.runUntil(world.membership());
    const found = {
      violations: world.violations.slice(0, 3),
      unread,
      epoch,
      pods,
      files: [...world.filesByTenant()],
    };
    assert.fail(`seed ${seed}: ${JSON.stringify(found, undefined, 1)}`);
  }
  for (const [tenant, places] of world.filesByTenant()) {
    assert.equal(places.length, 1, `seed ${seed}: ${tenant} is at ${places.join(", ")}`);
  }
}

/**
 * One run: scaling, kills, restarts, slow disks, stale views and faults in the middle of hand-overs; then peace, and a
 * look at everything.
 */
export async function chaos(seed: number): Promise<TierWorld> {
  const world = new TierWorld(seed);
  const { clock, random } = world;
  await world.start(2);
  const routers = [await clock.runUntil(world.addRouter()), await clock.runUntil(world.addRouter())];
  await clock.advance(1_000);
  const work = new Workload(world);
  const running = tenantNames(12).map((tenant) => work.run(tenant, routers, 1_000));
  // Some seeds with a lot of faults within hand-overs, some with few, some with none.
  world.faultRate = [0, 0.01, 0.05][seed % 3];
  for (let step = 0; step < 40; step++) {
    const names = [...world.pods.keys()];
    const name = names[randomInteger(random, Math.max(names.length, 1))];
    const action = randomInteger(random, 8);
    if (action <= 3) await clock.runUntil(world.scale(1 + randomInteger(random, 4)));
    else if (action === 4 && name !== undefined) world.kill(name);
    else if (action === 5 && name !== undefined) world.terminate(name);
    else if (action === 6) world.diskDelayMs = randomInteger(random, 40);
    else if (action === 7 && name !== undefined) world.cutFromApi(name, randomInteger(random, 20_000));
    await clock.advance(randomInteger(random, 2_000));
  }
  world.faultRate = 0;
  world.diskDelayMs = 0;
  await clock.runUntil(world.scale(5));
  // Until the longest partition is over, and what hung for it.
  await clock.advance(90_000);
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
  let faults = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      faults += (await chaos(seed)).faults;
    } catch (error) {
      failed++;
      console.error(`seed ${seed}: ${(error as Error).message}`);
    }
    if ((seed - first) % 50 === 49)
      console.error(`${seed - first + 1} seeds, ${failed} failed, ${faults} faults`);
  }
  console.log(`${count} seeds from ${first}: ${failed} failed, ${faults} faults within hand-overs`);
  process.exit(failed === 0 ? 0 : 1);
}
