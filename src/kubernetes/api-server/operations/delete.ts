/** DELETE of an object: at once, after a grace period, or when its finalizers are done. */
import type { DeleteOptions } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { conflict } from "../../../model/kubernetes-status.ts";
import { forbidden, reviewChange } from "../admission/admission.ts";
import { type AskOptions, admissionRequest } from "../admission/admission-turn.ts";
import type { ApiContext } from "../api-context.ts";
import { putConverted } from "../custom/conversion-turn.ts";
import { CLEANUP_FINALIZER } from "../custom/definition.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { existingObject, isFinished } from "./update.ts";

/** Pods that don't say get this long to end. */
export const DEFAULT_GRACE_PERIOD_SECONDS = 30;

const DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions";

/** Admission plugin NamespaceLifecycle. */
const KEPT_NAMESPACES = new Set(["default", "kube-system", "kube-public"]);

/** Kinds whose pods stay when nothing is said (their strategies' `DefaultGarbageCollectionPolicy`). */
const ORPHANED_BY_DEFAULT = new Set(["/replicationcontrollers", "batch/jobs"]);

export interface RemoveOptions extends DeleteOptions, AskOptions {}

export function deleteObject(
  context: ApiContext,
  info: ResourceInfo,
  namespace: string | undefined,
  name: string,
  options: RemoveOptions = {},
): KubernetesObject {
  const previous = existingObject(context, info, namespace, name);
  checkPreconditions(info, previous, options);
  if (info.collection === "/namespaces" && KEPT_NAMESPACES.has(name))
    throw forbidden(info, name, "this namespace may not be deleted");
  options.turn?.mutate(admissionRequest(info, "DELETE", { oldObject: previous }, options));
  reviewChange(context, info, "DELETE", { oldObject: previous }, options);
  const object = structuredClone(previous);
  setFinalizers(info, object, options);
  if (info.collection === DEFINITIONS) holdDefinition(context, object);
  const graceSeconds = gracePeriod(info, previous, options);
  const endsItself = info.collection === "/namespaces" || info.collection === DEFINITIONS;
  if (!markDeleted(context, object, graceSeconds, endsItself)) return previous;
  if (info.collection === "/namespaces") object.status = { ...object.status, phase: "Terminating" };
  if (options.dryRun) return object;
  const key = storageKey(namespace, name);
  if (isFinished(info, object)) {
    const removed = context.store.remove(info.collection, key) ?? object;
    return info.collection === "/pods" ? object : removed;
  }
  return putConverted(context, info, key, object);
}

/** A definition goes after its objects. */
function holdDefinition({ clock }: ApiContext, definition: KubernetesObject): void {
  const { metadata } = definition;
  const finalizers = metadata.finalizers ?? [];
  if (metadata.deletionTimestamp === undefined) {
    const condition = {
      type: "Terminating",
      status: "True",
      lastTransitionTime: kubernetesTime(clock.now()),
      reason: "InstanceDeletionPending",
      message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    };
    definition.status = {
      ...definition.status,
      conditions: [...(definition.status?.conditions ?? []), condition],
    };
  }
  if (metadata.deletionTimestamp === undefined && !finalizers.includes(CLEANUP_FINALIZER))
    metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
}

/**
 * Sets when the object is to go. False when it is going already, and no later.
 *
 * @param endsItself its kind has a way of its own to go: no grace is told, and the generation stays
 */
function markDeleted(
  context: ApiContext,
  object: KubernetesObject,
  graceSeconds: number,
  endsItself: boolean,
): boolean {
  const { metadata } = object;
  const finalizing = (metadata.finalizers ?? []).length > 0;
  if (metadata.deletionTimestamp !== undefined && !finalizing) {
    if (graceSeconds >= (metadata.deletionGracePeriodSeconds ?? 0) && graceSeconds > 0) return false;
  } else if (metadata.deletionTimestamp !== undefined) return false;
  else if (metadata.generation !== undefined && !endsItself) metadata.generation++;
  metadata.deletionTimestamp = kubernetesTime(context.clock.now() + graceSeconds * 1000);
  if (!endsItself) metadata.deletionGracePeriodSeconds = graceSeconds;
  return true;
}

/** Only pods end gracefully, and only those that a kubelet has and that still run. */
function gracePeriod(info: ResourceInfo, object: KubernetesObject, options: DeleteOptions): number {
  if (info.collection !== "/pods") return 0;
  if (!object.spec?.nodeName || ["Succeeded", "Failed"].includes(object.status?.phase)) return 0;
  return (
    options.gracePeriodSeconds ?? object.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_PERIOD_SECONDS
  );
}

/**
 * `Foreground` and `Orphan` are carried out by the garbage collector, told by a finalizer. Without a policy the finalizer
 * that is there decides, or else the kind (`shouldOrphanDependents` of `apiserver/pkg/registry/generic/registry/store.go`).
 */
function setFinalizers(info: ResourceInfo, object: KubernetesObject, options: DeleteOptions): void {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return;
  const { finalizers = [] } = metadata;
  const others = finalizers.filter((name) => name !== "foregroundDeletion" && name !== "orphan");
  let policy = options.propagationPolicy;
  if (policy === undefined) {
    if (others.length < finalizers.length || !ORPHANED_BY_DEFAULT.has(info.collection)) return;
    policy = "Orphan";
  }
  const wanted = { Foreground: "foregroundDeletion", Orphan: "orphan", Background: undefined }[policy];
  const wished = wanted === undefined ? others : [...others, wanted];
  if (wished.length > 0) metadata.finalizers = wished;
  else delete metadata.finalizers;
}

function checkPreconditions(info: ResourceInfo, object: KubernetesObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { name } = object.metadata;
  if (uid !== undefined && uid !== object.metadata.uid) {
    throw conflict(
      { group: info.group, resource: info.kind },
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). ` +
        "The object might have been deleted and then recreated",
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw conflict(
      { group: info.group, resource: info.kind },
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record ` +
        `(${object.metadata.resourceVersion}). The object might have been modified`,
    );
  }
}
