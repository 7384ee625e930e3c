import assert from "node:assert/strict";
import { test } from "node:test";
import type { FetchOptions, FetchResponse, Network } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { type LoadReport, POD_HEADER, runTenantLoad } from "./tenant-load.ts";

type Answer = { status: number; body: string; pod: string };

/** A router in front of pods that keep what they are given; `tamper` spoils an answer. */
function routerWith(tamper: (sent: number, tenant: string, answer: Answer) => Answer): Network {
  const stored = new Map<string, string>();
  let sent = 0;
  return {
    serve: () => Promise.reject(new Error("not a server")),
    async fetch(url: string, options: FetchOptions = {}) {
      sent++;
      const tenant = options.headers!["x-tenant-id"];
      const id = options.method === "POST" ? `e${sent}` : url.split("/").at(-1)!;
      if (options.method === "POST")
        stored.set(`${tenant}/${id}`, JSON.parse(options.body as string).content);
      const content = stored.get(`${tenant}/${id}`);
      const { status, body, pod } = tamper(sent, tenant, {
        status: 200,
        body: JSON.stringify({ id, content }),
        pod: "db-0",
      });
      return { status, headers: { [POD_HEADER]: pod }, text: async () => body } as unknown as FetchResponse;
    },
  };
}

async function run(
  tamper: (sent: number, tenant: string, answer: Answer) => Answer,
): Promise<LoadReport & { told: string[] }> {
  const clock = new VirtualClock();
  const told: string[] = [];
  const report = runTenantLoad({
    network: routerWith(tamper),
    clock,
    random: seededRandom(1),
    url: "http://router",
    tenants: 3,
    rate: 6,
    durationMs: 10_000,
    signal: new AbortController().signal,
    onMove: (tenant, from, to) => told.push(`${tenant} ${from}>${to}`),
    onFailure: (_, problem) => told.push(problem),
  });
  await clock.advance(11_000);
  return { ...(await report), told };
}

test("runTenantLoad() sends the rate for the duration and reads everything back", async () => {
  const { tenants, latenciesMs, told } = await run((_, __, answer) => answer);
  assert.deepEqual(
    tenants.map(({ requests, failures, lost, pods }) => ({ requests, failures, lost, pods })),
    Array(3).fill({ requests: 20, failures: 0, lost: 0, pods: ["db-0"] }),
  );
  assert.ok(tenants.every(({ written }) => written > 10));
  assert.equal(latenciesMs.length, 60);
  assert.deepEqual(told, []);
});

test("runTenantLoad() counts what failed and what was lost", async () => {
  const { tenants, told } = await run((sent, _, answer) =>
    sent === 7 ? { ...answer, status: 503, body: "no pod" } : answer,
  );
  assert.equal(
    tenants.reduce((sum, { failures }) => sum + failures, 0),
    1,
  );
  assert.match(told[0], /status 503: no pod/);

  const spoiled = await run((sent, tenant, answer) =>
    sent > 60 && tenant === "tenant-002" ? { ...answer, body: '{"content":"x"}' } : answer,
  );
  assert.deepEqual(
    spoiled.tenants.map(({ lost, written }) => lost === written),
    [false, true, false],
  );
});

test("runTenantLoad() tells when a tenant moves", async () => {
  const { tenants, told } = await run((sent, _, answer) => (sent > 30 ? { ...answer, pod: "db-1" } : answer));
  assert.deepEqual(
    tenants.map(({ pods }) => pods),
    Array(3).fill(["db-0", "db-1"]),
  );
  assert.equal(told.filter((line) => line.endsWith("db-0>db-1")).length, 3);
});
