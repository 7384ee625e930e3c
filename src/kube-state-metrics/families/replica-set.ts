/** Families of ReplicaSets and ReplicationControllers (upstream `internal/store/replicaset.go`, `replicationcontroller.go`). */
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  type Family,
  labelsFamily,
  numberFamily,
  optionalFamily,
  ownerFamily,
} from "../family.ts";

/** The numbers that both kinds have; upstream has them in another order and with other words here and there. */
const replicas = (kind: string, noun: string): Family[] => [
  createdFamily(kind),
  numberFamily(
    `kube_${kind}_status_replicas`,
    `The number of replicas per ${noun}.`,
    ({ status }) => status?.replicas,
  ),
  numberFamily(
    `kube_${kind}_status_fully_labeled_replicas`,
    `The number of fully labeled replicas per ${noun}.`,
    ({ status }) => status?.fullyLabeledReplicas,
  ),
  numberFamily(
    `kube_${kind}_status_ready_replicas`,
    `The number of ready replicas per ${noun}.`,
    ({ status }) => status?.readyReplicas,
  ),
];

const generations = (kind: string, noun: string): Family[] => [
  numberFamily(
    `kube_${kind}_status_observed_generation`,
    `The generation observed by the ${noun} controller.`,
    ({ status }) => status?.observedGeneration,
  ),
  optionalFamily(
    `kube_${kind}_spec_replicas`,
    `Number of desired pods for a ${noun}.`,
    ({ spec }) => spec.replicas,
  ),
  numberFamily(
    `kube_${kind}_metadata_generation`,
    "Sequence number representing a specific generation of the desired state.",
    ({ metadata }) => metadata.generation,
  ),
];

export const REPLICA_SET_FAMILIES: Family[] = [
  ...replicas("replicaset", "ReplicaSet"),
  optionalFamily(
    "kube_replicaset_status_terminating_replicas",
    "The number of terminating replicas per ReplicaSet.",
    ({ status }) => status?.terminatingReplicas,
    alphaGauge,
  ),
  ...generations("replicaset", "ReplicaSet"),
  ownerFamily("replicaset", "ReplicaSet's"),
  annotationsFamily("replicaset"),
  labelsFamily("replicaset"),
];

export const REPLICATION_CONTROLLER_FAMILIES: Family[] = [
  ...replicas("replicationcontroller", "ReplicationController"),
  numberFamily(
    "kube_replicationcontroller_status_available_replicas",
    "The number of available replicas per ReplicationController.",
    ({ status }) => status?.availableReplicas,
  ),
  ...generations("replicationcontroller", "ReplicationController"),
  ownerFamily("replicationcontroller", "ReplicationController's", alphaGauge),
];
