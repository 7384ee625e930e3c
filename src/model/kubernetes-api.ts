/**
 * The Kubernetes API as rooms see it. The API server's store implements it in process, `wire/kubernetes/client.ts`
 * over HTTP, so a controller runs on either, and in virtual time.
 */
import type { GroupVersionResource, KubernetesObject } from "./kubernetes-object.ts";

export interface ListOptions {
  /** Absent: all namespaces, or a cluster-scoped resource. */
  namespace?: string;
  /** As in a URL: `app=test-db,tier!=small`. */
  labelSelector?: string;
  /** As in a URL: `spec.nodeName=node-1`. */
  fieldSelector?: string;
}

export interface ObjectList<T extends KubernetesObject = KubernetesObject> {
  /** Of the list: a watch from here misses nothing. */
  resourceVersion: string;
  items: T[];
}

/** `bookmark` carries only a resourceVersion. */
export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

export interface WatchEvent<T extends KubernetesObject = KubernetesObject> {
  type: WatchEventType;
  object: T;
}

export interface WatchOptions extends ListOptions {
  /** Events after this version. Absent: the present objects come first, as ADDED. */
  resourceVersion?: string;
  signal?: AbortSignal;
}

export type PatchType = "merge" | "strategic" | "json" | "apply";

export interface WriteOptions {
  /** Who writes, for field ownership. */
  fieldManager?: string;
  /** `apply` only: take fields over from other managers. */
  force?: boolean;
  /** `status`, `scale`, … */
  subresource?: string;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: "Foreground" | "Background" | "Orphan";
  /** Fails with Conflict when the object is another one by now. */
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** All methods throw `KubeStatusError`. */
export interface KubernetesApi {
  get<T extends KubernetesObject>(
    gvr: GroupVersionResource,
    namespace: string | undefined,
    name: string,
    subresource?: string,
  ): Promise<T>;
  list<T extends KubernetesObject>(gvr: GroupVersionResource, options?: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubernetesObject>(
    gvr: GroupVersionResource,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  /** Replaces the object; with a `metadata.resourceVersion` only if it still has that version. */
  replace<T extends KubernetesObject>(
    gvr: GroupVersionResource,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubernetesObject>(
    gvr: GroupVersionResource,
    namespace: string | undefined,
    name: string,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  delete(
    gvr: GroupVersionResource,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Ends when `signal` aborts or the server ends the watch; throws `KubeStatusError` 410 when the version is too old. */
  watch<T extends KubernetesObject>(
    gvr: GroupVersionResource,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
}

/** `metav1.Status` as an error. */
export class KubeStatusError extends Error {
  /** HTTP status. */
  readonly code: number;
  /** `NotFound`, `Conflict`, `AlreadyExists`, `Invalid`, `Expired`, … */
  readonly reason: string;
  readonly details?: Record<string, unknown>;

  constructor(code: number, reason: string, message: string, details?: Record<string, unknown>) {
    super(message);
    this.name = "KubeStatusError";
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** Whether an error is a `KubeStatusError` with this reason. */
export function isReason(error: unknown, reason: string): error is KubeStatusError {
  return error instanceof KubeStatusError && error.reason === reason;
}
