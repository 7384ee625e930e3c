/** What all Kubernetes objects share. Kinds that code works with have their own types beside this file. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  /** Absent for cluster-scoped objects. */
  namespace?: string;
  generateName?: string;
  uid?: string;
  /** Opaque to clients; grows with every write to the cluster. */
  resourceVersion?: string;
  /** Counts changes of the spec. */
  generation?: number;
  /** RFC 3339, UTC. */
  creationTimestamp?: string;
  /** Set when deletion was asked for and finalizers or a grace period hold it up. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
}

/** An object as it is on the wire. `spec`, `status` and other fields are as the kind has them. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  // biome-ignore lint/suspicious/noExplicitAny: the fields of a kind that has no type of its own here
  [field: string]: any;
}

/** Names a collection: `{group: "apps", version: "v1", resource: "statefulsets"}`; the core group is "". */
export interface GroupVersionResource {
  group: string;
  version: string;
  /** Plural, lower case. */
  resource: string;
}

export const PODS = { group: "", version: "v1", resource: "pods" } as const;
export const NODES = { group: "", version: "v1", resource: "nodes" } as const;
export const SERVICES = { group: "", version: "v1", resource: "services" } as const;
export const NAMESPACES = { group: "", version: "v1", resource: "namespaces" } as const;
export const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" } as const;
export const EVENTS = { group: "", version: "v1", resource: "events" } as const;
export const STATEFUL_SETS = { group: "apps", version: "v1", resource: "statefulsets" } as const;
export const DEPLOYMENTS = { group: "apps", version: "v1", resource: "deployments" } as const;
export const HORIZONTAL_POD_AUTOSCALERS = {
  group: "autoscaling",
  version: "v2",
  resource: "horizontalpodautoscalers",
} as const;

/** `/api/v1/namespaces/ns/pods/name/status`, `/apis/apps/v1/statefulsets`, … */
export function resourcePath(
  gvr: GroupVersionResource,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root = gvr.group === "" ? `/api/${gvr.version}` : `/apis/${gvr.group}/${gvr.version}`;
  const parts = namespace === undefined ? [gvr.resource] : ["namespaces", namespace, gvr.resource];
  if (name !== undefined) parts.push(name);
  if (subresource !== undefined) parts.push(subresource);
  return `${root}/${parts.map(encodeURIComponent).join("/")}`;
}
