/** PUT of an object or of its status, and the last step of every patch. */
import type { WriteOptions } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { conflict, internalFailure, notFound } from "../../../model/kubernetes-status.ts";
import { reviewChange, reviewObject } from "../admission/admission.ts";
import { type AdmissionTurn, admissionRequest } from "../admission/admission-turn.ts";
import { CERTIFICATE_REQUESTS, checkApprover, checkSigner } from "../admission/approval.ts";
import { checkEscalation } from "../admission/escalation.ts";
import type { ApiContext } from "../api-context.ts";
import { trackUpdate } from "../apply/managed-fields.ts";
import { fromStorageVersion, toStorageVersion } from "../convert.ts";
import { putConverted } from "../custom/conversion-turn.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import { objectWarnings } from "../kinds/object-warnings.ts";
import { resizeProblems } from "../kinds/pod-resize.ts";
import { metadataKeptByStatus } from "../kinds/status-metadata.ts";
import { strategyOf } from "../kinds/strategies.ts";
import { storageKey } from "../object-store.ts";
import { type InputOptions, readInput } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import { validateObject } from "../validate-object.ts";
import { completeObject } from "../zero-values.ts";

/** The finalizer of a namespace's content, in its spec and not its metadata. */
export const NAMESPACE_FINALIZER = "kubernetes";

/** Who writes. */
export interface Actor extends WriteOptions {
  /** Whose rights bound what roles may grant. Controllers have none of their own: nothing is asked of them. */
  user?: User;
  /** @default no webhooks are asked */
  turn?: AdmissionTurn;
}

export interface UpdateOptions extends Actor, InputOptions {
  subresource?: string;
  /** Server-side apply: told when the object did not exist before. */
  onCreate?: () => void;
}

/** Subresources that write the status and nothing else. */
const STATUS_PARTS = new Set(["status", "approval"]);

/** Writes of parts that the checks of a whole object do not know. */
const UNCHECKED = new Set(["status", "approval", "resize", "ephemeralcontainers"]);

export function existingObject(
  context: ApiContext,
  info: ResourceInfo,
  namespace: string | undefined,
  name: string,
): KubernetesObject {
  const found = context.store.get(info.collection, storageKey(namespace, name));
  if (found === undefined) throw notFound(info, name);
  return info.conversion === undefined ? found : fromStorageVersion(info, found);
}

export function updateObject(
  context: ApiContext,
  info: ResourceInfo,
  input: KubernetesObject,
  options: UpdateOptions = {},
): KubernetesObject {
  const { namespace, name } = input.metadata;
  // What can't be read is told before what is not there.
  const read = toStorageVersion(info, readInput(info, input, options));
  const previous = existingObject(context, info, info.namespaced ? namespace : undefined, name);
  checkPreconditions(info, input, previous, options.dryRun === true);
  if (options.user !== undefined) checkIsConditional(info, input);
  const isStatus = STATUS_PARTS.has(options.subresource ?? "");
  const takesMetadata = options.user !== undefined || info.collection === "apps/deployments";
  let object = isStatus
    ? withStatus(info, takesMetadata, read, input, previous)
    : withContent(info, read, previous);
  if (options.turn !== undefined) {
    strategyOf(info).setDefaults?.(object);
    // What webhooks change is nobody's.
    track(context, info, object, previous, options);
    const asked = admissionRequest(info, "UPDATE", { object, oldObject: previous }, options);
    object = toStorageVersion(info, options.turn.mutate(asked) ?? object);
  }
  const strategy = strategyOf(info);
  if (isStatus) strategy.prepareForStatus?.(object, previous, context, options.subresource!);
  else {
    strategy.prepareForUpdate?.(object, previous, context);
    strategy.setDefaults?.(object);
    completeObject(info, object);
    const isSame =
      sameContent(object, previous) &&
      (!strategy.countsAnnotations || deepEqual(object.metadata.annotations, previous.metadata.annotations));
    if (info.hasGeneration && !isSame && !strategy.keepsGeneration) {
      object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
    }
  }
  if (isStatus) completeObject(info, object);
  validateObject(info, object, previous, UNCHECKED.has(options.subresource ?? ""), options.warn);
  if (options.subresource === "resize") {
    const causes = resizeProblems(object, previous);
    if (causes.length > 0) throw invalid(info, name, causes);
  }
  if (isStatus) {
    const causes = strategy.validateStatus?.(object, previous, options.subresource!) ?? [];
    if (causes.length > 0) throw invalid(info, name, causes);
  }
  if (options.subresource === undefined && options.user !== undefined)
    checkEscalation(context.store, info, object, previous, options.user);
  if (options.subresource === "approval") checkApprover(context.store, info, previous, options.user);
  if (options.subresource === "status" && info.collection === CERTIFICATE_REQUESTS)
    checkSigner(context.store, info, object, previous, options.user);
  // Of a scale it is the Scale that is reviewed.
  if (options.subresource !== "scale")
    reviewChange(context, info, "UPDATE", { object, oldObject: previous }, options);
  if (options.subresource === undefined) {
    reviewObject(context, info, object, previous, options.dryRun === true);
    if (options.warn !== undefined)
      for (const warning of objectWarnings(info, object, previous)) options.warn(warning);
  }
  if (options.turn === undefined) track(context, info, object, previous, options);
  return commit(context, info, object, previous, options);
}

