import assert from "node:assert/strict";
import { test } from "node:test";
import { kindType } from "../../wire/kubernetes/schema/api-type.ts";
import { fillZeroValues } from "./zero-values.ts";

test("fillZeroValues() adds what Go writes of empty members, and only that", () => {
  const cases: [kind: [group: string, version: string, kind: string], object: object, filled: object][] = [
    [
      ["apps", "v1", "StatefulSet"],
      {
        metadata: { name: "s" },
        spec: { serviceName: "s", template: { spec: { containers: [{ name: "c" }] } } },
      },
      {
        metadata: { name: "s" },
        spec: {
          serviceName: "s",
          template: { metadata: {}, spec: { containers: [{ name: "c", resources: {} }] } },
          updateStrategy: {},
        },
        status: { replicas: 0, availableReplicas: 0 },
      },
    ],
    [
      ["policy", "v1", "PodDisruptionBudget"],
      { metadata: { name: "p" }, spec: {}, status: { currentHealthy: 2 } },
      {
        metadata: { name: "p" },
        spec: {},
        status: { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 0, expectedPods: 0 },
      },
    ],
    [["", "v1", "ConfigMap"], { metadata: {} }, { metadata: {} }],
  ];
  for (const [[group, version, kind], object, filled] of cases) {
    const copy = structuredClone(object) as Record<string, unknown>;
    fillZeroValues(kindType(group, version, kind)!, copy);
    assert.deepEqual(copy, filled, kind);
    fillZeroValues(kindType(group, version, kind)!, copy);
    assert.deepEqual(copy, filled, "a second time changes nothing");
  }
});
