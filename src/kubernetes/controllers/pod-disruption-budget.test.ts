import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject, OwnerReference } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual-clock.ts";
import type { StatefulSet } from "../types.ts";
import { type PodDisruptionBudget, startPodDisruptionBudgetController } from "./pod-disruption-budget.ts";
import { startStatefulSetController } from "./stateful-set.ts";
import { createWorkloadWorld } from "./workload-world.ts";

const CASES: [spec: Partial<PodDisruptionBudget["spec"]>, ready: number, desired: number, allowed: number][] =
  [
    [{ minAvailable: 2 }, 4, 2, 2],
    [{ minAvailable: 2 }, 2, 2, 0],
    [{ minAvailable: "50%" }, 4, 2, 2],
    [{ minAvailable: "51%" }, 4, 3, 1],
    [{ maxUnavailable: 1 }, 4, 3, 1],
    [{ maxUnavailable: 1 }, 3, 3, 0],
    [{ maxUnavailable: "30%" }, 4, 2, 2],
    [{ minAvailable: 5 }, 4, 5, 0],
  ];
for (const [spec, ready, desired, allowed] of CASES) {
  test(`${JSON.stringify(spec)} with ${ready} of 4 pods ready allows ${allowed}`, async () => {
    const clock = new VirtualClock();
    const isReady = (name: string) => Number(name.split("-").at(-1)) < ready;
    const { api, context, stop } = await createWorkloadWorld({
      clock,
      readyAfterMs: ({ metadata }) => (isReady(metadata.name) ? 10 : undefined),
    });
    await api.create(RESOURCES.namespaces, { metadata: { name: "shop" } });
    startStatefulSetController(context);
    startPodDisruptionBudgetController(context);
    const selector = { matchLabels: { app: "web" } };
    const template = {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "app", image: "x" }] },
    };
    await api.create<StatefulSet>(RESOURCES.statefulSets, {
      metadata: { name: "web", namespace: "shop" },
      spec: { replicas: 4, serviceName: "web", podManagementPolicy: "Parallel", selector, template },
    });
    await api.create<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, {
      metadata: { name: "web", namespace: "shop" },
      spec: { selector, ...spec },
    });
    await clock.advance(1_000);
    const key = { namespace: "shop", name: "web" };
    const { status } = await api.get<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, key);
    assert.deepEqual(
      [status!.expectedPods, status!.currentHealthy, status!.desiredHealthy, status!.disruptionsAllowed],
      [4, ready, desired, allowed],
    );
    stop();
  });
}

test("what a budget can't be computed for is told: no pods, pods of nobody, pods of what can't be scaled", async () => {
  const clock = new VirtualClock();
  const { api, context, stop } = await createWorkloadWorld({ clock, readyAfterMs: () => 10 });
  await api.create(RESOURCES.namespaces, { metadata: { name: "shop" } });
  startPodDisruptionBudgetController(context);
  const budget = async (name: string, spec: Partial<PodDisruptionBudget["spec"]>) => {
    const selector = { matchLabels: { app: name, b: "1" } };
    const metadata = { name, namespace: "shop" };
    await api.create<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, {
      metadata,
      spec: { selector, ...spec },
    });
    await clock.advance(1_000);
    const { status } = await api.get<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, metadata);
    const { items } = await api.list<KubernetesObject>(RESOURCES.events, {
      fieldSelector: `involvedObject.name=${name}`,
    });
    const events = items as (KubernetesObject & { reason: string; message: string })[];
    return { status, events: events.map(({ reason, message }) => `${reason}: ${message}`) };
  };
  const pod = (name: string, ownerReferences?: OwnerReference[]) =>
    api.create(RESOURCES.pods, {
      metadata: { name, namespace: "shop", labels: { app: name, b: "1" }, ownerReferences },
      spec: { containers: [{ name: "c", image: "x" }] },
    } as KubernetesObject);
  const none = await budget("none", { minAvailable: 1 });
  assert.deepEqual(none.events, ["NoPods: No matching pods found"]);
  await pod("lone");
  const lone = await budget("lone", { maxUnavailable: 1 });
  assert.equal(lone.status!.expectedPods, 0);
  assert.equal(
    lone.events[0].split(" (selector: ")[1].split(")")[0],
    "&LabelSelector{MatchLabels:map[string]string{app: lone,b: 1,},MatchExpressions:[]LabelSelectorRequirement{},}",
  );
  await pod("job", [{ apiVersion: "batch/v1", kind: "Job", name: "j", uid: "u", controller: true }]);
  const job = await budget("job", { minAvailable: "50%" });
  assert.deepEqual(job.events, [
    'CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: found no controllers for pod "job"',
  ]);
  assert.equal(job.status!.disruptionsAllowed, 0);
  assert.equal(job.status!.conditions![0].reason, "SyncFailed");
  stop();
});
