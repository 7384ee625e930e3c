import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../virtual/virtual-clock.ts";
import { VirtualNetwork } from "../virtual/virtual-network.ts";
import { TenantTraffic } from "./tenant-traffic.ts";

test("TenantTraffic.activeTenants() a request that waits keeps its tenant active until it is over, and from then on", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  await network.host("10.0.0.1").serve({ host: "10.0.0.1", port: 8080 }, async () => {
    await clock.sleep(30_000);
    return { status: 201, body: JSON.stringify({ id: "a" }) };
  });
  const traffic = new TenantTraffic({
    network: network.host("10.0.0.2"),
    clock,
    url: "http://10.0.0.1:8080",
    activeWindowMs: 20_000,
    onFailure: (_, what) => assert.fail(what),
  });
  traffic.start({ fromMs: 0, toMs: 1_000, tenants: 1, first: 0, everyMs: 60_000 }, 1_000);
  const activeAfter = async (ms: number) => {
    await clock.advance(ms);
    return traffic.activeTenants(clock.monotonic(), 1_000);
  };
  // Sent long ago, and not known to have reached a pod.
  assert.deepEqual(await activeAfter(29_000), { min: 0, max: 1 });
  assert.deepEqual(await activeAfter(5_000), { min: 1, max: 1 });
  assert.deepEqual(await activeAfter(16_000), { min: 0, max: 1 });
  assert.deepEqual(await activeAfter(2_000), { min: 0, max: 0 });
  // Unless the pod that tells may take a clock that was wrong for its own.
  assert.deepEqual(traffic.activeTenants(clock.monotonic(), 1_000, 10_000), { min: 0, max: 1 });
  assert.equal(traffic.served, 1);
});
