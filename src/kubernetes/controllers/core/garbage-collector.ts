/**
 * What is owned goes with its owner (Kubernetes 1.35 `pkg/controller/garbagecollector`): Background deletes the
 * dependents once the owner is gone, Foreground before, Orphan cuts them loose. All kinds that the API serves are
 * followed, but for events. An owner of a kind that is not served counts as there, as upstream tries for ever.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import {
  type KubernetesObject,
  type OwnerReference,
  parseApiVersion,
} from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { type Controller, type ControllerContext, getIfExists, startController } from "../controller.ts";
import { DependencyGraph, type GraphNode, meansNode, ownersOf } from "./dependency-graph.ts";
import { oneVersionEach, type ServedResource } from "./served-resource.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

export interface GarbageCollectorOptions {
  /** All that the API serves now, custom kinds too. */
  resources: () => ServedResource[];
}

interface Collector {
  context: ControllerContext;
  controller: Controller;
  graph: DependencyGraph;
  /** By `group/kind`. */
  kinds: Map<string, ServedResource>;
}

const isGoing = ({ metadata }: KubernetesObject): boolean => metadata.deletionTimestamp !== undefined;
const hasFinalizer = ({ metadata }: KubernetesObject, name: string): boolean =>
  metadata.finalizers?.includes(name) ?? false;
/** Deleted, and gone when its dependents are. */
const waitsForDependents = (object: KubernetesObject): boolean =>
  isGoing(object) && hasFinalizer(object, FOREGROUND);
const sameOwners = (a: KubernetesObject, b: KubernetesObject): boolean =>
  JSON.stringify(ownersOf(a)) === JSON.stringify(ownersOf(b));

export function startGarbageCollector(context: ControllerContext, options: GarbageCollectorOptions): void {
  const graph = new DependencyGraph();
  const kinds = new Map<string, ServedResource>();
  const controller: Controller = startController({
    context,
    name: "garbage-collector-controller",
    reconcile: (uid) => reconcile({ context, controller, graph, kinds }, uid),
  });

  function onChange(
    resource: ServedResource,
    object: KubernetesObject | undefined,
    previous: KubernetesObject | undefined,
  ): void {
    if (previous !== undefined && previous.metadata.uid !== object?.metadata.uid) {
      const uid = previous.metadata.uid!;
      for (const dependent of graph.dependentsOf(uid)) controller.add(dependent.object.metadata.uid!);
      graph.remove(uid);
      for (const owner of ownersOf(previous)) controller.add(owner.uid);
    }
    if (object === undefined) return;
    const uid = object.metadata.uid!;
    const known = graph.get(uid)?.object;
    graph.put({ resource, object });
    const startsToWait = waitsForDependents(object) && !(known !== undefined && waitsForDependents(known));
    if (startsToWait)
      for (const dependent of graph.dependentsOf(uid)) controller.add(dependent.object.metadata.uid!);
    if (startsToWait || (isGoing(object) && hasFinalizer(object, ORPHAN))) controller.add(uid);
    if (known !== undefined && sameOwners(known, object)) return;
    if (ownersOf(object).length > 0) controller.add(uid);
    // It may have been the last that kept an owner.
    for (const owner of known === undefined ? [] : ownersOf(known)) controller.add(owner.uid);
  }

  function follow(): void {
    const served = oneVersionEach(options.resources());
    for (const [key, resource] of kinds) if (!served.some((each) => isSame(each, resource))) forget(key);
    for (const resource of served) {
      const key = `${resource.group}/${resource.kind}`;
      if (resource.resource === "events" || kinds.has(key)) continue;
      kinds.set(key, resource);
      context.informers.onChange<KubernetesObject>(resource, (...change) => onChange(resource, ...change));
      // Owners of this kind were not known until now.
      for (const { object } of graph.nodes())
        if (ownersOf(object).some((owner) => keyOf(owner) === key)) controller.add(object.metadata.uid!);
    }
  }

  function forget(key: string): void {
    const resource = kinds.get(key)!;
    kinds.delete(key);
    for (const node of [...graph.nodes()])
      if (node.resource === resource) onChange(resource, undefined, node.object);
    context.informers.forget(resource);
  }

  follow();
  context.informers.onChange(RESOURCES.customResourceDefinitions, follow);
}

