/** `kubectl apply --server-side` for the topology's own YAML. */
import type { GroupVersionResource, KubernetesApi } from "../model/kubernetes-api.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import { type Manifest, ManifestError } from "./manifests.ts";

const CLUSTER_WIDE = new Set<string>([
  "namespaces",
  "nodes",
  "persistentvolumes",
  "clusterroles",
  "clusterrolebindings",
  "customresourcedefinitions",
  "apiservices",
  "storageclasses",
  "priorityclasses",
]);

interface Kind {
  resource: GroupVersionResource;
  namespaced: boolean;
}

/** Writes all objects, each owned field by field by `topology`. @throws ManifestError naming file and line. */
export async function applyManifests(api: KubernetesApi, manifests: Manifest[]): Promise<void> {
  const kinds = kindsOf(manifests);
  for (const { source, object } of manifests) {
    const kind = kinds.get(`${object.apiVersion}/${object.kind}`);
    if (kind === undefined) {
      throw new ManifestError(
        `${source}: no matches for kind "${object.kind}" in version "${object.apiVersion}"`,
      );
    }
    const namespace = kind.namespaced ? (object.metadata.namespace ?? "default") : undefined;
    const options = { fieldManager: "topology", force: true, fieldValidation: "Strict" } as const;
    try {
      await api.patch(
        kind.resource,
        { namespace, name: object.metadata.name },
        { type: "apply", body: object },
        options,
      );
    } catch (error) {
      throw new ManifestError(
        `${source}: ${object.kind} ${object.metadata.name}: ${(error as Error).message}`,
      );
    }
  }
}

/** The built-in kinds, and those that the manifests themselves define. */
function kindsOf(manifests: Manifest[]): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  for (const resource of Object.values(RESOURCES)) {
    const { group, version } = resource;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    kinds.set(`${apiVersion}/${kindName(resource.resource)}`, {
      resource,
      namespaced: !CLUSTER_WIDE.has(resource.resource),
    });
  }
  for (const { object } of manifests) {
    if (object.kind !== "CustomResourceDefinition") continue;
    const { group, versions, names, scope } = object.spec;
    for (const { name: version } of versions) {
      const resource = { group, version, resource: names.plural };
      kinds.set(`${group}/${version}/${names.kind}`, { resource, namespaced: scope === "Namespaced" });
    }
  }
  return kinds;
}

/** The kinds whose plural is more than an `s` behind the lower-case name. */
const PLURALS: Record<string, string> = {
  Endpoints: "endpoints",
  StorageClass: "storageclasses",
  PriorityClass: "priorityclasses",
};
const KIND_NAMES = [
  "Namespace Node Pod Service Endpoints ConfigMap Secret ServiceAccount PersistentVolume PersistentVolumeClaim Event",
  "StatefulSet Deployment ReplicaSet DaemonSet ControllerRevision Job CronJob EndpointSlice HorizontalPodAutoscaler",
  "PodDisruptionBudget Role RoleBinding ClusterRole ClusterRoleBinding CustomResourceDefinition APIService Lease",
  "StorageClass PriorityClass",
].flatMap((line) => line.split(" "));

function kindName(plural: string): string {
  const name = KIND_NAMES.find((kind) => (PLURALS[kind] ?? `${kind.toLowerCase()}s`) === plural);
  if (name === undefined) throw new Error(`no kind is known for resource ${plural}`);
  return name;
}
