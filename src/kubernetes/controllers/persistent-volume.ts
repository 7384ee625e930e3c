/**
 * PersistentVolumeClaims on folders of the data directory: the binder and the provisioner (as Kind's local-path) in one.
 * A claim gets the volume that it names, one that fits and is free, or a new folder; a volume that loses its claim goes
 * or stays as its reclaim policy says. Sizes are recorded, not enforced.
 */
import type { Disk } from "../../base/disk.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { parseQuantity } from "../../model/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../types.ts";
import {
  type Controller,
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
} from "./controller.ts";
import { startVolumeProtectionControllers } from "./volume-protection.ts";

/** The class of claims that name none. */
export const DEFAULT_STORAGE_CLASS = "standard";
export const PROVISIONER = "topology.percolate.io/folder";

export interface PersistentVolumeOptions {
  disk: Disk;
  /** Of all volumes. */
  directory: string;
}

export function startPersistentVolumeControllers(
  context: ControllerContext,
  options: PersistentVolumeOptions,
): void {
  const claims: Controller = startController({
    context,
    name: "persistentvolume-controller",
    // One after the other, so that two claims never take the same volume.
    workers: 1,
    reconcile: (key) => reconcileClaim(context, claims, options, key),
  });
  claims.watch(RESOURCES.persistentVolumeClaims);
  startVolumeProtectionControllers(context);
  const volumes: Controller = startController({
    context,
    name: "persistentvolume-controller",
    reconcile: (key) => reconcileVolume(context, options, key),
  });
  volumes.watch(RESOURCES.persistentVolumes);
  volumes.watchMapped<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, ({ spec }) =>
    spec.volumeName === undefined ? [] : [spec.volumeName],
  );
}

/** A claim that found nothing looks again (`--pvclaimbinder-sync-period`), in milliseconds. */
const RESYNC_MS = 15_000;

async function reconcileClaim(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  key: string,
): Promise<number | undefined> {
  const { api } = context;
  const claim = await getIfExists<PersistentVolumeClaim>(
    api,
    RESOURCES.persistentVolumeClaims,
    splitKey(key),
  );
  if (claim === undefined) return;
  if (claim.metadata.deletionTimestamp !== undefined) return;
  if (claim.status?.phase === "Bound") return;
  const volume = await findVolume(context, controller, options, claim);
  if (volume === undefined) {
    if (claim.status?.phase !== "Pending") {
      await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...claim, status: { phase: "Pending" } });
    }
    return RESYNC_MS;
  }
  await bind(context, claim, volume);
}

async function findVolume(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  claim: PersistentVolumeClaim,
): Promise<PersistentVolume | undefined> {
  const { api } = context;
  const { namespace, name } = claim.metadata;
  const { items } = await api.list<PersistentVolume>(RESOURCES.persistentVolumes);
  const reserved = items.find(
    ({ spec }) => spec.claimRef?.namespace === namespace && spec.claimRef?.name === name,
  );
  if (reserved !== undefined) {
    const isOther =
      reserved.spec.claimRef!.uid !== undefined && reserved.spec.claimRef!.uid !== claim.metadata.uid;
    if (!isOther) return reserved;
  }
  const className = claim.spec.storageClassName ?? DEFAULT_STORAGE_CLASS;
  const isFree = (volume: PersistentVolume) =>
    volume.spec.claimRef === undefined && volume.metadata.deletionTimestamp === undefined;
  if (claim.spec.volumeName) {
    return items.find((volume) => volume.metadata.name === claim.spec.volumeName && isFree(volume));
  }
  const size = sizeOf(claim);
  const fitting = items
    .filter((volume) => isFree(volume) && (volume.spec.storageClassName ?? "") === className)
    .filter(({ spec }) => parseQuantity(spec.capacity?.storage ?? "0") >= size)
    .filter(({ spec }) => (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode)))
    .sort((a, b) => parseQuantity(a.spec.capacity!.storage) - parseQuantity(b.spec.capacity!.storage));
  if (fitting.length > 0) return fitting[0];
  if (className !== "") return provision(context, controller, options, claim, className);
  const message = "no persistent volumes available for this claim and no storage class is set";
  controller.events.record(claim, "Normal", "FailedBinding", message);
  return undefined;
}

