/** New volumes for claims that found none: folders of the data directory, as Kind's local-path provisioner makes them. */
import type { Disk } from "../../../base/disk.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../types.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import type { StorageClass } from "./volume-matching.ts";

/** The class of claims that name none. */
export const DEFAULT_STORAGE_CLASS = "standard";
export const PROVISIONER = "topology.percolate.io/folder";
/** On volumes: who has made it. */
export const PROVISIONED_BY_ANNOTATION = "pv.kubernetes.io/provisioned-by";
/** On claims: who is to make the volume, by its name and by the one before. */
const PROVISIONER_ANNOTATIONS = [
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/storage-provisioner",
];
const NO_PROVISIONER = "kubernetes.io/no-provisioner";

export interface PersistentVolumeOptions {
  disk: Disk;
  /** Of all volumes. */
  directory: string;
}

/** Makes the claim's volume; the binder finds it by its `claimRef`. */
export async function provision(
  { api }: ControllerContext,
  { events }: Controller,
  { disk, directory }: PersistentVolumeOptions,
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
): Promise<void> {
  const { uid, namespace, name } = claim.metadata;
  const className = claim.spec.storageClassName!;
  const fail = (message: string) => events.record(claim, "Warning", "ProvisioningFailed", message);
  if (storageClass === undefined)
    return fail(`storageclass.storage.k8s.io ${JSON.stringify(className)} not found`);
  const { provisioner = PROVISIONER, reclaimPolicy = "Delete", mountOptions } = storageClass;
  if (provisioner === NO_PROVISIONER) return fail("no volume plugin matched");
  await tellProvisioner(api, claim, provisioner);
  events.record(
    claim,
    "Normal",
    "ExternalProvisioning",
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  );
  events.record(
    claim,
    "Normal",
    "Provisioning",
    `External provisioner is provisioning volume for claim "${namespace}/${name}"`,
  );
  const volumeName = `pvc-${uid}`;
  const path = `${directory}/${volumeName}_${namespace}_${name}`;
  await disk.makeDirectory(path, { mode: 0o700 });
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volumeName, annotations: { [PROVISIONED_BY_ANNOTATION]: PROVISIONER } },
    spec: {
      capacity: { storage: String(claim.spec.resources?.requests?.storage ?? "1Gi") },
      accessModes: claim.spec.accessModes ?? ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: reclaimPolicy,
      storageClassName: className,
      volumeMode: claim.spec.volumeMode ?? "Filesystem",
      ...(mountOptions && { mountOptions }),
      hostPath: { path, type: "DirectoryOrCreate" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: namespace!, name, uid },
    },
  };
  try {
    await api.create(RESOURCES.persistentVolumes, volume);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
  const message = `Successfully provisioned volume ${volumeName}`;
  events.record(claim, "Normal", "ProvisioningSucceeded", message);
}

async function tellProvisioner(
  api: ControllerContext["api"],
  { metadata }: PersistentVolumeClaim,
  provisioner: string,
): Promise<void> {
  const { namespace, name, annotations = {} } = metadata;
  if (PROVISIONER_ANNOTATIONS.every((key) => annotations[key] === provisioner)) return;
  const told = Object.fromEntries(PROVISIONER_ANNOTATIONS.map((key) => [key, provisioner]));
  const body = { metadata: { annotations: told } };
  await api.patch(RESOURCES.persistentVolumeClaims, { namespace, name }, { type: "merge", body });
}

/**
 * Removes what a volume that nobody claims any more holds. A folder that a user has named is the user's: it stays, where
 * upstream would remove one below `/tmp`.
 *
 * @returns false where somebody else made the volume and is to remove it
 * @throws Error with upstream's words where that volume can't be deleted
 */
export async function removeFolder(
  { disk, directory }: PersistentVolumeOptions,
  { metadata, spec }: PersistentVolume,
): Promise<boolean> {
  const { path } = spec.hostPath ?? {};
  const madeBy = metadata.annotations?.[PROVISIONED_BY_ANNOTATION];
  if (madeBy === PROVISIONER) {
    if (path?.startsWith(`${directory}/`)) await disk.remove(path);
    return true;
  }
  if (madeBy !== undefined || spec.csi !== undefined) return false;
  if (path === undefined) {
    const name = JSON.stringify(metadata.name);
    throw new Error(
      `error getting deleter volume plugin for volume ${name}: no deletable volume plugin matched`,
    );
  }
  if (!/^\/tmp\/.+/.test(path))
    throw new Error(`host_path deleter only supports /tmp/.+ but received provided ${path}`);
  return true;
}
