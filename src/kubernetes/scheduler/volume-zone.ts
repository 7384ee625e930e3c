/** Volumes that are in a zone by their labels (kube-scheduler 1.35 `plugins/volumezone`): older ones than node affinity. */
import type { Node, PersistentVolume } from "../types.ts";
import type { PodClaims } from "./volume-binding.ts";

/** Labels of volumes and nodes, with what the older ones are called since. */
const TOPOLOGY_LABELS: ReadonlyMap<string, string> = new Map([
  ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
  ["topology.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["topology.kubernetes.io/region", "topology.kubernetes.io/region"],
]);
/** Between the zones of a volume that is in several. */
const ZONE_SEPARATOR = "__";

/** Whether all bound volumes can be reached from the node's zone and region; a node without any reaches them all. */
export function isInZoneOfVolumes({ bound }: PodClaims, { metadata }: Node): boolean {
  const labels = metadata.labels ?? {};
  if (![...TOPOLOGY_LABELS.keys()].some((label) => labels[label] !== undefined)) return true;
  return bound.every(({ volume }) => volume === undefined || isReachable(volume, labels));
}

function isReachable({ metadata }: PersistentVolume, labels: Record<string, string>): boolean {
  return [...TOPOLOGY_LABELS].every(([label, current]) => {
    const zones = metadata.labels?.[label]?.split(ZONE_SEPARATOR);
    // What can't be read as zones says nothing.
    if (zones === undefined || zones.includes("")) return true;
    return zones.includes(labels[label] ?? labels[current] ?? "");
  });
}
