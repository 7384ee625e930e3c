/** The workload that a ScaledObject scales (keda `pkg/scaling/resolver`, `apis/keda/v1alpha1/gvkr.go`). */
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { apiVersionOf, type KubernetesObject, parseApiVersion } from "../model/kubernetes-object.ts";
import type { ScaledObject } from "./scaled-object.ts";

export interface GroupVersionKindResource {
  group: string;
  version: string;
  kind: string;
  resource: string;
}

interface Scale extends KubernetesObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

const BUILT_IN: Record<string, GroupVersionResource> = {
  "apps/StatefulSet": RESOURCES.statefulSets,
  "apps/Deployment": RESOURCES.deployments,
  "apps/ReplicaSet": RESOURCES.replicaSets,
};

/** @default `apps/v1` `Deployment`. @throws Error when the cluster has no such kind */
export async function resolveTarget(
  api: KubernetesApi,
  object: ScaledObject,
): Promise<GroupVersionKindResource> {
  const { apiVersion = "apps/v1", kind = "Deployment" } = object.spec.scaleTargetRef;
  const { group, version } = parseApiVersion(apiVersion);
  const known = BUILT_IN[`${group}/${kind}`];
  if (known !== undefined) return { group, version, kind, resource: known.resource };
  const { items } = await api.list(RESOURCES.customResourceDefinitions);
  const definition = items.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  if (definition === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  return { group, version, kind, resource: definition.spec.names.plural };
}

/** `apps/v1.StatefulSet` */
export function kindText({ group, version, kind }: GroupVersionKindResource): string {
  return `${apiVersionOf(group, version)}.${kind}`;
}

function resourceOf({ group, version, resource }: GroupVersionKindResource): GroupVersionResource {
  return { group, version, resource };
}

const keyOfTarget = ({ metadata, spec }: ScaledObject) => ({
  namespace: metadata.namespace,
  name: spec.scaleTargetRef.name,
});

export async function getTarget(
  api: KubernetesApi,
  object: ScaledObject,
  target: GroupVersionKindResource,
): Promise<KubernetesObject> {
  return api.get(resourceOf(target), keyOfTarget(object));
}

export async function getTargetScale(
  api: KubernetesApi,
  object: ScaledObject,
  target: GroupVersionKindResource,
): Promise<Scale> {
  return api.get<Scale>(resourceOf(target), { ...keyOfTarget(object), subresource: "scale" });
}

/** Sets the replicas and answers what they were. @throws KubernetesError */
export async function setTargetReplicas(
  api: KubernetesApi,
  object: ScaledObject,
  target: GroupVersionKindResource,
  replicas: number,
): Promise<number> {
  const scale = await getTargetScale(api, object, target);
  const next = { ...scale, spec: { ...scale.spec, replicas } };
  await api.replace(resourceOf(target), next, { subresource: "scale" });
  return scale.spec.replicas ?? 0;
}

/** Pods of the target that run and are ready. */
export async function countReadyPods(
  api: KubernetesApi,
  object: ScaledObject,
  target: GroupVersionKindResource,
): Promise<number> {
  const { status } = await getTargetScale(api, object, target);
  const { namespace } = object.metadata;
  const { items } = await api.list(RESOURCES.pods, { namespace, labelSelector: status.selector });
  return items.filter(
    (pod) =>
      pod.status?.phase === "Running" &&
      pod.status.conditions?.some(
        (condition: { type: string; status: string }) =>
          condition.type === "Ready" && condition.status === "True",
      ),
  ).length;
}
