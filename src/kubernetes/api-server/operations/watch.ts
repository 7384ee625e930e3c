/** Changes of a collection as they happen. */
import type { WatchEvent, WatchOptions } from "../../../model/kubernetes-api.ts";
import { apiVersionOf, type KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { fromStorageVersion } from "../convert.ts";
import { type ObjectFilter, objectFilter } from "../object-filter.ts";
import { deepFreeze, type StoredEvent } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";

/** Changes that wait for a slow reader; one more and the watch is cut off with 410. */
export const MAX_WAITING_EVENTS = 8_192;
/** A bookmark follows this long after the last one, when asked for. */
export const BOOKMARK_INTERVAL_MS = 60_000;

export function watchObjects(
  context: ApiContext,
  info: ResourceInfo,
  options: WatchOptions = {},
): AsyncIterable<WatchEvent> {
  return { [Symbol.asyncIterator]: () => new Watch(context, info, options) };
}

/** One reader's watch. Registered from the first `next()` on. */
class Watch implements AsyncIterator<WatchEvent> {
  readonly #context: ApiContext;
  readonly #info: ResourceInfo;
  readonly #options: WatchOptions;
  #matches: ObjectFilter = () => true;
  #queue: WatchEvent[] = [];
  #head = 0;
  #limit = MAX_WAITING_EVENTS;
  #waiting: PromiseWithResolvers<IteratorResult<WatchEvent>> | undefined;
  #failure: Error | undefined;
  #isStarted = false;
  #isEnded = false;
  #release: (() => void)[] = [];

  constructor(context: ApiContext, info: ResourceInfo, options: WatchOptions) {
    this.#context = context;
    this.#info = info;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<WatchEvent>> {
    if (!this.#isStarted) this.#start();
    if (this.#head < this.#queue.length) return { value: this.#shift(), done: false };
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isEnded) return { value: undefined, done: true };
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<WatchEvent>> {
    this.#queue = [];
    this.#head = 0;
    this.#end();
    return { value: undefined, done: true };
  }

  #start(): void {
    this.#isStarted = true;
    const { store, clock } = this.#context;
    const { signal, namespace, resourceVersion, sendInitialEvents, allowWatchBookmarks } = this.#options;
    if (signal?.aborted) {
      this.#end();
      return;
    }
    const isMatch = objectFilter(this.#info, this.#options);
    this.#matches = namespace
      ? (object) => object.metadata.namespace === namespace && isMatch(object)
      : isMatch;
    const fromNow = resourceVersion === undefined || resourceVersion === "" || resourceVersion === "0";
    if (sendInitialEvents === true || (fromNow && sendInitialEvents === undefined)) this.#sendPresent();
    else if (!fromNow) this.#replay(resourceVersion);
    // The version is forgotten: nothing is followed.
    if (this.#isEnded) return;
    this.#release.push(store.listen(this.#info.collection, (event) => this.#onChange(event)));
    const onAbort = () => this.#end();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#release.push(() => signal?.removeEventListener("abort", onAbort));
    if (allowWatchBookmarks) {
      const timer = clock.every(BOOKMARK_INTERVAL_MS, () => this.#deliver(this.#bookmark()));
      this.#release.push(() => timer.cancel());
    }
  }

  /** All there is, whatever its number: the limit is on what comes on top. */
  #sendPresent(): void {
    const { namespace, sendInitialEvents, allowWatchBookmarks } = this.#options;
    const prefix = namespace ? `${namespace}/` : "";
    for (const object of this.#context.store.scan(this.#info.collection, prefix)) {
      if (this.#matches(object)) this.#queue.push({ type: "ADDED", object: this.#shown(object) });
    }
    if (sendInitialEvents && allowWatchBookmarks)
      this.#queue.push(this.#bookmark({ "k8s.io/initial-events-end": "true" }));
    this.#limit += this.#queue.length;
  }

  #replay(resourceVersion: string): void {
    const missed = /^\d{1,16}$/.test(resourceVersion)
      ? this.#context.store.since(this.#info.collection, Number(resourceVersion))
      : undefined;
    if (missed === undefined) {
      const problem = `too old resource version: ${resourceVersion} (${this.#context.store.revision})`;
      this.#failure = statusError("Expired", problem);
      this.#end();
      return;
    }
    for (const event of missed) this.#queue.push(...this.#visible(event));
  }

  #onChange(event: StoredEvent): void {
    for (const visible of this.#visible(event)) this.#deliver(visible);
  }

  /** What a change is to this reader: entering the selection is ADDED, leaving it is DELETED. */
  #visible(event: StoredEvent): WatchEvent[] {
    const { type, object, previous } = event;
    const is = type !== "DELETED" && this.#matches(object);
    const was = previous !== undefined && this.#matches(previous);
    if (!is && !was) return [];
    const shown = this.#shown(object);
    return [{ type: is ? (was ? "MODIFIED" : "ADDED") : "DELETED", object: shown }];
  }

  /** What a webhook converts is converted by who reads the events. */
  #shown(object: KubernetesObject): KubernetesObject {
    return this.#info.conversion === undefined ? fromStorageVersion(this.#info, object) : object;
  }

  #bookmark(annotations?: Record<string, string>): WatchEvent {
    const object = {
      kind: this.#info.kind,
      apiVersion: apiVersionOf(this.#info.group, this.#info.version),
      metadata: {
        resourceVersion: String(this.#context.store.revision),
        ...(annotations && { annotations }),
      },
    };
    return { type: "BOOKMARK", object: deepFreeze(object) as unknown as KubernetesObject };
  }

  #deliver(event: WatchEvent): void {
    if (this.#isEnded) return;
    if (this.#waiting !== undefined) {
      this.#waiting.resolve({ value: event, done: false });
      this.#waiting = undefined;
      return;
    }
    if (this.#queue.length - this.#head >= this.#limit && event.type !== "BOOKMARK") {
      this.#failure = statusError("Expired", "The watch was cut off: its reader is too slow");
      this.#queue = [];
      this.#head = 0;
      this.#end();
      return;
    }
    this.#queue.push(event);
  }

  #shift(): WatchEvent {
    const event = this.#queue[this.#head++];
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return event;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const release of this.#release) release();
    this.#release = [];
    if (this.#waiting === undefined) return;
    if (this.#failure === undefined) this.#waiting.resolve({ value: undefined, done: true });
    else this.#waiting.reject(this.#failure);
    this.#waiting = undefined;
  }
}
