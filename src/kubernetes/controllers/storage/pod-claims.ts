/** Which claims a pod's volumes are: those that it names, and those that are made for it (`component-helpers/storage/ephemeral`). */
import type { PersistentVolumeClaim, Pod, Volume } from "../../types.ts";
import { isControlledBy } from "../controller.ts";

export interface PodClaim {
  volume: Volume;
  name: string;
  /** It is made for the pod, and goes with it. */
  isEphemeral: boolean;
}

/** The claim of a volume; undefined where it has none. */
export function claimNameOf({ metadata }: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral === undefined ? undefined : `${metadata.name}-${volume.name}`;
}

export function podClaims(pod: Pod): PodClaim[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume);
    return name === undefined ? [] : [{ volume, name, isEphemeral: volume.ephemeral !== undefined }];
  });
}

/** Whether one of the pod's volumes is the claim of that name. */
export const usesClaim = (pod: Pod, name: string): boolean =>
  podClaims(pod).some((claim) => claim.name === name);

/** Why a claim that has the right name is not the pod's own; undefined when it is. */
export function foreignClaim(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  if (isControlledBy(claim, pod)) return undefined;
  const [of, to] = [claim.metadata, pod.metadata];
  return `PVC ${of.namespace}/${of.name} was not created for pod ${to.namespace}/${to.name} (pod is not owner)`;
}
