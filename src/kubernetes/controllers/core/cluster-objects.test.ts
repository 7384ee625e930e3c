/** Controllers of objects that belong to no workload: quotas' status, aggregated roles, claims that are in use. */
import assert from "node:assert/strict";
import test from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { Condition } from "../../types.ts";
import { startVolumeProtectionControllers } from "../storage/volume-protection.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startClusterRoleAggregationController } from "./cluster-role-aggregation.ts";
import { startNamespaceController } from "./namespace.ts";
import { startResourceQuotaController } from "./resource-quota.ts";

const IN_SHOP = { namespace: "shop" };
const object = (rest: object, metadata: object) => ({ metadata, ...rest }) as unknown as KubernetesObject;

async function start() {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock, goneAfterMs: 1_000 });
  await world.api.create(RESOURCES.namespaces, object({}, { name: "shop" }));
  return { clock, ...world };
}

const pod = (name: string, spec: object = {}) =>
  object(
    {
      spec: { containers: [{ name: "c", image: "i:1", resources: { requests: { cpu: "300m" } } }], ...spec },
    },
    { ...IN_SHOP, name },
  );

test("a quota's status follows what is made and what goes, of every kind", async () => {
  const { api, clock, context, stop } = await start();
  startResourceQuotaController(context, {
    // Two versions of one kind are counted once.
    namespacedResources: () => [
      RESOURCES.pods,
      RESOURCES.configMaps,
      RESOURCES.horizontalPodAutoscalers,
      { ...RESOURCES.horizontalPodAutoscalers, version: "v1" },
    ],
  });
  await api.create(RESOURCES.pods, pod("early"));
  const hard = { pods: "5", "requests.cpu": "2", "count/configmaps": "3", secrets: "1" };
  await api.create(RESOURCES.resourceQuotas, object({ spec: { hard } }, { ...IN_SHOP, name: "q" }));
  const used = async () =>
    (await api.get<KubernetesObject>(RESOURCES.resourceQuotas, { ...IN_SHOP, name: "q" })).status?.used;
  await clock.advance(1_000);
  assert.deepEqual(await used(), {
    pods: "1",
    "requests.cpu": "300m",
    "count/configmaps": "0",
    secrets: "0",
  });
  await api.create(RESOURCES.pods, pod("late"));
  await api.create(RESOURCES.configMaps, object({}, { ...IN_SHOP, name: "c" }));
  await clock.advance(10_000);
  assert.deepEqual(await used(), {
    pods: "2",
    "requests.cpu": "600m",
    "count/configmaps": "1",
    secrets: "0",
  });
  await api.delete(RESOURCES.pods, { ...IN_SHOP, name: "early" });
  await api.delete(RESOURCES.configMaps, { ...IN_SHOP, name: "c" });
  await clock.advance(10_000);
  assert.deepEqual(await used(), {
    pods: "1",
    "requests.cpu": "300m",
    "count/configmaps": "0",
    secrets: "0",
  });
  stop();
});

test("an aggregated role has the rules of the roles with its label, each once", async () => {
  const { api, clock, context, stop } = await start();
  startClusterRoleAggregationController(context);
  const rule = (resource: string) => ({ apiGroups: [""], resources: [resource], verbs: ["get"] });
  const make = (name: string, rules: object[], labels: object = { to: "all" }) =>
    api.create(RESOURCES.clusterRoles, object({ rules }, { name, labels }));
  const clusterRoleSelectors = [{ matchLabels: { to: "all" } }];
  await api.create(
    RESOURCES.clusterRoles,
    object({ aggregationRule: { clusterRoleSelectors } }, { name: "sum" }),
  );
  await make("b", [rule("pods"), rule("nodes")]);
  await make("a", [rule("pods")]);
  await make("other", [rule("secrets")], {});
  await clock.advance(1_000);
  const rules = async () =>
    ((await api.get(RESOURCES.clusterRoles, { name: "sum" })) as KubernetesObject & { rules?: object[] })
      .rules;
  assert.deepEqual(await rules(), [rule("pods"), rule("nodes")]);
  await api.delete(RESOURCES.clusterRoles, { name: "b" });
  await clock.advance(1_000);
  assert.deepEqual(await rules(), [rule("pods")]);
  stop();
});

