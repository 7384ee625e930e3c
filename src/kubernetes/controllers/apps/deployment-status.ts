/** What a Deployment says of itself (Kubernetes 1.35 `deployment/progress.go`, `sync.go`, `util/deployment_util.go`). */
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Condition, Deployment, ReplicaSet } from "../../types.ts";
import { rollingUpdateBounds } from "./rolling-update.ts";

export type DeploymentStatus = NonNullable<Deployment["status"]>;

/** What `progressDeadlineSeconds` says for "none". */
const NO_DEADLINE = 2 ** 31 - 1;

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_DEADLINE;
}

// ---- conditions ----

export function newCondition(
  type: string,
  status: Condition["status"],
  reason: string,
  message: string,
  nowMs: number,
): Condition {
  const at = kubernetesTime(nowMs);
  return { type, status, lastUpdateTime: at, lastTransitionTime: at, reason, message };
}

/** In place of the one of its type, at the end. One of the same status and reason stays as it is. */
export function setCondition(conditions: Condition[], condition: Condition): Condition[] {
  const before = conditions.find(({ type }) => type === condition.type);
  if (before?.status === condition.status && before.reason === condition.reason) return conditions;
  const { lastTransitionTime } = before?.status === condition.status ? before : condition;
  return [...conditions.filter((other) => other !== before), { ...condition, lastTransitionTime }];
}

const progressing = (status: DeploymentStatus): Condition | undefined =>
  status.conditions?.find(({ type }) => type === "Progressing");

/** The conditions, with one that says so when the Deployment was paused or resumed. */
export function pausedConditions(deployment: Deployment, nowMs: number): Condition[] | undefined {
  const { status = {}, spec } = deployment;
  const before = progressing(status);
  if (!hasProgressDeadline(deployment) || before?.reason === "ProgressDeadlineExceeded")
    return status.conditions;
  const wasPaused = before?.reason === "DeploymentPaused";
  if (Boolean(spec.paused) === wasPaused) return status.conditions;
  const condition = spec.paused
    ? newCondition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", nowMs)
    : newCondition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", nowMs);
  return setCondition(status.conditions ?? [], condition);
}

// ---- counts ----

const total = (sets: ReplicaSet[], count: (set: ReplicaSet) => number | undefined): number =>
  sets.reduce((sum, set) => sum + (count(set) ?? 0), 0);

/** The pods that a ReplicaSet says it has. */
export const countsOf = ({ status }: ReplicaSet) => ({
  replicas: status?.replicas ?? 0,
  available: status?.availableReplicas ?? 0,
});

/** After scaling, while paused and while it goes: counts and availability, nothing about progress. */
export function statusAfterScaling(
  deployment: Deployment,
  sets: ReplicaSet[],
  current: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const desired = deployment.spec.replicas ?? 1;
  const availableReplicas = total(sets, ({ status }) => status?.availableReplicas);
  const { maxUnavailable } = rollingUpdateBounds(deployment);
  const available =
    availableReplicas >= desired - maxUnavailable
      ? newCondition(
          "Available",
          "True",
          "MinimumReplicasAvailable",
          "Deployment has minimum availability.",
          nowMs,
        )
      : newCondition(
          "Available",
          "False",
          "MinimumReplicasUnavailable",
          "Deployment does not have minimum availability.",
          nowMs,
        );
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: total(sets, ({ status }) => status?.replicas),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total(sets, ({ status }) => status?.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, total(sets, ({ spec }) => spec.replicas) - availableReplicas),
    terminatingReplicas: terminating(sets),
    collisionCount: deployment.status?.collisionCount,
    conditions: setCondition(deployment.status?.conditions ?? [], available),
  };
}

/** Unknown while a set that was looked at does not say its number. */
function terminating(sets: ReplicaSet[]): number | undefined {
  const known = sets.every(
    ({ status }) => (status?.observedGeneration ?? 0) === 0 || status?.terminatingReplicas !== undefined,
  );
  return known ? total(sets, ({ status }) => status?.terminatingReplicas) : undefined;
}

// ---- progress ----

/** All desired pods are of the current set and available, and no others are left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = deployment.spec.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasMoved(before: DeploymentStatus, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isLate(deployment: Deployment, status: DeploymentStatus, nowMs: number): boolean {
  const condition = progressing(status);
  if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return deadlineMs(deployment, condition) < nowMs;
}

const deadlineMs = ({ spec }: Deployment, condition: Condition): number =>
  Date.parse(condition.lastUpdateTime ?? "") + spec.progressDeadlineSeconds! * 1_000;

/** During a rollout: the counts, and whether it moves, is done, or has not moved for too long. */
export function rolloutStatus(
  deployment: Deployment,
  sets: ReplicaSet[],
  current: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const status = statusAfterScaling(deployment, sets, current, nowMs);
  let conditions = status.conditions ?? [];
  const before = progressing(deployment.status ?? {});
  const done = status.replicas === status.updatedReplicas && before?.reason === "NewReplicaSetAvailable";
  if (!hasProgressDeadline(deployment)) conditions = conditions.filter(({ type }) => type !== "Progressing");
  else if (!done) conditions = progressConditions(deployment, status, current, conditions, nowMs);
  const failure = replicaFailure(sets, current);
  conditions =
    failure === undefined
      ? conditions.filter(({ type }) => type !== "ReplicaFailure")
      : setCondition(conditions, failure);
  return { ...status, conditions };
}

function progressConditions(
  deployment: Deployment,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  conditions: Condition[],
  nowMs: number,
): Condition[] {
  const name =
    current === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${current.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${name} has successfully progressed.`;
    return setCondition(
      conditions,
      newCondition("Progressing", "True", "NewReplicaSetAvailable", message, nowMs),
    );
  }
  if (hasMoved(deployment.status ?? {}, status)) {
    const moved = newCondition("Progressing", "True", "ReplicaSetUpdated", `${name} is progressing.`, nowMs);
    const before = conditions.find(({ type }) => type === "Progressing");
    if (before?.status === "True") moved.lastTransitionTime = before.lastTransitionTime;
    // Also with the same reason: `lastUpdateTime` is what the deadline counts from.
    return [...conditions.filter((other) => other !== before), moved];
  }
  if (!isLate(deployment, { conditions }, nowMs)) return conditions;
  const message = `${name} has timed out progressing.`;
  return setCondition(
    conditions,
    newCondition("Progressing", "False", "ProgressDeadlineExceeded", message, nowMs),
  );
}

/** The current set's failure to make pods, or else that of another. */
function replicaFailure(sets: ReplicaSet[], current: ReplicaSet | undefined): Condition | undefined {
  const failures = [...(current === undefined ? [] : [current]), ...sets].flatMap(
    ({ status }) => status?.conditions?.filter(({ type }) => type === "ReplicaFailure") ?? [],
  );
  const [first] = failures;
  return first && { ...first, lastUpdateTime: first.lastTransitionTime };
}

/** When to look again, so that a rollout that is stuck is called so when nothing else happens either. */
export function nextProgressCheckMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const condition = progressing(status);
  if (!hasProgressDeadline(deployment) || condition === undefined) return undefined;
  if (isComplete(deployment, status) || condition.reason === "ProgressDeadlineExceeded") return undefined;
  // A second more, as times have no fractions.
  return Math.max(0, deadlineMs(deployment, condition) - nowMs) + 1_000;
}
