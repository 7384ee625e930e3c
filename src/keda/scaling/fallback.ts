/**
 * What KEDA tells the HPA when a metric can't be had (keda `pkg/fallback/fallback.go`): after more than
 * `failureThreshold` failures in a row, the number that makes the HPA want the fallback's replicas.
 */
import { parseQuantity } from "../../model/quantity.ts";
import { COMPOSITE_METRIC, type HealthStatus, type ScaledObject, usesModifiers } from "../scaled-object.ts";
import type { ExternalMetricValue, HpaMetricSpec } from "../scalers/scaler.ts";
import { quantityOf } from "../scalers/scaler.ts";

/** What the fallback needs to know of the scale target. @throws when it can't be read */
export interface FallbackTarget {
  currentReplicas(): Promise<number>;
  readyReplicas(): Promise<number>;
}

export interface FallbackOutcome {
  metrics: ExternalMetricValue[];
  active: boolean;
}

export function hasValidFallback(object: ScaledObject): boolean {
  const { fallback, advanced } = object.spec;
  if (fallback === undefined || fallback.failureThreshold < 0 || fallback.replicas < 0) return false;
  if (!usesModifiers(object)) return true;
  // A whole number only: upstream parses the target as one here, and nowhere else.
  const target = advanced!.scalingModifiers!.target ?? "";
  return /^[+-]?\d+$/.test(target) && Number(target) > 0;
}

/** Health after a success or a failure. Only with a valid fallback is any kept. */
export function nextHealth(previous: HealthStatus | undefined, failed: boolean): HealthStatus {
  return failed
    ? { numberOfFailures: (previous?.numberOfFailures ?? 0) + 1, status: "Failing" }
    : { numberOfFailures: 0, status: "Happy" };
}

export function isThresholdExceeded(object: ScaledObject): boolean {
  const threshold = object.spec.fallback!.failureThreshold;
  return Object.values(object.status?.health ?? {}).some(
    ({ status, numberOfFailures = 0 }) => status === "Failing" && numberOfFailures > threshold,
  );
}

/**
 * The metric in place of one that failed for the `failures`-th time.
 *
 * @throws `failure` itself while the threshold is not passed, or when the fallback can't be computed either
 */
export async function fallbackMetrics(
  object: ScaledObject,
  metricName: string,
  spec: HpaMetricSpec,
  failure: Error,
  failures: number,
  target: FallbackTarget,
  timestamp: string,
): Promise<FallbackOutcome> {
  const fallback = object.spec.fallback!;
  if (failures <= fallback.failureThreshold) throw failure;
  if (fallback.behavior === "scalingModifiers") {
    // A placeholder: the formula sees nil, and decides.
    return { metrics: [{ metricName, value: "-1", timestamp }], active: false };
  }
  let current = 0;
  if ((fallback.behavior ?? "static") !== "static") {
    try {
      current = await target.currentReplicas();
    } catch {
      throw failure;
    }
  }
  let replicas = replicasOf(object, current);
  if (targetTypeOf(object, spec) === "Value") {
    const ready = await target.readyReplicas().catch(() => 0);
    if (ready === 0) throw new Error("error performing fallback");
    replicas /= ready;
  }
  const composite = usesModifiers(object);
  const perReplica = composite
    ? Number(object.spec.advanced!.scalingModifiers!.target)
    : parseQuantity(spec.external!.target.averageValue ?? spec.external!.target.value ?? "0");
  const value = quantityOf(Math.trunc(perReplica * 1000 * replicas) / 1000);
  return {
    metrics: [{ metricName: composite ? COMPOSITE_METRIC : metricName, value, timestamp }],
    active: true,
  };
}

function replicasOf({ spec }: ScaledObject, current: number): number {
  const { behavior, replicas } = spec.fallback!;
  switch (behavior) {
    case "currentReplicas":
      return current;
    case "currentReplicasIfHigher":
      return Math.max(current, replicas);
    case "currentReplicasIfLower":
      return Math.min(current, replicas);
    default:
      return replicas;
  }
}

function targetTypeOf(object: ScaledObject, spec: HpaMetricSpec): string {
  if (!usesModifiers(object)) return spec.external!.target.type;
  return object.spec.advanced!.scalingModifiers!.metricType ?? "AverageValue";
}
