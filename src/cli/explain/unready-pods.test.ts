import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { unreadyPods } from "./unready-pods.ts";

const pod = (status: object, metadata: object = {}) =>
  ({ metadata: { name: "db-0", ...metadata }, status }) as KubernetesObject;
const ready = (status: string) => ({ conditions: [{ type: "Ready", status }] });

test("unreadyPods() names each pod that serves nobody, and why", () => {
  const waiting = { state: { waiting: { reason: "CrashLoopBackOff" } }, restartCount: 3 };
  const cases: [pod: KubernetesObject, why: string | undefined][] = [
    [pod(ready("True")), undefined],
    [pod({ phase: "Running", ...ready("False") }), "Running"],
    [pod({ phase: "Pending" }), "Pending"],
    [pod({ containerStatuses: [waiting] }), "CrashLoopBackOff, restarted 3 times"],
    [pod({ containerStatuses: [{ state: { terminated: { exitCode: 137 } } }] }), "ended with 137"],
    [
      pod({ conditions: [{ type: "PodScheduled", status: "False", message: "0/3 nodes are available" }] }),
      "0/3 nodes are available",
    ],
    [pod({ phase: "Running" }, { deletionTimestamp: "2026-01-01T00:00:00Z" }), "it is ending"],
  ];
  for (const [given, why] of cases) {
    assert.deepEqual(unreadyPods([given]), why === undefined ? [] : [`  db-0 is not ready: ${why}`]);
  }
});
