/**
 * PersistentVolumeClaims on folders of the data directory: the binder and the provisioner (as Kind's local-path) in one.
 * A claim gets the volume that it names, one that fits and is free, or a new folder; a volume that loses its claim goes
 * or stays as its reclaim policy says. Sizes are recorded, not enforced.
 */
import type { Disk } from "../../../base/disk.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../types.ts";
import {
  type Controller,
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
} from "../controller.ts";
import {
  findVolume,
  isMeantFor,
  mismatch,
  SELECTED_NODE_ANNOTATION,
  type StorageClass,
  waitsForConsumer,
} from "./volume-matching.ts";
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
  claims.watchMapped<PersistentVolume>(RESOURCES.persistentVolumes, ({ spec: { claimRef } }) =>
    claimRef === undefined ? [] : [`${claimRef.namespace}/${claimRef.name}`],
  );
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
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
  if (claim.status?.phase === "Bound") return seeLoss(context, controller, claim);
  if (claim.status?.phase === "Lost") return;
  const volume = await volumeFor(context, controller, options, claim);
  if (volume !== undefined) return bind(context, claim, volume);
  if (claim.status?.phase !== "Pending")
    await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...claim, status: { phase: "Pending" } });
  return RESYNC_MS;
}

/** A claim whose volume was removed behind its back never gets another: its data is lost. */
async function seeLoss(
  { api }: ControllerContext,
  { events }: Controller,
  claim: PersistentVolumeClaim,
): Promise<undefined> {
  const { volumeName } = claim.spec;
  if (volumeName === undefined) return;
  if ((await getIfExists(api, RESOURCES.persistentVolumes, { name: volumeName })) !== undefined) return;
  await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...claim, status: { phase: "Lost" } });
  const message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
  events.record(claim, "Warning", "ClaimLost", message);
}

async function volumeFor(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  claim: PersistentVolumeClaim,
): Promise<PersistentVolume | undefined> {
  const { api } = context;
  const { items } = await api.list<PersistentVolume>(RESOURCES.persistentVolumes);
  if (claim.spec.volumeName) return namedVolume(controller, items, claim);
  const className = claim.spec.storageClassName ?? DEFAULT_STORAGE_CLASS;
  const storageClass =
    className === ""
      ? undefined
      : await getIfExists<StorageObject>(api, RESOURCES.storageClasses, { name: className });
  const isDelayed = waitsForConsumer(storageClass);
  const known = { ...claim, spec: { ...claim.spec, storageClassName: className } };
  const found = findVolume(items, known, isDelayed);
  if (found !== undefined) return found;
  if (isDelayed && claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION] === undefined) {
    await tellWait(context, controller, claim);
    return undefined;
  }
  if (className !== "") return provision(context, controller, options, claim, className);
  const message = "no persistent volumes available for this claim and no storage class is set";
  controller.events.record(claim, "Normal", "FailedBinding", message);
  return undefined;
}

function namedVolume(
  { events }: Controller,
  volumes: PersistentVolume[],
  claim: PersistentVolumeClaim,
): PersistentVolume | undefined {
  const volume = volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName);
  if (volume === undefined || isMeantFor(volume, claim)) return volume;
  const name = JSON.stringify(volume.metadata.name);
  const problem = mismatch(volume, claim);
  if (volume.spec.claimRef !== undefined) {
    events.record(claim, "Warning", "FailedBinding", `volume ${name} already bound to a different claim.`);
  } else if (problem !== undefined) {
    const message = `Cannot bind to requested volume ${name}: ${problem}`;
    events.record(claim, "Warning", "VolumeMismatch", message);
  } else return volume;
  return undefined;
}

/** The pod that is to come, or the one that has and has no node yet. */
async function tellWait(
  { api }: ControllerContext,
  { events }: Controller,
  claim: PersistentVolumeClaim,
): Promise<void> {
  const { namespace, name } = claim.metadata;
  const { items } = await api.list<Pod>(RESOURCES.pods, { namespace });
  const pods = items
    .filter(
      ({ spec }) =>
        !spec.nodeName &&
        spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name),
    )
    .map(({ metadata }) => metadata.name)
    .sort();
  if (pods.length === 0) {
    const message = "waiting for first consumer to be created before binding";
    events.record(claim, "Normal", "WaitForFirstConsumer", message);
  } else {
    const who = pods.length === 1 ? `pod ${pods[0]}` : `pods ${pods.join(",")}`;
    events.record(claim, "Normal", "WaitForPodScheduled", `waiting for ${who} to be scheduled`);
  }
}

async function provision(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  claim: PersistentVolumeClaim,
  className: string,
): Promise<PersistentVolume | undefined> {
  const { api } = context;
  const storageClass = await getIfExists<StorageObject>(api, RESOURCES.storageClasses, { name: className });
  const isDefault = className === DEFAULT_STORAGE_CLASS;
  if (storageClass === undefined && !isDefault) {
    const message = `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`;
    controller.events.record(claim, "Warning", "ProvisioningFailed", message);
    return undefined;
  }
  if (storageClass?.provisioner === "kubernetes.io/no-provisioner") {
    controller.events.record(claim, "Warning", "ProvisioningFailed", "no volume plugin matched");
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

type StorageObject = StorageClass & KubernetesObject;

async function bind(
  { api }: ControllerContext,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<undefined> {
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
