import assert from "node:assert/strict";
import test from "node:test";
import type { Container, Node, Pod } from "../types.ts";
import { containerNamed, fieldValue, resourceValue } from "./downward-api.ts";

const container: Container = {
  name: "c",
  image: "i",
  resources: {
    limits: { cpu: "1500m", memory: "2Gi", "hugepages-2Mi": "4Mi" },
    requests: { cpu: "100m", memory: "1000001" },
  },
};
const node = {
  metadata: { name: "n" },
  status: { allocatable: { cpu: "4", memory: "8Gi", "ephemeral-storage": "100Gi" } },
} as unknown as Node;

test("resourceValue() divides and rounds up", () => {
  const cases: [resource: string, divisor: string | undefined, expected: string][] = [
    ["limits.cpu", undefined, "2"],
    ["limits.cpu", "0", "2"],
    ["limits.cpu", "1m", "1500"],
    ["requests.cpu", "1", "1"],
    ["requests.cpu", "1m", "100"],
    ["limits.memory", "1Mi", "2048"],
    ["limits.memory", "1", "2147483648"],
    ["requests.memory", "1Ki", "977"],
    ["requests.memory", "1M", "2"],
    ["limits.ephemeral-storage", "1Gi", "100"],
    ["requests.ephemeral-storage", undefined, "0"],
    ["limits.hugepages-2Mi", "1Mi", "4"],
    ["requests.hugepages-2Mi", "1Mi", "0"],
  ];
  for (const [resource, divisor, expected] of cases)
    assert.equal(resourceValue(container, resource, divisor, node), expected, `${resource} / ${divisor}`);
  assert.equal(resourceValue({ name: "none", image: "i" }, "limits.cpu", undefined, node), "4");
  assert.throws(
    () => resourceValue(container, "limits.pods", undefined, node),
    /unsupported container resource/,
  );
});

test("containerNamed() finds init containers, too", () => {
  const pod = { metadata: { name: "p" }, spec: { containers: [container], initContainers: [{ name: "i" }] } };
  assert.equal(containerNamed(pod as Pod, "c"), container);
  assert.equal(containerNamed(pod as Pod, "i")?.name, "i");
  assert.equal(containerNamed(pod as Pod, undefined), undefined);
});

test("fieldValue() writes maps with Go's quotes, in order", () => {
  const labels = { b: "\u007f\u0001", a: 'x"\n' };
  const pod = { metadata: { name: "p", labels }, spec: { containers: [] } } as unknown as Pod;
  assert.equal(fieldValue(pod, "metadata.labels"), 'a="x\\"\\n"\nb="\\x7f\\x01"');
  assert.equal(fieldValue(pod, "metadata.labels['b']"), "\u007f\u0001");
  assert.throws(() => fieldValue(pod, "spec.restartPolicy"), /unsupported fieldPath/);
});
