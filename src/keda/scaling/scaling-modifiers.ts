/**
 * One number from those of all triggers (keda `pkg/scaling/modifiers/formula.go` and the compile step of
 * `apis/keda/v1alpha1/scaledobject_webhook.go`).
 */

import { parseQuantity } from "../../model/quantity.ts";
import { compileFormula, type Environment, type Formula } from "../expression/expression.ts";
import { parseFloat64 } from "../parse-float.ts";
import { COMPOSITE_METRIC, type ScaledObject } from "../scaled-object.ts";
import { type ExternalMetricValue, quantityOf } from "../scalers/scaler.ts";

/** @throws Error with upstream's text */
export function compileScalingModifiers(object: ScaledObject): Formula {
  const { formula, target, metricType } = object.spec.advanced!.scalingModifiers!;
  if (formula === undefined || formula === "") throw new Error("error ScalingModifiers.Formula is mandatory");
  let compiled: Formula;
  try {
    if (target === undefined || target === "") throw new Error("formula is given but target is empty");
    const names = formulaNames(object);
    compiled = compileFormula(toFloat(formula), names);
    compiled(new Map(Array.from(names, (name) => [name, -1])));
  } catch (error) {
    throw new Error(`error validating formula in ScalingModifiers\n${(error as Error).message}`);
  }
  const problem = targetProblem(target!, metricType);
  if (problem !== undefined) throw new Error(`error validating target in ScalingModifiers\n${problem}`);
  return compiled;
}

function targetProblem(target: string, metricType: string | undefined): string | undefined {
  const failed = (cause: string) =>
    `error converting target for scalingModifiers (string->float) to valid target: ${cause}`;
  try {
    if (parseFloat64(target) <= 0) return failed("%!w(<nil>)");
  } catch (error) {
    return failed((error as Error).message);
  }
  if (metricType !== "Utilization") return undefined;
  return "error trigger type is Utilization, but it needs to be AverageValue or Value for external metrics";
}

/** The triggers that a formula may name: those with a name that have a number. */
function formulaNames({ spec }: ScaledObject): Set<string> {
  const named = spec.triggers.filter(({ type, name }) => type !== "cpu" && type !== "memory" && name);
  return new Set(named.map(({ name }) => name!));
}

/** What the formula makes of the metrics. @throws Error with upstream's text */
export function applyFormula(
  object: ScaledObject,
  formula: Formula,
  metrics: ExternalMetricValue[],
  triggerOf: ReadonlyMap<string, string>,
  timestamp: string,
): ExternalMetricValue {
  const environment: Environment = new Map(
    metrics.map((metric) => [triggerOf.get(metric.metricName) ?? "", valueFor(object, metric)]),
  );
  let result: ReturnType<Formula>;
  try {
    result = formula(environment);
  } catch (error) {
    throw new Error(`error trying to run custom formula: ${(error as Error).message}`);
  }
  const value = result === null ? fallbackTarget(object) : numberOf(result);
  return { metricName: COMPOSITE_METRIC, value: milliQuantity(value), timestamp };
}

/** A trigger whose fallback has begun is nil, for `??` to replace. */
function valueFor({ spec, status }: ScaledObject, metric: ExternalMetricValue): number | null {
  const value = parseQuantity(metric.value);
  if (spec.fallback?.behavior !== "scalingModifiers") return value;
  const failures = status?.health?.[metric.metricName]?.numberOfFailures ?? 0;
  return failures > spec.fallback.failureThreshold ? null : value;
}

function numberOf(result: ReturnType<Formula>): number {
  if (typeof result === "number") return result;
  throw new Error(`formula returned non-float result ${JSON.stringify(result)}`);
}

function fallbackTarget({ spec }: ScaledObject): number {
  if (spec.fallback === undefined) {
    throw new Error("scalingModifiers formula evaluated to nil but no fallback is configured");
  }
  return spec.fallback.replicas * parseFloat64(spec.advanced!.scalingModifiers!.target!);
}

/** The `float(…)` that KEDA puts around a formula; one that may be nil stays nil. */
function toFloat(formula: string): string {
  if (!formula.includes("??")) return formula.startsWith("float(") ? formula : `float(${formula})`;
  const result = "_kedaCompositeResult";
  if (formula.startsWith(`let ${result} = `)) return formula;
  return `let ${result} = (${formula}); ${result} == nil ? nil : float(${result})`;
}

/** Cut to thousandths, as `SetMilli(int64(…))` does; a negative result stays negative. */
function milliQuantity(value: number): string {
  const milli = Math.trunc(value * 1000) / 1000;
  return milli < 0 ? `-${quantityOf(-milli)}` : quantityOf(milli);
}
