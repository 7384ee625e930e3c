import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fallback, ScaledObject, ScalingModifiers } from "../scaled-object.ts";
import { applyFormula, compileScalingModifiers } from "./scaling-modifiers.ts";

const TIMESTAMP = "2026-01-01T00:00:00Z";

function scaledObject(
  scalingModifiers: ScalingModifiers,
  fallback?: Fallback,
  failures: Record<string, number> = {},
): ScaledObject {
  const health = Object.fromEntries(
    Object.entries(failures).map(([name, numberOfFailures]) => [name, { numberOfFailures }]),
  );
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: "web", namespace: "shop" },
    spec: {
      scaleTargetRef: { name: "workload" },
      fallback,
      advanced: { scalingModifiers },
      triggers: [
        { type: "prometheus", name: "a", metadata: {} },
        { type: "prometheus", name: "b", metadata: {} },
        { type: "prometheus", metadata: {} },
        { type: "cpu", name: "c", metadata: {} },
      ],
    },
    status: { health },
  };
}

test("compileScalingModifiers() says what is wrong", () => {
  const formula = "error validating formula in ScalingModifiers\n";
  const target = "error validating target in ScalingModifiers\n";
  const number = "error converting target for scalingModifiers (string->float) to valid target: ";
  const cases: [modifiers: ScalingModifiers, problem: string | undefined][] = [
    [{ formula: "a + b", target: "2" }, undefined],
    [{ formula: "a ?? b", target: "2.5", metricType: "Value" }, undefined],
    [
      { formula: "nil ?? nil", target: "2" },
      `${formula}invalid argument for float (type %!s(<nil>)) (1:78)\n | let _kedaCompositeResult = (nil ?? nil); _kedaCompositeResult == nil ? nil : float(_kedaCompositeResult)\n | .............................................................................^`,
    ],
    [{ target: "2" }, "error ScalingModifiers.Formula is mandatory"],
    [{ formula: "a" }, `${formula}formula is given but target is empty`],
    [{ formula: "c", target: "2" }, `${formula}unknown name c (1:7)\n | float(c)\n | ......^`],
    [
      { formula: "a > b", target: "2" },
      `${formula}invalid argument for float (type bool) (1:1)\n | float(a > b)\n | ^`,
    ],
    [{ formula: "a", target: "two" }, `${target}${number}strconv.ParseFloat: parsing "two": invalid syntax`],
    [{ formula: "a", target: "0" }, `${target}${number}%!w(<nil>)`],
    [
      { formula: "a", target: "2", metricType: "Utilization" },
      `${target}error trigger type is Utilization, but it needs to be AverageValue or Value for external metrics`,
    ],
  ];
  for (const [modifiers, problem] of cases) {
    const compile = () => compileScalingModifiers(scaledObject(modifiers));
    if (problem === undefined) assert.doesNotThrow(compile, modifiers.formula);
    else assert.throws(compile, { message: problem });
  }
});

/** What the formula makes of a=3 and b=-1, which is a placeholder where its fallback has begun. */
function apply(formula: string, fallback?: Fallback, failures?: Record<string, number>): string {
  const object = scaledObject({ formula, target: "2" }, fallback, failures);
  const metrics = [
    { metricName: "s0-prometheus", value: "3", timestamp: TIMESTAMP },
    { metricName: "s1-prometheus", value: "1500m", timestamp: TIMESTAMP },
  ];
  const names = new Map([
    ["s0-prometheus", "a"],
    ["s1-prometheus", "b"],
  ]);
  const metric = applyFormula(object, compileScalingModifiers(object), metrics, names, TIMESTAMP);
  assert.equal(metric.metricName, "composite-metric");
  return metric.value;
}

test("applyFormula() makes one metric, in thousandths", () => {
  const cases: [formula: string, expected: string][] = [
    ["a + b", "4500m"],
    ["a / 7", "428m"],
    ["b - a", "-1500m"],
    ["a > 2 ? 10 : 1", "10"],
  ];
  for (const [formula, expected] of cases) assert.equal(apply(formula), expected, formula);
});

test("applyFormula() shows a trigger as nil once its failures pass the threshold", () => {
  const fallback: Fallback = { failureThreshold: 3, replicas: 4, behavior: "scalingModifiers" };
  assert.equal(apply("b ?? a", fallback, { "s1-prometheus": 3 }), "1500m");
  assert.equal(apply("b ?? a", fallback, { "s1-prometheus": 4 }), "3");
  // All nil: the fallback's replicas, each with the target's share.
  assert.equal(apply("b ?? nil", fallback, { "s1-prometheus": 4 }), "8");
  assert.throws(() => apply("(b ?? nil) + a", fallback, { "s1-prometheus": 4 }), {
    message: /^error trying to run custom formula: invalid operation/,
  });
});
