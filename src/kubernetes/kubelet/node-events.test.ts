import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createEventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { ClusterStore } from "../api-server/cluster-store.ts";
import { Informers } from "../controllers/controller.ts";
import { recordNodeEvents } from "./node-events.ts";

interface Event extends KubernetesObject {
  reason: string;
  involvedObject: object;
}

test("a node's start, registration, cordon and release are told", async () => {
  const clock = new VirtualClock();
  const api = new ClusterStore({ clock, random: seededRandom(1) });
  const { signal } = new AbortController();
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const informers = new Informers({ api, clock, log: silentLogger, signal });
  const recorder = (component: string) => createEventRecorder({ api, clock, component });
  recordNodeEvents({
    kubelet: recorder("kubelet"),
    controller: recorder("node-controller"),
    informers,
    nodes: ["a"],
  });
  await api.create(RESOURCES.nodes, { metadata: { name: "a" } });
  await api.create(RESOURCES.nodes, { metadata: { name: "somebody-elses" } });
  await clock.advance(1_000);
  const told = async () => {
    const { items } = await api.list<Event>(RESOURCES.events);
    return items;
  };
  const reasons = (await told()).map(({ reason }) => reason).sort();
  assert.deepEqual(reasons, [
    "NodeAllocatableEnforced",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientMemory",
    "NodeHasSufficientPID",
    "NodeReady",
    "RegisteredNode",
    "Starting",
  ]);
  const starting = (await told()).find(({ reason }) => reason === "Starting")!;
  assert.deepEqual(starting.involvedObject, { apiVersion: "v1", kind: "Node", name: "a" });
  for (const [unschedulable, reason] of [
    [true, "NodeNotSchedulable"],
    [false, "NodeSchedulable"],
  ] as const) {
    await api.patch(RESOURCES.nodes, { name: "a" }, { type: "merge", body: { spec: { unschedulable } } });
    await clock.advance(1_000);
    assert.ok(
      (await told()).some((event) => event.reason === reason),
      reason,
    );
  }
});
