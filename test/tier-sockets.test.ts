import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../src/base/clock.ts";
import { systemDisk } from "../src/base/disk.ts";
import { silentLogger } from "../src/base/log.ts";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { systemRandom } from "../src/base/random.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { ownerOf, type TierPod } from "../src/model/tier-membership.ts";
import { Router, RouterMetrics } from "../src/router/mod.ts";
import { MemoryKubernetesApi } from "../src/simulation/virtual/memory-kubernetes-api.ts";
import { runTestDb } from "../src/test-db/mod.ts";
import { createSqliteEngine } from "../src/test-db/sqlite-engine.ts";
import { MembershipClient } from "../src/wire/kubernetes/tier-membership.ts";

const NAMESPACE = "percolate-test";
const network = createNodeNetwork((error) => assert.fail(String(error)));

function startPod(api: MemoryKubernetesApi, ordinal: number, directory: string) {
  const stop = new AbortController();
  const podIp = `127.16.2.${ordinal + 1}`;
  const system = {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network,
    log: silentLogger,
    env: {},
    signal: stop.signal,
    onHangup: () => {},
    print: () => {},
  };
  const ended = runTestDb(
    {
      host: podIp,
      port: 0,
      dataDirectory: join(directory, String(ordinal)),
      pod: `test-db-small-${ordinal}`,
      podIp,
      namespace: NAMESPACE,
      tier: "small",
      leaveLimitMs: 20_000,
      api,
      engine: createSqliteEngine(systemDisk),
    },
    system,
  );
  return { ended, terminate: () => stop.abort(new Error("SIGTERM")) };
}

async function startRouter(api: MemoryKubernetesApi, signal: AbortSignal) {
  const parts = { clock: systemClock, random: systemRandom, log: silentLogger };
  const name = "test-db-small-membership";
  const membership = new MembershipClient({ ...parts, api, namespace: NAMESPACE, name, signal });
  void membership.follow();
  const read = { pending: () => router.pending, epoch: () => membership.current.epoch };
  const metrics = new RouterMetrics(systemClock, "small", read);
  const router: Router = new Router({ ...parts, network, membership, metrics });
  const server = await network.serve({ host: "127.16.2.100", port: 0 }, (request) => router.handle(request));
  return { server, membership, url: `http://127.16.2.100:${server.port}` };
}

async function send(url: string, tenant: string, body?: string) {
  const response = await network.fetch(url, {
    method: body === undefined ? "GET" : "POST",
    body,
    headers: { "x-tenant-id": tenant },
    timeoutMs: 30_000,
  });
  return { status: response.status, text: await response.text(), pod: response.headers["x-topology-pod"] };
}

/** Waits for what other tasks of this process bring about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.sleep(10);
}

test("SQLite files move between pods over real sockets, and back when a pod is scaled away", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tier-"));
  const following = new AbortController();
  const api = new MemoryKubernetesApi();
  const key = { namespace: NAMESPACE, name: "test-db-small" };
  await api.create(RESOURCES.statefulSets, { metadata: key, spec: { replicas: 2 } });
  const first = startPod(api, 0, directory);
  const router = await startRouter(api, following.signal);
  const tenants = Array.from({ length: 12 }, (_, index) => `Tenant-${index}`);
  // One of those that will move is large: some 40 MB.
  const pods = [0, 1].map((ordinal): TierPod => {
    return { name: `test-db-small-${ordinal}`, state: "member", settled: 0, volume: "" };
  });
  const two = { epoch: 2, revision: 2, pods };
  const large = tenants.find((tenant) => ownerOf(two, tenant)?.name === "test-db-small-1")!;
  try {
    const big = "word ".repeat(50_000);
    for (const tenant of tenants) {
      const written = await send(
        `${router.url}/api/v1/resources`,
        tenant,
        JSON.stringify({ id: "r", content: big }),
      );
      assert.equal(written.status, 201, written.text);
    }
    for (let i = 0; i < 40; i++) {
      const content = `${i} ${"abcdefgh ".repeat(100_000)}`;
      const written = await send(
        `${router.url}/api/v1/resources`,
        large,
        JSON.stringify({ id: `big-${i}`, content }),
      );
      assert.equal(written.status, 201, written.text);
    }
    const second = startPod(api, 1, directory);
    const settledBy = () => router.membership.current.pods.map(({ settled }) => settled).join();
    await until(() => settledBy() === "2,2");
    const answering = new Set<string>();
    for (const tenant of tenants) {
      const found = await send(`${router.url}/api/v1/resources?q=wor`, tenant);
      assert.equal(found.status, 200);
      assert.equal(JSON.parse(found.text).resources.length, 1, tenant);
      answering.add(found.pod);
    }
    assert.equal(answering.size, 2);
    await api.patch(RESOURCES.statefulSets, key, { type: "merge", body: { spec: { replicas: 1 } } });
    second.terminate();
    const reads = await Promise.all(tenants.map((tenant) => send(`${router.url}/api/v1/entities/r`, tenant)));
    for (const { status, text } of reads) assert.equal(status, 200, text);
    await second.ended;
    assert.equal((await send(`${router.url}/api/v1/entities/big-39`, large)).status, 200);
    assert.equal(router.membership.current.pods.length, 1);
    for (const tenant of tenants) {
      assert.equal((await send(`${router.url}/api/v1/entities/r`, tenant)).pod, "test-db-small-0");
    }
  } finally {
    first.terminate();
    await first.ended;
    await router.server.close();
    following.abort();
    rmSync(directory, { recursive: true });
  }
});
