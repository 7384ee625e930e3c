import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { validateAutoscaler } from "./autoscaler-validation.ts";

const TARGET = { kind: "StatefulSet", name: "db", apiVersion: "apps/v1" };
const EXTERNAL = {
  type: "External",
  external: { metric: { name: "s0-prometheus" }, target: { type: "AverageValue", averageValue: "2" } },
};
const CPU = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
};

function problemsOf(spec: object): string[] {
  const object = { metadata: { name: "hpa" }, spec: { scaleTargetRef: TARGET, maxReplicas: 5, ...spec } };
  return validateAutoscaler(object as KubernetesObject).map(({ field, message }) => `${field}: ${message}`);
}

test("validateAutoscaler() takes what a cluster takes", () => {
  const specs = [
    {},
    { minReplicas: 1, metrics: [EXTERNAL, CPU] },
    { minReplicas: 0, metrics: [EXTERNAL] },
    {
      behavior: {
        scaleUp: { policies: [{ type: "Pods", value: 1, periodSeconds: 1800 }], tolerance: "0" },
        scaleDown: {
          stabilizationWindowSeconds: 3600,
          selectPolicy: "Disabled",
          policies: [{ type: "Percent", value: 1, periodSeconds: 1 }],
        },
      },
    },
  ];
  for (const spec of specs) assert.deepEqual(problemsOf(spec), []);
});

test("validateAutoscaler() says what is wrong, in upstream's words", () => {
  const target = (values: object) => ({
    metrics: [{ type: "External", external: { ...EXTERNAL.external, target: values } }],
  });
  const rules = (scaleUp: object) => ({ behavior: { scaleUp } });
  const policy = { type: "Pods", value: 1, periodSeconds: 15 };
  const cases: [object, string[]][] = [
    [{ minReplicas: -1 }, ["spec.minReplicas: Invalid value: -1: must be greater than or equal to 0"]],
    [{ maxReplicas: 0 }, ["spec.maxReplicas: Required value: must be set and greater than 0"]],
    [{ maxReplicas: -2 }, ["spec.maxReplicas: Invalid value: -2: must be greater than or equal to 1"]],
    [
      { minReplicas: 9 },
      ["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"],
    ],
    [
      { scaleTargetRef: { kind: "Deployment" } },
      [
        "spec.scaleTargetRef.name: Required value",
        'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
      ],
    ],
    [{ scaleTargetRef: { kind: "ReplicationController", name: "a", apiVersion: "v1" } }, []],
    [
      { scaleTargetRef: { kind: "a/b", name: "c%", apiVersion: "x/y/z" } },
      [
        "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
        "spec.scaleTargetRef.name: Invalid value: \"c%\": may not contain '%'",
        'spec.scaleTargetRef.apiVersion: Invalid value: "x/y/z": unexpected GroupVersion string: x/y/z',
      ],
    ],
    [
      { minReplicas: 0, metrics: [CPU] },
      [
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
      ],
    ],
    [
      { metrics: [{ type: "Weather" }] },
      [
        'spec.metrics[0].type: Unsupported value: "Weather": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ],
    ],
    [
      { metrics: [{ type: "External" }] },
      ["spec.metrics[0].external: Required value: must populate information for the given metric source"],
    ],
    [
      { metrics: [{ ...EXTERNAL, resource: CPU.resource }] },
      ["spec.metrics[0].resource: Forbidden: must populate the given metric source only"],
    ],
    [
      target({ type: "AverageValue", averageValue: "0" }),
      ['spec.metrics[0].external.target.averageValue: Invalid value: "0": must be positive'],
    ],
    [
      target({ type: "Value" }),
      [
        "spec.metrics[0].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target",
      ],
    ],
    [
      target({ type: "Value", value: "1", averageValue: "1" }),
      [
        "spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target",
      ],
    ],
    [
      target({ type: "Sum", value: "1" }),
      [
        'spec.metrics[0].external.target.type: Invalid value: "Sum": must be either Utilization, Value, or AverageValue',
      ],
    ],
    [
      { metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization" } } }] },
      [
        "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
      ],
    ],
    [rules({}), ["spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"]],
    [
      rules({ stabilizationWindowSeconds: 3601, policies: [policy] }),
      [
        "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
      ],
    ],
    [
      rules({ selectPolicy: "Most", policies: [policy] }),
      [
        'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Most": supported values: "Disabled", "Max", "Min"',
      ],
    ],
    [
      rules({ policies: [{ type: "Pods", value: 0, periodSeconds: 1801 }] }),
      [
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
      ],
    ],
    [
      rules({ tolerance: "-1", policies: [policy] }),
      ['spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0'],
    ],
  ];
  for (const [spec, problems] of cases) assert.deepEqual(problemsOf(spec), problems);
});
