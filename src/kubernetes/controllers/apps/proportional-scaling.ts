/** How a scaled Deployment shares pods among its ReplicaSets (Kubernetes 1.35 `deployment/sync.go`, `scale`). */
import type { Deployment, ReplicaSet } from "../../types.ts";
import { byCreation, replicasOf, rollingUpdateBounds, type ScaleStep } from "./rolling-update.ts";

/** On ReplicaSets: what the Deployment wanted when the set was last scaled, and the most that it allowed. */
export const DESIRED_ANNOTATION = "deployment.kubernetes.io/desired-replicas";
export const MAX_ANNOTATION = "deployment.kubernetes.io/max-replicas";

function annotatedNumber(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation];
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  return Number(text) > 2 ** 31 - 1 ? undefined : Number(text);
}

const active = (sets: ReplicaSet[]): ReplicaSet[] => sets.filter((set) => replicasOf(set) > 0);

/** Whether someone has scaled since the sets that have pods were last told. */
export function isScalingEvent(deployment: Deployment, sets: ReplicaSet[]): boolean {
  const desired = deployment.spec.replicas ?? 1;
  return active(sets).some((set) => (annotatedNumber(set, DESIRED_ANNOTATION) ?? desired) !== desired);
}

/** The size of every set, that each has the share it had; one alone gets everything. */
export function planScaling(
  deployment: Deployment,
  old: ReplicaSet[],
  current: ReplicaSet | undefined,
): ScaleStep[] {
  const desired = deployment.spec.replicas ?? 1;
  const sets = current === undefined ? old : [...old, current];
  const only = activeOrLatest(old, current, sets);
  if (only !== undefined) return [{ set: only, replicas: desired }];
  if (sets.length === 0) return [];
  if (isSaturated(desired, current)) return active(old).map((set) => ({ set, replicas: 0 }));
  return deployment.spec.strategy?.type === "Recreate" ? [] : planShares(deployment, active(sets));
}

/** The one set that has pods, or the newest when none has; undefined when several have. */
function activeOrLatest(
  old: ReplicaSet[],
  current: ReplicaSet | undefined,
  sets: ReplicaSet[],
): ReplicaSet | undefined {
  const busy = active(sets);
  if (busy.length > 1) return undefined;
  return busy[0] ?? current ?? old.toSorted(byCreation).at(-1);
}

/** The current set has all pods there should be, by its own account and the Deployment's, and they are available. */
function isSaturated(desired: number, current: ReplicaSet | undefined): boolean {
  return (
    current !== undefined &&
    replicasOf(current) === desired &&
    annotatedNumber(current, DESIRED_ANNOTATION) === desired &&
    (current.status?.availableReplicas ?? 0) === desired
  );
}

function planShares(deployment: Deployment, sets: ReplicaSet[]): ScaleStep[] {
  const desired = deployment.spec.replicas ?? 1;
  const allowed = desired === 0 ? 0 : desired + rollingUpdateBounds(deployment).maxSurge;
  const toAdd = allowed - sets.reduce((sum, set) => sum + replicasOf(set), 0);
  // The largest first; of equals the newest grows and the oldest shrinks.
  const ordered = sets.toSorted(
    (a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byCreation(b, a) : byCreation(a, b)),
  );
  let added = 0;
  const steps = ordered.map((set) => {
    const share = shareOf(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share, note: true };
  });
  // What rounding has left over is the largest one's.
  if (toAdd !== 0) steps[0].replicas = Math.max(0, steps[0].replicas + toAdd - added);
  return steps;
}

function shareOf(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  const desired = deployment.spec.replicas ?? 1;
  if (desired === 0) return -replicasOf(set);
  const most = desired + rollingUpdateBounds(deployment).maxSurge;
  const mostBefore = annotatedNumber(set, MAX_ANNOTATION) || (deployment.status?.replicas ?? 0);
  if (mostBefore === 0) return 0;
  const size = (replicasOf(set) * most) / mostBefore;
  return Math.floor(size + 0.5) - replicasOf(set);
}
