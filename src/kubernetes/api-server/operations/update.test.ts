import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";
import { updateObject } from "./update.ts";

const USER = { name: "admin", groups: ["system:masters"] };

const containers = [{ name: "c", image: "i:1" }];
const template = { metadata: { labels: { a: "b" } }, spec: { containers } };

test("a client's status brings metadata along, but for what its kind keeps", async () => {
  const cases: [resource: GroupVersionResource, object: object, kept: string[]][] = [
    [RESOURCES.services, { spec: { ports: [{ port: 80 }] } }, []],
    [RESOURCES.pods, { spec: { containers } }, ["ownerReferences"]],
    [RESOURCES.deployments, { spec: { selector: { matchLabels: { a: "b" } }, template } }, ["labels"]],
  ];
  for (const [resource, object, kept] of cases) {
    const store = new ClusterStore({ clock: { ...systemClock, now: () => 1_000 }, random: seededRandom(1) });
    await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
    const metadata = { name: "x", namespace: "default" };
    const made = await store.create<KubernetesObject>(resource, { metadata, ...object } as KubernetesObject);
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" };
    const given = { labels: { l: "1" }, annotations: { n: "1" }, ownerReferences: [owner] };
    const input = { ...made, metadata: { ...made.metadata, ...given } };
    const info = store.context.registry.find(resource)!;
    const options = { subresource: "status", fieldManager: "me" };
    const updated = updateObject(store.context, info, input, { ...options, user: USER });
    for (const [field, value] of Object.entries(given)) {
      const expected = kept.includes(field) ? undefined : value;
      assert.deepEqual(updated.metadata[field as "labels"], expected, `${info.kind} ${field}`);
    }
    const own = updated.metadata.managedFields!.find(({ manager }) => manager === "me")!;
    const fields = Object.keys((own.fieldsV1 as Record<string, object>)["f:metadata"]);
    const taken = Object.keys(given).filter((field) => !kept.includes(field));
    assert.deepEqual(fields.sort(), taken.map((field) => `f:${field}`).sort(), info.kind);
  }
});
