/** When what an endpoint change tells of has happened (`k8s.io/endpointslice/util`, `TriggerTimeTracker`). */
import type { Pod, Service } from "../../types.ts";

export const TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";

export interface TriggerTimes {
  /**
   * The earliest of the changes since the last call for this Service; its creation at the first call.
   *
   * @returns RFC 3339; undefined when nothing has changed
   */
  next(key: string, service: Service, pods: Iterable<Pod>): string | undefined;
  /** The Service is gone. */
  forget(key: string): void;
}

export function createTriggerTimes(): TriggerTimes {
  const seen = new Map<string, { service: string; pods: Map<string, string> }>();
  return {
    next(key, service, pods) {
      const known = seen.get(key);
      const created = service.metadata.creationTimestamp ?? "";
      const times = new Map(
        Array.from(pods, (pod) => {
          const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
          return [pod.metadata.name, ready?.lastTransitionTime ?? ""] as const;
        }),
      );
      seen.set(key, { service: created, pods: times });
      if (known === undefined) return created || undefined;
      const changed = [...times]
        .filter(([name, time]) => time > (known.pods.get(name) ?? ""))
        .map(([, time]) => time);
      if (created > known.service) changed.push(created);
      return changed.sort()[0];
    },
    forget: (key) => void seen.delete(key),
  };
}

/** The annotations with the moment of this change; without one when there is none to tell. */
export function withTriggerTime(
  annotations: Record<string, string> | undefined,
  time: string | undefined,
): Record<string, string> | undefined {
  const { [TRIGGER_TIME_ANNOTATION]: _, ...others } = annotations ?? {};
  const all = time === undefined ? others : { ...others, [TRIGGER_TIME_ANNOTATION]: time };
  return Object.keys(all).length === 0 ? undefined : all;
}
