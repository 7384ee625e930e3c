/** Kubernetes API objects (apimachinery `meta/v1`): the parts that every kind shares. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Who owns which fields, for server-side apply. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: "Apply" | "Update";
  apiVersion?: string;
  time?: string;
  fieldsType?: "FieldsV1";
  fieldsV1?: Record<string, unknown>;
  subresource?: string;
}

export interface ObjectMeta {
  name: string;
  /** Absent on cluster-wide objects. */
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFieldsEntry[];
}

/**
 * Any object. `spec`, `status` and the fields of other kinds are typed by whoever reads them:
 * `interface Pod extends KubernetesObject { spec: PodSpec }`.
 */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  // biome-ignore lint/suspicious/noExplicitAny: kinds differ, and custom resources are only known at run time
  spec?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as spec
  status?: any;
}

export interface ListMeta {
  resourceVersion: string;
  /** Set when a limit cut the list: passed back for the rest. */
  continue?: string;
  remainingItemCount?: number;
}

export interface KubernetesList<T extends KubernetesObject = KubernetesObject> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

/** The first owner reference with `controller: true`. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** `apps/v1` → group `apps`, version `v1`; `v1` → group "". */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash === -1
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The inverse of `parseApiVersion`. */
export function apiVersionOf(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** A time as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function kubernetesTime(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19) + "Z";
}

/** A time with microseconds (`MicroTime`: events, leases). */
export function kubernetesMicroTime(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 23) + "000Z";
}
