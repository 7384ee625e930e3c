import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpBody, readBody } from "../base/network.ts";
import { randomInteger, seededRandom } from "../base/random.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { ServiceTelemetry } from "../telemetry/mod.ts";
import { Custody } from "./custody.ts";
import { createJournalEngine } from "./journal-engine.ts";
import { MAX_BODY_BYTES, MAX_QUERY_LENGTH } from "./resource-api.ts";
import { createServer } from "./server.ts";
import { SingleMembership } from "./single-membership.ts";
import { TenantVolume } from "./tenant-volume.ts";

async function serverOf(notReady: () => string | undefined = () => undefined) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const disk = new MemoryDisk();
  const telemetry = new ServiceTelemetry({
    clock,
    random,
    log: silentLogger,
    env: {},
    pod: "p-0",
    tier: "small",
  });
  const volume = new TenantVolume({ disk, random, engine: createJournalEngine(disk), directory: "/data" });
  await volume.load();
  const membership = new SingleMembership();
  await membership.update(() => ({
    epoch: 1,
    pods: [{ name: "p-0", address: "http://p-0", state: "member", settled: 1, volume: volume.id }],
  }));
  const peers = {
    claim: () => assert.fail("nobody to ask"),
    offer: () => assert.fail("nobody to hand over to"),
  };
  const activity = telemetry.activeTenants;
  const custody = new Custody({ self: "p-0", clock, log: silentLogger, membership, volume, peers, activity });
  const handler = createServer({ clock, random, telemetry, custody, pod: "p-0", tier: "small", notReady });
  const call = async (
    method: string,
    target: string,
    options: { headers?: Record<string, string>; body?: string | Uint8Array | HttpBody } = {},
  ) => {
    const { headers = { "x-tenant-id": "acme" }, body } = options;
    const whole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const { signal } = new AbortController();
    const content = whole ? bodyOf(body as string) : (body as HttpBody);
    const response = await handler({
      method,
      target,
      headers,
      body: content,
      remoteAddress: "10.0.0.1",
      signal,
    });
    const text =
      typeof response.body === "string"
        ? response.body
        : new TextDecoder().decode(await readBody((response.body ?? bodyOf()) as HttpBody));
    return { status: response.status, headers: response.headers ?? {}, text };
  };
  return { call, clock, telemetry };
}

test("a resource that was posted is found by id and by search, by its tenant alone", async () => {
  const { call } = await serverOf();
  const body = JSON.stringify({ name: "note", content: "The quick brown fox", metadata: { a: 1 } });
  const posted = await call("POST", "/api/v1/resources", { body });
  assert.equal(posted.status, 201);
  assert.equal(posted.headers["x-topology-pod"], "p-0");
  const { id } = JSON.parse(posted.text);
  const shown = {
    id,
    name: "note",
    content: "The quick brown fox",
    metadata: { a: 1 },
    created_at: "2026-01-01T00:00:00.000Z",
  };
  assert.deepEqual(JSON.parse((await call("GET", `/api/v1/entities/${id}`)).text), shown);
  assert.deepEqual(JSON.parse((await call("GET", "/api/v1/resources?q=quick%20fox")).text), {
    resources: [shown],
  });
  assert.deepEqual(JSON.parse((await call("GET", "/api/v1/resources?q=slow")).text), { resources: [] });
  const headers = { "x-tenant-id": "other" };
  assert.equal((await call("GET", `/api/v1/entities/${id}`, { headers })).status, 404);
  assert.deepEqual(JSON.parse((await call("GET", "/api/v1/resources", { headers })).text), { resources: [] });
});