function track(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject,
  { fieldManager: manager, subresource }: UpdateOptions,
): void {
  if (manager === undefined) return;
  const time = subresource === "scale" ? undefined : kubernetesTime(context.clock.now());
  trackUpdate(info, object, previous, { manager, subresource, time });
}

/** Stores the object unless it is what is there; removes it when the last thing that kept it is gone. */
export function commit(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject,
  options: UpdateOptions,
): KubernetesObject {
  if (deepEqual(object, previous)) return previous;
  if (options.dryRun) return object;
  const key = storageKey(object.metadata.namespace, object.metadata.name);
  if (!isFinished(info, object)) return putConverted(context, info, key, object);
  context.store.remove(info.collection, key);
  return object;
}

/** Deletion was asked for and nothing holds it up any more. */
export function isFinished(info: ResourceInfo, object: KubernetesObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers ?? []).length > 0) return false;
  if (info.collection === "/namespaces" && (object.spec?.finalizers ?? []).length > 0) return false;
  return (deletionGracePeriodSeconds ?? 0) === 0;
}

/** An update with another uid is about another object; a patch that changes it is just wrong. */
export function checkUid(
  info: ResourceInfo,
  { metadata }: KubernetesObject,
  previous: KubernetesObject,
): void {
  if (!metadata.uid || metadata.uid === previous.metadata.uid) return;
  const cause = invalidValue("metadata.uid", metadata.uid, "field is immutable");
  // Upstream finds it once for all kinds and once for this one.
  throw invalid(info, previous.metadata.name, [cause, cause]);
}

function checkPreconditions(
  info: ResourceInfo,
  input: KubernetesObject,
  previous: KubernetesObject,
  isDryRun: boolean,
): void {
  const { uid, resourceVersion } = input.metadata;
  if (uid && uid !== previous.metadata.uid) {
    throw conflict(
      info,
      input.metadata.name,
      // Where the store keeps it, which a dry run does not reach.
      `StorageError: invalid object, Code: 4, Key: ${isDryRun ? "" : "/registry"}/${storagePath(info, input)}, ` +
        "ResourceVersion: 0, " +
        `AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) {
    if (!/^\d+$/.test(resourceVersion)) {
      throw internalFailure(`strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
    }
    throw conflict(info, input.metadata.name);
  }
}

