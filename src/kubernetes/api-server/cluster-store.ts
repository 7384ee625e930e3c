/** The Kubernetes API in process: what controllers are given, and what the HTTP server puts on the wire. */
import type { Clock } from "../../base/clock.ts";
import { type Logger, silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type {
  GroupVersionResource,
  KubernetesApi,
  ListOptions,
  ObjectKey,
  Patch,
  WatchEvent,
  WatchOptions,
} from "../../model/kubernetes-api.ts";
import type { KubernetesList, KubernetesObject } from "../../model/kubernetes-object.ts";
import type { AskOptions } from "./admission/admission-turn.ts";
import { areWebhooksFor, withWebhooks } from "./admission/webhooks.ts";
import { type ApiContext, resourceInfo } from "./api-context.ts";
import { fromStorageVersion, needsConversion } from "./convert.ts";
import { convertAll, withConversion } from "./custom/conversion-turn.ts";
import { startDefinitionController } from "./custom/definition-controller.ts";
import type { RestoredObject } from "./object-log.ts";
import { type ChangeLog, ObjectStore } from "./object-store.ts";
import { deleteObject, type RemoveOptions } from "./operations/delete.ts";
import { listObjects } from "./operations/list.ts";
import { createResource, getResource, patchResource, replaceResource } from "./operations/subresources.ts";
import type { UpdateOptions } from "./operations/update.ts";
import { watchObjects } from "./operations/watch.ts";
import type { ResourceInfo } from "./resource-info.ts";
import { ResourceRegistry } from "./resource-registry.ts";
import type { ServiceAddresses } from "./service-addresses.ts";

export interface ClusterStoreOptions {
  clock: Clock;
  random: Random;
  /** @default says nothing */
  log?: Logger;
  /** Where changes are kept. @default nowhere: memory only, for tests and virtual time */
  changeLog?: ChangeLog;
  /** Where cluster IPs come from. @default Services get none */
  serviceAddresses?: ServiceAddresses;
  /** What an earlier run left. */
  restore?: readonly RestoredObject[];
  /** @default the clock's time, which is above what earlier clusters gave out */
  firstRevision?: number;
}

export class ClusterStore implements KubernetesApi {
  readonly context: ApiContext;

  constructor(options: ClusterStoreOptions) {
    const {
      clock,
      random,
      log = silentLogger,
      changeLog,
      serviceAddresses,
      firstRevision = Math.floor(clock.now()),
    } = options;
    const store = new ObjectStore(firstRevision, changeLog);
    this.context = { store, registry: new ResourceRegistry(), clock, random, log, serviceAddresses };
    for (const { collection, key, object } of options.restore ?? []) store.restore(collection, key, object);
    startDefinitionController(this);
  }

  async get<T extends KubernetesObject>(resource: GroupVersionResource, key: ObjectKey): Promise<T> {
    const info = resourceInfo(this.context, resource);
    const found = await this.#carryOut(info, () => getResource(this.context, info, key));
    return (await this.#shown(info, found)) as T;
  }

  async list<T extends KubernetesObject>(
    resource: GroupVersionResource,
    options?: ListOptions,
  ): Promise<KubernetesList<T>> {
    const info = resourceInfo(this.context, resource);
    const list = listObjects(this.context, info, options);
    await convertAll(this.context, info, list.items);
    if (needsConversion(info)) list.items = list.items.map((item) => fromStorageVersion(info, item));
    return list as KubernetesList<T>;
  }

  async create<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    const info = resourceInfo(this.context, resource);
    const made = await this.#run(info, options, (all) => createResource(this.context, info, object, all));
    return (await this.#shown(info, made)) as T;
  }

  async replace<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    const info = resourceInfo(this.context, resource);
    const made = await this.#run(info, options, (all) => replaceResource(this.context, info, object, all));
    return (await this.#shown(info, made)) as T;
  }

  async updateStatus<T extends KubernetesObject>(
    resource: GroupVersionResource,
    object: T,
    options: UpdateOptions = {},
  ): Promise<T> {
    return this.replace(resource, object, { ...options, subresource: "status" });
  }

  async patch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    patch: Patch,
    options: UpdateOptions = {},
  ): Promise<T> {
    const info = resourceInfo(this.context, resource);
    const all = { ...options, subresource: key.subresource };
    const made = await this.#run(info, all, (each) => patchResource(this.context, info, key, patch, each));
    return (await this.#shown(info, made)) as T;
  }

  async delete<T extends KubernetesObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    options: RemoveOptions = {},
  ): Promise<T> {
    const info = resourceInfo(this.context, resource);
    const namespace = info.namespaced ? key.namespace : undefined;
    const made = await this.#run(info, options, (all) =>
      deleteObject(this.context, info, namespace, key.name, all),
    );
    return (await this.#shown(info, made)) as T;
  }

  /** An object in the version that was asked for. */
  async #shown(info: ResourceInfo, object: KubernetesObject): Promise<KubernetesObject> {
    await convertAll(this.context, info, [object]);
    return fromStorageVersion(info, object);
  }

  #carryOut(
    info: ResourceInfo,
    run: () => KubernetesObject | Promise<KubernetesObject>,
  ): KubernetesObject | Promise<KubernetesObject> {
    return info.conversion === undefined ? run() : withConversion(this.context, info, run);
  }

  /** Runs a change, with webhooks where there are any. */
  #run<O extends AskOptions>(
    info: ResourceInfo,
    options: O,
    change: (options: O) => KubernetesObject,
  ): KubernetesObject | Promise<KubernetesObject> {
    return this.#carryOut(info, () => this.#ask(info, options, change));
  }

  #ask<O extends AskOptions>(
    info: ResourceInfo,
    options: O,
    change: (options: O) => KubernetesObject,
  ): KubernetesObject | Promise<KubernetesObject> {
    if (!areWebhooksFor(this.context, info)) return change(options);
    // What a later run says again is not told twice.
    const told = new Set<string>();
    const warn = (text: string) => {
      if (!told.has(text)) options.warn?.(text);
      told.add(text);
    };
    return withWebhooks(this.context, (turn) => change({ ...options, warn, turn }), warn);
  }

  watch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    const info = resourceInfo(this.context, resource);
    const events = watchObjects(this.context, info, options) as AsyncIterable<WatchEvent<T>>;
    return info.conversion === undefined ? events : this.#converted(info, events);
  }

  async *#converted<T extends KubernetesObject>(
    info: ResourceInfo,
    events: AsyncIterable<WatchEvent<T>>,
  ): AsyncGenerator<WatchEvent<T>> {
    for await (const { type, object } of events) {
      const isObject = type !== "BOOKMARK";
      yield { type, object: isObject ? ((await this.#shown(info, object)) as T) : object };
    }
  }
}
