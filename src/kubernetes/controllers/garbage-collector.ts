/**
 * What is owned goes with its owner (upstream `pkg/controller/garbagecollector`): Background deletes the dependents
 * once the owner is gone, Foreground before, Orphan cuts them loose.
 */
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject, OwnerReference } from "../../model/kubernetes-object.ts";
import { objectKey } from "../../wire/kubernetes/informer.ts";
import { type ControllerContext, deleteIfExists, getIfExists, startController } from "./controller.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/** Resources whose objects are owned or own. Others would be looked through for nothing. */
const COLLECTED: GroupVersionResource[] = [
  RESOURCES.pods,
  RESOURCES.services,
  RESOURCES.endpoints,
  RESOURCES.endpointSlices,
  RESOURCES.configMaps,
  RESOURCES.secrets,
  RESOURCES.serviceAccounts,
  RESOURCES.persistentVolumeClaims,
  RESOURCES.statefulSets,
  RESOURCES.deployments,
  RESOURCES.replicaSets,
  RESOURCES.daemonSets,
  RESOURCES.controllerRevisions,
  RESOURCES.jobs,
  RESOURCES.cronJobs,
  RESOURCES.horizontalPodAutoscalers,
  RESOURCES.podDisruptionBudgets,
];

export interface GarbageCollectorOptions {
  /** Custom resources to look after too. Called at start and by `resync`. */
  extra?: GroupVersionResource[];
}

/** A key names a resource and an object: `apps/v1/replicasets|ns/name`. */
const keyOf = (resource: GroupVersionResource, object: KubernetesObject): string =>
  `${resource.group}/${resource.version}/${resource.resource}|${objectKey(object)}`;

export function startGarbageCollector(
  context: ControllerContext,
  options: GarbageCollectorOptions = {},
): void {
  const { api, informers } = context;
  const resources = [...COLLECTED, ...(options.extra ?? [])];
  /** Uids of all that is there, so that an owner reference can be checked without asking. */
  const present = new Map<string, { resource: GroupVersionResource; object: KubernetesObject }>();
  const dependents = new Map<string, Set<string>>();

  const controller = startController({
    context,
    name: "garbage-collector-controller",
    async reconcile(key) {
      const [resourceKey, name] = key.split("|");
      const resource = resources.find(
        (candidate) => `${candidate.group}/${candidate.version}/${candidate.resource}` === resourceKey,
      )!;
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

  for (const resource of resources) {
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

  function addOwner({ uid }: OwnerReference): void {
    const owner = present.get(uid);
    if (owner !== undefined) controller.add(keyOf(owner.resource, owner.object));
  }

  /** Deletes an object all of whose owners are gone. An owner of a kind we do not follow counts as there. */
  async function deleteWithoutOwner(resource: GroupVersionResource, object: KubernetesObject): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    const gone = await Promise.all(owners.map((owner) => isGone(object, owner)));
    if (owners.length === 0 || gone.includes(false)) return;
    await deleteIfExists(api, resource, object, { propagationPolicy: "Background" });
  }

  async function isGone(object: KubernetesObject, owner: OwnerReference): Promise<boolean> {
    if (present.has(owner.uid)) return false;
    const slash = owner.apiVersion.indexOf("/");
    const group = slash === -1 ? "" : owner.apiVersion.slice(0, slash);
    const plural = `${owner.kind.toLowerCase()}s`;
    const resource = resources.find(
      (candidate) => candidate.group === group && candidate.resource === plural,
    );
    if (resource === undefined) return false;
    // The watch may be behind: the API knows.
    const found = await getIfExists<KubernetesObject>(api, resource, {
      namespace: object.metadata.namespace,
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
