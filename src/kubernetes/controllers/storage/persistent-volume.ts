/**
 * PersistentVolumes and their claims (Kubernetes 1.35 `pkg/controller/volume/persistentvolume`): the binder, and a
 * provisioner of folders in the data directory, in one. A volume that loses its claim goes or stays as its reclaim
 * policy says. Sizes are recorded, not enforced. `Recycle` is refused: it would empty a folder of this machine.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../types.ts";
import {
  type Controller,
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  startController,
} from "../controller.ts";
import { BOUND_BY_CONTROLLER_ANNOTATION, reconcileClaim } from "./claim-binding.ts";
import { hasSameMode } from "./volume-matching.ts";
import { startVolumeProtectionControllers } from "./volume-protection.ts";
import {
  type PersistentVolumeOptions,
  PROVISIONED_BY_ANNOTATION,
  removeFolder,
} from "./volume-provisioning.ts";

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
    reconcile: (key) => reconcileVolume(context, volumes, options, key),
  });
  volumes.watch(RESOURCES.persistentVolumes);
  volumes.watchMapped<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, ({ spec }) =>
    spec.volumeName === undefined ? [] : [spec.volumeName],
  );
}

async function reconcileVolume(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  key: string,
): Promise<undefined> {
  const { api } = context;
  const volume = await getIfExists<PersistentVolume>(api, RESOURCES.persistentVolumes, { name: key });
  if (volume === undefined) return;
  const { claimRef, persistentVolumeReclaimPolicy: policy } = volume.spec;
  // One that is reserved is a matter of its claim.
  if (!claimRef?.uid) return void (await setPhase(context, volume, "Available"));
  const found = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, claimRef);
  const claim = found?.metadata.uid === claimRef.uid ? found : undefined;
  if (claim === undefined) return reclaim(context, controller, options, volume);
  if (!claim.spec.volumeName) return tellModes(controller, volume, claim);
  if (claim.spec.volumeName === volume.metadata.name) return void (await setPhase(context, volume, "Bound"));
  // Its claim has got another one.
  const isProvisioned = volume.metadata.annotations?.[PROVISIONED_BY_ANNOTATION] !== undefined;
  if (isProvisioned && policy === "Delete") return reclaim(context, controller, options, volume);
  return unbind(context, volume);
}

/** The claim's own pass will not find a volume of another mode. */
function tellModes(
  { events }: Controller,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): undefined {
  if (hasSameMode(volume, claim)) return;
  const [of, to] = [JSON.stringify(volume.metadata.name), JSON.stringify(claim.metadata.name)];
  const why = "due to incompatible volumeMode.";
  const text = `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${to} ${why}`;
  events.record(volume, "Warning", "VolumeMismatch", text);
  const message = `Cannot bind PersistentVolume ${of} to requested PersistentVolumeClaim ${why}`;
  events.record(claim, "Warning", "VolumeMismatch", message);
}

async function setPhase(
  { api }: ControllerContext,
  volume: PersistentVolume,
  phase: string,
  message?: string,
): Promise<PersistentVolume> {
  if (volume.status?.phase === phase) return volume;
  const status = { phase, ...(message && { message }) };
  return api.updateStatus(RESOURCES.persistentVolumes, { ...volume, status });
}

async function reclaim(
  context: ControllerContext,
  controller: Controller,
  options: PersistentVolumeOptions,
  volume: PersistentVolume,
): Promise<undefined> {
  const isFailed = volume.status?.phase === "Failed";
  const released = isFailed ? volume : await setPhase(context, volume, "Released");
  const fail = async (reason: string, message: string) => {
    if (isFailed) return;
    await setPhase(context, released, "Failed", message);
    controller.events.record(volume, "Warning", reason, message);
  };
  switch (volume.spec.persistentVolumeReclaimPolicy ?? "Retain") {
    case "Retain":
      return;
    case "Recycle":
      return void (await fail("VolumeFailedRecycle", "No recycler plugin found for the volume!"));
    case "Delete":
      try {
        if (!(await removeFolder(options, volume))) return;
      } catch (error) {
        return void (await fail("VolumeFailedDelete", (error as Error).message));
      }
      return deleteIfExists(context.api, RESOURCES.persistentVolumes, volume) as Promise<undefined>;
    default:
      await fail("VolumeUnknownReclaimPolicy", "Volume has unrecognized PersistentVolumeReclaimPolicy");
  }
}

/** Free again; one that a user has reserved stays reserved. */
async function unbind(context: ControllerContext, volume: PersistentVolume): Promise<undefined> {
  const { [BOUND_BY_CONTROLLER_ANNOTATION]: isOurs, ...annotations } = volume.metadata.annotations ?? {};
  const { claimRef, ...spec } = volume.spec;
  const { uid: _, ...reserved } = claimRef!;
  const freed = await context.api.replace<PersistentVolume>(RESOURCES.persistentVolumes, {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: isOurs === undefined ? { ...spec, claimRef: reserved } : spec,
  });
  await setPhase(context, freed, "Available");
}
