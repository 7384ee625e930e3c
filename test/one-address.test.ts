/** The cluster where 127.0.0.1 is the only loopback address: pods have addresses all the same, as names. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import test, { after, before } from "node:test";
import type { EndpointSlice, Pod } from "../src/kubernetes/types.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { ClusterWorld, isReady } from "./cluster-world.ts";

let world: ClusterWorld;

before(async () => {
  world = await ClusterWorld.create(true);
});
after(() => world.remove());

/** Which addresses have ports now. */
const listening = async () =>
  new Set((await readdir(join(world.dataDirectory, "ports"))).map((name) => name.split("_")[0]));

test("pods listen on the same port, find each other, Services, themselves and the API", async () => {
  await world.start();
  await world.createWorkloads();
  const all = await world.readyPods(4);
  assert.equal(new Set(all.map(({ status }) => status!.podIP)).size, 4);
  const db = all.find(({ metadata }) => metadata.name === "db-1")!;
  const facts = await world.ask(
    db,
    "/facts?url=http://web/&url=http://db-0.db:8000/&url=http://localhost:8000/",
  );
  const [web, ...others] = facts.urls as string[];
  assert.match(web, /^web-/);
  assert.deepEqual([facts.hostname, facts.api, ...others], ["db-1", 200, "db-0", "db-1"]);
  const slices = await world.api.list<EndpointSlice>(RESOURCES.endpointSlices, {
    namespace: "default",
    labelSelector: "kubernetes.io/service-name=db",
  });
  const addresses = slices.items.flatMap(({ endpoints }) =>
    endpoints.flatMap((endpoint) => endpoint.addresses),
  );
  const ofDb = all.filter(({ metadata }) => metadata.name.startsWith("db-"));
  assert.deepEqual(addresses.sort(), ofDb.map(({ status }) => status!.podIP).sort());
});

test("a killed control plane finds its pods where they were", async () => {
  const before = await world.readyPods(4);
  const pids = (pods: Pod[]) =>
    Promise.all(pods.map(async (pod) => (await world.ask(pod, "/facts-of-process")).pid));
  const earlier = await pids(before);
  await world.kill();
  await world.start();
  const now = await world.readyPods(4);
  assert.deepEqual(await pids(now), earlier);
  // Its Services listen anew.
  const facts = await world.eventually("the Service answers", async () => {
    const answer = await world.ask(now[0], "/facts?url=http://web/");
    return answer.urls !== undefined && answer;
  });
  assert.match((facts.urls as string[])[0], /^web-/);
});

test("scaling makes and removes ports, and a crash is no trouble", async () => {
  const key = { namespace: "default", name: "web" };
  await world.api.patch(RESOURCES.deployments, key, { type: "merge", body: { spec: { replicas: 4 } } });
  const many = await world.readyPods(6);
  await world.api.patch(RESOURCES.deployments, key, { type: "merge", body: { spec: { replicas: 1 } } });
  const few = await world.readyPods(3);
  const gone = many.filter(({ metadata }) => few.every((pod) => pod.metadata.uid !== metadata.uid));
  await world.eventually("the ports of the removed pods are forgotten", async () => {
    const addresses = await listening();
    return gone.every(({ status }) => !addresses.has(status!.podIP!));
  });
  const victim = few.find(({ metadata }) => metadata.name === "db-0")!;
  process.kill(Number((await world.ask(victim, "/facts-of-process")).pid), "SIGKILL");
  const back = await world.eventually("restarted", async () => {
    const pod = await world.api.get<Pod>(RESOURCES.pods, victim.metadata);
    return pod.status?.containerStatuses?.[0].restartCount === 1 && isReady(pod) && pod;
  });
  assert.equal(back.status!.podIP, victim.status!.podIP);
  await world.stop();
  assert.deepEqual(await world.processes(), new Map());
});
