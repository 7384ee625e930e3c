/** Of what the triggers of a ScaledObject failed lately: what KEDA said in events. */
import { DEFAULT_POLLING_INTERVAL_SECONDS, type ScaledObject } from "../../keda/mod.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export interface TriggerFailure {
  message: string;
  atMs: number;
  /** So often it was said. */
  count: number;
}

interface CoreEvent extends KubernetesObject {
  involvedObject?: { kind?: string; name?: string };
  reason?: string;
  message?: string;
  count?: number | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { count?: number; lastObservedTime?: string } | null;
}

const REASONS = ["KEDAScalerFailed", "KEDAMetricSourceFailed"];
/** A failure that was not said again for so many polls, and a minute, is over. */
const POLLS = 3;

/** Newest first, each text once. */
export function recentFailures(
  events: readonly KubernetesObject[],
  { metadata, spec }: ScaledObject,
  nowMs: number,
): TriggerFailure[] {
  const { pollingInterval = DEFAULT_POLLING_INTERVAL_SECONDS } = spec;
  const sinceMs = nowMs - 60_000 - POLLS * pollingInterval * 1000;
  const failures = new Map<string, TriggerFailure>();
  for (const event of events as readonly CoreEvent[]) {
    const { involvedObject, reason = "", message = "", series } = event;
    if (involvedObject?.kind !== "ScaledObject" || involvedObject.name !== metadata.name) continue;
    if (!REASONS.includes(reason)) continue;
    const atMs = Date.parse(series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? "");
    if (!(atMs >= sinceMs) || atMs < (failures.get(message)?.atMs ?? 0)) continue;
    failures.set(message, { message, atMs, count: series?.count ?? event.count ?? 1 });
  }
  return [...failures.values()].sort((a, b) => b.atMs - a.atMs);
}
