/**
 * Where objects are kept: in memory, every change numbered and written to a log before anyone sees it (etcd's part of
 * a cluster). Knows nothing of kinds: that is what the operations on top are for.
 *
 * Objects are shared and deeply frozen. Changes of one collection are kept for a while, so that a watch can go on
 * from an earlier version.
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

/** Changes that a collection remembers for watches to go on from. Older versions are answered with 410. */
export const MAX_HISTORY_EVENTS = 4_096;

export interface StoredEvent {
  type: "ADDED" | "MODIFIED" | "DELETED";
  revision: number;
  object: KubernetesObject;
  /** What was there before, for watches with selectors. */
  previous?: KubernetesObject;
}

/** Where changes go before they are visible. Throws when it can't: the change then has not happened. */
export interface ChangeLog {
  append(collection: string, key: string, revision: number, object: KubernetesObject | undefined): void;
}

export type StoreListener = (event: StoredEvent) => void;

/** Identifies an object within its collection; sorts as Kubernetes lists. */
export function storageKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

class Collection {
  readonly items = new Map<string, KubernetesObject>();
  readonly listeners = new Set<StoreListener>();
  history: StoredEvent[] = [];
  /** Watches may go on from this revision or a later one. */
  oldestRevision: number;
  #keys: string[] | undefined;

  constructor(oldestRevision: number) {
    this.oldestRevision = oldestRevision;
  }

  /** All keys, sorted. */
  get keys(): readonly string[] {
    return (this.#keys ??= [...this.items.keys()].sort());
  }

  set(key: string, object: KubernetesObject): void {
    if (!this.items.has(key)) this.#keys = undefined;
    this.items.set(key, object);
  }

  delete(key: string): void {
    if (this.items.delete(key)) this.#keys = undefined;
  }

  remember(event: StoredEvent): void {
    this.history.push(event);
    if (this.history.length < 2 * MAX_HISTORY_EVENTS) return;
    const dropped = this.history.length - MAX_HISTORY_EVENTS;
    this.oldestRevision = this.history[dropped - 1].revision;
    this.history = this.history.slice(dropped);
  }
}

export class ObjectStore {
  readonly #collections = new Map<string, Collection>();
  readonly #log: ChangeLog | undefined;
  readonly #firstRevision: number;
  #revision: number;

  /** @param firstRevision versions start after this one: above all that earlier runs gave out. */
  constructor(firstRevision: number, log?: ChangeLog) {
    this.#firstRevision = firstRevision;
    this.#revision = firstRevision;
    this.#log = log;
  }

  /** The version of the latest change. */
  get revision(): number {
    return this.#revision;
  }

  get collections(): IterableIterator<string> {
    return this.#collections.keys();
  }

  get(collection: string, key: string): KubernetesObject | undefined {
    return this.#collections.get(collection)?.items.get(key);
  }

  count(collection: string): number {
    return this.#collections.get(collection)?.items.size ?? 0;
  }

  /** Objects in order of their keys; those whose key starts with `prefix`, after `after` when given. */
  *scan(collection: string, prefix = "", after?: string): Generator<KubernetesObject> {
    const found = this.#collections.get(collection);
    if (found === undefined) return;
    const { keys, items } = found;
    let position = lowerBound(keys, prefix);
    if (after !== undefined) position = Math.max(position, lowerBound(keys, after));
    if (keys[position] === after) position++;
    for (; position < keys.length && keys[position].startsWith(prefix); position++) {
      const object = items.get(keys[position]);
      if (object !== undefined) yield object;
    }
  }

  /** Adds or replaces. Sets `metadata.resourceVersion` on the object given and freezes it. */
  put(collection: string, key: string, object: KubernetesObject): KubernetesObject {
    const held = this.#collection(collection);
    const previous = held.items.get(key);
    const revision = this.#revision + 1;
    object.metadata.resourceVersion = String(revision);
    this.#log?.append(collection, key, revision, object);
    this.#revision = revision;
    held.set(key, deepFreeze(object));
    this.#emit(held, { type: previous === undefined ? "ADDED" : "MODIFIED", revision, object, previous });
    return object;
  }

  /** Removes. Watches see the object's last state with the version of the removal. */
  remove(collection: string, key: string): KubernetesObject | undefined {
    const held = this.#collection(collection);
    const previous = held.items.get(key);
    if (previous === undefined) return undefined;
    const revision = this.#revision + 1;
    this.#log?.append(collection, key, revision, undefined);
    this.#revision = revision;
    held.delete(key);
    const metadata = { ...previous.metadata, resourceVersion: String(revision) };
    const object = deepFreeze({ ...previous, metadata });
    this.#emit(held, { type: "DELETED", revision, object, previous });
    return object;
  }

  /** Puts back what the log had: no event, no new version. */
  restore(collection: string, key: string, object: KubernetesObject): void {
    this.#collection(collection).set(key, deepFreeze(object));
  }

  /** The changes after `revision`, or undefined when some of them are forgotten. */
  since(collection: string, revision: number): StoredEvent[] | undefined {
    const held = this.#collection(collection);
    if (revision < held.oldestRevision || revision > this.#revision) return undefined;
    return held.history.slice(historyAfter(held.history, revision));
  }

  /** Calls `listener` with every change from now on, in order, within the call that made it. */
  listen(collection: string, listener: StoreListener): () => void {
    const held = this.#collection(collection);
    held.listeners.add(listener);
    return () => void held.listeners.delete(listener);
  }

  #collection(name: string): Collection {
    let held = this.#collections.get(name);
    if (held === undefined) {
      held = new Collection(this.#firstRevision);
      this.#collections.set(name, held);
    }
    return held;
  }

  #emit(held: Collection, event: StoredEvent): void {
    held.remember(event);
    for (const listener of held.listeners) listener(event);
  }
}

/** The first position whose key is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function historyAfter(history: readonly StoredEvent[], revision: number): number {
  let [low, high] = [0, history.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (history[middle].revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Freezes an object and all below it. What is frozen already is taken to be so all the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const key in value) deepFreeze(value[key]);
  return value;
}
