/** DaemonSets in virtual time, over nodes that a kubelet stands in for. */
import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { daemonPlacement } from "../../scheduler/filters.ts";
import type { ControllerRevision, DaemonSet, Pod } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startDaemonSetController } from "./daemon-set.ts";
import { nodeOf } from "./daemon-set-pod.ts";

const KEY = { namespace: "t", name: "agent" };
const NODES = ["n1", "n2", "n3"];

async function start(spec: object = {}, annotations?: Record<string, string>) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  const { api, context } = world;
  for (const name of ["t", "default"])
    await api.create(RESOURCES.namespaces, { metadata: { name } } as KubernetesObject);
  for (const name of NODES) await api.create(RESOURCES.nodes, { metadata: { name } } as KubernetesObject);
  startDaemonSetController(context, daemonPlacement);
  await api.create(RESOURCES.daemonSets, {
    metadata: { ...KEY, annotations },
    spec: {
      selector: { matchLabels: { app: "agent" } },
      template: {
        metadata: { labels: { app: "agent" } },
        spec: { containers: [{ name: "c", image: "i:1" }] },
      },
      ...spec,
    },
  } as KubernetesObject);
  await clock.advance(1_000);
  const set = () => api.get<DaemonSet>(RESOURCES.daemonSets, KEY);
  const rollTo = async (image: string) => {
    const template = { spec: { containers: [{ name: "c", image }] } };
    await api.patch(RESOURCES.daemonSets, KEY, { type: "strategic", body: { spec: { template } } });
  };
  const pods = async () => (await world.pods()).filter(({ metadata }) => !metadata.deletionTimestamp);
  return { clock, ...world, set, rollTo, pods };
}

const images = (pods: Pod[]) => pods.map((pod) => `${nodeOf(pod)} ${pod.spec.containers[0].image}`).sort();

test("each node gets a pod that only goes there, whatever the template's affinity", async () => {
  const { pods, set, api, stop } = await start({}, { "kubernetes.io/change-cause": "first" });
  const made = await pods();
  assert.deepEqual(images(made), ["n1 i:1", "n2 i:1", "n3 i:1"]);
  const { items } = await api.list<ControllerRevision>(RESOURCES.controllerRevisions);
  const [{ metadata, revision }] = items;
  const hash = metadata.name.slice("agent-".length);
  assert.deepEqual(metadata.labels, { app: "agent", "controller-revision-hash": hash });
  assert.equal(metadata.annotations?.["kubernetes.io/change-cause"], "first");
  assert.equal(revision, 1);
  for (const pod of made) {
    const labels = { app: "agent", "controller-revision-hash": hash, "pod-template-generation": "1" };
    assert.deepEqual(pod.metadata.labels, labels);
    const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    assert.equal(required?.nodeSelectorTerms.length, 1);
  }
  const { status } = await set();
  assert.deepEqual(status, {
    currentNumberScheduled: 3,
    numberMisscheduled: 0,
    desiredNumberScheduled: 3,
    numberReady: 3,
    observedGeneration: 1,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
  stop();
});

test("without surge old pods go first, maxUnavailable at a time", async () => {
  const { clock, rollTo, pods, stop } = await start();
  await rollTo("i:2");
  let fewest = NODES.length;
  for (let i = 0; i < 100; i++) {
    await clock.advance(20);
    const now = await pods();
    fewest = Math.min(fewest, now.filter(({ status }) => status?.phase === "Running").length);
    assert.equal(new Set(now.map(nodeOf)).size, now.length);
  }
  assert.equal(fewest, 2);
  assert.deepEqual(images(await pods()), ["n1 i:2", "n2 i:2", "n3 i:2"]);
  stop();
});

test("with surge the new pod comes up beside the old one, which then goes", async () => {
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
  const { clock, rollTo, pods, stop } = await start({ updateStrategy: { rollingUpdate } });
  await rollTo("i:2");
  let most = 0;
  for (let i = 0; i < 100; i++) {
    await clock.advance(20);
    const now = await pods();
    const served = new Set(now.filter(({ status }) => status?.phase === "Running").map(nodeOf));
    assert.equal(served.size, NODES.length);
    most = Math.max(most, now.length);
  }
  assert.equal(most, NODES.length + 1);
  assert.deepEqual(images(await pods()), ["n1 i:2", "n2 i:2", "n3 i:2"]);
  stop();
});

test("a pod that failed is replaced, later each time", async () => {
  const { api, clock, pods, stop } = await start();
  const fail = async () => {
    const pod = (await pods()).find((each) => nodeOf(each) === "n1")!;
    await api.updateStatus(RESOURCES.pods, { ...pod, status: { phase: "Failed" } });
    await clock.advance(10);
    return pod.metadata.name;
  };
  const isThere = async (name: string) => (await pods()).some(({ metadata }) => metadata.name === name);
  assert.equal(await isThere(await fail()), false);
  await clock.advance(300);
  const second = await fail();
  assert.equal(await isThere(second), true);
  await clock.advance(1_000);
  assert.equal(await isThere(second), false);
  stop();
});

test("a taint keeps new pods away; only NoExecute ends those that are there", async () => {
  const { api, clock, pods, set, stop } = await start();
  const taint = async (effect: string) => {
    const body = { spec: { taints: [{ key: "a", effect }] } };
    await api.patch(RESOURCES.nodes, { name: "n1" }, { type: "merge", body });
    await clock.advance(500);
  };
  await taint("NoSchedule");
  assert.equal((await pods()).length, 3);
  assert.equal((await set()).status?.numberMisscheduled, 1);
  await taint("NoExecute");
  assert.equal((await pods()).length, 2);
  stop();
});
