import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { bodyOf, type HttpBody } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { ownerOf, type TierMembership, type TierPod } from "../model/tier-membership.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { ActiveTenants } from "../telemetry/mod.ts";
import { Custody, DamagedError, MisdirectedError, UnavailableError } from "./custody.ts";
import { createJournalEngine } from "./journal-engine.ts";
import type { Offer } from "./offer.ts";
import { PeerError, type Peers } from "./peers.ts";
import { SingleMembership } from "./single-membership.ts";
import { TenantVolume } from "./tenant-volume.ts";

/** What becomes of a call between two pods, by the fault of a test. */
type Fault = "refused" | "answer lost";

interface TestPod {
  name: string;
  disk: MemoryDisk;
  volume: TenantVolume;
  custody: Custody;
  /** This pod's view, which a test moves on by itself. */
  view: SingleMembership;
  activity: ActiveTenants;
}

/** Pods that talk to each other directly, each with a view of its own. */
class Tier {
  readonly clock = new VirtualClock();
  readonly pods = new Map<string, TestPod>();
  /** By `claim from→to` or `offer from→to`. */
  readonly faults = new Map<string, Fault>();
  readonly calls: string[] = [];

  async add(name: string, disk = new MemoryDisk()): Promise<TestPod> {
    const engine = createJournalEngine(disk);
    const volume = new TenantVolume({ disk, random: seededRandom(1), engine, directory: "/data" });
    await volume.load();
    const view = new SingleMembership();
    const activity = new ActiveTenants();
    const { clock } = this;
    const peers = this.#peersOf(name);
    const custody = new Custody({
      self: name,
      clock,
      log: silentLogger,
      membership: view,
      volume,
      peers,
      activity,
    });
    const pod = { name, disk, volume, custody, view, activity };
    this.pods.set(name, pod);
    return pod;
  }

  #peersOf(from: string): Peers {
    const { signal } = new AbortController();
    const call = async <T>(kind: string, address: string, work: (to: TestPod) => Promise<T>): Promise<T> => {
      const to = this.pods.get(address.replace("http://", ""));
      const key = `${kind} ${from}→${to?.name}`;
      this.calls.push(key);
      if (to === undefined || this.faults.get(key) === "refused") throw new PeerError("refused");
      try {
        const result = await work(to);
        if (this.faults.get(key) === "answer lost") throw new PeerError("socket hang up");
        return result;
      } catch (error) {
        throw new PeerError(String(error), error instanceof MisdirectedError ? error.epoch : 0);
      }
    };
    return {
      claim: async (address, { tenant, epoch }) => {
        await call("claim", address, (to) => to.custody.claimed(tenant, epoch, signal));
      },
      offer: (address, offer, body) =>
        call("offer", address, (to) => to.custody.offered(offer, body(), signal)),
    };
  }

  /** What all pods, or some, know from now on. */
  async show(membership: TierMembership, ...names: string[]): Promise<void> {
    for (const pod of this.pods.values()) {
      if (names.length === 0 || names.includes(pod.name)) await pod.view.update(() => membership);
    }
  }
}

function membershipOf(epoch: number, pods: Record<string, Partial<TierPod>>): TierMembership {
  const list = Object.entries(pods).map(([name, rest]): TierPod => {
    return { name, address: `http://${name}`, state: "member", settled: epoch, volume: "v", ...rest };
  });
  return { epoch, revision: epoch, pods: list };
}

/** A tenant that `owner` owns among the members. */
function tenantOf(owner: string, membership: TierMembership): string {
  for (let i = 0; ; i++) if (ownerOf(membership, `t${i}`)?.name === owner) return `t${i}`;
}

const write = (pod: TestPod, tenant: string, id: string, epoch = 0) =>
  pod.custody.use(tenant, epoch, async (database) => {
    await database.insert({ id, name: "", content: id, metadata: {}, createdAt: "" }, undefined);
  });
const ids = (pod: TestPod, tenant: string, epoch = 0) =>
  pod.custody.use(tenant, epoch, async (database) =>
    (await database.search({ query: "", limit: 100, offset: 0 })).map(({ id }) => id).sort(),
  );

