import assert from "node:assert/strict";
import test from "node:test";
import type { Pod, Service } from "../../types.ts";
import { createTriggerTimes, withTriggerTime } from "./trigger-time.ts";

const service = (creationTimestamp: string): Service => ({
  metadata: { name: "web", creationTimestamp },
  spec: {},
});
const pod = (name: string, lastTransitionTime?: string): Pod => ({
  metadata: { name },
  spec: { containers: [] },
  status: lastTransitionTime ? { conditions: [{ type: "Ready", status: "True", lastTransitionTime }] } : {},
});
const at = (second: number) => `2026-01-01T00:00:0${second}Z`;

test("a Service's first slice tells of its creation, later ones of the earliest change", () => {
  const times = createTriggerTimes();
  assert.equal(times.next("ns/web", service(at(1)), [pod("a", at(5))]), at(1));
  assert.equal(times.next("ns/web", service(at(1)), [pod("a", at(5))]), undefined);
  assert.equal(times.next("ns/web", service(at(1)), [pod("a", at(7)), pod("b", at(6)), pod("c")]), at(6));
  times.forget("ns/web");
  assert.equal(times.next("ns/web", service(at(8)), []), at(8));
});

test("the annotation goes when there is no moment to tell", () => {
  const given = withTriggerTime({ a: "b" }, at(3));
  assert.deepEqual(given, { a: "b", "endpoints.kubernetes.io/last-change-trigger-time": at(3) });
  assert.deepEqual(withTriggerTime(given, undefined), { a: "b" });
  assert.equal(withTriggerTime(undefined, undefined), undefined);
});
