import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";
import { startLocalApiServices } from "./local-api-services.ts";

test("startLocalApiServices() lists what is served, and custom groups as long as they are", async () => {
  const clock = new VirtualClock();
  const store = new ClusterStore({ clock, random: seededRandom(1) });
  startLocalApiServices(store);
  const names = async () => {
    await clock.advance(100);
    const { items } = await store.list<KubernetesObject>(RESOURCES.apiServices);
    return items.map(({ metadata }) => metadata.name);
  };
  const builtin = await names();
  for (const name of ["v1.", "v1.apps", "v2.autoscaling", "v1.batch"])
    assert.ok(builtin.includes(name), name);
  assert.ok(!builtin.includes("v1.apiregistration.k8s.io"));
  const apps = await store.get<KubernetesObject>(RESOURCES.apiServices, { name: "v1.apps" });
  assert.deepEqual(apps.spec, {
    group: "apps",
    version: "v1",
    groupPriorityMinimum: 17_800,
    versionPriority: 15,
  });
  assert.equal(apps.status!.conditions[0].reason, "Local");
  await store.create(RESOURCES.customResourceDefinitions, {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  } as unknown as KubernetesObject);
  assert.deepEqual(
    (await names()).filter((name) => !builtin.includes(name)),
    ["v1.example.com"],
  );
  await store.delete(RESOURCES.customResourceDefinitions, { name: "widgets.example.com" });
  assert.deepEqual(await names(), builtin);
});
