/** How a rolling update goes on from here: which ReplicaSet gets how many pods (Kubernetes 1.35 `deployment/rolling.go`). */
import type { Deployment, ReplicaSet } from "../../types.ts";
import { scaledValue } from "../scaled-value.ts";

export interface ScaleStep {
  set: ReplicaSet;
  replicas: number;
  /** Tell the set what the Deployment wants also when its size does not change. @default false */
  note?: boolean;
}

export interface RollingUpdateBounds {
  maxSurge: number;
  maxUnavailable: number;
}

/** Both in pods. `Recreate` has neither. At least one of them moves, or nothing ever would (`ResolveFenceposts`). */
export function rollingUpdateBounds(deployment: Deployment): RollingUpdateBounds {
  const { strategy, replicas = 1 } = deployment.spec;
  if (strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, replicas, "up");
  const unavailable = scaledValue(maxUnavailable, replicas, "down");
  return {
    maxSurge: surge,
    maxUnavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, replicas),
  };
}

export const replicasOf = (set: ReplicaSet): number => set.spec.replicas ?? 0;
const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** Oldest first; of the same second by name. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return created(a) - created(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** The size that a set which is about to be made may have at once. */
export function newSetReplicas(deployment: Deployment, others: ReplicaSet[], set: ReplicaSet): number {
  const desired = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === "Recreate") return desired;
  return scaleUpCurrent(desired, rollingUpdateBounds(deployment), others, set);
}

/** The steps that may be taken now; none when the rollout is done or has to wait for pods. */
export function planRollingUpdate(
  deployment: Deployment,
  old: ReplicaSet[],
  current: ReplicaSet,
): ScaleStep[] {
  const desired = deployment.spec.replicas ?? 1;
  const bounds = rollingUpdateBounds(deployment);
  const up = scaleUpCurrent(desired, bounds, old, current);
  if (up !== replicasOf(current)) return [{ set: current, replicas: up }];
  return scaleDownOld(desired, bounds, old, current);
}

/** As far as `maxSurge` allows, and down at once when fewer are wanted. */
function scaleUpCurrent(
  desired: number,
  bounds: RollingUpdateBounds,
  old: ReplicaSet[],
  current: ReplicaSet,
): number {
  if (replicasOf(current) >= desired) return desired;
  const total = replicasOf(current) + sum(old.map(replicasOf));
  const room = desired + bounds.maxSurge - total;
  return replicasOf(current) + Math.max(0, Math.min(room, desired - replicasOf(current)));
}

/**
 * Pods that serve nobody go first, then as many as may be unavailable: two steps, where both are of one set. What a set
 * without replicas still says of its pods does not count, as they are on their way out.
 */
function scaleDownOld(
  desired: number,
  bounds: RollingUpdateBounds,
  old: ReplicaSet[],
  current: ReplicaSet,
): ScaleStep[] {
  const minAvailable = desired - bounds.maxUnavailable;
  const total = sum([...old, current].map(replicasOf));
  const currentUnavailable = replicasOf(current) - availableOf(current);
  let surplus = total - minAvailable - currentUnavailable;
  const oldestFirst = old.filter((set) => replicasOf(set) > 0).sort(byCreation);
  if (surplus <= 0 || oldestFirst.length === 0) return [];
  const left = new Map(oldestFirst.map((set) => [set, replicasOf(set)]));
  const steps: ScaleStep[] = [];
  const shrink = (set: ReplicaSet, by: number): number => {
    if (by <= 0) return 0;
    left.set(set, left.get(set)! - by);
    steps.push({ set, replicas: left.get(set)! });
    return by;
  };
  for (const set of oldestFirst) {
    if (surplus <= 0) break;
    // It still counts pods that it is to lose: who is available will be known when it has counted again.
    if (availableOf(set) > replicasOf(set)) return steps;
    surplus -= shrink(set, Math.min(surplus, replicasOf(set) - availableOf(set)));
  }
  let spare = sum([...oldestFirst, current].map(availableOf)) - minAvailable;
  for (const set of oldestFirst) spare -= shrink(set, Math.min(spare, left.get(set)!));
  return steps;
}

function created(set: ReplicaSet): number {
  return Date.parse(set.metadata.creationTimestamp ?? "") || 0;
}