test("R1: a pod whose view is old keeps serving what it holds; the owner to be waits and then has it all", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  await write(a, tenant, "one");
  tier.faults.set("claim b→a", "refused");
  await tier.show(next, "b");
  const early = ids(b, tenant, 2);
  await tier.clock.advance(1_000);
  await write(a, tenant, "two", 1);
  await tier.show(next, "a");
  await assert.rejects(write(a, tenant, "three", 1), MisdirectedError);
  tier.faults.clear();
  assert.deepEqual(await tier.clock.runUntil(early), ["one", "two"]);
  assert.deepEqual(a.volume.tenants(), []);
});

test("R2: what may have been taken is not served, and the newer copy comes back to an owner that had it", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  await write(a, tenant, "one");
  await tier.show(next);
  tier.faults.set("offer a→b", "answer lost");
  assert.equal(await a.custody.handOver(tenant), false);
  await write(b, tenant, "two", 2);
  // b leaves: the tenant is a's again, whose copy is old.
  const last = membershipOf(3, { a: { settled: 1 }, b: { state: "leaving", settled: 2 } });
  await tier.show(last, "a");
  tier.faults.set("claim a→b", "refused");
  const early = ids(a, tenant, 3);
  const refused = assert.rejects(early, UnavailableError);
  await tier.clock.advance(6_000);
  await refused;
  await tier.show(last, "b");
  tier.faults.clear();
  assert.deepEqual(await tier.clock.runUntil(ids(a, tenant, 3)), ["one", "two"]);
  assert.deepEqual(b.volume.tenants(), []);
});

test("R2: what nobody took is served again by the owner that had offered it, once the others have said so", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  await write(a, tenant, "one");
  await tier.show(next);
  tier.faults.set("offer a→b", "refused");
  assert.equal(await a.custody.handOver(tenant), false);
  await tier.show(membershipOf(3, { a: { settled: 1 }, b: { state: "leaving", settled: 2 } }));
  assert.deepEqual(await tier.clock.runUntil(ids(a, tenant, 3)), ["one"]);
  assert.deepEqual(tier.calls.slice(-1), ["claim a→b"]);
  assert.equal(b.volume.tenants().length, 0);
});

test("R3: a tenant is new only when every unsettled pod says so; a pod that is away keeps it waiting", async () => {
  const tier = new Tier();
  const a = await tier.add("a");
  await tier.add("b");
  const away = membershipOf(2, { a: {}, b: { settled: 1 }, c: { settled: 1, address: undefined } });
  const tenant = tenantOf("a", away);
  await tier.show(away);
  const early = assert.rejects(write(a, tenant, "one", 2), UnavailableError);
  await tier.clock.advance(6_000);
  await early;
  assert.deepEqual(a.volume.tenants(), []);
  // The pod comes to be settled: nobody has to ask it.
  await tier.show({
    ...membershipOf(2, { a: {}, b: { settled: 1 }, c: { address: undefined } }),
    revision: 3,
  });
  await tier.clock.runUntil(write(a, tenant, "one", 2));
  assert.deepEqual(await ids(a, tenant, 2), ["one"]);
  assert.ok(!tier.calls.some((call) => call.includes("→c")));
});

test("R3: a pod that is settled is not asked at all", async () => {
  const tier = new Tier();
  const a = await tier.add("a");
  await tier.add("b");
  const membership = membershipOf(2, { a: {}, b: {} });
  await tier.show(membership);
  await write(a, tenantOf("a", membership), "one", 2);
  assert.deepEqual(tier.calls, []);
});

test("R4: a pod denies a tenant only when it knows the asker's epoch", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { b: {} }));
  const next = membershipOf(2, { a: {}, b: { settled: 1 } });
  const tenant = tenantOf("a", next);
  await tier.show(next, "a");
  const asked = ids(a, tenant, 2);
  await tier.clock.advance(100);
  // b still believes that the tenant is its own, and makes it.
  await write(b, tenant, "one", 1);
  await tier.show(next, "b");
  assert.deepEqual(await tier.clock.runUntil(asked), ["one"]);
});

