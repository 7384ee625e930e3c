/** PodDisruptionBudgets (upstream `pkg/controller/disruption`): how many pods may be evicted now. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { type LabelSelector, matchesSelector, selectorOf } from "../../model/label-selector.ts";
import { objectKey } from "../../wire/kubernetes/informer.ts";
import type { Condition, Pod } from "../types.ts";
import { type ControllerContext, getIfExists, sameJson, splitKey, startController } from "./controller.ts";
import { isPodActive, isPodReady } from "./pod-state.ts";
import { scaledValue } from "./scaled-value.ts";

export interface PodDisruptionBudget extends KubernetesObject {
  spec: {
    selector?: LabelSelector;
    minAvailable?: number | string;
    maxUnavailable?: number | string;
  };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed: number;
    currentHealthy: number;
    desiredHealthy: number;
    expectedPods: number;
    disruptedPods?: Record<string, string>;
    conditions?: Condition[];
  };
}

/** An eviction that was granted counts against the budget this long, in case the pod's end is never seen. */
const DISRUPTED_POD_TIMEOUT_MS = 120_000;

export function startPodDisruptionBudgetController(context: ControllerContext): void {
  const { api, informers } = context;
  const budgets = informers.of<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets);
  const controller = startController({
    context,
    name: "disruption-controller",
    async reconcile(key) {
      const budget = await getIfExists<PodDisruptionBudget>(
        api,
        RESOURCES.podDisruptionBudgets,
        splitKey(key),
      );
      if (budget !== undefined) await update(context, budget);
      return undefined;
    },
  });
  controller.watch(RESOURCES.podDisruptionBudgets);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) =>
    [...budgets.objects.values()].filter((budget) => covers(budget, pod)).map(objectKey),
  );
}

function covers(budget: PodDisruptionBudget, pod: Pod): boolean {
  if (budget.metadata.namespace !== pod.metadata.namespace) return false;
  const selector = selectorOf(budget.spec.selector);
  return selector !== undefined && matchesSelector(selector, pod.metadata.labels);
}

async function update(context: ControllerContext, budget: PodDisruptionBudget): Promise<void> {
  const { api, clock } = context;
  const { namespace } = budget.metadata;
  const pods = (await api.list<Pod>(RESOURCES.pods, { namespace })).items.filter(
    (pod) => covers(budget, pod) && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed",
  );
  const { minAvailable, maxUnavailable } = budget.spec;
  // Only a share is one of what the owners want; a number is one of pods, whoever they belong to.
  const isNumber = maxUnavailable === undefined && typeof minAvailable === "number";
  const expected = isNumber ? pods.length : await expectedPods(context, pods);
  const desired =
    maxUnavailable !== undefined
      ? Math.max(0, expected - scaledValue(maxUnavailable, expected, "up"))
      : scaledValue(minAvailable ?? 0, expected, "up");
  const disruptedPods = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) =>
        clock.now() - Date.parse(time) < DISRUPTED_POD_TIMEOUT_MS &&
        pods.some((pod) => pod.metadata.name === name && isPodActive(pod)),
    ),
  );
  const healthy = pods.filter(
    (pod) => isPodActive(pod) && isPodReady(pod) && !(pod.metadata.name in disruptedPods),
  ).length;
  const allowed = expected === 0 ? 0 : Math.max(0, healthy - desired);
  const condition: Condition = {
    type: "DisruptionAllowed",
    status: allowed > 0 ? "True" : "False",
    reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
    message: "",
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: kubernetesTime(clock.now()),
  };
  const before = budget.status?.conditions?.find(({ type }) => type === condition.type);
  if (before?.status === condition.status) condition.lastTransitionTime = before.lastTransitionTime;
  const status: PodDisruptionBudget["status"] = {
    observedGeneration: budget.metadata.generation,
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    conditions: [condition],
  };
  if (!sameJson(budget.status, status)) {
    await api.updateStatus<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, { ...budget, status });
  }
}

const SCALABLE = {
  ReplicaSet: RESOURCES.replicaSets,
  StatefulSet: RESOURCES.statefulSets,
  Deployment: RESOURCES.deployments,
} as const;

/** How many pods their owners want; pods of nobody count themselves. */
async function expectedPods({ api }: ControllerContext, pods: Pod[]): Promise<number> {
  const owners = new Map<string, number>();
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
    const resource = SCALABLE[owner?.kind as keyof typeof SCALABLE];
    if (owner === undefined || resource === undefined) {
      owners.set(pod.metadata.uid!, 1);
      continue;
    }
    if (owners.has(owner.uid)) continue;
    const key = { namespace: pod.metadata.namespace, name: owner.name };
    const object = await getIfExists<KubernetesObject>(api, resource, key);
    owners.set(owner.uid, object?.spec?.replicas ?? 1);
  }
  return [...owners.values()].reduce((sum, count) => sum + count, 0);
}
