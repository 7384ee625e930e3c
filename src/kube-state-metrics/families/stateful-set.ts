/** Families of StatefulSets (upstream `internal/store/statefulset.go`). */
import { type Family, gauge, info, one, unixTime } from "../family.ts";

export const STATEFUL_SET_FAMILIES: Family[] = [
  gauge("kube_statefulset_created", "Unix creation timestamp", (object) =>
    unixTime(object.metadata.creationTimestamp),
  ),
  gauge("kube_statefulset_status_replicas", "The number of replicas per StatefulSet.", (object) =>
    one(object.status?.replicas ?? 0),
  ),
  gauge(
    "kube_statefulset_status_replicas_available",
    "The number of available replicas per StatefulSet.",
    (object) => one(object.status?.availableReplicas ?? 0),
  ),
  gauge(
    "kube_statefulset_status_replicas_current",
    "The number of current replicas per StatefulSet.",
    (object) => one(object.status?.currentReplicas ?? 0),
  ),
  gauge("kube_statefulset_status_replicas_ready", "The number of ready replicas per StatefulSet.", (object) =>
    one(object.status?.readyReplicas ?? 0),
  ),
  gauge(
    "kube_statefulset_status_replicas_updated",
    "The number of updated replicas per StatefulSet.",
    (object) => one(object.status?.updatedReplicas ?? 0),
  ),
  gauge(
    "kube_statefulset_status_observed_generation",
    "The generation observed by the StatefulSet controller.",
    (object) => one(object.status?.observedGeneration ?? 0),
  ),
  gauge("kube_statefulset_replicas", "Number of desired pods for a StatefulSet.", (object) =>
    one(object.spec.replicas),
  ),
  gauge("kube_statefulset_ordinals_start", "Start ordinal of the StatefulSet.", (object) =>
    object.spec.ordinals === undefined ? [] : one(object.spec.ordinals.start ?? 0),
  ),
  gauge(
    "kube_statefulset_metadata_generation",
    "Sequence number representing a specific generation of the desired state for the StatefulSet.",
    (object) => one(object.metadata.generation ?? 0),
  ),
  gauge(
    "kube_statefulset_persistentvolumeclaim_retention_policy",
    "Count of retention policy for StatefulSet template PVCs",
    ({ spec: { persistentVolumeClaimRetentionPolicy: policy } }) =>
      policy?.whenDeleted || policy?.whenScaled
        ? [info({ when_deleted: policy.whenDeleted, when_scaled: policy.whenScaled })]
        : [],
  ),
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
  gauge("kube_statefulset_deletion_timestamp", "Unix deletion timestamp", (object) =>
    unixTime(object.metadata.deletionTimestamp),
  ),
];
