import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { bootstrapCluster } from "./bootstrap.ts";
import { ClusterStore } from "./cluster-store.ts";
import { startServerLease } from "./server-lease.ts";

test("the server's lease has the name that upstream makes of the host's, and is renewed", async () => {
  const clock = new VirtualClock();
  const api = new ClusterStore({ clock, random: seededRandom(1) });
  await bootstrapCluster(api);
  const stop = new AbortController();
  const options = { api, clock, random: seededRandom(2), log: silentLogger, signal: stop.signal };
  await startServerLease({ ...options, hostname: "vm" });
  const get = () =>
    api.get<KubernetesObject>(RESOURCES.leases, {
      namespace: "kube-system",
      name: "apiserver-wlv32tlttr4jl3gtroqexyxapa",
    });
  const { renewTime, holderIdentity } = (await get()).spec;
  await clock.advance(11_000);
  const later = (await get()).spec;
  assert.notEqual(later.renewTime, renewTime);
  assert.equal(later.holderIdentity, holderIdentity);
  stop.abort();
  await clock.advance(60_000);
  assert.equal((await get()).spec.renewTime, later.renewTime);
});
