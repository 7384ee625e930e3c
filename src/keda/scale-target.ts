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

/** Kinds that upstream looks up nowhere, of whatever group they are. */
const TAKEN: Record<string, string> = { Deployment: "deployments", StatefulSet: "statefulsets" };
const BUILT_IN = [
  ...Object.values(RESOURCES),
  { group: "", version: "v1", resource: "replicationcontrollers", kind: "ReplicationController" },
];

/** @default `apps/v1` `Deployment`. @throws Error with upstream's text when the cluster has no such kind */
export async function resolveTarget(
  api: KubernetesApi,
  object: Pick<ScaledObject, "spec">,
): Promise<GroupVersionKindResource> {
  const apiVersion = object.spec.scaleTargetRef.apiVersion || "apps/v1";
  const kind = object.spec.scaleTargetRef.kind || "Deployment";
  const { group, version } = parseApiVersion(apiVersion);
  if (version.includes("/")) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
  const resource = TAKEN[kind] ?? (await resourceNamed(api, { group, version, kind }));
  if (resource === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  return { group, version, kind, resource };
}

async function resourceNamed(
  api: KubernetesApi,
  wanted: { group: string; version: string; kind: string },
): Promise<string | undefined> {
  const isWanted = (each: { group: string; version: string; kind: string }) =>
    each.group === wanted.group && each.version === wanted.version && each.kind === wanted.kind;
  const known = BUILT_IN.find(isWanted);
  if (known !== undefined) return known.resource;
  const { items } = await api.list(RESOURCES.customResourceDefinitions);
  const definition = items.find(
    ({ spec: { group, names, versions } }) =>
      group === wanted.group &&
      names.kind === wanted.kind &&
      versions.some((each: { name: string; served: boolean }) => each.served && each.name === wanted.version),
  );
  return definition?.spec.names.plural;
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
