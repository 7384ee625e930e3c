import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { resizeProblems } from "./pod-resize.ts";

const container = (name: string, cpu?: string, more: object = {}) => ({
  name,
  image: "i:1",
  ...(cpu && { resources: { requests: { cpu } } }),
  ...more,
});

const pod = (containers: object[], more: object = {}): KubernetesObject => ({
  metadata: { name: "p" },
  spec: { containers, ...more },
  status: { qosClass: "Burstable" },
});

test("resizeProblems() lets CPU and memory change, and nothing else", () => {
  const before = pod([container("a", "10m")], { initContainers: [container("i", "5m")] });
  const init = { initContainers: [container("i", "5m")] };
  const cases: [after: KubernetesObject, problems: string[]][] = [
    [pod([container("a", "20m")], init), []],
    [
      pod([container("a")], init),
      ["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"],
    ],
    [
      pod([container("b", "10m")], init),
      ["spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize"],
    ],
    [
      pod([container("a", "10m"), container("b")], init),
      ["spec.containers: Forbidden: containers may not be added or removed on resize"],
    ],
    [
      pod([container("a", "10m", { image: "i:2" })], init),
      ["spec: Forbidden: only cpu and memory resources are mutable"],
    ],
    [
      pod([container("a", "10m")], { initContainers: [container("i", "6m")] }),
      ["spec: Forbidden: resources for non-sidecar init containers are immutable"],
    ],
    [
      pod([container("a", "20m")], { ...init, nodeName: "n" }),
      ["spec: Forbidden: only cpu and memory resources are mutable"],
    ],
  ];
  for (const [after, problems] of cases) {
    const found = resizeProblems(after, before).map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(found, problems);
  }
});

test("resizeProblems() keeps the class of the pod's quality of service", () => {
  const before = { ...pod([container("a")]), status: { qosClass: "BestEffort" } };
  const after = { ...pod([container("a", "20m")]), status: { qosClass: "BestEffort" } };
  assert.deepEqual(
    resizeProblems(after, before).map(({ field, message }) => `${field}: ${message}`),
    ['spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'],
  );
});
