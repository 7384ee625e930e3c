/**
 * A StatefulSet's PersistentVolumeClaims (Kubernetes 1.37 `statefulset/stateful_pod_control.go`, `stateful_set_utils.go`):
 * one a template and ordinal, kept or not by `persistentVolumeClaimRetentionPolicy`, which the garbage collector carries
 * out through owner references.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject, OwnerReference } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { PersistentVolumeClaim, Pod, StatefulSet } from "../../types.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  getIfExists,
  sameJson,
} from "../controller.ts";

/** The claim of one template for one ordinal: `data-web-3`. */
export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

const templatesOf = (set: StatefulSet): PersistentVolumeClaim[] => set.spec.volumeClaimTemplates ?? [];

/** The claims as volumes, in place of the template's volumes of the same names. */
export function addClaimVolumes(set: StatefulSet, pod: Pod, ordinal: number): void {
  const templates = templatesOf(set);
  if (templates.length === 0) return;
  const names = new Set(templates.map(({ metadata }) => metadata.name));
  const claims = templates.map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  pod.spec.volumes = [...claims, ...(pod.spec.volumes ?? []).filter(({ name }) => !names.has(name))];
}

/**
 * Makes the claims that are missing.
 *
 * @throws Error when one cannot be made, or is being deleted
 */
export async function createClaims(
  { api }: ControllerContext,
  controller: Controller,
  set: StatefulSet,
  podName: string,
  ordinal: number,
): Promise<void> {
  const problems: string[] = [];
  for (const template of templatesOf(set)) {
    const name = claimName(set, template, ordinal);
    const key = { namespace: set.metadata.namespace, name };
    const present = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, key);
    if (present?.metadata.deletionTimestamp !== undefined) problems.push(`pvc ${name} is being deleted`);
    if (present !== undefined) continue;
    try {
      await api.create(RESOURCES.persistentVolumeClaims, newClaim(set, template, name));
      const message = `Create Claim ${name} Pod ${podName} in StatefulSet ${set.metadata.name} success`;
      controller.events.record(set, "Normal", "SuccessfulCreate", message);
    } catch (error) {
      problems.push(`failed to create PVC ${name}: ${(error as Error).message}`);
      if (isStatus(error, "AlreadyExists")) continue;
      const message = `Create Claim ${name} for Pod ${podName} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`;
      controller.events.record(set, "Warning", "FailedCreate", message);
    }
  }
  if (problems.length === 1) throw new Error(problems[0]);
  if (problems.length > 1) throw new Error(`[${problems.join(", ")}]`);
}

function newClaim(
  set: StatefulSet,
  { metadata, spec }: PersistentVolumeClaim,
  name: string,
): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec,
  };
}

// ---- who owns them ----

type Owner = { object: KubernetesObject; apiVersion: string; kind: string };

const setOwner = (set: StatefulSet): Owner => ({ object: set, apiVersion: "apps/v1", kind: "StatefulSet" });
const podOwner = (pod: Pod): Owner => ({ object: pod, apiVersion: "v1", kind: "Pod" });

const names = ({ kind, name }: OwnerReference, owner: Owner): boolean =>
  kind === owner.kind && name === owner.object.metadata.name;

/** It names an owner of this kind and name that is not the one there is: an earlier one's, not ours to touch. */
const isStale = (claim: PersistentVolumeClaim, owner: Owner): boolean =>
  (claim.metadata.ownerReferences ?? []).some(
    (reference) => names(reference, owner) && reference.uid !== owner.object.metadata.uid,
  );

/**
 * Whether a claim of this ordinal still belongs to a pod that was scaled away: it goes when the garbage collector comes,
 * and no pod may be made on it before.
 */
export async function hasStaleClaim({ api }: ControllerContext, set: StatefulSet, ordinal: number) {
  if ((set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled ?? "Retain") === "Retain") return false;
  // The pod is yet to be made: any reference to one of its name is to an earlier one.
  const pod = { metadata: { name: `${set.metadata.name}-${ordinal}` } } as Pod;
  for (const template of templatesOf(set)) {
    const key = { namespace: set.metadata.namespace, name: claimName(set, template, ordinal) };
    const claim = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, key);
    if (claim !== undefined && isStale(claim, podOwner(pod))) return true;
  }
  return false;
}

/** Makes the pod's claims owned by the set, by the pod, or by nobody. */
export async function keepClaimOwners(
  { api }: ControllerContext,
  controller: Controller,
  set: StatefulSet,
  pod: Pod,
  ordinal: number,
  isCondemned: boolean,
): Promise<void> {
  for (const template of templatesOf(set)) {
    const key = { namespace: set.metadata.namespace, name: claimName(set, template, ordinal) };
    const claim = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, key);
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
    if (isStale(claim, setOwner(set)) || isStale(claim, podOwner(pod))) continue;
    const before = claim.metadata.ownerReferences ?? [];
    const after = claimOwners(before, set, pod, isCondemned);
    if (!isKept(set) && isManagedByOther(before, set, pod) && (isComing(pod) || !sameJson(before, after))) {
      const message = `PersistentVolumeClaim ${key.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
      controller.events.record(set, "Warning", "ConflictingController", message);
    }
    if (sameJson(before, after)) continue;
    const body = { metadata: { ownerReferences: after.length === 0 ? null : after } };
    await api.patch(RESOURCES.persistentVolumeClaims, key, { type: "merge", body });
  }
}

/** Whether its claims stay whatever happens. */
const isKept = ({ spec: { persistentVolumeClaimRetentionPolicy: policy = {} } }: StatefulSet): boolean =>
  (policy.whenDeleted ?? "Retain") === "Retain" && (policy.whenScaled ?? "Retain") === "Retain";

const isComing = ({ status }: Pod): boolean => (status?.phase ?? "Pending") === "Pending";

const isNeither = (reference: OwnerReference, set: StatefulSet, pod: Pod): boolean =>
  !names(reference, setOwner(set)) && !names(reference, podOwner(pod));

const isManagedByOther = (references: OwnerReference[], set: StatefulSet, pod: Pod): boolean =>
  references.some((reference) => reference.controller && isNeither(reference, set, pod));

function claimOwners(
  before: OwnerReference[],
  set: StatefulSet,
  pod: Pod,
  isCondemned: boolean,
): OwnerReference[] {
  const others = before.filter((reference) => isNeither(reference, set, pod));
  // Another controller's claim stays its own.
  if (isManagedByOther(before, set, pod)) return others;
  const { whenDeleted = "Retain", whenScaled = "Retain" } =
    set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  if (whenScaled === "Delete" && isCondemned) return [...others, controllerReference(pod, "v1", "Pod")];
  return whenDeleted === "Delete" ? [...others, controllerReference(set, "apps/v1", "StatefulSet")] : others;
}