test("a claim that a pod uses stays until the pod has gone, a volume while it is bound", async () => {
  const { api, clock, context, stop } = await start();
  startVolumeProtectionControllers(context);
  const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  await api.create(RESOURCES.persistentVolumeClaims, object({ spec: claim }, { ...IN_SHOP, name: "data" }));
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
  await api.create(RESOURCES.pods, pod("user", { volumes }));
  const key = { ...IN_SHOP, name: "data" };
  await api.delete(RESOURCES.persistentVolumeClaims, key);
  await clock.advance(5_000);
  const held = await api.get(RESOURCES.persistentVolumeClaims, key);
  assert.deepEqual(held.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
  assert.ok(held.metadata.deletionTimestamp);
  await api.delete(RESOURCES.pods, { ...IN_SHOP, name: "user" });
  await clock.advance(5_000);
  await assert.rejects(api.get(RESOURCES.persistentVolumeClaims, key), /not found/);
  const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } };
  const volume = await api.create(RESOURCES.persistentVolumes, object({ spec }, { name: "pv" }));
  await api.updateStatus(RESOURCES.persistentVolumes, { ...volume, status: { phase: "Bound" } });
  const deleted = await api.delete<KubernetesObject>(RESOURCES.persistentVolumes, { name: "pv" });
  await clock.advance(5_000);
  await api.updateStatus(RESOURCES.persistentVolumes, { ...deleted, status: { phase: "Released" } });
  await clock.advance(5_000);
  await assert.rejects(api.get(RESOURCES.persistentVolumes, { name: "pv" }), /not found/);
  stop();
});

test("a namespace's pods go before what they use", async () => {
  const { api, clock, context, stop } = await start();
  startNamespaceController(context, { namespacedResources: () => [RESOURCES.configMaps, RESOURCES.pods] });
  await api.create(RESOURCES.configMaps, object({}, { ...IN_SHOP, name: "used" }));
  await api.create(RESOURCES.pods, pod("user"));
  await clock.advance(200);
  await api.delete(RESOURCES.namespaces, { name: "shop" });
  await clock.advance(900);
  assert.equal((await api.list(RESOURCES.pods)).items.length, 1);
  assert.equal((await api.list(RESOURCES.configMaps)).items.length, 1);
  await clock.advance(2_000);
  await assert.rejects(api.get(RESOURCES.namespaces, { name: "shop" }), /not found/);
  stop();
});

test("a namespace that is held up says by what, and goes when nothing holds it", async () => {
  const { api, clock, context, stop } = await start();
  startNamespaceController(context, { namespacedResources: () => [RESOURCES.configMaps, RESOURCES.secrets] });
  await api.create(RESOURCES.configMaps, object({}, { ...IN_SHOP, name: "free" }));
  await api.create(RESOURCES.configMaps, object({}, { ...IN_SHOP, name: "held", finalizers: ["a.b/c"] }));
  await api.delete(RESOURCES.namespaces, { name: "shop" });
  await clock.advance(3_000);
  const { status } = await api.get<KubernetesObject>(RESOURCES.namespaces, { name: "shop" });
  assert.equal(status?.phase, "Terminating");
  const told = (status?.conditions ?? []).map(({ type, status, message }: Condition) => [
    type,
    status,
    message,
  ]);
  assert.deepEqual(told.slice(3), [
    [
      "NamespaceContentRemaining",
      "True",
      "Some resources are remaining: configmaps. has 1 resource instances",
    ],
    [
      "NamespaceFinalizersRemaining",
      "True",
      "Some content in the namespace has finalizers remaining: a.b/c in 1 resource instances",
    ],
  ]);
  const body = { metadata: { finalizers: null } };
  await api.patch(RESOURCES.configMaps, { ...IN_SHOP, name: "held" }, { type: "merge", body });
  await clock.advance(3_000);
  await assert.rejects(api.get(RESOURCES.namespaces, { name: "shop" }), /not found/);
  stop();
});
