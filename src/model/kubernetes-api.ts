/**
 * The Kubernetes API as an argument. The store inside the API server implements it, and a client over HTTP can, so
 * that controllers and the kubelet are the same code in process, across sockets and in virtual time.
 *
 * Objects that come out are shared and deeply frozen: `structuredClone` before changing one.
 * Every method throws `KubernetesError` when the API says no.
 */
import type { KubernetesList, KubernetesObject } from "./kubernetes-object.ts";

/** Names a collection: group `apps`, version `v1`, resource `statefulsets`. The core group is "". */
export interface GroupVersionResource {
  group: string;
  version: string;
  resource: string;
}

/** Names one object, or one of its subresources (`status`, `scale`, `binding`, `eviction`). */
export interface ObjectKey {
  /** Absent for cluster-wide resources. */
  namespace?: string;
  name: string;
  subresource?: string;
}

export interface SelectorOptions {
  /** As on the wire: `app=web,tier in (a,b),!canary`. */
  labelSelector?: string;
  /** As on the wire: `metadata.name=x,status.phase!=Running`. */
  fieldSelector?: string;
}

export interface ListOptions extends SelectorOptions {
  /** @default all namespaces */
  namespace?: string;
  limit?: number;
  continue?: string;
  /** The list as it was at this version, not as it is now. */
  exactVersion?: number;
}

export interface WatchOptions extends SelectorOptions {
  /** @default all namespaces */
  namespace?: string;
  /** Changes after this version. Absent or "0": every object first, as `ADDED`. */
  resourceVersion?: string;
  /** `BOOKMARK` events now and then. @default false */
  allowWatchBookmarks?: boolean;
  /** Every object first as `ADDED`, then a `BOOKMARK` annotated `k8s.io/initial-events-end` where bookmarks are taken;
   * false: none of them. @default as the version says */
  sendInitialEvents?: boolean;
  /** Ends the watch: iteration is over, nothing is thrown. */
  signal?: AbortSignal;
}

export interface WriteOptions {
  /** Checks and answers, and keeps nothing. @default false */
  dryRun?: boolean;
  /** Who is writing, for field ownership. @default "unknown" */
  fieldManager?: string;
  /** Server-side apply: take fields over from other managers. @default false */
  force?: boolean;
  /** What to do with fields that the kind does not have. @default "Ignore" in process */
  fieldValidation?: "Ignore" | "Warn" | "Strict";
}

export type PropagationPolicy = "Orphan" | "Background" | "Foreground";

export interface DeleteOptions {
  dryRun?: boolean;
  /** @default "Background" */
  propagationPolicy?: PropagationPolicy;
  /** Pods: seconds until the processes are killed; 0 removes the object at once. */
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
}

/**
 * `strategic` and `merge` take an object, `json` an array of operations (RFC 6902), `apply` the object that the
 * field manager wants (server-side apply).
 */
export interface Patch {
  type: "strategic" | "merge" | "json" | "apply";
  body: unknown;
}

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/**
 * `DELETED` carries the last state; `BOOKMARK` only a resourceVersion.
 * In process an expired version throws `KubernetesError` (410 `Expired`) where the wire has an `ERROR` event.
 */
export interface WatchEvent<T extends KubernetesObject = KubernetesObject> {
  type: WatchEventType;
  object: T;
}

export interface KubernetesApi {
  get<T extends KubernetesObject>(resource: GroupVersionResource, key: ObjectKey): Promise<T>;

  list<T extends KubernetesObject>(
    resource: GroupVersionResource,
    options?: ListOptions,
  ): Promise<KubernetesList<T>>;

  /** The namespace is `object.metadata.namespace`. A `subresource` (`pods/binding`) needs the name too. */
  create<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options?: WriteOptions & { subresource?: string },
  ): Promise<T>;

  /** PUT: fails with `Conflict` when `object.metadata.resourceVersion` is set and no longer current. */
  replace<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options?: WriteOptions & { subresource?: string },
  ): Promise<T>;

  /** PUT of the `status` subresource: only the status (and metadata of it) changes. */
  updateStatus<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;

  patch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;

  /** Resolves with the object's last state: still there when it has finalizers or a grace period. */
  delete<T extends KubernetesObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<T>;

  /**
   * Changes as they happen, in order. Ends when the signal aborts.
   *
   * @throws KubernetesError 410 `Expired` when the version asked for is no longer kept, or when the reader was too
   * slow and was cut off: list again and watch from there.
   */
  watch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
}

const resource = (group: string, version: string, name: string, kind: string) => ({
  group,
  version,
  resource: name,
  kind,
});

/** The built-in resources with their kinds, by their usual names. */
export const RESOURCES = {
  namespaces: resource("", "v1", "namespaces", "Namespace"),
  nodes: resource("", "v1", "nodes", "Node"),
  pods: resource("", "v1", "pods", "Pod"),
  services: resource("", "v1", "services", "Service"),
  endpoints: resource("", "v1", "endpoints", "Endpoints"),
  configMaps: resource("", "v1", "configmaps", "ConfigMap"),
  secrets: resource("", "v1", "secrets", "Secret"),
  serviceAccounts: resource("", "v1", "serviceaccounts", "ServiceAccount"),
  persistentVolumes: resource("", "v1", "persistentvolumes", "PersistentVolume"),
  persistentVolumeClaims: resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
  events: resource("", "v1", "events", "Event"),
  resourceQuotas: resource("", "v1", "resourcequotas", "ResourceQuota"),
  statefulSets: resource("apps", "v1", "statefulsets", "StatefulSet"),
  deployments: resource("apps", "v1", "deployments", "Deployment"),
  replicaSets: resource("apps", "v1", "replicasets", "ReplicaSet"),
  daemonSets: resource("apps", "v1", "daemonsets", "DaemonSet"),
  controllerRevisions: resource("apps", "v1", "controllerrevisions", "ControllerRevision"),
  jobs: resource("batch", "v1", "jobs", "Job"),
  cronJobs: resource("batch", "v1", "cronjobs", "CronJob"),
  endpointSlices: resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  horizontalPodAutoscalers: resource(
    "autoscaling",
    "v2",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
  ),
  podDisruptionBudgets: resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
  roles: resource("rbac.authorization.k8s.io", "v1", "roles", "Role"),
  roleBindings: resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
  clusterRoles: resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"),
  clusterRoleBindings: resource(
    "rbac.authorization.k8s.io",
    "v1",
    "clusterrolebindings",
    "ClusterRoleBinding",
  ),
  customResourceDefinitions: resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
  ),
  validatingWebhookConfigurations: resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
  ),
  apiServices: resource("apiregistration.k8s.io", "v1", "apiservices", "APIService"),
  leases: resource("coordination.k8s.io", "v1", "leases", "Lease"),
  certificateSigningRequests: resource(
    "certificates.k8s.io",
    "v1",
    "certificatesigningrequests",
    "CertificateSigningRequest",
  ),
  storageClasses: resource("storage.k8s.io", "v1", "storageclasses", "StorageClass"),
  serviceCidrs: resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR"),
  ipAddresses: resource("networking.k8s.io", "v1", "ipaddresses", "IPAddress"),
  flowSchemas: resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "FlowSchema"),
  priorityLevels: resource(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "prioritylevelconfigurations",
    "PriorityLevelConfiguration",
  ),
  priorityClasses: resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass"),
} as const;
