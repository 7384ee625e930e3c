/**
 * What is owned goes with its owner (upstream `pkg/controller/garbagecollector`): Background deletes the dependents
 * once the owner is gone, Foreground before, Orphan cuts them loose.
 */
import type { GroupVersionResource } from "../../../model/kubernetes-api.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import {
  type KubernetesObject,
  type OwnerReference,
  parseApiVersion,
} from "../../../model/kubernetes-object.ts";
import { objectKey } from "../../../wire/kubernetes/informer.ts";
import { type ControllerContext, deleteIfExists, getIfExists, startController } from "../controller.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/** Built-in kinds whose objects are owned or own, by kind. Others would be looked through for nothing. */
const COLLECTED: Record<string, GroupVersionResource> = {
  Pod: RESOURCES.pods,
  Service: RESOURCES.services,
  Endpoints: RESOURCES.endpoints,
  EndpointSlice: RESOURCES.endpointSlices,
  ConfigMap: RESOURCES.configMaps,
  Secret: RESOURCES.secrets,
  ServiceAccount: RESOURCES.serviceAccounts,
  PersistentVolumeClaim: RESOURCES.persistentVolumeClaims,
  StatefulSet: RESOURCES.statefulSets,
  Deployment: RESOURCES.deployments,
  ReplicaSet: RESOURCES.replicaSets,
  DaemonSet: RESOURCES.daemonSets,
  ControllerRevision: RESOURCES.controllerRevisions,
  Job: RESOURCES.jobs,
  CronJob: RESOURCES.cronJobs,
  HorizontalPodAutoscaler: RESOURCES.horizontalPodAutoscalers,
  PodDisruptionBudget: RESOURCES.podDisruptionBudgets,
  Role: RESOURCES.roles,
  RoleBinding: RESOURCES.roleBindings,
  ClusterRole: RESOURCES.clusterRoles,
  ClusterRoleBinding: RESOURCES.clusterRoleBindings,
  Node: RESOURCES.nodes,
};

interface Collected {
  kind: string;
  resource: GroupVersionResource;
  namespaced: boolean;
}

const CLUSTER_WIDE = new Set(["ClusterRole", "ClusterRoleBinding", "Node"]);

interface CustomResourceDefinition extends KubernetesObject {
  spec: {
    group: string;
    scope: "Namespaced" | "Cluster";
    names: { kind: string; plural: string };
    versions: { name: string; storage?: boolean; served?: boolean }[];
  };
}

/** A key names a resource and an object: `apps/v1/replicasets|ns/name`. */
const keyOf = (resource: GroupVersionResource, object: KubernetesObject): string =>
  `${resource.group}/${resource.version}/${resource.resource}|${objectKey(object)}`;

const resourceKeyOf = (resource: GroupVersionResource): string => keyOf(resource, NOTHING).split("|")[0];
const NOTHING: KubernetesObject = { metadata: { name: "" } };

