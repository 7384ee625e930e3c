/** PodDisruptionBudgets (upstream `pkg/controller/disruption`): how many pods may be evicted now. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime, type OwnerReference } from "../../model/kubernetes-object.ts";
import { type LabelSelector, matchesSelector, selectorOf } from "../../model/label-selector.ts";
import { createEventRecorder, type EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
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
      if (budget !== undefined) await update(context, events, budget);
      return undefined;
    },
  });
  const events = createEventRecorder({ api, clock: context.clock, component: "controllermanager" });
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

async function update(
  context: ControllerContext,
  events: EventRecorder,
  budget: PodDisruptionBudget,
): Promise<void> {
  const { api } = context;
  const { namespace } = budget.metadata;
  const pods = (await api.list<Pod>(RESOURCES.pods, { namespace })).items.filter(
    (pod) => covers(budget, pod) && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed",
  );
  if (pods.length === 0) events.record(budget, "Normal", "NoPods", "No matching pods found");
  const { minAvailable, maxUnavailable } = budget.spec;
  // Only a share is one of what the owners want; a number is one of pods, whoever they belong to.
  const isNumber = maxUnavailable === undefined && typeof minAvailable === "number";
  const scale = isNumber ? { expected: pods.length, unmanaged: false } : await expectedScale(context, pods);
  if ("problem" in scale) {
    const message = `Failed to calculate the number of expected pods: ${scale.problem}`;
    events.record(budget, "Warning", "CalculateExpectedPodCountFailed", message);
    const { status } = budget;
    const { observedGeneration = 0 } = status ?? {};
    await write(context, budget, {
      ...(status ?? { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
      disruptionsAllowed: 0,
      conditions: [conditionOf(context, budget, "SyncFailed", scale.problem, observedGeneration)],
    });
    return;
  }
  if (scale.unmanaged) {
    events.record(
      budget,
      "Warning",
      "UnmanagedPods",
      `Pods selected by this PodDisruptionBudget (selector: ${printed(budget.spec.selector)}) were found to be unmanaged. ` +
        "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. " +
        'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.',
    );
  }
  await write(context, budget, statusFor(context, budget, pods, scale.expected));
}

function statusFor(
  context: ControllerContext,
  budget: PodDisruptionBudget,
  pods: Pod[],
  expected: number,
): NonNullable<PodDisruptionBudget["status"]> {
  const { minAvailable, maxUnavailable } = budget.spec;
  const desired =
    maxUnavailable !== undefined
      ? Math.max(0, expected - scaledValue(maxUnavailable, expected, "up"))
      : scaledValue(minAvailable ?? 0, expected, "up");
  const nowMs = context.clock.now();
  const disruptedPods = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) =>
        nowMs - Date.parse(time) < DISRUPTED_POD_TIMEOUT_MS &&
        pods.some((pod) => pod.metadata.name === name && isPodActive(pod)),
    ),
  );
  const healthy = pods.filter(
    (pod) => isPodActive(pod) && isPodReady(pod) && !(pod.metadata.name in disruptedPods),
  ).length;
  const allowed = expected === 0 ? 0 : Math.max(0, healthy - desired);
  const { generation } = budget.metadata;
  const reason = allowed > 0 ? "SufficientPods" : "InsufficientPods";
  return {
    observedGeneration: generation,
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    conditions: [conditionOf(context, budget, reason, "", generation)],
  };
}

function conditionOf(
  { clock }: ControllerContext,
  budget: PodDisruptionBudget,
  reason: "SufficientPods" | "InsufficientPods" | "SyncFailed",
  message: string,
  observedGeneration: number | undefined,
): Condition {
  const type = "DisruptionAllowed";
  const status = reason === "SufficientPods" ? "True" : "False";
  const before = budget.status?.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime =
    before?.status === status ? before.lastTransitionTime : kubernetesTime(clock.now());
  return { type, status, reason, message, observedGeneration, lastTransitionTime };
}

async function write(
  { api }: ControllerContext,
  budget: PodDisruptionBudget,
  status: NonNullable<PodDisruptionBudget["status"]>,
): Promise<void> {
  if (sameJson(budget.status, status)) return;
  await api.updateStatus<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, { ...budget, status });
}

const SCALABLE = {
  ReplicaSet: RESOURCES.replicaSets,
  ReplicationController: { group: "", version: "v1", resource: "replicationcontrollers" },
  StatefulSet: RESOURCES.statefulSets,
  Deployment: RESOURCES.deployments,
} as const;

type Scale = { expected: number; unmanaged: boolean } | { problem: string };

/** How many pods their owners want. Pods of nobody do not count, pods of what can't be scaled are a problem. */
async function expectedScale(context: ControllerContext, pods: Pod[]): Promise<Scale> {
  const replicas = new Map<string, number>();
  let unmanaged = false;
  for (const pod of pods) {
    const reference = controllerOf(pod);
    if (reference === undefined) {
      unmanaged = true;
      continue;
    }
    let owner = await ownerOf(context, reference, pod.metadata.namespace);
    const above = owner?.kind === "ReplicaSet" ? controllerOf(owner) : undefined;
    if (above?.kind === "Deployment") owner = await ownerOf(context, above, pod.metadata.namespace);
    if (owner === undefined) {
      return { problem: `found no controllers for pod ${JSON.stringify(pod.metadata.name)}` };
    }
    replicas.set(owner.metadata.uid!, owner.spec?.replicas ?? 1);
  }
  return { expected: [...replicas.values()].reduce((sum, count) => sum + count, 0), unmanaged };
}

function controllerOf({ metadata }: KubernetesObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller);
}

async function ownerOf(
  { api }: ControllerContext,
  { kind, name, uid }: OwnerReference,
  namespace: string | undefined,
): Promise<KubernetesObject | undefined> {
  const resource = SCALABLE[kind as keyof typeof SCALABLE];
  if (resource === undefined) return undefined;
  const found = await getIfExists<KubernetesObject>(api, resource, { namespace, name });
  return found?.metadata.uid === uid ? found : undefined;
}

/** As Go prints a selector. */
function printed({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string {
  const labels = Object.entries(matchLabels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
  );
  return (
    `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},` +
    `MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`
  );
}
