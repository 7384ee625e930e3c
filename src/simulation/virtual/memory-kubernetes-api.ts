/**
 * A `KubernetesApi` in memory for tests of one room: objects, versions, conflicts and watches, and nothing that the
 * real API server (`src/kubernetes/api-server`) adds to them.
 */
import type {
  GroupVersionResource,
  KubernetesApi,
  ListOptions,
  ObjectKey,
  Patch,
  WatchEvent,
  WatchOptions,
} from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { statusError } from "../../model/kubernetes-status.ts";

export interface MemoryKubernetesOptions {
  /** Awaited before each operation, and again before its answer: takes time, or throws. */
  beforeOperation?: (operation: string) => Promise<void> | void;
}

interface Change {
  version: number;
  collection: string;
  event: WatchEvent;
}

export class MemoryKubernetesApi implements KubernetesApi {
  readonly #options: MemoryKubernetesOptions;
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #changes: Change[] = [];
  #wake: (() => void)[] = [];
  #version = 0;

  constructor(options: MemoryKubernetesOptions = {}) {
    this.#options = options;
  }

  async #exchange<T>(operation: string, work: () => T): Promise<T> {
    await this.#options.beforeOperation?.(operation);
    const result = work();
    await this.#options.beforeOperation?.(operation);
    return structuredClone(result);
  }

  get<T extends KubernetesObject>(resource: GroupVersionResource, key: ObjectKey): Promise<T> {
    return this.#exchange("get", () => this.#find(resource, key) as T);
  }

  list<T extends KubernetesObject>(resource: GroupVersionResource, options: ListOptions = {}) {
    return this.#exchange("list", () => ({
      metadata: { resourceVersion: String(this.#version) },
      items: [...this.#objects]
        .filter(([path, object]) => path.startsWith(`${collectionOf(resource)}/`) && matches(object, options))
        .map(([, object]) => object as T),
    }));
  }

  create<T extends KubernetesObject>(resource: GroupVersionResource, object: T): Promise<T> {
    return this.#exchange("create", () => {
      const path = pathOf(resource, object.metadata);
      if (this.#objects.has(path)) throw statusError("AlreadyExists", `${path} already exists`);
      return this.#put(resource, path, object, "ADDED");
    });
  }

  replace<T extends KubernetesObject>(resource: GroupVersionResource, object: T): Promise<T> {
    return this.#exchange("replace", () => {
      const stored = this.#find(resource, object.metadata);
      const { resourceVersion } = object.metadata;
      if (resourceVersion !== undefined && resourceVersion !== stored.metadata.resourceVersion) {
        throw statusError("Conflict", "the object has been modified");
      }
      return this.#put(resource, pathOf(resource, object.metadata), object, "MODIFIED");
    });
  }

  updateStatus<T extends KubernetesObject>(resource: GroupVersionResource, object: T): Promise<T> {
    return this.#exchange("updateStatus", () => {
      const stored = this.#find(resource, object.metadata);
      return this.#put(
        resource,
        pathOf(resource, object.metadata),
        { ...stored, status: object.status } as T,
        "MODIFIED",
      );
    });
  }

  /** Merge patches only. */
  patch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    key: ObjectKey,
    patch: Patch,
  ): Promise<T> {
    return this.#exchange("patch", () => {
      if (patch.type !== "merge") throw statusError("BadRequest", `${patch.type} patches are not simulated`);
      const merged = merge(this.#find(resource, key), patch.body) as T;
      return this.#put(resource, pathOf(resource, key), merged, "MODIFIED");
    });
  }

  delete<T extends KubernetesObject>(resource: GroupVersionResource, key: ObjectKey): Promise<T> {
    return this.#exchange("delete", () => {
      const object = this.#find(resource, key);
      this.#objects.delete(pathOf(resource, key));
      this.#tell(resource, "DELETED", object);
      return object as T;
    });
  }

  async *watch<T extends KubernetesObject>(
    resource: GroupVersionResource,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    let seen = Number(options.resourceVersion ?? 0);
    const { signal } = options;
    while (!signal?.aborted) {
      const due = this.#changes.filter(({ version }) => version > seen);
      for (const { version, collection, event } of due) {
        seen = version;
        if (collection !== collectionOf(resource) || !matches(event.object, options)) continue;
        await this.#options.beforeOperation?.("watch");
        if (signal?.aborted) return;
        yield structuredClone(event) as WatchEvent<T>;
      }
      if (due.length > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  #find(resource: GroupVersionResource, key: ObjectKey): KubernetesObject {
    const object = this.#objects.get(pathOf(resource, key));
    if (object === undefined) throw statusError("NotFound", `${pathOf(resource, key)} not found`);
    return object;
  }

  #put<T extends KubernetesObject>(
    resource: GroupVersionResource,
    path: string,
    object: T,
    type: "ADDED" | "MODIFIED",
  ): T {
    const stored = structuredClone(object);
    stored.metadata.resourceVersion = String(this.#version + 1);
    stored.metadata.uid ??= `uid-${this.#version + 1}`;
    this.#objects.set(path, stored);
    this.#tell(resource, type, stored);
    return stored;
  }

  #tell(resource: GroupVersionResource, type: WatchEvent["type"], object: KubernetesObject): void {
    const version = ++this.#version;
    const copy = structuredClone(object);
    copy.metadata.resourceVersion = String(version);
    this.#changes.push({ version, collection: collectionOf(resource), event: { type, object: copy } });
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}

function collectionOf({ group, version, resource }: GroupVersionResource): string {
  return `${group}/${version}/${resource}`;
}

function pathOf(resource: GroupVersionResource, { namespace, name }: ObjectKey): string {
  return `${collectionOf(resource)}/${namespace ?? ""}/${name}`;
}

function matches(object: KubernetesObject, { namespace, fieldSelector }: ListOptions): boolean {
  const name = /^metadata\.name=(.*)$/.exec(fieldSelector ?? "")?.[1];
  return (
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name)
  );
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Record<string, unknown> | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
