/** Families of Deployments (upstream `internal/store/deployment.go`). */
import { alphaGauge, conditionSamples, type Family, gauge, one, unixTime } from "../family.ts";

/** Reasons that become a label as they are; others are `unknown`, so that nobody's text makes series without end. */
const CONDITION_REASONS = new Set([
  "MinimumReplicasAvailable",
  "MinimumReplicasUnavailable",
  "ReplicaSetUpdated",
  "ReplicaSetCreateError",
  "NewReplicaSetCreated",
  "FoundNewReplicaSet",
  "NewReplicaSetAvailable",
  "ProgressDeadlineExceeded",
  "DeploymentPaused",
  "DeploymentResumed",
  "",
]);

/** `25%` of the replicas, rounded up for surge and down for unavailable, or the number itself. */
function scaled(
  value: string | number | undefined,
  replicas: number,
  round: (value: number) => number,
): number {
  if (typeof value === "number") return value;
  return round((Number.parseInt(value ?? "25%", 10) * replicas) / 100);
}

/** At least one pod may go when none may come, or nothing would ever move. */
function maxUnavailable(
  replicas: number,
  update: { maxSurge?: string | number; maxUnavailable?: string | number },
): number {
  const unavailable = scaled(update.maxUnavailable, replicas, Math.floor);
  return unavailable === 0 && scaled(update.maxSurge, replicas, Math.ceil) === 0
    ? 1
    : Math.min(unavailable, replicas);
}

export const DEPLOYMENT_FAMILIES: Family[] = [
  gauge("kube_deployment_created", "Unix creation timestamp", (object) =>
    unixTime(object.metadata.creationTimestamp),
  ),
  gauge("kube_deployment_status_replicas", "The number of replicas per deployment.", (object) =>
    one(object.status?.replicas ?? 0),
  ),
  gauge("kube_deployment_status_replicas_ready", "The number of ready replicas per deployment.", (object) =>
    one(object.status?.readyReplicas ?? 0),
  ),
  gauge(
    "kube_deployment_status_replicas_available",
    "The number of available replicas per deployment.",
    (object) => one(object.status?.availableReplicas ?? 0),
  ),
  gauge(
    "kube_deployment_status_replicas_unavailable",
    "The number of unavailable replicas per deployment.",
    (object) => one(object.status?.unavailableReplicas ?? 0),
  ),
  gauge(
    "kube_deployment_status_replicas_updated",
    "The number of updated replicas per deployment.",
    (object) => one(object.status?.updatedReplicas ?? 0),
  ),
  gauge(
    "kube_deployment_status_observed_generation",
    "The generation observed by the deployment controller.",
    (object) => one(object.status?.observedGeneration ?? 0),
  ),
  gauge("kube_deployment_status_condition", "The current status conditions of a deployment.", (object) =>
    (object.status?.conditions ?? []).flatMap(({ type, status, reason = "" }: Record<string, string>) =>
      conditionSamples(
        [
          ["reason", CONDITION_REASONS.has(reason) ? reason : "unknown"],
          ["condition", type],
        ],
        "status",
        status,
      ),
    ),
  ),
  gauge("kube_deployment_spec_replicas", "Number of desired pods for a deployment.", (object) =>
    one(object.spec.replicas),
  ),
  gauge(
    "kube_deployment_spec_paused",
    "Whether the deployment is paused and will not be processed by the deployment controller.",
    (object) => one(object.spec.paused ? 1 : 0),
  ),
  gauge(
    "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
    "Maximum number of unavailable replicas during a rolling update of a deployment.",
    ({ spec: { strategy, replicas } }) =>
      strategy?.rollingUpdate && replicas !== undefined
        ? one(maxUnavailable(replicas, strategy.rollingUpdate))
        : [],
  ),
  gauge(
    "kube_deployment_spec_strategy_rollingupdate_max_surge",
    "Maximum number of replicas that can be scheduled above the desired number of replicas during a rolling update of a deployment.",
    ({ spec: { strategy, replicas } }) =>
      strategy?.rollingUpdate && replicas !== undefined
        ? one(scaled(strategy.rollingUpdate.maxSurge, replicas, Math.ceil))
        : [],
  ),
  gauge(
    "kube_deployment_metadata_generation",
    "Sequence number representing a specific generation of the desired state.",
    (object) => one(object.metadata.generation ?? 0),
  ),
  alphaGauge("kube_deployment_deletion_timestamp", "Unix deletion timestamp", (object) =>
    unixTime(object.metadata.deletionTimestamp),
  ),
];
