import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { Node, Pod } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startNodeTaintController, startTaintEvictionController } from "./node-taints.ts";

const KEY = { name: "node-1" };

async function start(tolerations: Record<string, object[]> = {}) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  const { api, context } = world;
  for (const name of ["t", "default"])
    await api.create(RESOURCES.namespaces, { metadata: { name } } as KubernetesObject);
  await api.create(RESOURCES.nodes, { metadata: KEY } as KubernetesObject);
  startNodeTaintController(context);
  startTaintEvictionController(context);
  for (const [name, its] of Object.entries(tolerations)) {
    const spec = { containers: [{ name: "c", image: "i:1" }], tolerations: its };
    await api.create(RESOURCES.pods, { metadata: { namespace: "t", name }, spec } as KubernetesObject);
  }
  await clock.advance(1_000);
  const change = async (spec: object) => {
    await api.patch(RESOURCES.nodes, KEY, { type: "merge", body: { spec } });
    await clock.advance(1_000);
    return (await api.get<Node>(RESOURCES.nodes, KEY)).spec?.taints;
  };
  const names = async () => (await world.pods()).map(({ metadata }) => metadata.name).sort();
  const events = async () => {
    const { items } = await api.list<KubernetesObject & { message: string }>(RESOURCES.events);
    return items.map(({ message }) => message).sort();
  };
  return { clock, ...world, change, names, events };
}

test("a cordoned node has a taint, beside those that it has anyway", async () => {
  const { change, stop } = await start();
  const own = { key: "a", value: "b", effect: "NoSchedule" };
  const taints = await change({ unschedulable: true, taints: [own] });
  assert.deepEqual(
    taints?.map(({ key, effect }) => [key, effect]),
    [
      ["a", "NoSchedule"],
      ["node.kubernetes.io/unschedulable", "NoSchedule"],
    ],
  );
  assert.match(taints![1].timeAdded!, /Z$/);
  assert.deepEqual(await change({ unschedulable: null }), [own]);
  stop();
});

test("pods that do not tolerate a NoExecute taint are deleted, others when their patience ends", async () => {
  const forever = [{ key: "a", operator: "Exists" }];
  const { api, change, clock, names, events, stop } = await start({
    none: [],
    brief: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 }],
    forever,
  });
  const doomed = api.get<Pod>(RESOURCES.pods, { namespace: "t", name: "none" });
  assert.equal((await doomed).status?.phase, "Running");
  await change({ taints: [{ key: "a", effect: "NoExecute" }] });
  assert.deepEqual(await names(), ["brief", "forever"]);
  await clock.advance(8_000);
  assert.deepEqual(await names(), ["brief", "forever"]);
  await clock.advance(2_000);
  assert.deepEqual(await names(), ["forever"]);
  assert.deepEqual(await events(), ["Marking for deletion Pod t/brief", "Marking for deletion Pod t/none"]);
  stop();
});

test("without the taint nobody goes", async () => {
  const brief = [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 }];
  const { change, clock, names, events, stop } = await start({ brief });
  await change({ taints: [{ key: "a", effect: "NoExecute" }] });
  await change({ taints: null });
  await clock.advance(60_000);
  assert.deepEqual(await names(), ["brief"]);
  assert.deepEqual(await events(), ["Cancelling deletion of Pod t/brief"]);
  stop();
});
