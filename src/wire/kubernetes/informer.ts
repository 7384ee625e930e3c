/**
 * A local copy of a collection that follows the cluster (client-go `tools/cache`): lists, watches from there, and
 * lists again when the watch's version has expired or the server went away.
 */
import type { Clock } from "../../base/clock.ts";
import type { GroupVersionResource, KubernetesApi, ListOptions } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export interface InformerHandlers<T extends KubernetesObject> {
  onAdd?(object: T): void;
  onUpdate?(object: T, previous: T): void;
  onDelete?(object: T): void;
  /** The watch or the list failed; it is tried again after the delay. */
  onError?(error: unknown, retryMs: number): void;
}

export interface InformerOptions<T extends KubernetesObject> extends InformerHandlers<T> {
  api: KubernetesApi;
  clock: Clock;
  resource: GroupVersionResource;
  /** Which objects. @default all */
  select?: ListOptions;
  signal: AbortSignal;
}

export interface Informer<T extends KubernetesObject> {
  /** By `namespace/name`, or `name` where the kind has no namespace. Complete after `synced`. */
  readonly objects: ReadonlyMap<string, T>;
  /**
   * Resolves when the first list is in `objects`. Never rejects: an unreachable server is tried for ever, and after the
   * signal has aborted nobody asks any more, so that it may stay open.
   */
  readonly synced: Promise<void>;
}

/** Delays between tries after failures: client-go's reflector backs off from 0.8 s to 30 s. */
const RETRY_MIN_MS = 800;
const RETRY_MAX_MS = 30_000;

/** `namespace/name`. */
export function objectKey(object: KubernetesObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Starts following; ends when the signal aborts. */
export function startInformer<T extends KubernetesObject>(options: InformerOptions<T>): Informer<T> {
  const { clock, signal } = options;
  const objects = new Map<string, T>();
  const synced = Promise.withResolvers<void>();
  const run = async () => {
    let retryMs = RETRY_MIN_MS;
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await relist(options, objects);
        synced.resolve();
        version = await follow(options, objects, version);
        retryMs = RETRY_MIN_MS;
      } catch (error) {
        // Whatever it was, the next list tells the truth: no event of the gap is lost or made up.
        version = undefined;
        if (signal.aborted) return;
        options.onError?.(error, retryMs);
        await clock.sleep(retryMs, signal).catch(() => {});
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  };
  void run();
  return { objects, synced: synced.promise };
}

/** Makes the copy equal to a fresh list, telling the differences, and answers the list's version. */
async function relist<T extends KubernetesObject>(
  options: InformerOptions<T>,
  objects: Map<string, T>,
): Promise<string> {
  const list = await options.api.list<T>(options.resource, options.select);
  const present = new Set<string>();
  for (const object of list.items) {
    present.add(objectKey(object));
    put(options, objects, object);
  }
  for (const [key, object] of objects) {
    if (present.has(key)) continue;
    objects.delete(key);
    options.onDelete?.(object);
  }
  return list.metadata.resourceVersion;
}

/** Applies one watch to the copy until the server ends it; answers the version to go on from. */
async function follow<T extends KubernetesObject>(
  options: InformerOptions<T>,
  objects: Map<string, T>,
  from: string,
): Promise<string> {
  let version = from;
  const { api, resource, select, signal } = options;
  const watch = { ...select, resourceVersion: version, allowWatchBookmarks: true, signal };
  for await (const { type, object } of api.watch<T>(resource, watch)) {
    version = object.metadata.resourceVersion!;
    if (type === "BOOKMARK") continue;
    if (type === "DELETED") {
      objects.delete(objectKey(object));
      options.onDelete?.(object);
    } else put(options, objects, object);
  }
  return version;
}

function put<T extends KubernetesObject>(
  handlers: InformerHandlers<T>,
  objects: Map<string, T>,
  object: T,
): void {
  const key = objectKey(object);
  const previous = objects.get(key);
  if (previous?.metadata.resourceVersion === object.metadata.resourceVersion) return;
  objects.set(key, object);
  // The same name with another uid is another object: the first one's end was missed.
  if (previous !== undefined && previous.metadata.uid === object.metadata.uid)
    handlers.onUpdate?.(object, previous);
  else {
    if (previous !== undefined) handlers.onDelete?.(previous);
    handlers.onAdd?.(object);
  }
}
