/**
 * The kinds that are exported: where they are listed, which labels their families share, which families there are
 * (upstream `internal/store/builder.go`).
 */
import type { GroupVersionResource } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import {
  CLUSTER_ROLE_BINDING_FAMILIES,
  CLUSTER_ROLE_FAMILIES,
  MUTATING_WEBHOOK_FAMILIES,
  ROLE_BINDING_FAMILIES,
  ROLE_FAMILIES,
  VALIDATING_WEBHOOK_FAMILIES,
} from "./families/access-control.ts";
import {
  CERTIFICATE_SIGNING_REQUEST_FAMILIES,
  MUTATING_POLICY_BINDING_FAMILIES,
  MUTATING_POLICY_FAMILIES,
  VALIDATING_POLICY_BINDING_FAMILIES,
  VALIDATING_POLICY_FAMILIES,
} from "./families/admission.ts";
import {
  CONFIG_MAP_FAMILIES,
  LEASE_FAMILIES,
  NAMESPACE_FAMILIES,
  SECRET_FAMILIES,
  SERVICE_ACCOUNT_FAMILIES,
} from "./families/configuration.ts";
import { CRON_JOB_FAMILIES } from "./families/cron-job.ts";
import { DAEMON_SET_FAMILIES } from "./families/daemon-set.ts";
import { DEPLOYMENT_FAMILIES } from "./families/deployment.ts";
import { HORIZONTAL_POD_AUTOSCALER_FAMILIES } from "./families/horizontal-pod-autoscaler.ts";
import { INGRESS_CLASS_FAMILIES, INGRESS_FAMILIES, NETWORK_POLICY_FAMILIES } from "./families/ingress.ts";
import { JOB_FAMILIES } from "./families/job.ts";
import { NODE_FAMILIES } from "./families/node.ts";
import {
  PERSISTENT_VOLUME_CLAIM_FAMILIES,
  PERSISTENT_VOLUME_FAMILIES,
  STORAGE_CLASS_FAMILIES,
  VOLUME_ATTACHMENT_FAMILIES,
} from "./families/persistent-volume.ts";
import { POD_FAMILIES } from "./families/pod.ts";
import {
  LIMIT_RANGE_FAMILIES,
  POD_DISRUPTION_BUDGET_FAMILIES,
  RESOURCE_QUOTA_FAMILIES,
} from "./families/policy.ts";
import { REPLICA_SET_FAMILIES, REPLICATION_CONTROLLER_FAMILIES } from "./families/replica-set.ts";
import { ENDPOINT_SLICE_FAMILIES, ENDPOINTS_FAMILIES, SERVICE_FAMILIES } from "./families/service.ts";
import { STATEFUL_SET_FAMILIES } from "./families/stateful-set.ts";
import type { Family } from "./family.ts";
import type { LabelPairs } from "./sample.ts";

export interface Kind {
  resource: GroupVersionResource;
  /** Whether its objects live in namespaces. */
  namespaced: boolean;
  families: Family[];
  /** The labels that stand first in every sample of the kind. */
  shared(object: KubernetesObject): LabelPairs;
}

type Shared = Kind["shared"];

const namespace = ({ metadata }: KubernetesObject): LabelPairs => [["namespace", metadata.namespace ?? ""]];
const named =
  (label: string): Shared =>
  ({ metadata }) => [[label, metadata.name]];
const inNamespace =
  (label: string): Shared =>
  (object) => [...namespace(object), ...named(label)(object)];
const withUid =
  (label: string): Shared =>
  (object) => [...inNamespace(label)(object), ["uid", object.metadata.uid ?? ""]];

/** `apps/v1` and the resource; `v1` is the core group. */
function kind(
  groupVersion: string,
  resource: string,
  families: Family[],
  shared: Shared,
  namespaced = true,
): [string, Kind] {
  const [version, group = ""] = groupVersion.split("/").reverse();
  return [resource, { resource: { group, version, resource }, families, shared, namespaced }];
}

const clusterKind = (groupVersion: string, resource: string, families: Family[], shared: Shared) =>
  kind(groupVersion, resource, families, shared, false);

const ADMISSION = "admissionregistration.k8s.io/v1";
const NETWORKING = "networking.k8s.io/v1";
const RBAC = "rbac.authorization.k8s.io/v1";
const STORAGE = "storage.k8s.io/v1";

