/** KEDA's part of `explain`: the triggers, the fallback, pauses, and the way from and to zero. */
import {
  COMPOSITE_METRIC,
  DEFAULT_COOLDOWN_SECONDS,
  FORCE_ACTIVATION_ANNOTATION,
  isPaused,
  isScaleInPaused,
  isScaleOutPaused,
  PAUSED_ANNOTATION,
  PAUSED_REPLICAS_ANNOTATION,
  type ScaledObject,
  type Trigger,
  usesModifiers,
} from "../../keda/mod.ts";
import type { TriggerFailure } from "./trigger-failures.ts";

export function explainScaledObject(
  object: ScaledObject,
  replicas: number,
  failures: readonly TriggerFailure[],
  nowMs: number,
): string[] {
  const lines: string[] = [];
  for (const { type, status, reason, message } of object.status?.conditions ?? []) {
    if (reason) lines.push(`  ${type}: ${status}, ${reason}: ${message}`);
  }
  if (isPaused(object)) return [...lines, pauseLine(object)];
  return [
    ...lines,
    ...triggerLines(object),
    ...failureLines(object, failures, nowMs),
    ...fallbackLines(object),
    ...annotationLines(object),
    ...zeroLines(object, replicas, nowMs),
  ];
}

function pauseLine({ metadata }: ScaledObject): string {
  const { annotations = {} } = metadata;
  const replicas = annotations[PAUSED_REPLICAS_ANNOTATION];
  const which =
    replicas === undefined
      ? `${PAUSED_ANNOTATION}=${annotations[PAUSED_ANNOTATION]}`
      : `${PAUSED_REPLICAS_ANNOTATION}=${replicas}`;
  return `  paused by the annotation ${which}: nothing scales until it is removed`;
}

function triggerLines(object: ScaledObject): string[] {
  const { spec, status } = object;
  const activity = status?.triggersActivity ?? {};
  const lines = spec.triggers.map((trigger, index) => {
    const metric = Object.keys(activity).find((name) => name.startsWith(`s${index}-`));
    const state = metric === undefined ? "" : activity[metric].isActive ? ", active" : ", not active";
    const name = trigger.name ? `${trigger.name}, ` : "";
    return `  trigger ${index} (${name}${trigger.type})${state}${activationText(trigger)}`;
  });
  if (!usesModifiers(object)) return lines;
  const { formula, target, activationTarget = "0" } = spec.advanced!.scalingModifiers!;
  lines.push(
    `  formula: ${formula}, target ${target}; active above ${activationTarget} (${COMPOSITE_METRIC})`,
  );
  return lines;
}

/** Above which number a trigger is active. */
function activationText({ type, metadata }: Trigger): string {
  const field: Record<string, string> = {
    prometheus: "activationThreshold",
    "kubernetes-workload": "activationValue",
    "metrics-api": "activationTargetValue",
  };
  return field[type] === undefined ? "" : `; active above ${metadata[field[type]] ?? "0"}`;
}

/** Only while one fails: what is over says nothing of now. */
function failureLines(
  { status }: ScaledObject,
  failures: readonly TriggerFailure[],
  nowMs: number,
): string[] {
  const isFailing =
    status?.conditions?.some(({ reason = "" }) => /^(Partial)?TriggerError$/.test(reason)) ||
    Object.values(status?.health ?? {}).some((health) => health.status === "Failing");
  if (!isFailing) return [];
  return failures.map(({ message, atMs, count }) => {
    const times = count > 1 ? ` (${count} times)` : "";
    return `  failed ${Math.round((nowMs - atMs) / 1000)} s ago: ${message}${times}`;
  });
}

function fallbackLines({ spec, status }: ScaledObject): string[] {
  const { fallback } = spec;
  const failing = Object.entries(status?.health ?? {}).filter(([, health]) => health.status === "Failing");
  if (fallback === undefined) {
    const isFailing = status?.conditions?.some(({ reason }) => reason === "TriggerError");
    return isFailing ? ["  a trigger fails and there is no fallback: the replicas stay as they are"] : [];
  }
  const { failureThreshold } = fallback;
  return failing.map(([metric, { numberOfFailures = 0 }]) => {
    const times = `${metric} has failed ${numberOfFailures} times in a row`;
    if (numberOfFailures <= failureThreshold)
      return `  ${times}; after ${failureThreshold} the fallback begins`;
    return `  ${times}, more than ${failureThreshold}: until one succeeds ${fallbackText(fallback)}`;
  });
}

/** What stands in for a metric that fails. */
function fallbackText({
  replicas,
  behavior = "static",
}: NonNullable<ScaledObject["spec"]["fallback"]>): string {
  switch (behavior) {
    case "scalingModifiers":
      return "the formula goes on without it (scalingModifiers)";
    case "currentReplicas":
      return "the fallback asks for the replicas that there are (currentReplicas)";
    case "currentReplicasIfHigher":
      return `the fallback asks for ${replicas} replicas, or what there are where that is more (${behavior})`;
    case "currentReplicasIfLower":
      return `the fallback asks for ${replicas} replicas, or what there are where that is less (${behavior})`;
    default:
      return `the fallback asks for ${replicas} replicas (static)`;
  }
}

function annotationLines(object: ScaledObject): string[] {
  const lines: string[] = [];
  if (isScaleInPaused(object)) lines.push("  scaling in is paused by annotation");
  if (isScaleOutPaused(object)) lines.push("  scaling out is paused by annotation");
  if (object.metadata.annotations?.[FORCE_ACTIVATION_ANNOTATION] === "true") {
    lines.push(`  active whatever the triggers say: ${FORCE_ACTIVATION_ANNOTATION}=true`);
  }
  return lines;
}

function zeroLines({ spec, status }: ScaledObject, replicas: number, nowMs: number): string[] {
  const { minReplicaCount = 0, idleReplicaCount, cooldownPeriod = DEFAULT_COOLDOWN_SECONDS } = spec;
  if (minReplicaCount > 0 && idleReplicaCount === undefined) {
    return [`  never goes below ${minReplicaCount}: minReplicaCount. What is above is the HPA's.`];
  }
  const floor = idleReplicaCount ?? minReplicaCount;
  const start = Math.max(minReplicaCount, 1);
  if (replicas <= floor) {
    const count = start === 1 ? "one replica" : `${start} replicas`;
    const here = replicas === 0 ? "at zero" : `idle at ${replicas}`;
    return [`  ${here}: any trigger above its activation threshold sets ${count}, at the next poll or push`];
  }
  const lastMs = status?.lastActiveTime === undefined ? undefined : Date.parse(status.lastActiveTime);
  const ago = lastMs === undefined ? "never" : `${Math.round((nowMs - lastMs) / 1000)} s ago`;
  const isCooling = status?.conditions?.some(({ reason }) => reason === "ScalerCooldown");
  const leftSeconds = lastMs === undefined ? 0 : Math.ceil((lastMs - nowMs) / 1000) + cooldownPeriod;
  const left = isCooling && leftSeconds > 0 ? `: in ${leftSeconds} s, at the poll after that` : "";
  return [
    `  last active ${ago}; ${cooldownPeriod} s (cooldownPeriod) without activity set ${floor}, in one step${left}`,
  ];
}
