/**
 * Claims of a pod that is to be placed (kube-scheduler 1.35 `plugins/volumebinding`, `plugins/volumerestrictions`): those
 * that are bound say where it can go; those whose class waits for their first consumer are bound for the node it gets.
 */
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { getIfExists } from "../controllers/controller.ts";
import { foreignClaim, podClaims } from "../controllers/storage/pod-claims.ts";
import {
  findVolume,
  fittingVolumes,
  SELECTED_NODE_ANNOTATION,
  type StorageClass,
  waitsForConsumer,
} from "../controllers/storage/volume-matching.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../types.ts";
import { matchesNodeTerm } from "./selection.ts";

/** The provisioner of classes whose volumes are all made by hand. */
const NO_PROVISIONER = "kubernetes.io/no-provisioner";

export interface PodClaims {
  /** With the volume, undefined when that is gone. */
  bound: { claim: PersistentVolumeClaim; volume: PersistentVolume | undefined }[];
  /** They wait for this pod's node. */
  delayed: { claim: PersistentVolumeClaim; storageClass: StorageClass | undefined }[];
  /** To choose from for those. */
  volumes: PersistentVolume[];
}

/** The pod's claims, or why it can go nowhere. */
export async function claimsOf(api: KubernetesApi, pod: Pod): Promise<PodClaims | string> {
  const found: PodClaims = { bound: [], delayed: [], volumes: [] };
  for (const { name: claimName, isEphemeral } of podClaims(pod)) {
    const key = { namespace: pod.metadata.namespace, name: claimName };
    const claim = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, key);
    const name = JSON.stringify(key.name);
    if (claim === undefined && isEphemeral)
      return `waiting for ephemeral volume controller to create the persistentvolumeclaim ${name}`;
    if (claim === undefined) return `persistentvolumeclaim ${name} not found`;
    if (claim.metadata.deletionTimestamp !== undefined)
      return `persistentvolumeclaim ${name} is being deleted`;
    if (claim.status?.phase === "Lost")
      return `persistentvolumeclaim ${name} bound to non-existent persistentvolume ${JSON.stringify(claim.spec.volumeName ?? "")}`;
    const problem = isEphemeral ? foreignClaim(pod, claim) : undefined;
    if (problem !== undefined) return problem;
    if (claim.status?.phase === "Bound") {
      const volumeName = claim.spec.volumeName;
      const volume =
        volumeName === undefined
          ? undefined
          : await getIfExists<PersistentVolume>(api, RESOURCES.persistentVolumes, { name: volumeName });
      found.bound.push({ claim, volume });
      continue;
    }
    const className = claim.spec.storageClassName;
    const storageClass = className
      ? await getIfExists<StorageClass & KubernetesObject>(api, RESOURCES.storageClasses, { name: className })
      : undefined;
    if (claim.spec.volumeName || !waitsForConsumer(storageClass))
      return "pod has unbound immediate PersistentVolumeClaims";
    found.delayed.push({ claim, storageClass });
  }
  if (found.delayed.length > 0)
    found.volumes = (await api.list<PersistentVolume>(RESOURCES.persistentVolumes)).items;
  return found;
}

/** What keeps the pod's volumes from the node, in upstream's words. */
export function volumeProblems(claims: PodClaims, node: Node): string[] {
  const problems: string[] = [];
  if (claims.bound.some(({ volume }) => volume !== undefined && !reaches(volume, node)))
    problems.push("node(s) didn't match PersistentVolume's node affinity");
  if (bindingsFor(claims, node) === undefined)
    problems.push("node(s) didn't find available persistent volumes to bind");
  if (claims.bound.some(({ volume }) => volume === undefined))
    problems.push("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
  return problems;
}

function reaches({ spec }: PersistentVolume, node: Node): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesNodeTerm(term, node));
}

type Binding = { claim: PersistentVolumeClaim; volume: PersistentVolume | undefined };

/** A volume for each waiting claim, undefined where one is to be made; undefined when a claim can have none there. */
function bindingsFor({ delayed, volumes }: PodClaims, node: Node): Binding[] | undefined {
  let free = volumes.filter((volume) => reaches(volume, node));
  const bindings: Binding[] = [];
  for (const { claim, storageClass } of delayed) {
    const selected = claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION];
    if (selected !== undefined && selected !== node.metadata.name) return undefined;
    const volume = findVolume(free, claim, true) ?? fittingVolumes(free, claim)[0];
    const canBeMade = Boolean(storageClass?.provisioner) && storageClass?.provisioner !== NO_PROVISIONER;
    if (volume === undefined && !canBeMade) return undefined;
    free = free.filter((other) => other !== volume);
    bindings.push({ claim, volume });
  }
  return bindings;
}

/**
 * Gives the waiting claims their volumes, or the node for which one is to be made; the binder does the rest.
 *
 * @returns whether there is anything to wait for
 */
export async function bindVolumes(api: KubernetesApi, claims: PodClaims, node: Node): Promise<boolean> {
  for (const { claim, volume } of bindingsFor(claims, node) ?? []) {
    const { namespace, name, uid } = claim.metadata;
    if (volume !== undefined) {
      if (volume.spec.claimRef?.uid === uid) continue;
      const claimRef = {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: namespace!,
        name,
        uid,
      };
      const annotations = {
        ...volume.metadata.annotations,
        "pv.kubernetes.io/bound-by-controller": "yes",
      };
      await api.replace<PersistentVolume>(RESOURCES.persistentVolumes, {
        ...volume,
        metadata: { ...volume.metadata, annotations },
        spec: { ...volume.spec, claimRef },
      });
    } else if (claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION] === undefined) {
      const annotations = { [SELECTED_NODE_ANNOTATION]: node.metadata.name };
      const body = { metadata: { annotations } };
      await api.patch(RESOURCES.persistentVolumeClaims, { namespace, name }, { type: "merge", body });
    }
  }
  return claims.delayed.length > 0;
}

/** Whether another pod has a claim that only one pod may have at a time. */
export function isHeldByAnother({ bound, delayed }: PodClaims, pod: Pod, pods: Pod[]): boolean {
  const exclusive = [...bound, ...delayed]
    .map(({ claim }) => claim)
    .filter(({ spec }) => spec.accessModes?.includes("ReadWriteOncePod"))
    .map(({ metadata }) => metadata.name);
  if (exclusive.length === 0) return false;
  return pods.some(
    (other) =>
      other.metadata.namespace === pod.metadata.namespace &&
      other.metadata.uid !== pod.metadata.uid &&
      podClaims(other).some(({ name }) => exclusive.includes(name)),
  );
}
