/**
 * Events as client-go's `tools/events` writes them for controllers of newer make: with an action, the moment in
 * microseconds, and a series in place of a count. Events of one object, type, reason and action are one series, whose
 * message is the first one's. A series is written when it begins and then every half hour, and ends when nothing was
 * added for six minutes.
 */

import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import {
  createUnderNewName,
  type EventRecorder,
  type EventRecorderOptions,
  eventName,
  MAX_EVENT_MESSAGE_LENGTH,
  MAX_QUEUED_EVENTS,
  MAX_REMEMBERED_EVENTS,
} from "./event-recorder.ts";

const SERIES_END_MS = 6 * 60_000;
const SERIES_REFRESH_MS = 30 * 60_000;
/** Longer actions are cut, as the API server would refuse them. */
export const MAX_EVENT_ACTION_LENGTH = 128;

interface Series {
  name: string;
  namespace: string;
  count: number;
  lastMs: number;
  /** When and with what count it was last written. */
  writtenMs: number;
  writtenCount: number;
}

export interface EventSeriesRecorderOptions extends EventRecorderOptions {
  /** Which one of the component's processes. @default the component */
  instance?: string;
}

export function createEventSeriesRecorder(options: EventSeriesRecorderOptions): EventRecorder {
  const { api, clock, component, instance = component, onError } = options;
  const series = new Map<string, Series>();
  let queue: Promise<void> = Promise.resolve();
  let queued = 0;

  async function begin(key: string, object: KubernetesObject, event: object, nowMs: number): Promise<void> {
    const { name, namespace = "default" } = object.metadata;
    const entry = {
      name: eventName(name, nowMs, series),
      namespace,
      count: 1,
      lastMs: nowMs,
      writtenMs: nowMs,
      writtenCount: 1,
    };
    series.set(key, entry);
    if (series.size > MAX_REMEMBERED_EVENTS) series.delete(series.keys().next().value!);
    await createUnderNewName(api, entry, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: entry.name, namespace },
      involvedObject: referenceTo(object),
      ...event,
      eventTime: microTime(nowMs),
      reportingComponent: component,
      reportingInstance: instance,
    } as KubernetesObject);
  }

  async function proceed(entry: Series, nowMs: number): Promise<void> {
    entry.count++;
    entry.lastMs = nowMs;
    if (entry.count > 2 && nowMs - entry.writtenMs < SERIES_REFRESH_MS) return;
    entry.writtenMs = nowMs;
    entry.writtenCount = entry.count;
    const body = { series: { count: entry.count, lastObservedTime: microTime(nowMs) } };
    const { namespace, name } = entry;
    await api.patch(RESOURCES.events, { namespace, name }, { type: "merge", body });
  }

  /** The last count of series that have ended. */
  async function finish(nowMs: number): Promise<void> {
    for (const [key, { name, namespace, count, lastMs, writtenCount }] of series) {
      if (nowMs - lastMs < SERIES_END_MS) continue;
      series.delete(key);
      if (count === writtenCount) continue;
      const body = { series: { count, lastObservedTime: microTime(lastMs) } };
      try {
        await api.patch(RESOURCES.events, { namespace, name }, { type: "merge", body });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
  }

  return {
    record(object, type, reason, text, { action = reason, related } = {}) {
      if (queued >= MAX_QUEUED_EVENTS) return;
      queued++;
      const nowMs = clock.now();
      const message = text.slice(0, MAX_EVENT_MESSAGE_LENGTH);
      const event = {
        type,
        reason,
        action: action.slice(0, MAX_EVENT_ACTION_LENGTH),
        message,
        ...(related === undefined ? {} : { related: referenceTo(related) }),
      };
      const { namespace, name, uid, resourceVersion } = object.metadata;
      const key = [object.kind, namespace, name, uid, resourceVersion, type, reason, event.action].join("\n");
      queue = queue
        .then(async () => {
          await finish(nowMs);
          const entry = series.get(key);
          await (entry === undefined ? begin(key, object, event, nowMs) : proceed(entry, nowMs));
        })
        .catch((error) => onError?.(error))
        .finally(() => void queued--);
    },
    flush: () => queue,
  };
}

function referenceTo({ apiVersion, kind, metadata }: KubernetesObject): object {
  const { namespace = "default", name, uid = "", resourceVersion } = metadata;
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}

/** `2026-01-01T00:00:00.000000Z` */
function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}
