import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { ActiveTenants } from "../telemetry/mod.ts";
import { ActivityFile, SAVE_INTERVAL_MS } from "./activity-file.ts";

const PATH = "/data/activity.json";

function fileOn(disk: MemoryDisk, clock: VirtualClock) {
  const activity = new ActiveTenants();
  return { activity, file: new ActivityFile({ disk, clock, log: silentLogger, path: PATH, activity }) };
}

test("ActivityFile brings back what was active, of tenants that are here, after a crash", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const before = fileOn(disk, clock);
  before.file.start();
  before.activity.touch("a", clock.monotonic());
  before.activity.touch("moved", clock.monotonic());
  await clock.advance(SAVE_INTERVAL_MS);
  before.activity.touch("late", clock.monotonic());
  disk.losePower();
  const after = fileOn(disk, clock);
  await after.file.load((tenant) => tenant !== "moved");
  assert.equal(after.activity.count(clock.monotonic()), 1);
  assert.equal(after.activity.lastSeenMs("a"), clock.monotonic() - SAVE_INTERVAL_MS);
  await clock.runUntil(before.file.stop());
});

test("ActivityFile saves a last time when it stops", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const before = fileOn(disk, clock);
  before.file.start();
  before.activity.touch("a", clock.monotonic());
  await clock.runUntil(before.file.stop());
  const after = fileOn(disk, clock);
  await after.file.load(() => true);
  assert.equal(after.activity.count(clock.monotonic()), 1);
});

test("ActivityFile takes a file that makes no sense for none, and no time from the future", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  for (const text of ["", "{", "{}", "[1]", '[["a","b"],["x"],[1,2]]']) {
    await disk.writeFile(PATH, text);
    const { activity, file } = fileOn(disk, clock);
    await file.load(() => true);
    assert.equal(activity.count(clock.monotonic()), 0, text);
  }
  await disk.writeFile(PATH, JSON.stringify([["a", clock.now() + 1e9]]));
  const { activity, file } = fileOn(disk, clock);
  await file.load(() => true);
  assert.equal(activity.lastSeenMs("a"), clock.monotonic());
});

test("ActivityFile keeps times that outlast the process and its origin of elapsed time", async () => {
  const disk = new MemoryDisk();
  const first = new VirtualClock();
  const before = fileOn(disk, first);
  before.file.start();
  before.activity.touch("a", first.monotonic());
  await first.runUntil(before.file.stop());
  await first.advance(60_000);
  const second = new VirtualClock(first.now());
  const after = fileOn(disk, second);
  await after.file.load(() => true);
  assert.equal(after.activity.lastSeenMs("a"), -60_000);
});

test("ActivityFile keeps a tenant that arrived before it says so", async () => {
  const [disk, clock] = [new MemoryDisk(), new VirtualClock()];
  const before = fileOn(disk, clock);
  before.file.start();
  before.activity.touch("moved here", clock.monotonic());
  await clock.runUntil(before.file.arrived());
  before.activity.touch("the next one", clock.monotonic());
  await clock.runUntil(Promise.all([before.file.arrived(), before.file.arrived()]));
  assert.equal(clock.monotonic(), 0, "no interval has to pass");
  const after = fileOn(disk, clock);
  await after.file.load(() => true);
  assert.equal(after.activity.count(clock.monotonic()), 2);
  await clock.runUntil(before.file.stop());
  await clock.runUntil(before.file.arrived());
});