const isSame = (a: ServedResource, b: ServedResource): boolean =>
  a.group === b.group && a.version === b.version && a.resource === b.resource && a.kind === b.kind;

const keyOf = ({ apiVersion, kind }: OwnerReference): string =>
  `${parseApiVersion(apiVersion).group}/${kind}`;

async function reconcile(collector: Collector, uid: string): Promise<undefined> {
  const { context, graph } = collector;
  await context.informers.synced();
  const node = graph.get(uid);
  if (node === undefined) return;
  const { object } = node;
  if (isGoing(object) && hasFinalizer(object, ORPHAN)) await orphanDependents(collector, node);
  else if (waitsForDependents(object)) await waitForDependents(collector, node);
  else if (!isGoing(object) && ownersOf(object).length > 0) await deleteWithoutOwner(collector, node);
}

interface Owners {
  /** There, and to stay. */
  solid: OwnerReference[];
  /** Not there. */
  dangling: OwnerReference[];
  /** There until their dependents have gone. */
  waiting: OwnerReference[];
}

/** Deletes an object that no owner keeps; one that has such an owner loses its references to others. */
async function deleteWithoutOwner(collector: Collector, node: GraphNode): Promise<void> {
  const { context, graph } = collector;
  const latest = await latestOf(context, node);
  if (latest === undefined) return;
  const owners = await classify(collector, latest, node);
  if (owners === undefined) return;
  const { solid, dangling, waiting } = owners;
  if (solid.length > 0) {
    await dropReferences(context, node, latest, [...dangling, ...waiting]);
    return;
  }
  const dependents = graph.dependentsOf(latest.metadata.uid!);
  if (waiting.length > 0 && dependents.length > 0) {
    // Two that wait for each other would wait for ever.
    const isCircle = dependents.some(({ object }) => waitsForDependents(object));
    const object = isCircle ? await unblockOwners(context, node, latest) : latest;
    await deleteNode(context, node, object, "Foreground");
    return;
  }
  const policy = hasFinalizer(latest, ORPHAN)
    ? "Orphan"
    : hasFinalizer(latest, FOREGROUND)
      ? "Foreground"
      : "Background";
  await deleteNode(context, node, latest, policy);
}

/** Undefined when it can't be told, as a reference is to a kind that is not served or can't own this object. */
async function classify(
  collector: Collector,
  object: KubernetesObject,
  node: GraphNode,
): Promise<Owners | undefined> {
  const owners: Owners = { solid: [], dangling: [], waiting: [] };
  for (const reference of ownersOf(object)) {
    const resource = collector.kinds.get(keyOf(reference));
    if (resource === undefined) return undefined;
    if (resource.namespaced && !node.resource.namespaced) return undefined;
    const owner = await findOwner(collector, object, reference, resource);
    if (owner === undefined) owners.dangling.push(reference);
    else if (waitsForDependents(owner)) owners.waiting.push(reference);
    else owners.solid.push(reference);
  }
  return owners;
}

