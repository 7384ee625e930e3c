import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { MemoryKubernetesApi } from "../../simulation/virtual/memory-kubernetes-api.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { MembershipClient, membershipName } from "./tier-membership.ts";

const NAMESPACE = "percolate-test";
const NAME = membershipName("small");

function world() {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const api = new MemoryKubernetesApi({ beforeOperation: () => clock.sleep(1) });
  const stop = new AbortController();
  const client = (remembered?: MembershipClient["current"]) =>
    new MembershipClient({
      api,
      clock,
      random,
      log: silentLogger,
      namespace: NAMESPACE,
      name: NAME,
      signal: stop.signal,
      remembered,
    });
  return { clock, api, client, stop };
}

test("update() makes the object, and a hundred concurrent changes all happen", async () => {
  const { clock, client } = world();
  const clients = [client(), client(), client(), client()];
  const changes = Array.from({ length: 100 }, (_, index) =>
    clients[index % 4].update((current) => ({ epoch: current.epoch + 1, pods: [] })),
  );
  await clock.runUntil(Promise.all(changes));
  const last = await clock.runUntil(client().refresh());
  assert.deepEqual([last.epoch, last.revision], [100, 100]);
});

test("follow() brings changes of others, and reach() waits for an epoch", async () => {
  const { clock, client, stop } = world();
  const [writer, reader] = [client(), client()];
  await clock.runUntil(reader.follow());
  const reached = reader.reach(2, stop.signal);
  await clock.runUntil(writer.update(() => ({ epoch: 1, pods: [] })));
  await clock.runUntil(writer.update(() => ({ epoch: 2, pods: [] })));
  await clock.runUntil(reached);
  assert.equal(reader.current.epoch, 2);
  const late = reader.reach(3, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(clock.runUntil(late), /enough/);
});

test("an older revision is not taken, and a deleted object is restored by the next change", async () => {
  const { clock, api, client } = world();
  const one = client();
  await clock.runUntil(one.follow());
  await clock.runUntil(one.update(() => ({ epoch: 7, pods: [] })));
  await clock.runUntil(one.update(() => ({ epoch: 8, pods: [] })));
  const old = { metadata: { namespace: NAMESPACE, name: NAME }, data: { epoch: "1", revision: "1" } };
  await clock.runUntil(api.replace(RESOURCES.configMaps, old));
  await clock.advance(100);
  assert.equal(one.current.epoch, 8);
  await clock.runUntil(api.delete(RESOURCES.configMaps, { namespace: NAMESPACE, name: NAME }));
  await clock.runUntil(one.update((current) => ({ ...current, epoch: current.epoch + 1 })));
  const fresh = client();
  assert.equal((await clock.runUntil(fresh.refresh())).epoch, 9);
  const remembering = client(one.current);
  assert.equal(remembering.current.epoch, 9);
});

test("an object that makes no sense is reported and not taken", async () => {
  const { clock, api, client } = world();
  const bad = { metadata: { namespace: NAMESPACE, name: NAME }, data: { epoch: "many" } };
  await clock.runUntil(api.create(RESOURCES.configMaps, bad));
  assert.equal((await clock.runUntil(client().refresh())).epoch, 0);
});
