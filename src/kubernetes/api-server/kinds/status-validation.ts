/** Checks of workloads' statuses (`pkg/apis/apps/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { invalidValue, notNegative } from "../field-error.ts";

const OF_REPLICAS = "cannot be greater than status.replicas";

/**
 * Counts that may not be negative, those of them that may not be more than the replicas, and what is said of more
 * replicas that are available than ready.
 */
function replicaCounts(counts: readonly string[], parts: readonly string[], ofReady: string) {
  return ({ status = {} }: KubernetesObject): StatusCause[] => {
    const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
    return [
      ...counts.flatMap((field) => notNegative(`status.${field}`, status[field])),
      ...parts
        .filter((field) => (status[field] ?? 0) > replicas)
        .map((field) => invalidValue(`status.${field}`, status[field], OF_REPLICAS)),
      ...(availableReplicas > readyReplicas
        ? [invalidValue("status.availableReplicas", availableReplicas, ofReady)]
        : []),
    ];
  };
}

export const validateDeploymentStatus = replicaCounts(
  [
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
  ],
  ["updatedReplicas", "readyReplicas", "availableReplicas"],
  "cannot be greater than readyReplicas",
);

export const validateReplicaSetStatus = replicaCounts(
  [
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
  ],
  ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
  "cannot be greater than readyReplicas",
);

export const validateStatefulSetStatus = replicaCounts(
  [
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
  ],
  ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
  "cannot be greater than status.readyReplicas",
);

const DAEMON_COUNTS = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
];

export function validateDaemonSetStatus({ status = {} }: KubernetesObject): StatusCause[] {
  return DAEMON_COUNTS.flatMap((field) => notNegative(`status.${field}`, status[field]));
}
