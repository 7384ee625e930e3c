import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpBody, type HttpHandler, type HttpRequest, readBody } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { NO_MEMBERSHIP, type TierMembership } from "../model/tier-membership.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../simulation/virtual/virtual-network.ts";
import { MAX_REPLAYED_BYTES } from "./replayable.ts";
import { type MembershipFeed, Router, type RouterOptions } from "./router.ts";
import { RouterMetrics } from "./router-metrics.ts";

const POD = {
  name: "p-0",
  address: "http://10.0.0.1:8000",
  state: "member" as const,
  settled: 1,
  volume: "v",
};
const ONE: TierMembership = { epoch: 1, revision: 1, pods: [POD] };

class Feed implements MembershipFeed {
  current: TierMembership;
  next: TierMembership;
  refreshes = 0;
  readonly #listeners = new Set<(membership: TierMembership) => void>();

  constructor(membership: TierMembership) {
    this.current = membership;
    this.next = membership;
  }

  onChange(listener: (membership: TierMembership) => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async refresh() {
    this.refreshes++;
    this.show(this.next);
    return this.current;
  }

  show(membership: TierMembership): void {
    this.current = membership;
    this.next = membership;
    for (const listener of [...this.#listeners]) listener(membership);
  }
}

function routerOf(membership: TierMembership, options: Partial<RouterOptions> = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock, delayMs: () => 1 });
  const feed = new Feed(membership);
  const metrics = new RouterMetrics(clock, "small", {
    pending: () => router.pending,
    epoch: () => feed.current.epoch,
  });
  const router: Router = new Router({
    clock,
    random: seededRandom(1),
    log: silentLogger,
    network: network.host("10.0.1.1"),
    membership: feed,
    metrics,
    ...options,
  });
  const serve = (handler: HttpHandler, address = "10.0.0.1") =>
    network.host(address).serve({ host: address, port: 8000 }, handler);
  const call = (request: Partial<HttpRequest> & { method: string }) => {
    const { signal } = new AbortController();
    const base = {
      target: "/api/v1/resources",
      headers: { "x-tenant-id": "acme" },
      body: bodyOf(),
      remoteAddress: "10.9.9.9",
    };
    return clock.runUntil(router.handle({ signal, ...base, ...request }), 120_000);
  };
  return { clock, network, feed, router, metrics, serve, call };
}

const textOf = async (body: unknown) =>
  typeof body === "string"
    ? body
    : new TextDecoder().decode(
        await readBody(body instanceof Uint8Array ? bodyOf(body) : (body as HttpBody)),
      );

test("Router passes request and answer on, without what belongs to one connection", async () => {
  const { serve, call } = routerOf(ONE);
  let seen: HttpRequest | undefined;
  let received = "";
  await serve(async (request) => {
    seen = request;
    received = await textOf(request.body);
    const headers = {
      "x-answer": "yes",
      connection: "close, x-private",
      "x-private": "1",
      "keep-alive": "timeout=5",
    };
    return { status: 201, headers, body: "done" };
  });
  const headers = {
    "x-tenant-id": "acme",
    host: "example.org",
    connection: "keep-alive, x-hop",
    "x-hop": "1",
    te: "trailers",
    "x-percolate-epoch": "999",
    "x-percolate-request-id": "chosen-by-client",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const response = await call({
    method: "POST",
    target: "/api/v1/resources?q=a%20b",
    headers,
    body: bodyOf("body"),
  });
  assert.equal(response.status, 201);
  assert.equal(await textOf(response.body), "done");
  assert.deepEqual(response.headers, { "x-answer": "yes", "content-length": "4" });
  assert.equal(received, "body");
  assert.equal(seen?.target, "/api/v1/resources?q=a%20b");
  for (const name of ["host", "connection", "x-hop", "te"])
    assert.equal(seen?.headers[name], undefined, name);
  assert.equal(seen?.headers["x-percolate-epoch"], "1");
  assert.notEqual(seen?.headers["x-percolate-request-id"], "chosen-by-client");
  assert.equal(seen?.headers["x-forwarded-for"], "10.9.9.9");
  assert.ok(seen?.headers["traceparent"] !== undefined);
});

test("Router refuses a request without a tenant, or with one that is none", async () => {
  const { call } = routerOf(ONE);
  const cases: Record<string, string>[] = [
    {},
    { "x-tenant-id": "" },
    { "x-tenant-id": "a/b" },
    { "x-tenant-id": "a".repeat(101) },
  ];
  for (const headers of cases) {
    assert.equal((await call({ method: "GET", headers })).status, 400);
  }
});

test("Router looks again after 421, asking the API when the pod knows a later epoch", async () => {
  const { serve, call, feed } = routerOf(ONE);
  await serve(() => ({ status: 421, headers: { "x-percolate-epoch": "2" } }));
  await serve(() => ({ status: 200, body: "from the new owner" }), "10.0.0.2");
  feed.next = { epoch: 2, revision: 2, pods: [{ ...POD, name: "p-1", address: "http://10.0.0.2:8000" }] };
  const response = await call({ method: "GET" });
  assert.equal(await textOf(response.body), "from the new owner");
  assert.equal(feed.refreshes, 1);
});

test("Router tries a write again with the same id and the same bytes when the connection breaks", async () => {
  const { serve, call, network, clock, feed } = routerOf(ONE);
  const seen: string[] = [];
  await serve(async (request) => {
    seen.push(`${request.headers["x-percolate-request-id"]} ${await textOf(request.body)}`);
    if (seen.length === 1) {
      network.drop("10.0.0.1");
      clock.after(700, () =>
        feed.show({ ...ONE, revision: 2, pods: [{ ...POD, address: "http://10.0.0.2:8000" }] }),
      );
    }
    return { status: 201 };
  });
  await serve(async (request) => {
    seen.push(`${request.headers["x-percolate-request-id"]} ${await textOf(request.body)}`);
    return { status: 201 };
  }, "10.0.0.2");
  assert.equal((await call({ method: "POST", body: bodyOf("once") })).status, 201);
  assert.equal(seen.length, 2);
  assert.equal(seen[0], seen[1]);
  assert.match(seen[0], /^[0-9a-f-]{36} once$/);
});

test("Router passes other errors of the pod on as they are", async () => {
  for (const status of [400, 404, 409, 413, 500, 503]) {
    const { serve, call } = routerOf(ONE);
    let tries = 0;
    await serve(() => {
      tries++;
      return { status, body: `status ${status}` };
    });
    const response = await call({ method: "GET" });
    assert.equal(response.status, status);
    assert.equal(await textOf(response.body), `status ${status}`);
    assert.equal(tries, 1);
  }
});

test("Router waits for a pod that is on its way and gives up in time, with Retry-After", async () => {
  const { clock, call, feed, serve, router } = routerOf(NO_MEMBERSHIP, { maxWaitMs: 5_000 });
  const early = call({ method: "GET" });
  await clock.advance(4_000);
  assert.equal(router.pending, 1);
  await serve(() => ({ status: 200 }));
  feed.show(ONE);
  assert.equal((await early).status, 200);
  assert.equal(router.pending, 0);
  feed.show({ ...NO_MEMBERSHIP, revision: 5 });
  const startMs = clock.monotonic();
  const late = await call({ method: "GET" });
  assert.equal(late.status, 503);
  assert.equal(late.headers?.["retry-after"], "1");
  assert.equal(clock.monotonic() - startMs, 5_000);
});

test("Router gives a pod that hangs up and tries again", async () => {
  const { serve, call } = routerOf(ONE, { attemptTimeoutMs: 1_000 });
  let tries = 0;
  await serve(() => (++tries === 1 ? new Promise(() => {}) : { status: 200 }));
  assert.equal((await call({ method: "GET" })).status, 200);
  assert.equal(tries, 2);
});

test("Router gives a pod that hangs in the middle of its answer up, too", async () => {
  const { serve, call } = routerOf(ONE, { attemptTimeoutMs: 1_000 });
  let tries = 0;
  async function* half() {
    yield new Uint8Array(10);
    if (++tries === 1) await new Promise(() => {});
    yield new Uint8Array(10);
  }
  await serve(() => ({ status: 200, headers: { "content-length": "20" }, body: half() }));
  const response = await call({ method: "GET" });
  assert.equal((response.body as Uint8Array).length, 20);
  assert.equal(tries, 2);
});

test("Router stops when the client goes away", async () => {
  const { clock, router } = routerOf(NO_MEMBERSHIP);
  const gone = new AbortController();
  const headers = { "x-tenant-id": "acme" };
  const request = {
    method: "GET",
    target: "/",
    headers,
    body: bodyOf(),
    remoteAddress: "",
    signal: gone.signal,
  };
  const response = router.handle(request);
  await clock.advance(1_000);
  gone.abort();
  assert.equal((await clock.runUntil(response)).status, 499);
  assert.equal(router.pending, 0);
});

test("Router holds no more requests and bytes than it may", async () => {
  const { clock, router, feed, serve } = routerOf(NO_MEMBERSHIP, { maxPending: 2, maxHeldBytes: 1_000 });
  const { signal } = new AbortController();
  const send = (bytes: number) =>
    router.handle({
      method: "POST",
      target: "/",
      headers: { "x-tenant-id": "acme" },
      body: bodyOf("x".repeat(bytes)),
      remoteAddress: "",
      signal,
    });
  const first = send(600);
  await clock.advance(10);
  assert.equal((await clock.runUntil(send(401))).status, 503);
  const second = send(400);
  await clock.advance(10);
  assert.equal((await clock.runUntil(send(0))).status, 503);
  await serve(() => ({ status: 200 }));
  feed.show(ONE);
  const answers = await clock.runUntil(Promise.all([first, second]));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  // Everything was given back.
  assert.equal((await clock.runUntil(send(1_000))).status, 200);
});

test("Router passes a body that is too large to keep through once, and does not try it again", async () => {
  const { serve, call, network } = routerOf(ONE);
  const large = new Uint8Array(MAX_REPLAYED_BYTES + 1);
  let bytes = 0;
  let breaks = false;
  await serve(async (request) => {
    bytes = (await readBody(request.body)).length;
    if (breaks) network.drop("10.0.0.1");
    return { status: 413 };
  });
  assert.equal((await call({ method: "POST", body: bodyOf(large) })).status, 413);
  assert.equal(bytes, large.length);
  breaks = true;
  assert.equal((await call({ method: "POST", body: bodyOf(large) })).status, 502);
});

test("Router streams a large answer", async () => {
  const { serve, call, clock } = routerOf(ONE);
  async function* pieces() {
    for (let i = 0; i < 20; i++) yield new Uint8Array(64 * 1024);
  }
  await serve(() => ({ status: 200, body: pieces() }));
  const response = await call({ method: "GET" });
  assert.ok(!(response.body instanceof Uint8Array));
  const whole = await clock.runUntil(readBody(response.body as HttpBody));
  assert.equal(whole.length, 20 * 64 * 1024);
});

test("RouterMetrics counts answers and tries", async () => {
  const { serve, call, metrics, feed } = routerOf(ONE);
  let tries = 0;
  await serve(() =>
    ++tries < 3 ? { status: 503, headers: { "x-percolate-retry": "true" } } : { status: 200 },
  );
  await call({ method: "GET" });
  const shown = JSON.stringify(
    metrics.registry.collect().map(({ prometheusName, points }) => [prometheusName, points.length]),
  );
  assert.match(shown, /percolate_router_requests/);
  const retries = metrics.registry
    .collect()
    .find(({ prometheusName }) => prometheusName === "percolate_router_retries");
  assert.deepEqual(
    retries?.points.map((point) => [point.attributes["reason"], "value" in point && point.value]),
    [["unavailable", 2]],
  );
  assert.equal(feed.current.epoch, 1);
});