async function provision(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  claim: PersistentVolumeClaim,
  className: string,
): Promise<PersistentVolume | undefined> {
  const { api } = context;
  const storageClass = await getIfExists<StorageClass>(api, RESOURCES.storageClasses, { name: className });
  const isDefault = className === DEFAULT_STORAGE_CLASS;
  if (storageClass === undefined && !isDefault) {
    const message = `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
    controller.events.record(claim, "Warning", "ProvisioningFailed", message);
    return undefined;
  }
  const { uid, namespace, name } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const path = `${options.directory}/${volumeName}_${namespace}_${name}`;
  await options.disk.makeDirectory(path, { mode: 0o700 });
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volumeName, annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
    spec: {
      capacity: { storage: String(claim.spec.resources?.requests?.storage ?? "1Gi") },
      accessModes: claim.spec.accessModes ?? ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: storageClass?.reclaimPolicy ?? "Delete",
      storageClassName: className,
      volumeMode: "Filesystem",
      hostPath: { path, type: "DirectoryOrCreate" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: namespace!, name, uid },
    },
  };
  try {
    const created = await api.create(RESOURCES.persistentVolumes, volume);
    controller.events.record(
      claim,
      "Normal",
      "ProvisioningSucceeded",
      `Successfully provisioned volume ${volumeName}`,
    );
    return created;
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
    return api.get(RESOURCES.persistentVolumes, { name: volumeName });
  }
}

interface StorageClass extends KubernetesObject {
  provisioner?: string;
  reclaimPolicy?: string;
}

async function bind(
  { api }: ControllerContext,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<void> {
  const { namespace, name, uid } = claim.metadata;
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: namespace!, name, uid };
  const reserved = await api.replace<PersistentVolume>(RESOURCES.persistentVolumes, {
    ...volume,
    spec: { ...volume.spec, claimRef },
  });
  await api.updateStatus(RESOURCES.persistentVolumes, { ...reserved, status: { phase: "Bound" } });
  const bound = await api.patch<PersistentVolumeClaim>(
    RESOURCES.persistentVolumeClaims,
    { namespace, name },
    {
      type: "merge",
      body: {
        metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
        spec: { volumeName: volume.metadata.name, storageClassName: volume.spec.storageClassName },
      },
    },
  );
  const { accessModes, capacity } = volume.spec;
  await api.updateStatus(RESOURCES.persistentVolumeClaims, {
    ...bound,
    status: { phase: "Bound", accessModes, capacity },
  });
}

async function reconcileVolume(
  context: ControllerContext,
  options: PersistentVolumeOptions,
  key: string,
): Promise<undefined> {
  const { api } = context;
  const volume = await getIfExists<PersistentVolume>(api, RESOURCES.persistentVolumes, { name: key });
  if (volume === undefined) return;
  const { claimRef, persistentVolumeReclaimPolicy = "Retain" } = volume.spec;
  if (claimRef?.uid === undefined) {
    if (volume.status?.phase !== "Available") {
      await api.updateStatus(RESOURCES.persistentVolumes, { ...volume, status: { phase: "Available" } });
    }
    return;
  }
  const claim = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, claimRef);
  if (claim?.metadata.uid === claimRef.uid) return;
  if (volume.status?.phase !== "Released") {
    await api.updateStatus(RESOURCES.persistentVolumes, { ...volume, status: { phase: "Released" } });
    return;
  }
  if (persistentVolumeReclaimPolicy !== "Delete") return;
  const { path } = volume.spec.hostPath ?? {};
  // Only what was made here is removed; a folder that a user named is the user's.
  const isOurs = volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"] === PROVISIONER;
  if (isOurs && path?.startsWith(`${options.directory}/`)) await options.disk.remove(path);
  await deleteIfExists(api, RESOURCES.persistentVolumes, volume);
}

function sizeOf(claim: PersistentVolumeClaim): number {
  return parseQuantity(claim.spec.resources?.requests?.storage ?? "0");
}
