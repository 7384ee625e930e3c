import assert from "node:assert/strict";
import { test } from "node:test";
import { withGoNulls } from "./go-nulls.ts";

test("withGoNulls() adds the nulls that Go writes, and copies only what they are in", () => {
  const cases: [object: object, expected: object][] = [
    [
      { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: {}, addressType: "IPv4" },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {},
        addressType: "IPv4",
        endpoints: null,
        ports: null,
      },
    ],
    [
      { apiVersion: "v1", kind: "Pod", status: { conditions: [{ type: "Ready", lastTransitionTime: "t" }] } },
      {
        apiVersion: "v1",
        kind: "Pod",
        status: { conditions: [{ type: "Ready", lastTransitionTime: "t", lastProbeTime: null }] },
      },
    ],
    [
      { apiVersion: "v1", kind: "Event", metadata: {}, firstTimestamp: "t", lastTimestamp: "t" },
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: {},
        firstTimestamp: "t",
        lastTimestamp: "t",
        eventTime: null,
      },
    ],
    [
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: {} },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: {}, rules: null },
    ],
  ];
  for (const [object, expected] of cases) {
    const before = structuredClone(object);
    const filled = withGoNulls(object);
    assert.deepEqual(filled, expected);
    assert.deepEqual(object, before, "the object itself stays");
    assert.equal(withGoNulls(filled), filled, "nothing is missing the second time");
  }
});

test("withGoNulls() leaves alone what is complete, a claim in a StatefulSet, and what it does not know", () => {
  for (const object of [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b" } },
    { apiVersion: "apps/v1", kind: "StatefulSet", metadata: {}, spec: { selector: {} } },
    { apiVersion: "example.com/v1", kind: "Widget", metadata: {} },
    { items: [] },
  ])
    assert.equal(withGoNulls(object), object);
});
