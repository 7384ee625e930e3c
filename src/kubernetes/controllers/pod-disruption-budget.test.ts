import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../model/kubernetes-api.ts";
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
