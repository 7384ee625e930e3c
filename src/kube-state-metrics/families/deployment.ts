/** Families of Deployments (upstream `internal/store/deployment.go`). */
import {
  alphaGauge,
  annotationsFamily,
  conditionSamples,
  createdFamily,
  deletionFamily,
  type Family,
  flag,
  gauge,
  info,
  labelsFamily,
  numberFamily,
  one,
  optionalFamily,
} from "../family.ts";
import type { Sample } from "../sample.ts";

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

/** `25%` of the replicas or the number itself; nothing for what is neither. */
function scaled(
  value: string | number | null | undefined,
  replicas: number | null | undefined,
  round: (value: number) => number,
): Sample[] {
  if (value == null || replicas == null) return [];
  if (typeof value === "number") return one(value);
  return /^[+-]?\d+%$/.test(value) ? one(round((Number.parseInt(value, 10) * replicas) / 100)) : [];
}

export const DEPLOYMENT_FAMILIES: Family[] = [
  alphaGauge("kube_deployment_owner", "Information about the Deployment's owner.", ({ metadata }) => {
    const owners = metadata.ownerReferences ?? [];
    if (owners.length === 0) return [info({ owner_kind: "", owner_name: "" })];
    return owners.map(({ kind, name }) => info({ owner_kind: kind, owner_name: name }));
  }),
  createdFamily("deployment"),
  numberFamily(
    "kube_deployment_status_replicas",
    "The number of replicas per deployment.",
    ({ status }) => status?.replicas,
  ),
  numberFamily(
    "kube_deployment_status_replicas_ready",
    "The number of ready replicas per deployment.",
    ({ status }) => status?.readyReplicas,
  ),
  numberFamily(
    "kube_deployment_status_replicas_available",
    "The number of available replicas per deployment.",
    ({ status }) => status?.availableReplicas,
  ),
  numberFamily(
    "kube_deployment_status_replicas_unavailable",
    "The number of unavailable replicas per deployment.",
    ({ status }) => status?.unavailableReplicas,
  ),
  numberFamily(
    "kube_deployment_status_replicas_updated",
    "The number of updated replicas per deployment.",
    ({ status }) => status?.updatedReplicas,
  ),
  optionalFamily(
    "kube_deployment_status_terminating_replicas",
    "The number of terminating replicas per deployment.",
    ({ status }) => status?.terminatingReplicas,
    alphaGauge,
  ),
  numberFamily(
    "kube_deployment_status_observed_generation",
    "The generation observed by the deployment controller.",
    ({ status }) => status?.observedGeneration,
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
  optionalFamily(
    "kube_deployment_spec_replicas",
    "Number of desired pods for a deployment.",
    ({ spec }) => spec.replicas,
  ),
  numberFamily(
    "kube_deployment_spec_paused",
    "Whether the deployment is paused and will not be processed by the deployment controller.",
    ({ spec }) => flag(spec.paused),
  ),
  gauge(
    "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
    "Maximum number of unavailable replicas during a rolling update of a deployment.",
    ({ spec: { strategy, replicas } }) =>
      scaled(strategy?.rollingUpdate?.maxUnavailable, replicas, Math.floor),
  ),
  gauge(
    "kube_deployment_spec_strategy_rollingupdate_max_surge",
    "Maximum number of replicas that can be scheduled above the desired number of replicas during a rolling update of a deployment.",
    ({ spec: { strategy, replicas } }) => scaled(strategy?.rollingUpdate?.maxSurge, replicas, Math.ceil),
  ),
  numberFamily(
    "kube_deployment_metadata_generation",
    "Sequence number representing a specific generation of the desired state.",
    ({ metadata }) => metadata.generation,
  ),
  deletionFamily("deployment"),
  annotationsFamily("deployment"),
  labelsFamily("deployment"),
];
