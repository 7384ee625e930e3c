/**
 * Events, as client-go's `record.EventRecorder` writes them: an event that repeats is counted up instead of written
 * again, many that say nearly the same are one, and one source can't flood an object. Recording never fails and never waits: what can't be written is dropped, as upstream does.
 */
import type { Clock } from "../../base/clock.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { createEventCorrelator } from "./event-correlator.ts";

export type EventType = "Normal" | "Warning";

/** Where in the object, and on which node, something happened; for a series also what was done. */
export interface EventPlace {
  /** `spec.containers{app}`. */
  fieldPath?: string;
  host?: string;
  /** Only of `createEventSeriesRecorder`. @default the reason */
  action?: string;
  /** Only of `createEventSeriesRecorder`: who it was done for. */
  related?: KubernetesObject;
}

export interface EventRecorder {
  record(
    object: KubernetesObject,
    type: EventType,
    reason: string,
    message: string,
    where?: EventPlace,
  ): void;
  /** Resolves when everything recorded so far has been written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  api: KubernetesApi;
  clock: Clock;
  /** Who says so: `horizontal-pod-autoscaler`, `keda-operator`. */
  component: string;
  /** What objects that lack them are (list items over the wire). */
  onError?: (error: unknown) => void;
}

/** Events whose counts are remembered; the one that has been silent longest goes first. */
export const MAX_REMEMBERED_EVENTS = 4096;
/** Events that wait to be written; more are dropped. */
export const MAX_QUEUED_EVENTS = 1000;
/** Longer messages are cut, as the API server would refuse them. */
export const MAX_EVENT_MESSAGE_LENGTH = 1024;

const MAX_NAME_ATTEMPTS = 20;

interface Remembered {
  name: string;
  namespace: string;
  count: number;
  /** `firstTimestamp`. */
  first: string;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { api, clock, component, onError } = options;
  const remembered = new Map<string, Remembered>();
  const correlator = createEventCorrelator(clock);
  let queue: Promise<void> = Promise.resolve();
  let queued = 0;

  async function write(
    object: KubernetesObject,
    type: EventType,
    reason: string,
    text: string,
    { fieldPath, host }: EventPlace,
  ): Promise<void> {
    const nowMs = clock.now();
    const { name, namespace = "default", uid = "" } = object.metadata;
    const subject = [host, object.kind, namespace, name, uid, object.apiVersion, type].join("\n");
    const { combined, message } = correlator.aggregate(`${subject}\n${reason}`, text);
    const key = [subject, reason, ...(combined ? [] : [fieldPath, message])].join("\n");
    const previous = remembered.get(key);
    const time = kubernetesTime(nowMs);
    const entry =
      previous === undefined
        ? { name: eventName(name, nowMs, remembered), namespace, count: 1, first: time }
        : { ...previous, count: previous.count + 1 };
    remembered.delete(key);
    remembered.set(key, entry);
    if (remembered.size > MAX_REMEMBERED_EVENTS) remembered.delete(remembered.keys().next().value!);
    // Counted all the same, so that the next one that is written tells of those that were not.
    if (!correlator.admits(subject)) return;
    if (previous !== undefined) {
      const body = { count: entry.count, lastTimestamp: time, message };
      try {
        await api.patch(RESOURCES.events, { namespace, name: entry.name }, { type: "merge", body });
        return;
      } catch (error) {
        // It has expired: it is written anew, with all that was counted.
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
    const { apiVersion, kind } = object;
    const { resourceVersion } = object.metadata;
    await createUnderNewName(api, entry, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: entry.name, namespace },
      involvedObject: {
        apiVersion,
        kind,
        ...(object.metadata.namespace && { namespace }),
        name,
        ...(uid && { uid }),
        ...(resourceVersion && { resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      type,
      reason,
      message,
      count: entry.count,
      firstTimestamp: entry.first,
      lastTimestamp: time,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: combined ? "" : component,
      reportingInstance: combined ? "" : (host ?? ""),
    } as KubernetesObject);
  }

  return {
    record(object, type, reason, message, where = {}) {
      if (queued >= MAX_QUEUED_EVENTS) return;
      queued++;
      const text = message.slice(0, MAX_EVENT_MESSAGE_LENGTH);
      queue = queue
        .then(() => write(object, type, reason, text, where))
        .catch((error) => onError?.(error))
        .finally(() => void queued--);
    },
    flush: () => queue,
  };
}

/** Another component may have named an event of the same object after the same moment. */
export async function createUnderNewName(
  api: KubernetesApi,
  entry: { name: string },
  event: KubernetesObject,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await api.create(RESOURCES.events, { ...event, metadata: { ...event.metadata, name: entry.name } });
      return;
    } catch (error) {
      if (!isStatus(error, "AlreadyExists") || attempt === MAX_NAME_ATTEMPTS) throw error;
      const dot = entry.name.lastIndexOf(".");
      const nano = BigInt(`0x${entry.name.slice(dot + 1)}`) + 1n;
      entry.name = `${entry.name.slice(0, dot)}.${nano.toString(16)}`;
    }
  }
}

/** `name.17a2…`: the time in hexadecimal nanoseconds, moved on until it is new. */
export function eventName(name: string, nowMs: number, taken: ReadonlyMap<string, { name: string }>): string {
  const names = new Set(Array.from(taken.values(), (entry) => entry.name));
  let nano = BigInt(nowMs) * 1_000_000n;
  while (names.has(`${name}.${nano.toString(16)}`)) nano++;
  return `${name}.${nano.toString(16)}`;
}
