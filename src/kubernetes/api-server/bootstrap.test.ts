import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { PolicyRule } from "./authorize.ts";
import { bootstrapCluster } from "./bootstrap.ts";
import { ClusterStore } from "./cluster-store.ts";

type Rights = KubernetesObject & { rules?: PolicyRule[]; subjects?: { name: string }[] };

test("bootstrapCluster() gives back what roles and bindings lack, and leaves alone what asks for it", async () => {
  const api = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await bootstrapCluster(api);
  const { revision } = api.context.store;
  await bootstrapCluster(api);
  assert.equal(api.context.store.revision, revision, "nothing to do the second time");
  const view = await api.get<Rights>(RESOURCES.clusterRoles, { name: "view" });
  assert.deepEqual(
    view.metadata.managedFields!.map(({ manager, operation }) => `${manager} ${operation}`),
    ["clusterrole-aggregation-controller Apply", "kube-apiserver Update"],
  );
  const own = { apiGroups: ["example.com"], resources: ["things"], verbs: ["get"] };
  const change = (resource: typeof RESOURCES.clusterRoles, name: string, body: object) =>
    api.patch(resource, { name }, { type: "merge", body });
  await change(RESOURCES.clusterRoles, "system:monitoring", { rules: [own] });
  await change(RESOURCES.clusterRoles, "system:kube-dns", {
    metadata: { annotations: { "rbac.authorization.kubernetes.io/autoupdate": "false" } },
    rules: [own],
  });
  await change(RESOURCES.clusterRoleBindings, "system:discovery", { subjects: [] });
  await api.delete(RESOURCES.clusterRoles, { name: "view" });
  await bootstrapCluster(api);
  const get = (resource: typeof RESOURCES.clusterRoles, name: string) => api.get<Rights>(resource, { name });
  const { rules = [] } = await get(RESOURCES.clusterRoles, "system:monitoring");
  assert.deepEqual(rules[0], own);
  assert.ok(rules.some(({ resources }) => resources?.includes("nodes/metrics")));
  assert.deepEqual((await get(RESOURCES.clusterRoles, "system:kube-dns")).rules, [own]);
  const { subjects = [] } = await get(RESOURCES.clusterRoleBindings, "system:discovery");
  assert.deepEqual(
    subjects.map(({ name }) => name),
    ["system:authenticated"],
  );
  assert.ok((await get(RESOURCES.clusterRoles, "view")).rules!.length > 1);
});
