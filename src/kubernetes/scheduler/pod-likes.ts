/** Which pods are of the same kind as one: what Services and owners select (upstream `helper.DefaultSelector`). */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  type LabelSelector,
  matchesSelector,
  type Requirement,
  type Selector,
  selectorOf,
} from "../../model/label-selector.ts";
import type { Informers } from "../controllers/controller.ts";
import type { Pod, ReplicaSet, Service, StatefulSet } from "../types.ts";

const OWNERS = {
  ReplicaSet: RESOURCES.replicaSets,
  StatefulSet: RESOURCES.statefulSets,
  ReplicationController: { group: "", version: "v1", resource: "replicationcontrollers" },
};

/** The labels that all Services of the pod and its owner select by; none when nothing selects it. */
export function createPodLikes(informers: Informers): (pod: Pod) => Selector {
  const services = informers.of<Service>(RESOURCES.services).objects;
  const owners = Object.entries(OWNERS).map(
    ([kind, resource]) => [kind, informers.of<KubernetesObject>(resource).objects] as const,
  );
  return (pod) => {
    const { namespace, labels, ownerReferences } = pod.metadata;
    const likes: Requirement[] = [];
    for (const { metadata, spec } of services.values()) {
      const selector = selectorOf({ matchLabels: spec.selector }) ?? [];
      if (metadata.namespace === namespace && selector.length > 0 && matchesSelector(selector, labels))
        likes.push(...selector);
    }
    const reference = ownerReferences?.find(({ controller }) => controller);
    const objects = owners.find(([kind]) => kind === reference?.kind)?.[1];
    const owner = objects?.get(`${namespace}/${reference?.name}`);
    if (owner !== undefined && owner.metadata.uid === reference?.uid)
      likes.push(...(selectorOf(ownerSelector(owner as ReplicaSet | StatefulSet, reference!.kind)) ?? []));
    return likes;
  };
}

function ownerSelector({ spec }: ReplicaSet | StatefulSet, kind: string): LabelSelector {
  return kind === "ReplicationController"
    ? { matchLabels: spec.selector as Record<string, string> }
    : spec.selector;
}
