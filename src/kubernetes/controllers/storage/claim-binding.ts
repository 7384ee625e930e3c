/**
 * Which volume a claim gets (Kubernetes 1.35 `pkg/controller/volume/persistentvolume`, `syncClaim`): the one that it
 * names, one that fits and is free, or a new one. A claim that was bound once never gets another: its data is lost.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../types.ts";
import { type Controller, type ControllerContext, getIfExists, sameJson, splitKey } from "../controller.ts";
import { usesClaim } from "./pod-claims.ts";
import {
  findVolume,
  isMeantFor,
  mismatch,
  SELECTED_NODE_ANNOTATION,
  type StorageClass,
  waitsForConsumer,
} from "./volume-matching.ts";
import { type PersistentVolumeOptions, provision } from "./volume-provisioning.ts";

/** On claims: that they were bound once. */
const BIND_COMPLETED_ANNOTATION = "pv.kubernetes.io/bind-completed";
/** On claims and volumes: that it was not the user who has put them together. */
export const BOUND_BY_CONTROLLER_ANNOTATION = "pv.kubernetes.io/bound-by-controller";
const IS_DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class";

/** A claim that found nothing looks again (`--pvclaimbinder-sync-period`), in milliseconds. */
const RESYNC_MS = 15_000;

type StorageObject = StorageClass & KubernetesObject;

interface Pass {
  context: ControllerContext;
  controller: Controller;
  options: PersistentVolumeOptions;
  claim: PersistentVolumeClaim;
}

export async function reconcileClaim(
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
  if (claim === undefined) return undefined;
  const pass = { context, controller, options, claim };
  if (claim.metadata.annotations?.[BIND_COMPLETED_ANNOTATION] !== undefined) return keepBound(pass);
  if (claim.metadata.deletionTimestamp !== undefined) return undefined;
  const volume = claim.spec.volumeName ? await namedVolume(pass) : await chooseVolume(pass);
  if (volume !== undefined) return bind(context, claim, volume);
  await setPhase(context, claim, "Pending");
  return RESYNC_MS;
}

async function keepBound({ context, controller, claim }: Pass): Promise<undefined> {
  const { volumeName } = claim.spec;
  const lose = async (reason: string, message: string): Promise<undefined> => {
    if (claim.status?.phase === "Lost") return;
    await setPhase(context, claim, "Lost");
    controller.events.record(claim, "Warning", reason, message);
  };
  if (!volumeName)
    return lose(
      "ClaimLost",
      "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
    );
  const volume = await getIfExists<PersistentVolume>(context.api, RESOURCES.persistentVolumes, {
    name: volumeName,
  });
  if (volume === undefined)
    return lose("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  const { claimRef } = volume.spec;
  if (claimRef === undefined || claimRef.uid === claim.metadata.uid) return bind(context, claim, volume);
  return lose("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
}

async function namedVolume({ context, controller, claim }: Pass): Promise<PersistentVolume | undefined> {
  const volume = await getIfExists<PersistentVolume>(context.api, RESOURCES.persistentVolumes, {
    name: claim.spec.volumeName!,
  });
  if (volume === undefined || isMeantFor(volume, claim)) return volume;
  const name = JSON.stringify(volume.metadata.name);
  const problem = mismatch(volume, claim);
  if (volume.spec.claimRef !== undefined) {
    const message = `volume ${name} already bound to a different claim.`;
    controller.events.record(claim, "Warning", "FailedBinding", message);
  } else if (problem !== undefined) {
    const message = `Cannot bind to requested volume ${name}: ${problem}`;
    controller.events.record(claim, "Warning", "VolumeMismatch", message);
  } else return volume;
  return undefined;
}

async function chooseVolume(pass: Pass): Promise<PersistentVolume | undefined> {
  const { context, controller, options, claim } = pass;
  const { api } = context;
  const { storageClassName: className } = claim.spec;
  const storageClass = className
    ? await getIfExists<StorageObject>(api, RESOURCES.storageClasses, { name: className })
    : undefined;
  const isDelayed = waitsForConsumer(storageClass);
  const { items } = await api.list<PersistentVolume>(RESOURCES.persistentVolumes);
  const found = findVolume(items, claim, isDelayed);
  if (found !== undefined) return found;
  if (className === undefined && (await assignDefaultClass(pass))) return undefined;
  if (isDelayed && claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION] === undefined) {
    await tellWait(context, controller, claim);
  } else if (className) await provision(context, controller, options, claim, storageClass);
  else {
    const message = "no persistent volumes available for this claim and no storage class is set";
    controller.events.record(claim, "Normal", "FailedBinding", message);
  }
  return undefined;
}

/** A claim from before there was a default class gets it; whether there is one. */
async function assignDefaultClass({ context: { api }, claim }: Pass): Promise<boolean> {
  const { items } = await api.list<StorageObject>(RESOURCES.storageClasses);
  const found = items.find(({ metadata }) => metadata.annotations?.[IS_DEFAULT_ANNOTATION] === "true");
  if (found === undefined) return false;
  const { namespace, name } = claim.metadata;
  const body = { spec: { storageClassName: found.metadata.name } };
  await api.patch(RESOURCES.persistentVolumeClaims, { namespace, name }, { type: "merge", body });
  return true;
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
    .filter((pod) => !pod.spec.nodeName && usesClaim(pod, name))
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

async function setPhase(
  { api }: ControllerContext,
  claim: PersistentVolumeClaim,
  phase: "Pending" | "Lost",
): Promise<void> {
  if (claim.status?.phase !== phase)
    await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...claim, status: { phase } });
}

/** Puts both together, in upstream's four steps; what is done already is left alone. */
async function bind(
  { api }: ControllerContext,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<undefined> {
  const { namespace, name, uid, annotations = {} } = claim.metadata;
  let reserved = volume;
  if (volume.spec.claimRef?.uid !== uid) {
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: namespace!, name, uid };
    const annotations = { ...volume.metadata.annotations };
    if (!isMeantFor(volume, claim)) annotations[BOUND_BY_CONTROLLER_ANNOTATION] = "yes";
    const metadata = { ...volume.metadata, annotations };
    const spec = { ...volume.spec, claimRef };
    reserved = await api.replace<PersistentVolume>(RESOURCES.persistentVolumes, {
      ...volume,
      metadata,
      spec,
    });
  }
  if (reserved.status?.phase !== "Bound")
    await api.updateStatus(RESOURCES.persistentVolumes, { ...reserved, status: { phase: "Bound" } });
  let bound = claim;
  const isNamed = claim.spec.volumeName === volume.metadata.name;
  if (!isNamed || annotations[BIND_COMPLETED_ANNOTATION] === undefined) {
    const added = {
      [BIND_COMPLETED_ANNOTATION]: "yes",
      ...(isNamed ? {} : { [BOUND_BY_CONTROLLER_ANNOTATION]: "yes" }),
    };
    const body = { metadata: { annotations: added }, spec: { volumeName: volume.metadata.name } };
    const key = { namespace, name };
    bound = await api.patch(RESOURCES.persistentVolumeClaims, key, { type: "merge", body });
  }
  const { accessModes, capacity } = volume.spec;
  const { phase, accessModes: modes, capacity: size } = claim.status ?? {};
  // The size of a bound claim is the resizer's to tell.
  const status = { phase: "Bound", accessModes, capacity: phase === "Bound" ? (size ?? capacity) : capacity };
  if (phase === "Bound" && sameJson(modes, accessModes) && size !== undefined) return;
  await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...bound, status });
}
