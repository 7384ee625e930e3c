/** A pod says where its node is (admission `PodTopologyLabels`, kube-apiserver 1.35). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { type ObjectStore, storageKey } from "../object-store.ts";

/** What a pod takes over from its node, in place of what it says itself. */
const TOPOLOGY_LABELS = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/** Gives a pod that has a node that node's region and zone. */
export function takeTopologyLabels(store: ObjectStore, pod: KubernetesObject): void {
  const node = pod.spec?.nodeName;
  if (!node) return;
  const labels = store.get("/nodes", storageKey(undefined, node))?.metadata.labels ?? {};
  for (const key of TOPOLOGY_LABELS) {
    if (labels[key] !== undefined) pod.metadata.labels = { ...pod.metadata.labels, [key]: labels[key] };
  }
}
