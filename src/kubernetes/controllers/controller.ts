/**
 * What controllers have in common. Each is a function of the API and a clock: watches only say which key to look at,
 * `reconcile` reads what is true now and makes the next step, so it can run at any time, also twice.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { GroupVersionResource, KubernetesApi } from "../../model/kubernetes-api.ts";
import {
  type KubernetesObject,
  type OwnerReference,
  parseApiVersion,
} from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { createEventRecorder, type EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { type Informer, objectKey, startInformer } from "../../wire/kubernetes/informer.ts";
import { WorkQueue } from "./work-queue.ts";

export interface ControllerContext {
  api: KubernetesApi;
  clock: Clock;
  random: Random;
  log: Logger;
  informers: Informers;
  /** Ends the controller. */
  signal: AbortSignal;
}

type ChangeHandler<T extends KubernetesObject> = (object: T | undefined, previous: T | undefined) => void;

interface Following {
  informer: Informer<KubernetesObject>;
  handlers: ChangeHandler<never>[];
  stop: AbortController;
  /** The first list is complete, or nobody wants it any more. */
  settled: PromiseWithResolvers<void>;
}

/** One informer a resource, shared by all who watch it. */
export class Informers {
  readonly #options: { api: KubernetesApi; clock: Clock; log: Logger; signal: AbortSignal };
  readonly #running = new Map<string, Following>();

  constructor(options: { api: KubernetesApi; clock: Clock; log: Logger; signal: AbortSignal }) {
    this.#options = options;
  }

  /** The resource's local copy; starts to follow it at the first call. */
  of<T extends KubernetesObject>(resource: GroupVersionResource): Informer<T> {
    return this.#entry(resource).informer as Informer<T>;
  }

  /** Calls `handler` with every object that is there and then with every change. */
  onChange<T extends KubernetesObject>(resource: GroupVersionResource, handler: ChangeHandler<T>): void {
    const { informer, handlers } = this.#entry(resource);
    handlers.push(handler as ChangeHandler<never>);
    for (const object of informer.objects.values()) handler(object as T, undefined);
  }

  /** Stops following a resource that is no longer served. */
  forget(resource: GroupVersionResource): void {
    const entry = this.#running.get(nameOf(resource));
    entry?.stop.abort();
    entry?.settled.resolve();
    this.#running.delete(nameOf(resource));
  }

  /** Resolves when the first list of every resource so far is complete. */
  async synced(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ settled }) => settled.promise));
  }

  #entry(resource: GroupVersionResource): Following {
    const { log, ...options } = this.#options;
    const key = nameOf(resource);
    let entry = this.#running.get(key);
    if (entry === undefined) {
      const handlers: ChangeHandler<never>[] = [];
      const tell = (object: KubernetesObject | undefined, previous: KubernetesObject | undefined) => {
        for (const handler of handlers) handler(object as never, previous as never);
      };
      const stop = new AbortController();
      const settled = Promise.withResolvers<void>();
      const informer = startInformer<KubernetesObject>({
        ...options,
        signal: AbortSignal.any([options.signal, stop.signal]),
        resource,
        onAdd: (object) => tell(object, undefined),
        onUpdate: tell,
        onDelete: (object) => tell(undefined, object),
        onError: (error) => log.warn("watch failed", { resource: key, error }),
      });
      void informer.synced.then(settled.resolve);
      entry = { informer, handlers, stop, settled };
      this.#running.set(key, entry);
    }
    return entry;
  }
}

const nameOf = ({ group, version, resource }: GroupVersionResource): string =>
  `${group}/${version}/${resource}`;

export interface ControllerOptions {
  context: ControllerContext;
  /** For log lines and as the source of events: `statefulset-controller`. */
  name: string;
  reconcile: (key: string) => Promise<number | undefined>;
  /** @default 5 */
  workers?: number;
}

