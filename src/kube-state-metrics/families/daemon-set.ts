/** Families of DaemonSets (upstream `internal/store/daemonset.go`). */
import {
  annotationsFamily,
  createdFamily,
  deletionFamily,
  type Family,
  labelsFamily,
  numberFamily,
} from "../family.ts";

export const DAEMON_SET_FAMILIES: Family[] = [
  createdFamily("daemonset"),
  numberFamily(
    "kube_daemonset_status_current_number_scheduled",
    "The number of nodes running at least one daemon pod and are supposed to.",
    ({ status }) => status?.currentNumberScheduled,
  ),
  numberFamily(
    "kube_daemonset_status_desired_number_scheduled",
    "The number of nodes that should be running the daemon pod.",
    ({ status }) => status?.desiredNumberScheduled,
  ),
  numberFamily(
    "kube_daemonset_status_number_available",
    "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available",
    ({ status }) => status?.numberAvailable,
  ),
  numberFamily(
    "kube_daemonset_status_number_misscheduled",
    "The number of nodes running a daemon pod but are not supposed to.",
    ({ status }) => status?.numberMisscheduled,
  ),
  numberFamily(
    "kube_daemonset_status_number_ready",
    "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready.",
    ({ status }) => status?.numberReady,
  ),
  numberFamily(
    "kube_daemonset_status_number_unavailable",
    "The number of nodes that should be running the daemon pod and have none of the daemon pod running and available",
    ({ status }) => status?.numberUnavailable,
  ),
  numberFamily(
    "kube_daemonset_status_observed_generation",
    "The most recent generation observed by the daemon set controller.",
    ({ status }) => status?.observedGeneration,
  ),
  numberFamily(
    "kube_daemonset_status_updated_number_scheduled",
    "The total number of nodes that are running updated daemon pod",
    ({ status }) => status?.updatedNumberScheduled,
  ),
  numberFamily(
    "kube_daemonset_metadata_generation",
    "Sequence number representing a specific generation of the desired state.",
    ({ metadata }) => metadata.generation,
  ),
  deletionFamily("daemonset"),
  annotationsFamily("daemonset"),
  labelsFamily("daemonset"),
];
