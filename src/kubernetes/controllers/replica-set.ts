/** ReplicaSets: as many pods as asked for (upstream `pkg/controller/replicaset`). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../model/label-selector.ts";
import type { Condition, Pod, ReplicaSet } from "../types.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  isControlledBy,
  splitKey,
  startController,
  writeStatus,
} from "./controller.ts";
import { isPodActive, isPodAvailable, isPodReady, isPodTerminating } from "./pod-state.ts";

/** At most so many pods are made or deleted in one go (`BurstReplicas`). */
export const BURST_REPLICAS = 500;

export function startReplicaSetController(context: ControllerContext): void {
  const { api, clock, informers } = context;
  const pods = informers.of<Pod>(RESOURCES.pods);
  /**
   * Pods that were made and that the watch has not shown yet, by owner: without it the next look makes them again
   * (upstream's "expectations").
   */
  const expected = new Map<string, Set<string>>();

  const controller = startController({
    context,
    name: "replicaset-controller",
    async reconcile(key) {
      const set = await getIfExists<ReplicaSet>(
        api,
        RESOURCES.replicaSets,
        splitKey(key) as { name: string },
      );
      if (set === undefined) {
        expected.delete(key);
        return undefined;
      }
      const owned = [...pods.objects.values()].filter((pod) => isControlledBy(pod, set));
      await adoptOrphans(set);
      if (set.metadata.deletionTimestamp === undefined) await scale(key, set, owned.filter(isPodActive));
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

  /** Pods without a controller that the selector matches become the set's. */
  async function adoptOrphans(set: ReplicaSet): Promise<void> {
    for (const pod of pods.objects.values()) {
      if (!isOrphan(pod) || !isPodActive(pod) || !selects(set, pod)) continue;
      const { namespace, name, uid, ownerReferences = [] } = pod.metadata;
      const owners = [...ownerReferences, controllerReference(set, "apps/v1", "ReplicaSet")];
      const body = { metadata: { uid, ownerReferences: owners } };
      await api.patch(RESOURCES.pods, { namespace, name }, { type: "merge", body });
    }
  }

  async function scale(key: string, set: ReplicaSet, active: Pod[]): Promise<void> {
    const pending = expected.get(key) ?? new Set();
    for (const pod of active) pending.delete(pod.metadata.name);
    const missing = (set.spec.replicas ?? 1) - active.length - pending.size;
    if (missing > 0) {
      for (let i = 0; i < Math.min(missing, BURST_REPLICAS); i++) pending.add(await createPod(set));
    } else if (missing < 0 && pending.size === 0) {
      const victims = active.toSorted(compareForDeletion).slice(0, Math.min(-missing, BURST_REPLICAS));
      for (const pod of victims) {
        await deleteIfExists(api, RESOURCES.pods, pod);
        controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
      }
    }
    expected.set(key, pending);
  }

  async function createPod(set: ReplicaSet): Promise<string> {
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
      return pod.metadata.name;
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
