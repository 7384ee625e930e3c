/** How many pods the owners of some pods want: what shares of a PodDisruptionBudget are shares of (upstream `getExpectedScale`). */
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import {
  type KubernetesObject,
  type OwnerReference,
  parseApiVersion,
} from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { Deployment, Pod, ReplicaSet } from "../../types.ts";
import { getIfExists } from "../controller.ts";

export interface ExpectedScale {
  count: number;
  /** Pods that nobody owns: they are no part of the count. */
  unmanaged: Pod[];
}

/** What a budget can not count is told in its condition. */
export class ScaleError extends Error {}

/** @throws ScaleError when an owner does not say how many pods it wants */
export async function expectedScale(api: KubernetesApi, pods: Pod[]): Promise<ExpectedScale> {
  const scales = new Map<string, number>();
  const seen = new Set<string>();
  const unmanaged: Pod[] = [];
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
    if (owner === undefined) unmanaged.push(pod);
    else if (!seen.has(owner.uid)) {
      seen.add(owner.uid);
      const found = await scaleOf(api, owner, pod.metadata.namespace!);
      if (found === undefined)
        throw new ScaleError(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
      scales.set(found.uid, found.replicas);
    }
  }
  return { count: [...scales.values()].reduce((sum, count) => sum + count, 0), unmanaged };
}

type Scale = { uid: string; replicas: number };

/** Undefined when the owner is gone, or another of its name is there. */
async function scaleOf(
  api: KubernetesApi,
  owner: OwnerReference,
  namespace: string,
): Promise<Scale | undefined> {
  const { group } = parseApiVersion(owner.apiVersion);
  const resource = OWNERS[`${owner.kind}.${group}`];
  if (resource === undefined) return customScaleOf(api, owner, namespace);
  if (!resource.isScaled) {
    const name = group === "" ? resource.resource : `${resource.resource}.${group}`;
    throw new ScaleError(`${name} does not implement the scale subresource`);
  }
  const key = { namespace, name: owner.name };
  const object = await getIfExists<ReplicaSet>(api, resource, key);
  if (object?.metadata.uid !== owner.uid) return undefined;
  // A rollout has several ReplicaSets, and its Deployment knows how many pods they are to have in all.
  const above = object.metadata.ownerReferences?.find(({ controller }) => controller);
  if (owner.kind === "ReplicaSet" && above?.kind === "Deployment") {
    const deployment = await getIfExists<Deployment>(api, RESOURCES.deployments, {
      namespace,
      name: above.name,
    });
    return deployment?.metadata.uid === above.uid ? scaleFrom(deployment) : undefined;
  }
  return scaleFrom(object);
}

function scaleFrom({ metadata, spec }: Deployment | ReplicaSet): Scale {
  return { uid: metadata.uid!, replicas: spec.replicas ?? 1 };
}

/** By kind and group; old references have `extensions`. */
const OWNERS: Record<string, (GroupVersionResource & { isScaled: boolean }) | undefined> = {
  "ReplicationController.": {
    group: "",
    version: "v1",
    resource: "replicationcontrollers",
    isScaled: true,
  },
  "ReplicaSet.apps": { ...RESOURCES.replicaSets, isScaled: true },
  "ReplicaSet.extensions": { ...RESOURCES.replicaSets, isScaled: true },
  "StatefulSet.apps": { ...RESOURCES.statefulSets, isScaled: true },
  "Deployment.apps": { ...RESOURCES.deployments, isScaled: true },
  "DaemonSet.apps": { ...RESOURCES.daemonSets, isScaled: false },
  "Job.batch": { ...RESOURCES.jobs, isScaled: false },
  "Node.": { ...RESOURCES.nodes, isScaled: false },
};

interface Definition extends KubernetesObject {
  spec: {
    group: string;
    names: { kind: string; plural: string };
    versions: { name: string; served?: boolean; subresources?: { scale?: unknown } }[];
  };
}

/** Of an owner that the user has defined. */
async function customScaleOf(
  api: KubernetesApi,
  { apiVersion, kind, name, uid }: OwnerReference,
  namespace: string,
): Promise<Scale | undefined> {
  const { group, version } = parseApiVersion(apiVersion);
  const { items } = await api.list<Definition>(RESOURCES.customResourceDefinitions);
  const definition = items.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  const served = definition?.spec.versions.find((each) => each.name === version && each.served !== false);
  if (definition === undefined || served === undefined) {
    throw new ScaleError(
      `no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
    );
  }
  const { plural } = definition.spec.names;
  if (served.subresources?.scale === undefined)
    throw new ScaleError(`${plural}.${group} does not implement the scale subresource`);
  try {
    const resource = { group, version, resource: plural };
    const scale = await api.get(resource, { namespace, name, subresource: "scale" });
    return scale.metadata.uid === uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
