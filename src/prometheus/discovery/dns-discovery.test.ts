import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import type { Resolver } from "../../base/resolver.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { DiscoveryMetrics } from "./discovery-metrics.ts";
import { createDnsDiscovery } from "./dns-discovery.ts";
import type { TargetGroup } from "./target-group.ts";

test("createDnsDiscovery() keeps a name's targets while it can't be asked, and drops those of a name that is none", async () => {
  const clock = new VirtualClock();
  let failure: string | undefined;
  const resolver: Resolver = {
    async resolveSrv() {
      return [];
    },
    async resolve(name) {
      if (name === "a.example" && failure !== undefined)
        throw Object.assign(new Error(failure), { code: failure });
      return name === "a.example" ? ["10.0.0.1", "fd00::1"] : ["10.0.0.2"];
    },
  };
  const system = { clock, resolver, metrics: new DiscoveryMetrics(clock) };
  const config = { names: ["a.example", "b.example"], type: "A", port: 80, refresh_interval: 30_000 };
  const discovery = createDnsDiscovery(config, system as never, silentLogger, "job");
  const abort = new AbortController();
  let latest: TargetGroup[] = [];
  const running = discovery.run((groups) => (latest = groups), abort.signal);
  const addresses = async () => {
    await clock.advance(30_000);
    return latest.map(({ source, targets }) => [source, targets.map((each) => each.__address__)]);
  };
  const b = ["b.example", ["10.0.0.2:80"]];
  const known = [["a.example", ["10.0.0.1:80", "[fd00::1]:80"]], b];
  assert.deepEqual(await addresses(), known);
  failure = "ESERVFAIL";
  assert.deepEqual(await addresses(), known);
  failure = "ENOTFOUND";
  assert.deepEqual(await addresses(), [["a.example", []], b]);
  failure = "ETIMEOUT";
  assert.deepEqual(await addresses(), [["a.example", []], b]);
  failure = undefined;
  assert.deepEqual(await addresses(), known);
  abort.abort();
  await clock.advance(30_000);
  await running;
});
