/** Which volumes a claim may have (upstream `component-helpers/storage/volume`, `pkg/controller/volume/persistentvolume/index.go`). */
import { type LabelSelector, matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../types.ts";

export interface StorageClass {
  metadata: { name: string };
  provisioner?: string;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
  mountOptions?: string[];
}

/** What the scheduler writes on a claim that waited for its first pod, once it knows the node. */
export const SELECTED_NODE_ANNOTATION = "volume.kubernetes.io/selected-node";

/** Whether the class leaves its claims alone until a pod that uses them is to be placed. */
export function waitsForConsumer(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}

/** Whether the volume is meant for the claim, by the one who made it or since they were bound. */
export function isMeantFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = spec;
  if (claimRef?.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

/** Why the claim can't have a volume that it names, or that names it; undefined when it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined)
    return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`;
  if (sizeOf(volume) < requestOf(claim)) return "requested PV is too small";
  if (classOf(volume) !== classOf(claim)) return "storageClassName does not match";
  if ((volume.spec.volumeAttributesClassName ?? "") !== (claim.spec.volumeAttributesClassName ?? ""))
    return "volumeAttributesClassName does not match";
  if (modeOf(volume) !== modeOf(claim)) return "incompatible volumeMode";
  if (!hasModes(volume, claim)) return "incompatible accessMode";
  return undefined;
}

/**
 * The one that is meant for the claim, else the smallest that is free and fits, of those that can do least besides.
 *
 * @param isDelayed only what is meant for the claim will do: the scheduler chooses among the others
 */
export function findVolume(
  volumes: PersistentVolume[],
  claim: PersistentVolumeClaim,
  isDelayed: boolean,
): PersistentVolume | undefined {
  const meant = volumes.find(
    (volume) =>
      isMeantFor(volume, claim) &&
      volume.metadata.deletionTimestamp === undefined &&
      modeOf(volume) === modeOf(claim) &&
      sizeOf(volume) >= requestOf(claim) &&
      hasModes(volume, claim),
  );
  if (meant !== undefined || isDelayed) return meant;
  return fittingVolumes(volumes, claim)[0];
}

/** Free volumes that fit, the best first. */
export function fittingVolumes(
  volumes: PersistentVolume[],
  claim: PersistentVolumeClaim & { spec: { selector?: LabelSelector } },
): PersistentVolume[] {
  const selector = selectorOf(claim.spec.selector) ?? [];
  return volumes
    .filter(
      (volume) =>
        volume.spec.claimRef === undefined &&
        volume.status?.phase === "Available" &&
        mismatch(volume, claim) === undefined &&
        matchesSelector(selector, volume.metadata.labels),
    )
    .sort(
      (a, b) =>
        (a.spec.accessModes ?? []).length - (b.spec.accessModes ?? []).length ||
        sizeOf(a) - sizeOf(b) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    );
}

function sizeOf({ spec }: PersistentVolume): number {
  return parseQuantity(spec.capacity?.storage ?? "0");
}

function requestOf({ spec }: PersistentVolumeClaim): number {
  return parseQuantity(spec.resources?.requests?.storage ?? "0");
}

function classOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec.storageClassName ?? "";
}

function modeOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec.volumeMode ?? "Filesystem";
}

/** Whether both are file systems, or both are devices. */
export const hasSameMode = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  modeOf(volume) === modeOf(claim);

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode));
}
