/**
 * What is counted of a metric's failures, and the fallback that comes of them (keda `pkg/fallback/fallback.go`). The
 * numbers themselves are `fallback.ts`'s.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import { countReadyPods, getTargetScale, resolveTarget } from "../scale-target.ts";
import {
  keyOf,
  namesOf,
  type ScaledObject,
  type ScaledObjectStatus,
  withConditions,
} from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import type { HpaMetricSpec } from "../scalers/scaler.ts";
import {
  type FallbackOutcome,
  fallbackMetrics,
  hasValidFallback,
  isThresholdExceeded,
  nextHealth,
} from "./fallback.ts";

export interface HealthWorld {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  /** The newest known state of a ScaledObject, by `namespace/name`. */
  latest(key: string): ScaledObject | undefined;
}

/** Counts failures in the status, where there is a fallback to count for. Answers how many there were in a row. */
export async function recordHealth(
  world: HealthWorld,
  object: ScaledObject,
  metricName: string,
  failed: boolean,
): Promise<number | undefined> {
  if (!hasValidFallback(object)) return undefined;
  const known = world.latest(keyOf(object)) ?? object;
  if (!failed && known.status?.health?.[metricName]?.status === "Happy") return 0;
  let failures = nextHealth(known.status?.health?.[metricName], failed).numberOfFailures!;
  const change = (status: ScaledObjectStatus, current: ScaledObject): ScaledObjectStatus => {
    const next = nextHealth(status.health?.[metricName], failed);
    failures = next.numberOfFailures!;
    const health = { ...status.health, [metricName]: next };
    const fallen = isThresholdExceeded({ ...current, status: { ...status, health } });
    const condition = fallen
      ? { reason: "FallbackExists", message: "At least one trigger is falling back on this scaled object" }
      : { reason: "NoFallbackFound", message: "No fallbacks are active on this scaled object" };
    const conditions = withConditions(status.conditions, [
      { type: "Fallback", status: fallen ? "True" : "False", ...condition },
    ]);
    return { ...status, health, conditions };
  };
  try {
    await changeStatus(world.api, object, change);
  } catch (error) {
    // The count goes on from what is known: an API server that is away must not keep the fallback from coming.
    const fields = { logger: "fallback", ...namesOf(object), error };
    world.log.error("failed to patch ScaledObjects Status", fields);
  }
  return failures;
}

/**
 * The fallback in place of a metric that failed, and how often in a row it did.
 *
 * @throws `failure` itself where there is no fallback yet; Error when it can't be computed
 */
export async function fallBack(
  world: HealthWorld,
  object: ScaledObject,
  metricName: string,
  spec: HpaMetricSpec,
  failure: Error,
  onCounted: (failures: number) => void,
): Promise<FallbackOutcome> {
  if (!hasValidFallback(object)) throw failure;
  const { api, clock, log } = world;
  const failures = (await recordHealth(world, object, metricName, true)) ?? 0;
  onCounted(failures);
  const target = await resolveTarget(api, object);
  let current = 0;
  const fallbackTarget = {
    currentReplicas: async () => {
      current = (await getTargetScale(api, object, target)).spec.replicas ?? 0;
      return current;
    },
    readyReplicas: () => countReadyPods(api, object, target),
  };
  const time = kubernetesTime(clock.now());
  const outcome = await fallbackMetrics(object, metricName, spec, failure, failures, fallbackTarget, time);
  if (outcome.active) {
    log.info("Suppressing error, using fallback metrics", {
      logger: "fallback",
      ...namesOf(object),
      suppressedError: failure.message,
      "fallback.behavior": object.spec.fallback!.behavior ?? "static",
      "fallback.replicas": object.spec.fallback!.replicas,
      "workload.currentReplicas": current,
    });
  }
  return outcome;
}