export function startGarbageCollector(context: ControllerContext): void {
  const { api, informers } = context;
  /** By `group/version/resource`; custom resources come when they are defined. */
  const collected = new Map<string, Collected>();
  /** Uids of all that is there, so that an owner reference can be checked without asking. */
  const present = new Map<string, { resource: GroupVersionResource; object: KubernetesObject }>();
  const dependents = new Map<string, Set<string>>();

  const controller = startController({
    context,
    name: "garbage-collector-controller",
    async reconcile(key) {
      const [resourceKey, name] = key.split("|");
      const { resource } = collected.get(resourceKey)!;
      const object = informers.of(resource).objects.get(name);
      if (object === undefined) return undefined;
      await informers.synced();
      const finalizers = object.metadata.finalizers ?? [];
      if (object.metadata.deletionTimestamp !== undefined) {
        if (finalizers.includes(ORPHAN)) await orphanDependents(resource, object);
        else if (finalizers.includes(FOREGROUND)) await deleteDependentsFirst(resource, object);
        return undefined;
      }
      await deleteWithoutOwner(resource, object);
      return undefined;
    },
  });

  function follow(entry: Collected): void {
    const { resource } = entry;
    if (collected.has(resourceKeyOf(resource))) return;
    collected.set(resourceKeyOf(resource), entry);
    informers.onChange<KubernetesObject>(resource, (object, previous) => {
      const subject = (object ?? previous)!;
      for (const { uid } of previous?.metadata.ownerReferences ?? [])
        dependents.get(uid)?.delete(keyOf(resource, subject));
      const uid = subject.metadata.uid!;
      if (object === undefined) {
        present.delete(uid);
        for (const key of dependents.get(uid) ?? []) controller.add(key);
        // The last dependent of an owner that waits for it.
        for (const owner of subject.metadata.ownerReferences ?? []) addOwner(owner);
        return;
      }
      present.set(uid, { resource, object });
      for (const owner of object.metadata.ownerReferences ?? []) {
        const keys = dependents.get(owner.uid) ?? new Set();
        dependents.set(owner.uid, keys.add(keyOf(resource, object)));
      }
      const waits =
        object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length > 0;
      if (waits || (object.metadata.ownerReferences ?? []).length > 0)
        controller.add(keyOf(resource, object));
    });
  }

  for (const [kind, resource] of Object.entries(COLLECTED))
    follow({ kind, resource, namespaced: !CLUSTER_WIDE.has(kind) });
  informers.onChange<CustomResourceDefinition>(RESOURCES.customResourceDefinitions, (definition) => {
    const established = definition?.status?.conditions?.some(
      ({ type, status }: { type: string; status: string }) => type === "Established" && status === "True",
    );
    if (definition === undefined || !established) return;
    const { group, names, scope, versions } = definition.spec;
    const version = (versions.find(({ storage, served }) => storage && served) ?? versions[0]).name;
    follow({
      kind: names.kind,
      resource: { group, version, resource: names.plural },
      namespaced: scope === "Namespaced",
    });
  });

  function addOwner({ uid }: OwnerReference): void {
    const owner = present.get(uid);
    if (owner !== undefined) controller.add(keyOf(owner.resource, owner.object));
  }

  /**
   * Deletes an object all of whose owners are gone; of several owners, those that are gone are no longer named. An owner
   * of a kind we do not follow counts as there.
   */
  async function deleteWithoutOwner(resource: GroupVersionResource, object: KubernetesObject): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    const gone = await Promise.all(owners.map((owner) => isGone(object, owner)));
    if (!gone.includes(true)) return;
    if (!gone.includes(false)) {
      await deleteIfExists(api, resource, object, { propagationPolicy: "Background" });
      return;
    }
    const { namespace, name, uid } = object.metadata;
    const ownerReferences = owners.filter((_owner, index) => !gone[index]);
    const body = { metadata: { uid, ownerReferences } };
    await api.patch(resource, { namespace, name }, { type: "merge", body });
  }

  async function isGone(object: KubernetesObject, owner: OwnerReference): Promise<boolean> {
    if (present.has(owner.uid)) return false;
    const { group } = parseApiVersion(owner.apiVersion);
    const entry = [...collected.values()].find(
      ({ kind, resource }) => kind === owner.kind && resource.group === group,
    );
    if (entry === undefined) return false;
    // The watch may be behind: the API knows.
    const found = await getIfExists<KubernetesObject>(api, entry.resource, {
      ...(entry.namespaced && { namespace: object.metadata.namespace }),
      name: owner.name,
    });
    return found?.metadata.uid !== owner.uid;
  }

  async function orphanDependents(resource: GroupVersionResource, owner: KubernetesObject): Promise<void> {
    for (const key of dependents.get(owner.metadata.uid!) ?? []) {
      const dependent = [...present.values()].find((entry) => keyOf(entry.resource, entry.object) === key);
      if (dependent === undefined) continue;
      const { namespace, name, ownerReferences = [] } = dependent.object.metadata;
      const left = ownerReferences.filter(({ uid }) => uid !== owner.metadata.uid);
      const body = { metadata: { ownerReferences: left.length === 0 ? null : left } };
      await api.patch(dependent.resource, { namespace, name }, { type: "merge", body });
    }
    await removeFinalizer(resource, owner, ORPHAN);
  }

  async function deleteDependentsFirst(
    resource: GroupVersionResource,
    owner: KubernetesObject,
  ): Promise<void> {
    const keys = [...(dependents.get(owner.metadata.uid!) ?? [])];
    const entries = [...present.values()].filter((entry) =>
      keys.includes(keyOf(entry.resource, entry.object)),
    );
    for (const entry of entries) {
      if (entry.object.metadata.deletionTimestamp !== undefined) continue;
      await deleteIfExists(api, entry.resource, entry.object, { propagationPolicy: "Foreground" });
    }
    const blocking = entries.filter(({ object }) =>
      object.metadata.ownerReferences?.some(
        (ref) => ref.uid === owner.metadata.uid && ref.blockOwnerDeletion,
      ),
    );
    if (blocking.length === 0) await removeFinalizer(resource, owner, FOREGROUND);
  }

  async function removeFinalizer(
    resource: GroupVersionResource,
    object: KubernetesObject,
    finalizer: string,
  ): Promise<void> {
    const { namespace, name, resourceVersion, finalizers = [] } = object.metadata;
    const left = finalizers.filter((candidate) => candidate !== finalizer);
    const body = { metadata: { resourceVersion, finalizers: left.length === 0 ? null : left } };
    await api.patch(resource, { namespace, name }, { type: "merge", body });
  }
}