test("what makes no sense gets its status and a JSON error, and is not done", async () => {
  const { call } = await serverOf();
  const json = (value: unknown) => ({ body: JSON.stringify(value) });
  const cases: [method: string, target: string, options: object, status: number, code: string][] = [
    ["GET", "/api/v1/resources", { headers: {} }, 400, "invalid_tenant"],
    ["GET", "/api/v1/resources", { headers: { "x-tenant-id": "../etc" } }, 400, "invalid_tenant"],
    ["GET", "/", {}, 404, "not_found"],
    ["GET", "/api/v1/entities/", {}, 404, "not_found"],
    ["GET", "/api/v1/entities/%zz", {}, 404, "not_found"],
    ["GET", "/api/v1/entities/..%2f..", {}, 404, "not_found"],
    ["GET", "/api/v1/entities/none", {}, 404, "not_found"],
    ["DELETE", "/api/v1/resources", {}, 405, "method_not_allowed"],
    ["POST", "/api/v1/entities/x", json({ content: "x" }), 405, "method_not_allowed"],
    ["POST", "/api/v1/resources", { body: "{" }, 400, "invalid_json"],
    ["POST", "/api/v1/resources", {}, 400, "invalid_json"],
    ["POST", "/api/v1/resources", json([1]), 400, "invalid_body"],
    ["POST", "/api/v1/resources", json(null), 400, "invalid_body"],
    ["POST", "/api/v1/resources", json({}), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: 1 }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "" }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "x", id: "a b" }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "x", id: "a".repeat(129) }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "x", name: "n".repeat(501) }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "x", metadata: [] }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", json({ content: "x", surprise: 1 }), 400, "invalid_field"],
    ["POST", "/api/v1/resources", { body: '{"content":"x","__proto__":{"a":1}}' }, 400, "invalid_field"],
    ["GET", "/api/v1/resources?limit=0", {}, 400, "invalid_field"],
    ["GET", "/api/v1/resources?limit=101", {}, 400, "invalid_field"],
    ["GET", "/api/v1/resources?limit=1e1", {}, 400, "invalid_field"],
    ["GET", "/api/v1/resources?offset=-1", {}, 400, "invalid_field"],
    ["GET", `/api/v1/resources?q=${"a".repeat(MAX_QUERY_LENGTH + 1)}`, {}, 400, "invalid_field"],
    [
      "GET",
      "/api/v1/resources",
      { headers: { "x-tenant-id": "a", "x-percolate-epoch": "x" } },
      400,
      "invalid_epoch",
    ],
    ["GET", "/internal/tenants/..", {}, 400, "invalid_tenant"],
    ["GET", "/internal/tenants/acme", {}, 405, "method_not_allowed"],
    ["PUT", "/internal/tenants/acme", {}, 400, "invalid_offer"],
    ["POST", "/internal/tenants/acme/claim", { headers: {} }, 400, "invalid_epoch"],
    ["POST", "/internal/tenants/acme/claim", { headers: { "x-percolate-epoch": "1" } }, 421, "misdirected"],
  ];
  for (const [method, target, options, status, code] of cases) {
    const answer = await call(method, target, options);
    const about = `${method} ${target.slice(0, 60)} ${JSON.stringify(options).slice(0, 80)}`;
    assert.equal(answer.status, status, about);
    assert.equal(JSON.parse(answer.text).error.code, code, about);
  }
  assert.deepEqual(JSON.parse((await call("GET", "/api/v1/resources")).text), { resources: [] });
});

test("a body is taken up to its limit", async () => {
  const { call } = await serverOf();
  const frame = JSON.stringify({ content: "" }).length;
  const bodyOfBytes = (bytes: number) => JSON.stringify({ content: "x".repeat(bytes - frame) });
  assert.equal((await call("POST", "/api/v1/resources", { body: bodyOfBytes(MAX_BODY_BYTES) })).status, 201);
  assert.equal(
    (await call("POST", "/api/v1/resources", { body: bodyOfBytes(MAX_BODY_BYTES + 1) })).status,
    413,
  );
  async function* endless() {
    for (;;) yield new Uint8Array(64 * 1024);
  }
  assert.equal((await call("POST", "/api/v1/resources", { body: endless() })).status, 413);
});

test("a write of one request id is done once; another resource of the same id conflicts", async () => {
  const { call } = await serverOf();
  const headers = { "x-tenant-id": "acme", "x-percolate-request-id": "r1" };
  const body = JSON.stringify({ content: "x" });
  const first = await call("POST", "/api/v1/resources", { headers, body });
  const again = await call("POST", "/api/v1/resources", { headers, body });
  assert.deepEqual([again.status, again.text], [201, first.text]);
  const { id } = JSON.parse(first.text);
  const other = await call("POST", "/api/v1/resources", { body: JSON.stringify({ id, content: "y" }) });
  assert.equal(other.status, 409);
});

test("/health, /ready and /metrics need no tenant and are not measured", async () => {
  let reason: string | undefined = "the pod has not joined yet";
  const { call } = await serverOf(() => reason);
  const get = (path: string) => call("GET", path, { headers: {} });
  assert.equal((await get("/health")).status, 200);
  assert.match((await get("/ready")).text, /has not joined yet/);
  assert.equal((await get("/ready")).status, 503);
  reason = undefined;
  assert.equal((await get("/ready")).status, 200);
  assert.doesNotMatch((await get("/metrics")).text, /http_server_request_duration_seconds_count/);
  await call("GET", "/api/v1/resources?q=x");
  const { text } = await get("/metrics");
  assert.match(text, /http_server_request_duration_seconds_count\{.*http_route="\/api\/v1\/resources"\} 1/);
  assert.match(text, /^percolate_active_tenants\{tier="small"\} 1$/m);
});

test("requests at random never break the server", async () => {
  const { call, telemetry } = await serverOf();
  let broken = 0;
  telemetry.log.error = () => broken++;
  const random = seededRandom(77);
  const pick = (...choices: string[]) => choices[randomInteger(random, choices.length)];
  const noise = () => Buffer.from(random.bytes(randomInteger(random, 40))).toString("latin1");
  for (let round = 0; round < 3_000; round++) {
    const target =
      pick("/api/v1/resources", "/api/v1/entities/", "/internal/tenants/", "/") +
      pick("", "a", "?q=", "?limit=", noise()) +
      pick("", noise());
    const headers = {
      "x-tenant-id": pick("acme", noise()),
      [pick("x-percolate-epoch", "content-length", "x-percolate-generation", "traceparent", "accept")]: pick(
        "1",
        "0",
        noise(),
      ),
    };
    const body = pick("", noise(), '{"content":"x"}', `{"content":${JSON.stringify(noise())}}`);
    const { status } = await call(pick("GET", "POST", "PUT", "HEAD", noise()), target, { headers, body });
    assert.ok(status < 500, `${status} for ${target}`);
  }
  assert.equal(broken, 0);
});
