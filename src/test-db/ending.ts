/** Why a pod is asked to end: its StatefulSet wants fewer pods, or it will be back. */
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";

/** `test-db-small-2` → its StatefulSet and ordinal; undefined for a name of another form. */
export function parsePodName(name: string): { statefulSet: string; ordinal: number } | undefined {
  const match = /^(.+)-(0|[1-9]\d{0,8})$/.exec(name);
  return match === null ? undefined : { statefulSet: match[1], ordinal: Number(match[2]) };
}

/**
 * Whether the StatefulSet no longer wants this pod. A set that is being deleted, or is gone, wants its pods back when
 * it is applied again: the tenants stay on the volumes.
 *
 * @throws KubernetesError and network errors
 */
export async function isScaledAway(api: KubernetesApi, namespace: string, pod: string): Promise<boolean> {
  const parsed = parsePodName(pod);
  if (parsed === undefined) return false;
  const set = await api.get(RESOURCES.statefulSets, { namespace, name: parsed.statefulSet });
  if (set.metadata.deletionTimestamp !== undefined) return false;
  const first: number = set.spec?.ordinals?.start ?? 0;
  const replicas: number = set.spec?.replicas ?? 1;
  return parsed.ordinal >= first + replicas;
}
