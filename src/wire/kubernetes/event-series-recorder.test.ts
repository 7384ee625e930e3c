import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { MemoryKubernetesApi } from "../../simulation/virtual/memory-kubernetes-api.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createEventSeriesRecorder, MAX_EVENT_ACTION_LENGTH } from "./event-series-recorder.ts";

const OBJECT: KubernetesObject = {
  apiVersion: "keda.sh/v1alpha1",
  kind: "ScaledObject",
  metadata: { name: "db", namespace: "default", uid: "1", resourceVersion: "7" },
};

function world() {
  const clock = new VirtualClock();
  const api: KubernetesApi = new MemoryKubernetesApi();
  const recorder = createEventSeriesRecorder({
    api,
    clock,
    component: "keda-operator",
    instance: "keda-operator-0",
    onError: (error) => assert.fail(String(error)),
  });
  const events = async () => {
    await recorder.flush();
    return (await api.list(RESOURCES.events, { namespace: "default" })).items as unknown as Record<
      string,
      unknown
    >[];
  };
  return { clock, recorder, events };
}

test("an event names its action, its moment and who says so", async () => {
  const { recorder, events } = world();
  recorder.record(OBJECT, "Normal", "KEDAScalersStarted", "Started scalers watch", {
    action: "Watch",
    related: { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default", uid: "2" } },
  });
  const [{ metadata: _, apiVersion, kind, ...event }] = await events();
  assert.deepEqual(event, {
    involvedObject: {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      namespace: "default",
      name: "db",
      uid: "1",
      resourceVersion: "7",
    },
    type: "Normal",
    reason: "KEDAScalersStarted",
    action: "Watch",
    message: "Started scalers watch",
    related: {
      apiVersion: "v1",
      kind: "Pod",
      namespace: "default",
      name: "p",
      uid: "2",
      resourceVersion: undefined,
    },
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingComponent: "keda-operator",
    reportingInstance: "keda-operator-0",
  });
});

test("what repeats is a series, written at its second event and every half hour", async () => {
  const { clock, recorder, events } = world();
  const counts = async () => (await events()).map(({ series }) => (series as { count: number })?.count);
  const fail = (message: string) => recorder.record(OBJECT, "Warning", "KEDAScalerFailed", message);
  fail("first");
  assert.deepEqual(await counts(), [undefined]);
  fail("second, whose text nobody sees");
  assert.deepEqual(await counts(), [2]);
  assert.equal((await events())[0].message, "first");
  for (let minute = 1; minute < 30; minute++) {
    await clock.advance(60_000);
    fail("again");
  }
  assert.deepEqual(await counts(), [2]);
  await clock.advance(60_000);
  fail("again");
  assert.deepEqual(await counts(), [32]);
});

test("a series that was silent for six minutes is closed with its count, and the next is a new one", async () => {
  const { clock, recorder, events } = world();
  for (let i = 0; i < 5; i++) recorder.record(OBJECT, "Normal", "Tick", "tick");
  await recorder.flush();
  await clock.advance(359_999);
  recorder.record(OBJECT, "Normal", "Other", "other");
  assert.deepEqual(
    (await events()).map(({ series }) => (series as { count: number })?.count),
    [2, undefined],
  );
  await clock.advance(1);
  recorder.record(OBJECT, "Normal", "Tick", "tick");
  assert.deepEqual(
    (await events()).map(({ reason, series }) => [reason, (series as { count: number })?.count]),
    [
      ["Tick", 5],
      ["Other", undefined],
      ["Tick", undefined],
    ],
  );
});

test("another version of the object, type or action is another series; a long action is cut", async () => {
  const { recorder, events } = world();
  const newer = { ...OBJECT, metadata: { ...OBJECT.metadata, resourceVersion: "8" } };
  recorder.record(OBJECT, "Normal", "Tick", "tick");
  recorder.record(newer, "Normal", "Tick", "tick");
  recorder.record(OBJECT, "Warning", "Tick", "tick");
  recorder.record(OBJECT, "Normal", "Tick", "tick", { action: "x".repeat(MAX_EVENT_ACTION_LENGTH + 1) });
  const all = await events();
  assert.equal(all.length, 4);
  assert.equal((all[3].action as string).length, MAX_EVENT_ACTION_LENGTH);
});
