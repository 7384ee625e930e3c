/** `keda.sh/v1alpha1` ScaledObject: its shape, defaults and rules (keda `apis/keda/v1alpha1/scaledobject_types.go`). */
import type { LogFields } from "../base/log.ts";
import type { GroupVersionResource } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";

export const SCALED_OBJECTS: GroupVersionResource = {
  group: "keda.sh",
  version: "v1alpha1",
  resource: "scaledobjects",
};

export const DEFAULT_POLLING_INTERVAL_SECONDS = 30;
export const DEFAULT_COOLDOWN_SECONDS = 300;
const DEFAULT_MAX_REPLICAS = 100;

/** The label by which the metrics API knows the ScaledObject of a metric. */
export const OWNER_LABEL = "scaledobject.keda.sh/name";
export const EXCLUDED_LABELS_ANNOTATION = "scaledobject.keda.sh/hpa-excluded-labels";
export const TRANSFER_OWNERSHIP_ANNOTATION = "scaledobject.keda.sh/transfer-hpa-ownership";
export const HPA_OWNERSHIP_ANNOTATION = "validations.keda.sh/hpa-ownership";
export const PAUSED_ANNOTATION = "autoscaling.keda.sh/paused";
export const PAUSED_REPLICAS_ANNOTATION = "autoscaling.keda.sh/paused-replicas";
export const PAUSED_SCALE_IN_ANNOTATION = "autoscaling.keda.sh/paused-scale-in";
export const PAUSED_SCALE_OUT_ANNOTATION = "autoscaling.keda.sh/paused-scale-out";
export const FORCE_ACTIVATION_ANNOTATION = "autoscaling.keda.sh/force-activation";
export const FINALIZER = "finalizer.keda.sh";
/** The one external metric of a ScaledObject with a formula. */
export const COMPOSITE_METRIC = "composite-metric";

export type MetricType = "AverageValue" | "Value" | "Utilization";

export interface Trigger {
  type: string;
  name?: string;
  metadata: Record<string, string>;
  /** @default "AverageValue" */
  metricType?: MetricType;
  /** The HPA reads what the last poll found. @default false */
  useCachedMetrics?: boolean;
  authenticationRef?: { name: string; kind?: string };
}

export type FallbackBehavior =
  | "static"
  | "currentReplicas"
  | "currentReplicasIfHigher"
  | "currentReplicasIfLower"
  | "scalingModifiers";

export interface Fallback {
  /** Failures in a row that are borne. */
  failureThreshold: number;
  replicas: number;
  /** @default "static" */
  behavior?: FallbackBehavior;
}

export interface ScalingModifiers {
  formula?: string;
  target?: string;
  activationTarget?: string;
  metricType?: MetricType;
}

/** `autoscaling/v2` behaviour, which KEDA hands on as it is. */
export interface HpaBehavior {
  scaleUp?: Record<string, unknown>;
  scaleDown?: Record<string, unknown>;
}

export interface ScaledObjectSpec {
  scaleTargetRef: { name: string; apiVersion?: string; kind?: string; envSourceContainerName?: string };
  pollingInterval?: number;
  cooldownPeriod?: number;
  initialCooldownPeriod?: number;
  idleReplicaCount?: number;
  minReplicaCount?: number;
  maxReplicaCount?: number;
  fallback?: Fallback;
  advanced?: {
    restoreToOriginalReplicaCount?: boolean;
    horizontalPodAutoscalerConfig?: { name?: string; behavior?: HpaBehavior };
    scalingModifiers?: ScalingModifiers;
  };
  triggers: Trigger[];
}

export type ConditionStatus = "True" | "False" | "Unknown";
export type ConditionType = "Ready" | "Active" | "Fallback" | "Paused" | "HPAActive";

export interface Condition {
  type: ConditionType;
  status: ConditionStatus;
  reason?: string;
  message?: string;
}

export interface HealthStatus {
  numberOfFailures?: number;
  status?: "Happy" | "Failing";
}

export interface ScaledObjectStatus {
  scaleTargetKind?: string;
  scaleTargetGVKR?: { group: string; version: string; kind: string; resource: string };
  originalReplicaCount?: number;
  lastActiveTime?: string;
  externalMetricNames?: string[];
  resourceMetricNames?: string[];
  compositeScalerName?: string;
  conditions?: Condition[];
  health?: Record<string, HealthStatus>;
  triggersActivity?: Record<string, { isActive: boolean }>;
  pausedReplicaCount?: number;
  hpaName?: string;
  triggersTypes?: string;
  authenticationsTypes?: string;
}

export interface ScaledObject extends KubernetesObject {
  spec: ScaledObjectSpec;
  status?: ScaledObjectStatus;
}

/** `namespace/name`. */
export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** How the logs of the scale handler and of the fallback name a ScaledObject. */
export function namesOf({ metadata }: KubernetesObject): LogFields {
  return { "scaledObject.Namespace": metadata.namespace, "scaledObject.Name": metadata.name };
}

