import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { MemoryKubernetesApi } from "./memory-kubernetes-api.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { VirtualNetwork } from "./virtual-network.ts";
import { createVirtualProcess } from "./virtual-process.ts";

function running() {
  const clock = new VirtualClock();
  const disk = new MemoryDisk({ beforeOperation: () => clock.sleep(10) });
  const network = new VirtualNetwork({ clock }).host("10.0.0.9");
  const process = createVirtualProcess({ clock, random: seededRandom(1), disk, network, log: silentLogger });
  const did: string[] = [];
  const say = (what: string) => void did.push(`${what} at ${clock.monotonic()}`);
  return { clock, process, did, say };
}

test("a process that is stopped does nothing until it goes on, and then what fell due, in order", async () => {
  const { clock, process, did, say } = running();
  const api = process.connect(new MemoryKubernetesApi());
  const { clock: own, disk } = process.system;
  own.after(300, () => say("second"));
  own.after(200, () => say("first"));
  own.after(2_000, () => say("later"));
  void disk.writeFile("/a", "x").then(() => say("written"));
  void api.list(RESOURCES.pods).then(() => say("listed"));
  process.stop();
  await clock.advance(1_000);
  assert.equal(did.length, 0);
  process.proceed();
  await clock.advance(2_000);
  assert.deepEqual(did.slice(0, 4).sort(), [
    "first at 1000",
    "listed at 1000",
    "second at 1000",
    "written at 1000",
  ]);
  assert.ok(did.indexOf("first at 1000") < did.indexOf("second at 1000"));
  assert.deepEqual(did.slice(4), ["later at 2000"]);
});

test("turns of an interval that a stopped process missed are one", async () => {
  const { clock, process, did, say } = running();
  const timer = process.system.clock.every(100, () => say("turn"));
  await clock.advance(150);
  process.stop();
  await clock.advance(500);
  process.proceed();
  await clock.advance(100);
  assert.deepEqual(did, ["turn at 100", "turn at 650", "turn at 700"]);
  timer.cancel();
  await clock.advance(1_000);
  assert.equal(did.length, 3);
});

test("a stopped process hears SIGTERM when it goes on, and dies of SIGKILL at once", async () => {
  const { clock, process, did, say } = running();
  process.system.signal.addEventListener("abort", () => say("SIGTERM"));
  process.stop();
  process.terminate();
  await clock.advance(100);
  assert.equal(did.length, 0);
  process.proceed();
  assert.deepEqual(did, ["SIGTERM at 100"]);
  process.system.clock.after(10, () => say("never"));
  process.stop();
  process.kill();
  await process.killed;
  process.proceed();
  await clock.advance(100);
  assert.equal(did.length, 1);
});

test("a timer that is cancelled while its process is stopped does not fire", async () => {
  const { clock, process, did, say } = running();
  const timer = process.system.clock.after(10, () => say("fired"));
  process.stop();
  await clock.advance(50);
  timer.cancel();
  process.proceed();
  await clock.advance(50);
  assert.equal(did.length, 0);
});