test("R4: a copy that arrives when the pod is no longer the owner is not taken", async () => {
  const tier = new Tier();
  const [a, b, c] = [await tier.add("a"), await tier.add("b"), await tier.add("c")];
  await tier.show(membershipOf(1, { a: {} }));
  const two = membershipOf(2, { a: { settled: 1 }, b: {} });
  const three = membershipOf(3, { a: { settled: 1 }, b: { settled: 2 }, c: {} });
  const tenant = Array.from({ length: 1_000 }, (_, index) => `t${index}`).find(
    (name) => ownerOf(two, name)?.name === "b" && ownerOf(three, name)?.name === "c",
  )!;
  await write(a, tenant, "one");
  await tier.show(two);
  // The view of b moves on while the bytes are under way.
  const original = b.volume.receive.bind(b.volume);
  b.volume.receive = async (body: HttpBody) => {
    const incoming = await original(body);
    await tier.show(three, "b", "c");
    return incoming;
  };
  assert.equal(await a.custody.handOver(tenant), false);
  assert.deepEqual(b.volume.tenants(), []);
  assert.deepEqual(
    b.disk.paths().filter((path) => path.includes("incoming")),
    [],
  );
  await tier.show(three, "a");
  assert.deepEqual(await tier.clock.runUntil(ids(c, tenant, 3)), ["one"]);
  assert.deepEqual(a.volume.tenants(), []);
});

test("R4: a pod that is not the owner yet does not deny a tenant that it makes in an epoch before the asker's", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  const one = membershipOf(1, { b: {}, c: {} });
  const two = membershipOf(2, { b: {} });
  const three = membershipOf(3, { a: {}, b: { settled: 2 } });
  const tenant = Array.from({ length: 1_000 }, (_, index) => `t${index}`).find(
    (name) => ownerOf(one, name)?.name === "c" && ownerOf(three, name)?.name === "a",
  )!;
  await tier.show(one, "b");
  await tier.show(three, "a");
  const asked = ids(a, tenant, 3);
  await tier.clock.advance(100);
  await tier.show(two, "b");
  await write(b, tenant, "one", 2);
  await tier.show(three, "b");
  assert.deepEqual(await tier.clock.runUntil(asked), ["one"]);
});

test("R4: a copy in doubt is not taken when the pod stopped being the owner while it asked", async () => {
  const tier = new Tier();
  const [b, d] = [await tier.add("b"), await tier.add("d")];
  const two = membershipOf(2, { b: {}, d: { settled: 1 } });
  const three = membershipOf(3, { b: { state: "leaving", settled: 2 }, d: { settled: 1 } });
  const tenant = tenantOf("b", two);
  await tier.show(two);
  const original = d.custody.claimed.bind(d.custody);
  d.custody.claimed = async (...args) => {
    const answer = await original(...args);
    await tier.show(three, "b");
    return answer;
  };
  const bytes = new TextEncoder().encode("{}\n");
  const digest = createHash("sha256").update(bytes).digest("hex");
  const offer: Offer = { tenant, from: "a", epoch: 2, generation: 1, bytes: 3, digest, inDoubt: true };
  const { signal } = new AbortController();
  await assert.rejects(b.custody.offered(offer, bodyOf(bytes), signal), MisdirectedError);
  assert.deepEqual(b.volume.tenants(), []);
});

test("R5: quiesce() waits for a tenant that is being made under the old view", async () => {
  const tier = new Tier();
  const a = await tier.add("a");
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  const original = a.volume.create.bind(a.volume);
  const gate = Promise.withResolvers<void>();
  a.volume.create = async (name) => {
    await gate.promise;
    await original(name);
  };
  const writing = assert.rejects(write(a, tenant, "one"), MisdirectedError);
  await tier.clock.advance(10);
  await tier.show(next);
  let quiet = false;
  const quiescing = a.custody.quiesce().then(() => (quiet = true));
  await tier.clock.advance(10);
  assert.equal(quiet, false);
  assert.deepEqual(a.custody.foreign(), []);
  gate.resolve();
  await quiescing;
  assert.deepEqual(a.custody.foreign(), [tenant]);
  await writing;
});

