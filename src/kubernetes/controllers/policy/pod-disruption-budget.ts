/** PodDisruptionBudgets (upstream `pkg/controller/disruption`): how many pods may be evicted now. */
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { type LabelSelector, matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import { createEventRecorder, type EventRecorder } from "../../../wire/kubernetes/event-recorder.ts";
import { objectKey } from "../../../wire/kubernetes/informer.ts";
import type { Condition, Pod } from "../../types.ts";
import { type ControllerContext, getIfExists, sameJson, splitKey, startController } from "../controller.ts";
import { isPodReady } from "../pod-state.ts";
import { scaledValue } from "../scaled-value.ts";
import { expectedScale, ScaleError } from "./disruption-scale.ts";

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
      return budget === undefined ? undefined : update(context, events, budget);
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

/** @returns after how long evictions that were granted are looked at again, in milliseconds */
async function update(
  context: ControllerContext,
  events: EventRecorder,
  budget: PodDisruptionBudget,
): Promise<number | undefined> {
  const { api, clock } = context;
  const { items } = await api.list<Pod>(RESOURCES.pods, { namespace: budget.metadata.namespace });
  const pods = items.filter((pod) => covers(budget, pod));
  if (pods.length === 0) events.record(budget, "Normal", "NoPods", "No matching pods found");
  let expectation: Expectation;
  try {
    expectation = await expectationOf(api, budget, pods);
  } catch (error) {
    if (!(error instanceof ScaleError)) throw error;
    const message = `Failed to calculate the number of expected pods: ${error.message}`;
    events.record(budget, "Warning", "CalculateExpectedPodCountFailed", message);
    await write(context, budget, { ...NOTHING, ...budget.status, disruptionsAllowed: 0 }, error.message);
    return undefined;
  }
  const { expected, desired, unmanaged } = expectation;
  if (unmanaged > 0) events.record(budget, "Warning", "UnmanagedPods", unmanagedText(budget));
  const disruptedPods = stillDisrupted(budget, pods, clock.now());
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      isPodReady(pod) &&
      !Object.hasOwn(disruptedPods, pod.metadata.name),
  ).length;
  await write(context, budget, {
    observedGeneration: budget.metadata.generation,
    disruptionsAllowed: expected === 0 ? 0 : Math.max(0, healthy - desired),
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
  });
  const times = Object.values(disruptedPods).map((time) => Date.parse(time));
  return times.length === 0
    ? undefined
    : Math.max(1, Math.min(...times) + DISRUPTED_POD_TIMEOUT_MS - clock.now());
}

interface Expectation {
  expected: number;
  desired: number;
  unmanaged: number;
}

/** Only a number of pods that must stay is one of pods, whoever they belong to; all else is part of what owners want. */
async function expectationOf(
  api: KubernetesApi,
  { spec: { minAvailable, maxUnavailable } }: PodDisruptionBudget,
  pods: Pod[],
): Promise<Expectation> {
  if (maxUnavailable === undefined && typeof minAvailable !== "string")
    return { expected: pods.length, desired: minAvailable ?? 0, unmanaged: 0 };
  const { count, unmanaged } = await expectedScale(api, pods);
  const desired =
    maxUnavailable === undefined
      ? scaledValue(minAvailable!, count, "up")
      : Math.max(0, count - scaledValue(maxUnavailable, count, "up"));
  return { expected: count, desired, unmanaged: unmanaged.length };
}

/** Pods whose eviction was granted and that have not begun to go. */
function stillDisrupted(budget: PodDisruptionBudget, pods: Pod[], nowMs: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) =>
        nowMs - Date.parse(time) <= DISRUPTED_POD_TIMEOUT_MS &&
        pods.some(({ metadata }) => metadata.name === name && metadata.deletionTimestamp === undefined),
    ),
  );
}

const NOTHING = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };

/** @param failure why the budget can not be counted */
async function write(
  { api, clock }: ControllerContext,
  budget: PodDisruptionBudget,
  counts: NonNullable<PodDisruptionBudget["status"]>,
  failure?: string,
): Promise<void> {
  const isAllowed = counts.disruptionsAllowed > 0;
  const reason = isAllowed ? "SufficientPods" : "InsufficientPods";
  const condition: Condition = {
    type: "DisruptionAllowed",
    status: isAllowed ? "True" : "False",
    reason: failure === undefined ? reason : "SyncFailed",
    message: failure ?? "",
    observedGeneration: counts.observedGeneration,
    lastTransitionTime: kubernetesTime(clock.now()),
  };
  const before = budget.status?.conditions?.find(({ type }) => type === condition.type);
  if (before?.status === condition.status) condition.lastTransitionTime = before.lastTransitionTime;
  const status = { ...counts, conditions: [condition] };
  if (!sameJson(budget.status, status))
    await api.updateStatus<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets, { ...budget, status });
}

function unmanagedText({ spec: { selector } }: PodDisruptionBudget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${printed(selector)}) were found to be unmanaged. ` +
    "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. " +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
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