export interface Controller {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** Every object of the resource is a key. */
  watch(resource: GroupVersionResource): void;
  /** An object of the resource is a matter of its controlling owner, when that is of this kind. */
  watchOwned(resource: GroupVersionResource, ownerKind: string): void;
  /** Changes of the resource are a matter of the keys that `keysOf` names. */
  watchMapped<T extends KubernetesObject>(
    resource: GroupVersionResource,
    keysOf: (object: T, previous: T | undefined) => Iterable<string>,
  ): void;
  events: EventRecorder;
}

export function startController(options: ControllerOptions): Controller {
  const { context, name, reconcile, workers } = options;
  const log = context.log.with({ controller: name });
  const queue = new WorkQueue({
    clock: context.clock,
    signal: context.signal,
    workers,
    work: reconcile,
    onError: (key, error, retryMs) => {
      // Someone else was faster, or is about to be: the retry sees their work. Not worth a line.
      if (isStatus(error, "Conflict", "AlreadyExists", "NotFound"))
        log.debug("trying again", { key, error, retryMs });
      else log.error("Reconciler error", { key, error, retryMs });
    },
  });
  const watchMapped: Controller["watchMapped"] = (resource, keysOf) =>
    context.informers.onChange(resource, (object, previous) => {
      for (const key of keysOf((object ?? previous) as never, previous as never)) queue.add(key);
    });
  return {
    add: (key) => queue.add(key),
    addAfter: (key, delayMs) => queue.addAfter(key, delayMs),
    watch: (resource) => watchMapped(resource, (object) => [objectKey(object)]),
    watchOwned: (resource, ownerKind) =>
      watchMapped(resource, (object, previous) =>
        [object, previous].flatMap((version) => {
          const owner = version?.metadata.ownerReferences?.find((reference) => reference.controller);
          return owner?.kind === ownerKind ? [`${version!.metadata.namespace}/${owner.name}`] : [];
        }),
      ),
    watchMapped,
    events: createEventRecorder({ api: context.api, clock: context.clock, component: name }),
  };
}

/** `ns/name` → both; `name` → only the name. */
export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf("/");
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The object, or undefined when there is none. */
export async function getIfExists<T extends KubernetesObject>(
  api: KubernetesApi,
  resource: GroupVersionResource,
  key: { namespace?: string; name: string },
): Promise<T | undefined> {
  try {
    return await api.get<T>(resource, key);
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Resolves also when the object is gone already. */
export async function deleteIfExists(
  api: KubernetesApi,
  resource: GroupVersionResource,
  object: KubernetesObject,
  options: { gracePeriodSeconds?: number; propagationPolicy?: "Background" | "Foreground" | "Orphan" } = {},
): Promise<void> {
  const { namespace, name, uid } = object.metadata;
  try {
    await api.delete(resource, { namespace, name }, { ...options, preconditions: { uid } });
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) throw error;
  }
}

/** Writes the status when it differs from what the object has; answers the object as it is then. */
export async function writeStatus<T extends KubernetesObject>(
  api: KubernetesApi,
  resource: GroupVersionResource,
  object: T,
  status: T["status"],
): Promise<T> {
  if (sameJson(object.status, status)) return object;
  return api.updateStatus(resource, { ...object, status });
}

/** Whether two values are the same as JSON, whatever the order of keys. Absent and undefined are the same. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, item) =>
      typeof item === "object" && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
        : item,
    ) ?? "undefined"
  );
}

/** The owner reference that makes `owner` the controller of what carries it. */
export function controllerReference(
  owner: KubernetesObject,
  apiVersion: string,
  kind: string,
): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion, kind, name, uid: uid!, controller: true, blockOwnerDeletion: true };
}

/** Whether `object` is controlled by exactly this owner. */
export function isControlledBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return (
    object.metadata.ownerReferences?.some((ref) => ref.controller && ref.uid === owner.metadata.uid) ?? false
  );
}

/** The group of an owner reference: `apps/v1` → `apps`. */
export function groupOf(reference: { apiVersion: string }): string {
  return parseApiVersion(reference.apiVersion).group;
}