/** Kinds that are only replaced by who names the version that is replaced (`AllowUnconditionalUpdate`). */
const CONDITIONAL = new Set([
  "admissionregistration.k8s.io/mutatingwebhookconfigurations",
  "admissionregistration.k8s.io/validatingadmissionpolicies",
  "admissionregistration.k8s.io/validatingadmissionpolicybindings",
  "admissionregistration.k8s.io/validatingwebhookconfigurations",
  "apiextensions.k8s.io/customresourcedefinitions",
  "apiregistration.k8s.io/apiservices",
  "coordination.k8s.io/leases",
  "node.k8s.io/runtimeclasses",
  "policy/poddisruptionbudgets",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/csistoragecapacities",
  "storage.k8s.io/volumeattachments",
]);

function checkIsConditional(info: ResourceInfo, { metadata }: KubernetesObject): void {
  if (metadata.resourceVersion || !(info.isCustom || CONDITIONAL.has(info.collection))) return;
  const cause = invalidValue("metadata.resourceVersion", 0, "must be specified for an update");
  throw invalid({ kind: info.resource, group: info.group }, metadata.name, [cause]);
}

function storagePath({ resource, namespaced }: ResourceInfo, { metadata }: KubernetesObject): string {
  return [resource, ...(namespaced ? [metadata.namespace] : []), metadata.name].join("/");
}

/** Metadata that is the writer's to say. */
const OWN_METADATA = ["annotations", "finalizers", "labels", "ownerReferences"] as const;

/**
 * The previous object with the input's status, and what of its metadata comes with a status (`metadataKeptByStatus`).
 * What runs in this process may write a status from an older copy, and changes no metadata by it.
 */
function withStatus(
  info: ResourceInfo,
  takesMetadata: boolean,
  read: KubernetesObject,
  input: KubernetesObject,
  previous: KubernetesObject,
): KubernetesObject {
  const { status } = read;
  const { status: _, ...rest } = structuredClone(previous);
  if (input.metadata.managedFields !== undefined) rest.metadata.managedFields = input.metadata.managedFields;
  const kept = takesMetadata ? metadataKeptByStatus(info) : "all";
  for (const name of kept === "all" ? [] : OWN_METADATA.filter((each) => !kept.includes(each))) {
    const given = read.metadata[name];
    if (given === undefined) delete rest.metadata[name];
    else (rest.metadata as unknown as Record<string, unknown>)[name] = given;
  }
  return status === undefined ? rest : { ...rest, status };
}

/** The input with what clients cannot change taken from the previous object. */
function withContent(
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject,
): KubernetesObject {
  const { metadata } = object;
  const kept = previous.metadata;
  metadata.uid = kept.uid;
  metadata.creationTimestamp = kept.creationTimestamp;
  metadata.resourceVersion = kept.resourceVersion;
  for (const field of [
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
  ] as const) {
    if (kept[field] === undefined) delete metadata[field];
    else (metadata as unknown as Record<string, unknown>)[field] = kept[field];
  }
  if (metadata.managedFields === undefined && kept.managedFields !== undefined) {
    metadata.managedFields = kept.managedFields;
  }
  if (kept.deletionTimestamp !== undefined) checkNoNewFinalizers(info, object, previous);
  if (!info.namespaced) delete metadata.namespace;
  if (info.hasStatus) {
    if (previous.status === undefined) delete object.status;
    else object.status = previous.status;
  }
  return object;
}

function checkNoNewFinalizers(
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject,
): void {
  const old = previous.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !old.includes(finalizer));
  if (added.length === 0) return;
  const listed = added.map((name) => JSON.stringify(name)).join(", ");
  const detail =
    "no new finalizers can be added if the object is being deleted, found new finalizers " +
    `[]string{${listed}}`;
  throw invalid(info, object.metadata.name, [forbiddenField("metadata.finalizers", detail)]);
}

/** Whether everything but metadata and status is equal. */
function sameContent(a: KubernetesObject, b: KubernetesObject): boolean {
  const content = ({ metadata: _, status: __, ...rest }: KubernetesObject) => rest;
  return deepEqual(content(a), content(b));
}
