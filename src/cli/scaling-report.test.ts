import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { reportScaling } from "./scaling-report.ts";

const statefulSet = (version: string, replicas: number): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "db", namespace: "default", uid: "1", resourceVersion: version },
  spec: { replicas },
});

/** A cluster whose one StatefulSet is scaled from 1 to 3 while it is watched; of all else it has nothing. */
function scaledCluster(seen: () => void): KubernetesApi {
  return {
    async list({ resource }: { resource: string }) {
      const items = resource === RESOURCES.statefulSets.resource ? [statefulSet("1", 1)] : [];
      return { metadata: { resourceVersion: "1" }, items };
    },
    async *watch({ resource }: { resource: string }, { signal }: { signal: AbortSignal }) {
      if (resource === RESOURCES.statefulSets.resource) {
        yield { type: "MODIFIED", object: statefulSet("2", 3) };
        seen();
      }
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  } as unknown as KubernetesApi;
}

test("reportScaling() tells of replicas that change", async () => {
  const stop = new AbortController();
  let text = "";
  await reportScaling(
    scaledCluster(() => stop.abort()),
    { ...systemClock, now: () => Date.UTC(2026, 0, 1, 12, 30) },
    stop.signal,
    (line) => (text += line),
  );
  assert.equal(text, "12:30:00  statefulset/db: 1 → 3 replicas\n");
});

test("reportScaling() ends when it is stopped before it has begun", async () => {
  const unused = () => assert.fail("nothing is asked any more");
  await reportScaling(scaledCluster(unused), systemClock, AbortSignal.abort(), () => {});
});

test("reportScaling() ends when it is stopped while the lists are awaited", async () => {
  const stop = new AbortController();
  const silent = { list: () => new Promise(() => {}) } as unknown as KubernetesApi;
  const report = reportScaling(silent, systemClock, stop.signal, () => {});
  stop.abort();
  await report;
});
