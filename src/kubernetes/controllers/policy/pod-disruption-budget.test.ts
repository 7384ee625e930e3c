import assert from "node:assert/strict";
import test from "node:test";
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject, OwnerReference } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { StatefulSet } from "../../types.ts";
import { startStatefulSetController } from "../apps/stateful-set.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { type PodDisruptionBudget, startPodDisruptionBudgetController } from "./pod-disruption-budget.ts";

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
    "CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: jobs.batch does not implement the scale subresource",
  ]);
  assert.equal(job.status!.disruptionsAllowed, 0);
  assert.equal(job.status!.conditions![0].reason, "SyncFailed");
  stop();
});

interface Told {
  expected?: number;
  healthy?: number;
  allowed?: number;
  reason?: string;
  message?: string;
}

/** A budget of 50 % over pods that belong to `owner`, one of them ready. */
async function budgetOver(
  owner: { apiVersion: string; kind: string; name: string; uid: string } | undefined,
  prepare: (api: KubernetesApi) => Promise<unknown> = async () => {},
): Promise<Told> {
  const clock = new VirtualClock();
  const { api, context, stop } = await createWorkloadWorld({ clock, readyAfterMs: () => 10 });
  await api.create(RESOURCES.namespaces, { metadata: { name: "shop" } });
  await prepare(api);
  startPodDisruptionBudgetController(context);
  const selector = { matchLabels: { app: "web" } };
  await api.create(RESOURCES.pods, {
    metadata: {
      name: "web",
      namespace: "shop",
      labels: { app: "web" },
      ...(owner && { ownerReferences: [{ ...owner, controller: true }] }),
    },
    spec: { containers: [{ name: "app", image: "x" }] },
  });
  await api.create<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, {
    metadata: { name: "web", namespace: "shop" },
    spec: { selector, minAvailable: "50%" },
  });
  await clock.advance(1_000);
  const key = { namespace: "shop", name: "web" };
  const { status } = await api.get<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, key);
  stop();
  const { reason, message } = status!.conditions![0];
  return {
    expected: status!.expectedPods,
    healthy: status!.currentHealthy,
    allowed: status!.disruptionsAllowed,
    reason,
    message,
  };
}

test("a share of pods that nobody owns is a share of none", async () => {
  assert.deepEqual(await budgetOver(undefined), {
    expected: 0,
    healthy: 1,
    allowed: 0,
    reason: "InsufficientPods",
    message: "",
  });
});

test("owners that can not be asked how many pods they want are told of, and nobody may be evicted", async () => {
  const cases: [apiVersion: string, kind: string, message: string][] = [
    ["batch/v1", "Job", "jobs.batch does not implement the scale subresource"],
    ["apps/v1", "ReplicaSet", 'found no controllers for pod "web"'],
    ["example.org/v1", "Fleet", 'no matches for kind "Fleet" in version "example.org/v1"'],
  ];
  for (const [apiVersion, kind, message] of cases) {
    const told = await budgetOver({ apiVersion, kind, name: "owner", uid: "u" });
    assert.deepEqual([told.allowed, told.reason, told.message], [0, "SyncFailed", message]);
  }
});

test("the pods of a rollout are a share of what the Deployment wants, not of one ReplicaSet", async () => {
  const template = {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "app", image: "x" }] },
  };
  const spec = { replicas: 3, selector: { matchLabels: { app: "web" } }, template };
  let uid = "";
  const told = await budgetOver(
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web-1",
      get uid() {
        return uid;
      },
    },
    async (api) => {
      const metadata = { name: "web", namespace: "shop" };
      const deployment = await api.create<KubernetesObject>(RESOURCES.deployments, {
        metadata,
        spec: { ...spec, replicas: 8 },
      });
      const ownerReferences = [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: "web",
          uid: deployment.metadata.uid!,
          controller: true,
        },
      ];
      const set = await api.create<KubernetesObject>(RESOURCES.replicaSets, {
        metadata: { name: "web-1", namespace: "shop", ownerReferences },
        spec,
      });
      uid = set.metadata.uid!;
    },
  );
  assert.equal(told.expected, 8);
});
