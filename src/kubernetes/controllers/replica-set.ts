/** ReplicaSets: as many pods as asked for (upstream `pkg/controller/replicaset`). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../model/label-selector.ts";
import type { Condition, Pod, ReplicaSet } from "../types.ts";
import { claimObjects } from "./claim-pods.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "./controller.ts";
import { isPodActive, isPodAvailable, isPodReady, isPodTerminating } from "./pod-state.ts";

/** At most so many pods are made or deleted in one go (`BurstReplicas`). */
export const BURST_REPLICAS = 500;

export function startReplicaSetController(context: ControllerContext): void {
  const { api, clock, informers } = context;
  informers.of<Pod>(RESOURCES.pods);

  const controller = startController({
    context,
    name: "replicaset-controller",
    async reconcile(key) {
      const set = await getIfExists<ReplicaSet>(
        api,
        RESOURCES.replicaSets,
        splitKey(key) as { name: string },
      );
      if (set === undefined) return undefined;
      const claimant = { owner: set, apiVersion: "apps/v1", kind: "ReplicaSet", selector: set.spec.selector };
      // From the API itself and not from the watch: what was just made is in it, so nothing is made twice.
      const owned = await claimObjects<Pod>(context, RESOURCES.pods, claimant, isPodActive);
      if (set.metadata.deletionTimestamp === undefined) await scale(set, owned.filter(isPodActive));
      const status = statusOf(set, owned, clock.now());
      await writeStatus(api, RESOURCES.replicaSets, set, status);
      return waitForAvailability(set, owned, clock.now());
    },
  });
  controller.watch(RESOURCES.replicaSets);
  controller.watchOwned(RESOURCES.pods, "ReplicaSet");
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) => (isOrphan(pod) ? setsFor(pod) : []));

  function setsFor(pod: Pod): string[] {
    const sets = informers.of<ReplicaSet>(RESOURCES.replicaSets).objects;
    return [...sets].filter(([, set]) => selects(set, pod)).map(([key]) => key);
  }

  async function scale(set: ReplicaSet, active: Pod[]): Promise<void> {
    const missing = (set.spec.replicas ?? 1) - active.length;
    for (let i = 0; i < Math.min(missing, BURST_REPLICAS); i++) await createPod(set);
    if (missing >= 0) return;
    const victims = active.toSorted(compareForDeletion).slice(0, Math.min(-missing, BURST_REPLICAS));
    for (const pod of victims) {
      await deleteIfExists(api, RESOURCES.pods, pod);
      controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    }
  }

  async function createPod(set: ReplicaSet): Promise<void> {
    const { namespace, name } = set.metadata;
    const { metadata, spec } = structuredClone(set.spec.template);
    try {
      const pod = await api.create<Pod>(RESOURCES.pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          ...metadata,
          name: "",
          generateName: `${name}-`,
          namespace,
          ownerReferences: [controllerReference(set, "apps/v1", "ReplicaSet")],
        },
        spec,
      });
      controller.events.record(set, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) {
        controller.events.record(
          set,
          "Warning",
          "FailedCreate",
          `Error creating: ${(error as Error).message}`,
        );
      }
      throw error;
    }
  }
}

function isOrphan(pod: Pod): boolean {
  return !pod.metadata.ownerReferences?.some(({ controller }) => controller);
}

function selects(set: ReplicaSet, pod: Pod): boolean {
  if (set.metadata.namespace !== pod.metadata.namespace) return false;
  return matchesSelector(selectorOf(set.spec.selector)!, pod.metadata.labels);
}

/** Who goes first: not scheduled, not running, not ready, ready for the shortest time, newest (`ActivePods`). */
export function compareForDeletion(a: Pod, b: Pod): number {
  const rank = (pod: Pod) => [
    pod.spec.nodeName ? 1 : 0,
    pod.status?.phase === "Running" ? 2 : pod.status?.phase === "Pending" ? 0 : 1,
    isPodReady(pod) ? 1 : 0,
    deletionCost(pod),
    -readySince(pod),
    -Date.parse(pod.metadata.creationTimestamp ?? ""),
  ];
  const [ranksA, ranksB] = [rank(a), rank(b)];
  const first = ranksA.findIndex((value, index) => value !== ranksB[index]);
  return first === -1 ? 0 : ranksA[first] - ranksB[first];
}

function deletionCost(pod: Pod): number {
  return Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0;
}

function readySince(pod: Pod): number {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "True" ? Date.parse(ready.lastTransitionTime ?? "") || 0 : 0;
}

function statusOf(set: ReplicaSet, owned: Pod[], nowMs: number): NonNullable<ReplicaSet["status"]> {
  const active = owned.filter(isPodActive);
  const templateLabels = set.spec.template.metadata?.labels ?? {};
  const fullyLabeled = active.filter((pod) =>
    Object.entries(templateLabels).every(([name, value]) => pod.metadata.labels?.[name] === value),
  );
  const { minReadySeconds = 0 } = set.spec;
  return {
    replicas: active.length,
    fullyLabeledReplicas: fullyLabeled.length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    terminatingReplicas: owned.filter(isPodTerminating).length,
    observedGeneration: set.metadata.generation,
    conditions: keepOld(set.status?.conditions),
  };
}

/** An empty list is none at all, as upstream omits it. */
function keepOld(conditions: Condition[] | undefined): Condition[] | undefined {
  return conditions === undefined || conditions.length === 0 ? undefined : conditions;
}

/** When the next ready pod becomes available, in milliseconds from now. */
function waitForAvailability(set: ReplicaSet, owned: Pod[], nowMs: number): number | undefined {
  const { minReadySeconds = 0 } = set.spec;
  if (minReadySeconds === 0) return undefined;
  const waits = owned
    .filter((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, nowMs))
    .map((pod) => readySince(pod) + minReadySeconds * 1_000 - nowMs);
  return waits.length === 0 ? undefined : Math.max(1, Math.min(...waits));
}