/** Both pauses that stop the loop and remove the HPA. */
export function isPaused(object: ScaledObject): boolean {
  const annotations = object.metadata.annotations ?? {};
  return annotations[PAUSED_REPLICAS_ANNOTATION] !== undefined || isAnnotated(object, PAUSED_ANNOTATION);
}

/** @throws Error with Go's text when the annotation is no number. */
export function pausedReplicas(object: ScaledObject): number | undefined {
  const text = object.metadata.annotations?.[PAUSED_REPLICAS_ANNOTATION];
  if (text === undefined) return undefined;
  const count = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return count;
}

export const isScaleInPaused = (object: ScaledObject) => isAnnotated(object, PAUSED_SCALE_IN_ANNOTATION);
export const isScaleOutPaused = (object: ScaledObject) => isAnnotated(object, PAUSED_SCALE_OUT_ANNOTATION);
export const isActivationForced = (object: ScaledObject) => isAnnotated(object, FORCE_ACTIVATION_ANNOTATION);

/** Set, and not to something false: a value that is no boolean counts as true, as upstream has it. */
function isAnnotated(object: ScaledObject, annotation: string): boolean {
  const value = object.metadata.annotations?.[annotation];
  return value !== undefined && parseGoBoolean(value) !== false;
}

/** What Go's `strconv.ParseBool` takes, or undefined. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  return undefined;
}

export function usesModifiers({ spec }: ScaledObject): boolean {
  const modifiers = spec.advanced?.scalingModifiers ?? {};
  return Object.values(modifiers).some((value) => value !== undefined && value !== "");
}

export function hpaMinReplicas({ minReplicaCount }: ScaledObjectSpec): number {
  return minReplicaCount !== undefined && minReplicaCount > 0 ? minReplicaCount : 1;
}

export function hpaMaxReplicas({ maxReplicaCount }: ScaledObjectSpec): number {
  return maxReplicaCount ?? DEFAULT_MAX_REPLICAS;
}

export function hpaNameOf(object: ScaledObject): string {
  return object.spec.advanced?.horizontalPodAutoscalerConfig?.name || `keda-hpa-${object.metadata.name}`;
}

export function conditionOf(object: ScaledObject, type: ConditionType): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** The conditions of a ScaledObject that nobody has looked at yet. */
export function initialConditions(): Condition[] {
  return [
    { type: "Ready", status: "Unknown" },
    { type: "Active", status: "Unknown" },
    { type: "Fallback", status: "Unknown" },
    { type: "Paused", status: "False" },
  ];
}

/** A copy of the list in which the given conditions have their new values. */
export function withConditions(conditions: Condition[] | undefined, changes: Condition[]): Condition[] {
  const result = (conditions?.length ? conditions : initialConditions()).map((condition) => ({
    ...condition,
  }));
  for (const change of changes) {
    const index = result.findIndex(({ type }) => type === change.type);
    if (index === -1) result.push(change);
    else result[index] = change;
  }
  return result;
}

/**
 * Whether idle < min <= max.
 *
 * Follows upstream's code to its quirk: a minimum of 0 counts as 1 here, so `min: 0, idle: 0` passes, while an absent
 * minimum counts as 0 and `idle: 0` fails.
 */
export function replicaBoundsProblem({ spec }: ScaledObject): string | undefined {
  const min = spec.minReplicaCount === undefined ? 0 : hpaMinReplicas(spec);
  const max = hpaMaxReplicas(spec);
  if (min > max) return `MinReplicaCount=${min} must be less than MaxReplicaCount=${max}`;
  const idle = spec.idleReplicaCount;
  if (idle !== undefined && idle >= min)
    return `IdleReplicaCount=${idle} must be less than MinReplicaCount=${min}`;
  return undefined;
}

/** Why the list of triggers can't be taken, or undefined. */
export function triggersProblem(triggers: Trigger[] | undefined): string | undefined {
  if (triggers === undefined || triggers.length === 0) {
    return "no triggers defined in the ScaledObject/ScaledJob";
  }
  const names = new Set<string>();
  for (const { type, name, useCachedMetrics } of triggers) {
    if (useCachedMetrics && ["cpu", "memory", "cron"].includes(type)) {
      return `property "useCachedMetrics" is not supported for ${JSON.stringify(type)} scaler`;
    }
    if (name === undefined || name === "") continue;
    if (names.has(name)) {
      return `triggerName ${JSON.stringify(name)} is defined multiple times in the ScaledObject/ScaledJob, but it must be unique`;
    }
    names.add(name);
  }
  return undefined;
}

/** Why the fallback can't work, or undefined. */
export function fallbackProblem(object: ScaledObject): string | undefined {
  const { fallback, triggers } = object.spec;
  if (fallback === undefined) return undefined;
  const { failureThreshold, replicas } = fallback;
  if (failureThreshold < 0 || replicas < 0) {
    return `FailureThreshold=${failureThreshold} & Replicas=${replicas} must both be greater than or equal to 0`;
  }
  if (usesModifiers(object)) return undefined;
  if (triggers.some(({ type }) => type !== "cpu" && type !== "memory")) return undefined;
  return "at least one trigger (that is not cpu or memory) has to have the `AverageValue` type for the fallback to be enabled";
}