/** The kinds by resource name, as `--resources` takes them. */
export const KINDS: ReadonlyMap<string, Kind> = new Map([
  clusterKind(
    "certificates.k8s.io/v1",
    "certificatesigningrequests",
    CERTIFICATE_SIGNING_REQUEST_FAMILIES,
    (object) => [
      ...named("certificatesigningrequest")(object),
      ["signer_name", object.spec?.signerName ?? ""],
    ],
  ),
  clusterKind(RBAC, "clusterrolebindings", CLUSTER_ROLE_BINDING_FAMILIES, named("clusterrolebinding")),
  clusterKind(RBAC, "clusterroles", CLUSTER_ROLE_FAMILIES, named("clusterrole")),
  kind("v1", "configmaps", CONFIG_MAP_FAMILIES, inNamespace("configmap")),
  kind("batch/v1", "cronjobs", CRON_JOB_FAMILIES, inNamespace("cronjob")),
  kind("apps/v1", "daemonsets", DAEMON_SET_FAMILIES, inNamespace("daemonset")),
  kind("apps/v1", "deployments", DEPLOYMENT_FAMILIES, inNamespace("deployment")),
  kind("v1", "endpoints", ENDPOINTS_FAMILIES, inNamespace("endpoint")),
  // The other way round than everywhere else, upstream as here.
  kind("discovery.k8s.io/v1", "endpointslices", ENDPOINT_SLICE_FAMILIES, (object) => [
    ...named("endpointslice")(object),
    ...namespace(object),
  ]),
  kind(
    "autoscaling/v2",
    "horizontalpodautoscalers",
    HORIZONTAL_POD_AUTOSCALER_FAMILIES,
    inNamespace("horizontalpodautoscaler"),
  ),
  clusterKind(NETWORKING, "ingressclasses", INGRESS_CLASS_FAMILIES, named("ingressclass")),
  kind(NETWORKING, "ingresses", INGRESS_FAMILIES, inNamespace("ingress")),
  kind("batch/v1", "jobs", JOB_FAMILIES, inNamespace("job_name")),
  kind("coordination.k8s.io/v1", "leases", LEASE_FAMILIES, named("lease")),
  kind("v1", "limitranges", LIMIT_RANGE_FAMILIES, inNamespace("limitrange")),
  clusterKind(
    ADMISSION,
    "mutatingadmissionpolicies",
    MUTATING_POLICY_FAMILIES,
    inNamespace("mutatingadmissionpolicy"),
  ),
  clusterKind(
    ADMISSION,
    "mutatingadmissionpolicybindings",
    MUTATING_POLICY_BINDING_FAMILIES,
    inNamespace("mutatingadmissionpolicybinding"),
  ),
  clusterKind(
    ADMISSION,
    "mutatingwebhookconfigurations",
    MUTATING_WEBHOOK_FAMILIES,
    inNamespace("mutatingwebhookconfiguration"),
  ),
  clusterKind("v1", "namespaces", NAMESPACE_FAMILIES, named("namespace")),
  kind(NETWORKING, "networkpolicies", NETWORK_POLICY_FAMILIES, inNamespace("networkpolicy")),
  clusterKind("v1", "nodes", NODE_FAMILIES, named("node")),
  kind(
    "v1",
    "persistentvolumeclaims",
    PERSISTENT_VOLUME_CLAIM_FAMILIES,
    inNamespace("persistentvolumeclaim"),
  ),
  clusterKind("v1", "persistentvolumes", PERSISTENT_VOLUME_FAMILIES, named("persistentvolume")),
  kind(
    "policy/v1",
    "poddisruptionbudgets",
    POD_DISRUPTION_BUDGET_FAMILIES,
    inNamespace("poddisruptionbudget"),
  ),
  kind("v1", "pods", POD_FAMILIES, withUid("pod")),
  kind("apps/v1", "replicasets", REPLICA_SET_FAMILIES, inNamespace("replicaset")),
  kind("v1", "replicationcontrollers", REPLICATION_CONTROLLER_FAMILIES, inNamespace("replicationcontroller")),
  kind("v1", "resourcequotas", RESOURCE_QUOTA_FAMILIES, inNamespace("resourcequota")),
  kind(RBAC, "rolebindings", ROLE_BINDING_FAMILIES, inNamespace("rolebinding")),
  kind(RBAC, "roles", ROLE_FAMILIES, inNamespace("role")),
  kind("v1", "secrets", SECRET_FAMILIES, inNamespace("secret")),
  kind("v1", "serviceaccounts", SERVICE_ACCOUNT_FAMILIES, withUid("serviceaccount")),
  kind("v1", "services", SERVICE_FAMILIES, withUid("service")),
  kind("apps/v1", "statefulsets", STATEFUL_SET_FAMILIES, inNamespace("statefulset")),
  clusterKind(STORAGE, "storageclasses", STORAGE_CLASS_FAMILIES, named("storageclass")),
  clusterKind(
    ADMISSION,
    "validatingadmissionpolicies",
    VALIDATING_POLICY_FAMILIES,
    inNamespace("validatingadmissionpolicy"),
  ),
  clusterKind(
    ADMISSION,
    "validatingadmissionpolicybindings",
    VALIDATING_POLICY_BINDING_FAMILIES,
    inNamespace("validatingadmissionpolicybinding"),
  ),
  clusterKind(
    ADMISSION,
    "validatingwebhookconfigurations",
    VALIDATING_WEBHOOK_FAMILIES,
    inNamespace("validatingwebhookconfiguration"),
  ),
  clusterKind(STORAGE, "volumeattachments", VOLUME_ATTACHMENT_FAMILIES, named("volumeattachment")),
]);

/** Not listed unless `--resources` names them (upstream `pkg/options/resource.go`). */
const NOT_BY_DEFAULT = new Set([
  "clusterrolebindings",
  "clusterroles",
  "endpoints",
  "ingressclasses",
  "rolebindings",
  "roles",
  "serviceaccounts",
]);

export const DEFAULT_RESOURCES: readonly string[] = [...KINDS.keys()].filter(
  (resource) => !NOT_BY_DEFAULT.has(resource),
);

/** @throws Error with upstream's text, naming the first resource that there is no kind for */
export function checkResources(resources: Iterable<string>): void {
  for (const resource of resources) {
    if (KINDS.has(resource)) continue;
    const available = [...KINDS.keys()].sort().join(",");
    throw new Error(`resource ${resource} does not exist. Available resources: ${available}`);
  }
}