test("a copy in doubt is taken only after the pod that may have it was asked: its writes are kept", async () => {
  for (const restarts of [false, true]) {
    const tier = new Tier();
    let a = await tier.add("a");
    const [b, c] = [await tier.add("b"), await tier.add("c")];
    await tier.show(membershipOf(1, { a: {} }));
    const two = membershipOf(2, { a: { settled: 1 }, b: {} });
    const three = membershipOf(3, { a: { settled: 1 }, b: { settled: 2 }, c: {} });
    const tenant = Array.from({ length: 1_000 }, (_, index) => `t${index}`).find(
      (name) => ownerOf(two, name)?.name === "b" && ownerOf(three, name)?.name === "c",
    )!;
    await write(a, tenant, "one");
    await tier.show(two);
    tier.faults.set("offer a→b", "answer lost");
    assert.equal(await a.custody.handOver(tenant), false);
    await write(b, tenant, "two", 2);
    if (restarts) a = await tier.add("a", a.disk);
    await tier.show(three);
    // a is first: c must not believe it.
    assert.equal(await tier.clock.runUntil(a.custody.handOver(tenant)), true);
    assert.deepEqual(await ids(c, tenant, 3), ["one", "two"]);
    assert.deepEqual([a.volume.tenants(), b.volume.tenants()], [[], []]);
  }
});

test("a copy that was superseded is removed when its pod offers it late", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  await write(a, tenant, "one");
  await tier.show(next);
  tier.faults.set("offer a→b", "answer lost");
  assert.equal(await a.custody.handOver(tenant), false);
  await write(b, tenant, "two", 2);
  tier.faults.clear();
  assert.equal(await a.custody.handOver(tenant), true);
  assert.deepEqual(a.volume.tenants(), []);
  assert.deepEqual(await ids(b, tenant, 2), ["one", "two"]);
});

test("a tenant's activity travels with it", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenant = tenantOf("b", next);
  await write(a, tenant, "one");
  a.activity.touch(tenant, tier.clock.monotonic());
  await tier.clock.advance(60_000);
  await tier.show(next);
  assert.equal(await a.custody.handOver(tenant), true);
  assert.equal(a.activity.count(tier.clock.monotonic()), 0);
  assert.equal(b.activity.count(tier.clock.monotonic()), 1);
  await tier.clock.advance(240_000);
  assert.equal(b.activity.count(tier.clock.monotonic()), 0);
});

test("a damaged copy is refused and nothing of it is kept", async () => {
  const tier = new Tier();
  const b = await tier.add("b");
  const membership = membershipOf(2, { b: {} });
  await tier.show(membership);
  const { signal } = new AbortController();
  const offer: Offer = {
    tenant: "t",
    from: "a",
    epoch: 2,
    generation: 1,
    bytes: 3,
    digest: "0".repeat(64),
    inDoubt: false,
  };
  await assert.rejects(b.custody.offered(offer, bodyOf("abc"), signal), DamagedError);
  await assert.rejects(b.custody.offered({ ...offer, bytes: 2 }, bodyOf("abc"), signal), DamagedError);
  assert.deepEqual(b.volume.tenants(), []);
  assert.deepEqual(
    b.disk.paths().filter((path) => path.includes("incoming")),
    [],
  );
});

test("a hundred tenants with concurrent requests move at once, each request in one place", async () => {
  const tier = new Tier();
  const [a, b] = [await tier.add("a"), await tier.add("b")];
  await tier.show(membershipOf(1, { a: {} }));
  const next = membershipOf(2, { a: { settled: 1 }, b: {} });
  const tenants = Array.from({ length: 100 }, (_, index) => `t${index}`);
  for (const tenant of tenants) await write(a, tenant, "one");
  await tier.show(next);
  const requests = tenants.flatMap((tenant) => {
    const owner = ownerOf(next, tenant)?.name === "a" ? a : b;
    return ["two", "three"].map((id) => write(owner, tenant, id, 2));
  });
  const rounds = tenants.map((tenant) => a.custody.handOver(tenant));
  await tier.clock.runUntil(Promise.all([...requests, ...rounds]));
  for (const tenant of tenants) {
    const owner = ownerOf(next, tenant)?.name === "a" ? a : b;
    assert.deepEqual(await ids(owner, tenant, 2), ["one", "three", "two"]);
  }
  assert.deepEqual(a.custody.foreign(), []);
  assert.equal(a.volume.tenants().length + b.volume.tenants().length, 100);
});

test("close() refuses what comes after it", async () => {
  const tier = new Tier();
  const a = await tier.add("a");
  await tier.show(membershipOf(1, { a: {} }));
  await write(a, "t", "one");
  await a.custody.close();
  await assert.rejects(write(a, "t", "two"), UnavailableError);
  assert.equal(a.volume.openDatabases, 0);
});
