import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { ClusterStore } from "./api-server/cluster-store.ts";
import { withFieldManager } from "./with-field-manager.ts";

const KEY = { namespace: "default", name: "p" };

const managersOf = ({ metadata }: KubernetesObject) =>
  (metadata.managedFields ?? []).map(({ manager, operation, subresource }) =>
    [manager, operation, subresource].filter(Boolean).join("/"),
  );

test("withFieldManager() owns what it creates, patches, replaces and reports", async () => {
  const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const controllers = withFieldManager(store, "kube-controller-manager");
  const kubelet = withFieldManager(store, "kubelet");
  const pod = {
    metadata: { namespace: "default", generateName: "p-", name: "p" },
    spec: { containers: [{ name: "c", image: "i:1" }] },
  } as KubernetesObject;
  await controllers.create(RESOURCES.pods, pod);
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: "1970-01-01T00:00:01Z" }];
  await kubelet.patch(
    RESOURCES.pods,
    { ...KEY, subresource: "status" },
    { type: "merge", body: { status: { phase: "Running", conditions } } },
  );
  const body = { metadata: { labels: { a: "b" } } };
  await store.patch(RESOURCES.pods, KEY, { type: "merge", body }, { fieldManager: "kubectl-label" });
  const found = await kubelet.get<KubernetesObject>(RESOURCES.pods, KEY);
  assert.deepEqual(managersOf(found), [
    "kube-controller-manager/Update",
    "kubectl-label/Update",
    "kubelet/Update/status",
  ]);
  const [created, , reported] = found.metadata.managedFields!;
  assert.deepEqual((created.fieldsV1 as Record<string, object>)["f:metadata"], { "f:generateName": {} });
  assert.deepEqual(reported.fieldsV1, {
    "f:status": {
      "f:conditions": {
        ".": {},
        'k:{"type":"Ready"}': {
          ".": {},
          "f:lastProbeTime": {},
          "f:lastTransitionTime": {},
          "f:status": {},
          "f:type": {},
        },
      },
      "f:phase": {},
    },
  });
  const named = withFieldManager(store, "kube-scheduler");
  const replaced = await named.replace<KubernetesObject>(
    RESOURCES.pods,
    { ...found, metadata: { ...found.metadata, labels: { a: "c" } } },
    { fieldManager: "somebody" },
  );
  assert.ok(managersOf(replaced).includes("somebody/Update"));
});