async function findOwner(
  { context, controller, graph }: Collector,
  dependent: KubernetesObject,
  reference: OwnerReference,
  resource: ServedResource,
): Promise<KubernetesObject | undefined> {
  const known = graph.get(reference.uid);
  if (known !== undefined && meansNode(reference, dependent, known)) return known.object;
  const { namespace } = dependent.metadata;
  if (known?.resource.namespaced && known.object.metadata.namespace !== namespace) {
    const { apiVersion, kind, name, uid } = reference;
    const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`;
    controller.events.record(dependent, "Warning", "OwnerRefInvalidNamespace", message);
  }
  // The watch may be behind: the API knows.
  const found = await getIfExists<KubernetesObject>(context.api, resource, {
    ...(resource.namespaced && { namespace }),
    name: reference.name,
  });
  return found?.metadata.uid === reference.uid ? found : undefined;
}

/** The object as it is now; undefined when it is gone, or another one has its name. */
async function latestOf(
  { api }: ControllerContext,
  { resource, object: { metadata } }: GraphNode,
): Promise<KubernetesObject | undefined> {
  const { namespace, name, uid } = metadata;
  const latest = await getIfExists<KubernetesObject>(api, resource, { namespace, name });
  return latest?.metadata.uid === uid ? latest : undefined;
}

async function orphanDependents({ context, graph }: Collector, node: GraphNode): Promise<void> {
  const uid = node.object.metadata.uid!;
  for (const dependent of graph.dependentsOf(uid)) {
    const latest = await latestOf(context, dependent);
    const own = latest === undefined ? [] : ownersOf(latest).filter((reference) => reference.uid === uid);
    if (latest !== undefined) await dropReferences(context, dependent, latest, own);
  }
  await removeFinalizer(context, node, ORPHAN);
}

/** Lets an owner go that no dependent blocks any more; those that do are looked at. */
async function waitForDependents({ context, controller, graph }: Collector, node: GraphNode): Promise<void> {
  const { uid } = node.object.metadata;
  const blocking = graph
    .dependentsOf(uid!)
    .filter(({ object }) => ownersOf(object).some((ref) => ref.uid === uid && ref.blockOwnerDeletion));
  if (blocking.length === 0) await removeFinalizer(context, node, FOREGROUND);
  for (const { object } of blocking) if (!waitsForDependents(object)) controller.add(object.metadata.uid!);
}

async function dropReferences(
  { api }: ControllerContext,
  { resource }: GraphNode,
  latest: KubernetesObject,
  dropped: OwnerReference[],
): Promise<void> {
  if (dropped.length === 0) return;
  const left = ownersOf(latest).filter((reference) => !dropped.includes(reference));
  const { namespace, name, uid, resourceVersion } = latest.metadata;
  const body = { metadata: { uid, resourceVersion, ownerReferences: left.length === 0 ? null : left } };
  await api.patch(resource, { namespace, name }, { type: "merge", body });
}

async function unblockOwners(
  { api }: ControllerContext,
  { resource }: GraphNode,
  latest: KubernetesObject,
): Promise<KubernetesObject> {
  const { namespace, name, uid, resourceVersion } = latest.metadata;
  const ownerReferences = ownersOf(latest).map((owner) => ({ ...owner, blockOwnerDeletion: false }));
  const body = { metadata: { uid, resourceVersion, ownerReferences } };
  return api.patch<KubernetesObject>(resource, { namespace, name }, { type: "merge", body });
}

async function deleteNode(
  { api }: ControllerContext,
  { resource }: GraphNode,
  { metadata: { namespace, name, uid, resourceVersion } }: KubernetesObject,
  propagationPolicy: "Background" | "Foreground" | "Orphan",
): Promise<void> {
  // With the version: an owner may have come since, and then it must stay.
  const preconditions = { uid, resourceVersion };
  try {
    await api.delete(resource, { namespace, name }, { propagationPolicy, preconditions });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

async function removeFinalizer(
  context: ControllerContext,
  node: GraphNode,
  finalizer: string,
): Promise<void> {
  const latest = await latestOf(context, node);
  if (latest === undefined || !hasFinalizer(latest, finalizer)) return;
  const { namespace, name, resourceVersion, finalizers = [] } = latest.metadata;
  const left = finalizers.filter((candidate) => candidate !== finalizer);
  const body = { metadata: { resourceVersion, finalizers: left.length === 0 ? null : left } };
  await context.api.patch(node.resource, { namespace, name }, { type: "merge", body });
}
