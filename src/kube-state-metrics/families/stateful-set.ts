/** Families of StatefulSets (upstream `internal/store/statefulset.go`). */
import {
  annotationsFamily,
  createdFamily,
  deletionFamily,
  type Family,
  gauge,
  info,
  labelsFamily,
  numberFamily,
  optionalFamily,
} from "../family.ts";

export const STATEFUL_SET_FAMILIES: Family[] = [
  createdFamily("statefulset"),
  numberFamily(
    "kube_statefulset_status_replicas",
    "The number of replicas per StatefulSet.",
    ({ status }) => status?.replicas,
  ),
  numberFamily(
    "kube_statefulset_status_replicas_available",
    "The number of available replicas per StatefulSet.",
    ({ status }) => status?.availableReplicas,
  ),
  numberFamily(
    "kube_statefulset_status_replicas_current",
    "The number of current replicas per StatefulSet.",
    ({ status }) => status?.currentReplicas,
  ),
  numberFamily(
    "kube_statefulset_status_replicas_ready",
    "The number of ready replicas per StatefulSet.",
    ({ status }) => status?.readyReplicas,
  ),
  numberFamily(
    "kube_statefulset_status_replicas_updated",
    "The number of updated replicas per StatefulSet.",
    ({ status }) => status?.updatedReplicas,
  ),
  numberFamily(
    "kube_statefulset_status_observed_generation",
    "The generation observed by the StatefulSet controller.",
    ({ status }) => status?.observedGeneration,
  ),
  optionalFamily(
    "kube_statefulset_replicas",
    "Number of desired pods for a StatefulSet.",
    ({ spec }) => spec.replicas,
  ),
  optionalFamily(
    "kube_statefulset_ordinals_start",
    "Start ordinal of the StatefulSet.",
    ({ spec }) => spec.ordinals && (spec.ordinals.start ?? 0),
  ),
  numberFamily(
    "kube_statefulset_metadata_generation",
    "Sequence number representing a specific generation of the desired state for the StatefulSet.",
    ({ metadata }) => metadata.generation,
  ),
  gauge(
    "kube_statefulset_persistentvolumeclaim_retention_policy",
    "Count of retention policy for StatefulSet template PVCs",
    ({ spec: { persistentVolumeClaimRetentionPolicy: policy } }) =>
      policy?.whenDeleted || policy?.whenScaled
        ? [info({ when_deleted: policy.whenDeleted, when_scaled: policy.whenScaled })]
        : [],
  ),
  annotationsFamily("statefulset", gauge),
  labelsFamily("statefulset"),
  gauge(
    "kube_statefulset_status_current_revision",
    "Indicates the version of the StatefulSet used to generate Pods in the sequence [0,currentReplicas).",
    (object) => [info({ revision: object.status?.currentRevision })],
  ),
  gauge(
    "kube_statefulset_status_update_revision",
    "Indicates the version of the StatefulSet used to generate Pods in the sequence [replicas-updatedReplicas,replicas)",
    (object) => [info({ revision: object.status?.updateRevision })],
  ),
  deletionFamily("statefulset", gauge),
];
