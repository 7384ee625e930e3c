/** Which triggers of a ScaledObject are active (keda `pkg/scaling/scale_handler.go`). */
import { parseFloat64 } from "../parse-float.ts";
import type { ScaledObject, ScaledObjectStatus } from "../scaled-object.ts";

type Activity = NonNullable<ScaledObjectStatus["triggersActivity"]>;

/** One metric of a trigger, as it was read. */
interface MetricActivity {
  triggerIndex: number;
  active: boolean;
  error?: Error;
}

/** A trigger with several metrics is active when the last that could be had is: upstream's loop keeps no other. */
export function activeTriggerIndexes(readings: readonly MetricActivity[]): Set<number> {
  const indexes = new Set<number>();
  for (const { triggerIndex, active, error } of readings) {
    if (error !== undefined) continue;
    if (active) indexes.add(triggerIndex);
    else indexes.delete(triggerIndex);
  }
  return indexes;
}

/** Above what a formula's result is active. @throws Error with upstream's text */
export function activationTarget({ spec }: ScaledObject): number {
  try {
    return parseFloat64(spec.advanced!.scalingModifiers!.activationTarget || "0");
  } catch (error) {
    throw new Error(`scalingModifiers.ActivationTarget parsing error ${(error as Error).message}`);
  }
}

/**
 * What the status says now, with what one scaling, which started from `base`, made of it: another may have come since.
 * Undefined where it says nothing.
 */
export function mergedActivity(
  current: Activity = {},
  base: Activity = {},
  next: Activity,
): Activity | undefined {
  const merged = { ...current };
  for (const [name, { isActive }] of Object.entries(next))
    if (base[name]?.isActive !== isActive) merged[name] = { isActive };
  for (const name of Object.keys(base)) if (!Object.hasOwn(next, name)) delete merged[name];
  return Object.keys(merged).length === 0 ? undefined : merged;
}
