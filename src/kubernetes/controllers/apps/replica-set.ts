/** ReplicaSets: as many pods as asked for (Kubernetes 1.35 `pkg/controller/replicaset`). */
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import {
  type LabelSelector,
  matchesSelector,
  selectorOf as readSelector,
} from "../../../model/label-selector.ts";
import type { Condition, Pod, ReplicaSet } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import { compareForDeletion } from "../deletion-order.ts";
import {
  isPodActive,
  isPodAvailable,
  isPodFinished,
  isPodReady,
  isPodTerminating,
  readySince,
} from "../pod-state.ts";

/** At most so many pods are made or deleted in one go (`BurstReplicas`). */
export const BURST_REPLICAS = 500;

/** ReplicaSets, or what they were before they could select by sets: as upstream, one controller is both. */
interface ReplicaKind {
  resource: GroupVersionResource;
  apiVersion: string;
  kind: string;
  component: string;
  selectorOf(set: ReplicaSet): LabelSelector;
}

const REPLICA_SETS: ReplicaKind = {
  resource: RESOURCES.replicaSets,
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  component: "replicaset-controller",
  selectorOf: ({ spec }) => spec.selector,
};
const REPLICATION_CONTROLLERS: ReplicaKind = {
  resource: { group: "", version: "v1", resource: "replicationcontrollers" },
  apiVersion: "v1",
  kind: "ReplicationController",
  component: "replication-controller",
  selectorOf: ({ spec }) => ({ matchLabels: spec.selector as Record<string, string> }),
};

export function startReplicaSetController(context: ControllerContext): void {
  start(context, REPLICA_SETS);
}

export function startReplicationController(context: ControllerContext): void {
  start(context, REPLICATION_CONTROLLERS);
}

function start(
  context: ControllerContext,
  { resource, apiVersion, kind, component, selectorOf }: ReplicaKind,
): void {
  const { api, clock, informers } = context;
  informers.of<Pod>(RESOURCES.pods);

  const controller = startController({
    context,
    name: component,
    async reconcile(key) {
      const set = await getIfExists<ReplicaSet>(api, resource, splitKey(key) as { name: string });
      if (set === undefined) return undefined;
      const claimant = { owner: set, apiVersion, kind, selector: selectorOf(set) };
      // From the API itself and not from the watch: what was just made is in it, so nothing is made twice.
      const owned = await claimObjects<Pod>(context, RESOURCES.pods, claimant, isPodActive);
      const active = owned.filter(isPodActive);
      let failure: Error | undefined;
      try {
        if (set.metadata.deletionTimestamp === undefined) await scale(set, active);
      } catch (error) {
        failure = error as Error;
      }
      const nowMs = clock.now();
      const conditions = failureConditions(set, active, failure, nowMs);
      await writeStatus(api, resource, set, statusOf(set, owned, conditions, nowMs));
      if (failure !== undefined) throw failure;
      return waitForAvailability(set, owned, nowMs);
    },
  });
  controller.watch(resource);
  controller.watchOwned(RESOURCES.pods, kind);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) => (isOrphan(pod) ? setsFor(pod) : []));

  function setsFor(pod: Pod): string[] {
    const sets = informers.of<ReplicaSet>(resource).objects;
    return [...sets].filter(([, set]) => selects(set, selectorOf(set), pod)).map(([key]) => key);
  }

  async function scale(set: ReplicaSet, active: Pod[]): Promise<void> {
    const missing = (set.spec.replicas ?? 1) - active.length;
    for (let i = 0; i < Math.min(missing, BURST_REPLICAS); i++) await createPod(set);
    if (missing >= 0) return;
    const neighbours = readyNeighbours(set);
    const nowMs = clock.now();
    const victims = active
      .toSorted((a, b) => compareForDeletion(a, b, neighbours, nowMs))
      .slice(0, Math.min(-missing, BURST_REPLICAS));
    for (const pod of victims) {
      await deleteIfExists(api, RESOURCES.pods, pod);
      controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    }
  }

  /** How many active pods of the same Deployment (or of the set alone) each node has. */
  function readyNeighbours(set: ReplicaSet): Map<string, number> {
    const owner = set.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
    const related = new Set([set.metadata.uid]);
    for (const other of informers.of<ReplicaSet>(resource).objects.values()) {
      const controller = other.metadata.ownerReferences?.find((reference) => reference.controller);
      if (owner !== undefined && controller?.uid === owner) related.add(other.metadata.uid);
    }
    const counts = new Map<string, number>();
    for (const pod of informers.of<Pod>(RESOURCES.pods).objects.values()) {
      const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller);
      if (controller === undefined || !related.has(controller.uid) || !isPodActive(pod)) continue;
      const node = pod.spec.nodeName ?? "";
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return counts;
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
          ownerReferences: [controllerReference(set, apiVersion, kind)],
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

function selects(set: ReplicaSet, selector: LabelSelector, pod: Pod): boolean {
  if (set.metadata.namespace !== pod.metadata.namespace) return false;
  return matchesSelector(readSelector(selector)!, pod.metadata.labels);
}

function statusOf(
  set: ReplicaSet,
  owned: Pod[],
  conditions: Condition[],
  nowMs: number,
): NonNullable<ReplicaSet["status"]> {
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
    ...(set.kind !== "ReplicationController"
      ? { terminatingReplicas: owned.filter((pod) => isPodTerminating(pod) && !isPodFinished(pod)).length }
      : {}),
    observedGeneration: set.metadata.generation,
    // An empty list is none at all, as upstream omits it.
    conditions: conditions.length === 0 ? undefined : conditions,
  };
}

/** `ReplicaFailure` while pods cannot be made or deleted; the first failure is the one that is told. */
function failureConditions(
  { spec, status }: ReplicaSet,
  active: Pod[],
  failure: Error | undefined,
  nowMs: number,
): Condition[] {
  const before = status?.conditions ?? [];
  const others = before.filter(({ type }) => type !== "ReplicaFailure");
  if (failure === undefined) return others;
  if (others.length < before.length) return before;
  const reason = active.length < (spec.replicas ?? 1) ? "FailedCreate" : "FailedDelete";
  const lastTransitionTime = kubernetesTime(nowMs);
  return [
    ...others,
    { type: "ReplicaFailure", status: "True", reason, message: failure.message, lastTransitionTime },
  ];
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
