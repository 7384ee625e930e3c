/** The cluster with real processes: what a pod finds, what survives, what is left behind. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { Deployment, Pod, StatefulSet } from "../src/kubernetes/types.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { ClusterWorld, isReady } from "./cluster-world.ts";

let world: ClusterWorld;

before(async () => {
  world = await ClusterWorld.create();
});
after(() => world.remove());

test("pods run, each on its address, and find names, files, environment and the API", async () => {
  await world.start();
  await world.createWorkloads();
  const all = await world.readyPods(4);
  const addresses = new Set(all.map(({ status }) => status!.podIP));
  assert.equal(addresses.size, 4);
  assert.equal(new Set(all.map(({ spec }) => spec.nodeName)).size, 3);
  const db = all.find(({ metadata }) => metadata.name === "db-1")!;
  const facts = await world.ask(
    db,
    "/facts?url=http://web/&url=http://db-0.db:8000/&url=http://localhost:8000/",
  );
  assert.deepEqual(facts, {
    hostname: "db-1",
    color: "blue",
    greeting: `hello ${db.status!.podIP}`,
    urls: ["web", "db-0", "db-1"].map((name) => (name === "web" ? (facts.urls as string[])[0] : name)),
    api: 200,
  });
  assert.match((facts.urls as string[])[0], /^web-/);
});

test("a ConfigMap's change arrives in the pod's files", async () => {
  const patch = { type: "merge", body: { data: { "color.txt": "green" } } } as const;
  await world.api.patch(RESOURCES.configMaps, { namespace: "default", name: "settings" }, patch);
  const [pod] = await world.pods();
  await world.eventually("green", async () => (await world.ask(pod, "/facts")).color === "green");
});

test("a program that is killed comes back at once, with its volume", async () => {
  const [pod] = (await world.pods()).filter(({ metadata }) => metadata.name === "db-0");
  await world.ask(pod, "/write?text=kept");
  const { pid } = await world.ask(pod, "/facts-of-process");
  process.kill(Number(pid), "SIGKILL");
  const back = await world.eventually("restarted", async () => {
    const now = await world.api.get<Pod>(RESOURCES.pods, pod.metadata);
    return now.status?.containerStatuses?.[0].restartCount === 1 && isReady(now) && now;
  });
  assert.equal(back.status!.containerStatuses![0].lastState?.terminated?.exitCode, 137);
  assert.equal((await world.ask(back, "/read")).text, "kept");
});

test("a control plane that is killed finds its ten pods again, none twice, none lost", async () => {
  await world.api.patch(
    RESOURCES.deployments,
    { namespace: "default", name: "web" },
    { type: "merge", body: { spec: { replicas: 8 } } },
  );
  const all = await world.readyPods(10);
  const pids = async () =>
    Promise.all(all.map(async (pod) => (await world.ask(pod, "/facts-of-process")).pid));
  const [earlier, groups] = [await pids(), await world.processes()];
  assert.equal(groups.size, 10);
  await world.kill();
  // One ends while nobody looks.
  const victim = all.find(({ metadata }) => metadata.name === "db-1")!;
  process.kill(Number((await world.ask(victim, "/facts-of-process")).pid), "SIGKILL");
  await world.start();
  await world.eventually("the lost one is back", async () => {
    const now = await world.api.get<Pod>(RESOURCES.pods, victim.metadata);
    return now.status?.containerStatuses?.[0].restartCount === 1 && isReady(now);
  });
  const now = await world.readyPods(10);
  assert.deepEqual(
    now.map(({ metadata }) => metadata.uid).sort(),
    all.map(({ metadata }) => metadata.uid).sort(),
  );
  const later = await pids();
  const changed = all.filter((_pod, index) => earlier[index] !== later[index]);
  assert.deepEqual(
    changed.map(({ metadata }) => metadata.name),
    ["db-1"],
  );
  assert.equal((await world.processes()).size, 10);
  // Its Services work again too.
  const facts = await world.ask(now[0], "/facts?url=http://web/");
  assert.match((facts.urls as string[])[0], /^web-/);
});

test("an unknown image is told by name", async () => {
  const spec = { containers: [{ name: "app", image: "nobody/knows:1" }] };
  await world.api.create<Pod>(RESOURCES.pods, { metadata: { name: "lost", namespace: "default" }, spec });
  const message = await world.eventually("waiting", async () => {
    const pod = await world.api.get<Pod>(RESOURCES.pods, { namespace: "default", name: "lost" });
    const waiting = pod.status?.containerStatuses?.[0].state?.waiting;
    return waiting?.reason === "ErrImagePull" && waiting.message;
  });
  assert.match(message as string, /not in the image catalogue, which has web: add it to images.yaml/);
  await world.api.delete(RESOURCES.pods, { namespace: "default", name: "lost" });
});

test("the end of the control plane is the end of all programs, and the next one starts them again", async () => {
  const before = await world.api.get<StatefulSet>(RESOURCES.statefulSets, {
    namespace: "default",
    name: "db",
  });
  await world.stop();
  assert.deepEqual(await world.processes(), new Map());
  await world.start();
  const all = await world.readyPods(10);
  const db = all.find(({ metadata }) => metadata.name === "db-0")!;
  assert.equal((await world.ask(db, "/read")).text, "kept");
  const now = await world.api.get<StatefulSet>(RESOURCES.statefulSets, { namespace: "default", name: "db" });
  assert.equal(now.metadata.uid, before.metadata.uid);
});

test("what is deleted goes with its processes and folders", async () => {
  for (const [resource, name] of [
    [RESOURCES.deployments, "web"],
    [RESOURCES.statefulSets, "db"],
  ] as const) {
    await world.api.delete<Deployment>(resource, { namespace: "default", name });
  }
  await world.eventually("no pods", async () => (await world.pods()).length === 0);
  assert.deepEqual(await world.processes(), new Map());
  await world.stop();
});
