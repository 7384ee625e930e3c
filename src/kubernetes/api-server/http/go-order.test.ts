import assert from "node:assert/strict";
import { test } from "node:test";
import { inGoOrder } from "./go-order.ts";

test("inGoOrder() orders a built-in object as its structs declare it, and maps by their keys", () => {
  const pod = {
    status: { phase: "Running" },
    spec: {
      nodeName: "n",
      containers: [{ image: "i", env: [{ value: "v", name: "e" }], name: "c" }],
      volumes: [{ emptyDir: {}, name: "v" }],
      overhead: { memory: "1", cpu: "2" },
    },
    metadata: {
      labels: { b: "1", a: "2" },
      creationTimestamp: "2026-01-01T00:00:00Z",
      uid: "u",
      resourceVersion: "7",
      name: "p",
    },
    apiVersion: "v1",
    kind: "Pod",
    unknown: 1,
  };
  assert.equal(
    JSON.stringify(inGoOrder(pod)),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","uid":"u","resourceVersion":"7",' +
      '"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"2","b":"1"}},' +
      '"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c","image":"i",' +
      '"env":[{"name":"e","value":"v"}]}],"nodeName":"n","overhead":{"cpu":"2","memory":"1"}},' +
      '"status":{"phase":"Running"},"unknown":1}',
  );
  assert.deepEqual(inGoOrder(pod), pod);
});

test("inGoOrder() leaves alone what it does not know", () => {
  for (const object of [
    { kind: "Widget", spec: {}, apiVersion: "example.com/v1" },
    { items: [], kind: "PodList", apiVersion: "v1" },
    { message: "x" },
  ])
    assert.equal(inGoOrder(object), object);
});
