import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { Deployment, EndpointSlice, Pod, ReplicaSet } from "../../types.ts";
import { startGarbageCollector } from "../core/garbage-collector.ts";
import { startNamespaceController } from "../core/namespace.ts";
import { startEndpointSliceController } from "../discovery/endpoint-slice.ts";
import { isPodReady } from "../pod-state.ts";
import { createWorkloadWorld, type WorkloadWorldOptions } from "../workload-world.ts";
import { startDeploymentController } from "./deployment.ts";
import { startReplicaSetController } from "./replica-set.ts";

const NAMESPACE = "shop";

async function start(options: Partial<WorkloadWorldOptions> = {}) {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock, ...options });
  startReplicaSetController(world.context);
  startDeploymentController(world.context);
  startEndpointSliceController(world.context);
  startGarbageCollector(world.context, { resources: () => world.served() });
  startNamespaceController(world.context, {
    namespacedResources: () => [
      RESOURCES.deployments,
      RESOURCES.replicaSets,
      RESOURCES.pods,
      RESOURCES.services,
      RESOURCES.endpointSlices,
      RESOURCES.endpoints,
      RESOURCES.events,
    ],
  });
  await world.api.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
    spec: { finalizers: ["kubernetes"] },
  });
  return { clock, ...world };
}

function deployment(replicas: number, image: string, extra: Partial<Deployment["spec"]> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image, ports: [{ name: "http", containerPort: 80 }] }] },
      },
      ...extra,
    },
  };
}

const KEY = { namespace: NAMESPACE, name: "web" };
const patchSpec = (spec: unknown) => ({ type: "merge" as const, body: { spec } });
const image = (name: string) => ({
  template: {
    spec: { containers: [{ name: "web", image: name, ports: [{ name: "http", containerPort: 80 }] }] },
  },
});

test("a Deployment gets its pods and says so", async () => {
  const { api, clock, pods, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(3, "web:1"));
  await clock.advance(2_000);
  assert.equal((await pods()).filter(isPodReady).length, 3);
  const { status, metadata } = await api.get<Deployment>(RESOURCES.deployments, KEY);
  assert.equal(status?.readyReplicas, 3);
  assert.equal(status?.observedGeneration, metadata.generation);
  assert.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
  const conditions = status!.conditions!.map(
    ({ type, status: value, reason }) => `${type} ${value} ${reason}`,
  );
  assert.deepEqual(conditions.sort(), [
    "Available True MinimumReplicasAvailable",
    "Progressing True NewReplicaSetAvailable",
  ]);
  stop();
});

test("a rolling update never has too few or too many pods, and ends", async () => {
  const { api, clock, context, pods, stop } = await start();
  await api.create(
    RESOURCES.deployments,
    deployment(4, "web:1", { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
  );
  await clock.advance(2_000);
  let fewest = 99;
  let most = 0;
  context.informers.onChange<Pod>(RESOURCES.pods, () => {
    const alive = [...context.informers.of<Pod>(RESOURCES.pods).objects.values()].filter(
      (pod) => pod.metadata.deletionTimestamp === undefined,
    );
    fewest = Math.min(fewest, alive.filter(isPodReady).length);
    most = Math.max(most, alive.length);
  });
  fewest = 99;
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:2")));
  await clock.advance(10_000);
  assert.deepEqual([...new Set((await pods()).map(({ spec }) => spec.containers[0].image))], ["web:2"]);
  assert.ok(fewest >= 3, `only ${fewest} were ready`);
  assert.ok(most <= 5, `${most} at a time`);
  const sets = (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items;
  assert.deepEqual(sets.map(({ spec }) => spec.replicas).sort(), [0, 4]);
  stop();
});

test("a rollback takes the old ReplicaSet up again, with a new revision", async () => {
  const { api, clock, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:2")));
  await clock.advance(5_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:1")));
  await clock.advance(5_000);
  const sets = (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items;
  const revisions = sets.map(({ spec, metadata }) => [
    spec.template.spec.containers[0].image,
    metadata.annotations?.["deployment.kubernetes.io/revision"],
    spec.replicas,
  ]);
  assert.deepEqual(revisions.sort(), [
    ["web:1", "3", 2],
    ["web:2", "2", 0],
  ]);
  stop();
});

test("Recreate has no old pod left before a new one comes", async () => {
  const { api, clock, context, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(2, "web:1", { strategy: { type: "Recreate" } }));
  await clock.advance(2_000);
  const mixtures: string[] = [];
  context.informers.onChange<Pod>(RESOURCES.pods, () => {
    const images = new Set(
      [...context.informers.of<Pod>(RESOURCES.pods).objects.values()].map(
        ({ spec }) => spec.containers[0].image,
      ),
    );
    if (images.size > 1) mixtures.push([...images].join(","));
  });
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:2")));
  await clock.advance(5_000);
  assert.deepEqual(mixtures, []);
  assert.equal((await api.get<Deployment>(RESOURCES.deployments, KEY)).status?.updatedReplicas, 2);
  stop();
});

test("a rollout whose pods never get ready keeps the old ones and is called late", async () => {
  const { api, clock, pods, stop } = await start({
    readyAfterMs: (pod) => (pod.spec.containers[0].image === "web:bad" ? undefined : 100),
  });
  await api.create(RESOURCES.deployments, deployment(4, "web:1", { progressDeadlineSeconds: 60 }));
  await clock.advance(2_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:bad")));
  await clock.advance(300_000);
  assert.equal((await pods()).filter(isPodReady).length, 3);
  const { status } = await api.get<Deployment>(RESOURCES.deployments, KEY);
  assert.equal(
    status?.conditions?.find(({ type }) => type === "Progressing")?.reason,
    "ProgressDeadlineExceeded",
  );
  stop();
});

const conditionsOf = ({ status }: Deployment) =>
  (status?.conditions ?? []).map(({ type, status: value, reason }) => `${type} ${value} ${reason}`).sort();

test("a paused Deployment scales and does not roll; resumed, it goes on", async () => {
  const { api, clock, pods, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec({ paused: true, ...image("web:2") }));
  await clock.advance(2_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec({ replicas: 4 }));
  await clock.advance(2_000);
  const images = async () => (await pods()).map(({ spec }) => spec.containers[0].image).sort();
  assert.deepEqual(await images(), ["web:1", "web:1", "web:1", "web:1"]);
  assert.deepEqual(conditionsOf(await api.get<Deployment>(RESOURCES.deployments, KEY)), [
    "Available True MinimumReplicasAvailable",
    "Progressing Unknown DeploymentPaused",
  ]);
  await api.patch(RESOURCES.deployments, KEY, patchSpec({ paused: null }));
  await clock.advance(5_000);
  assert.deepEqual(await images(), ["web:2", "web:2", "web:2", "web:2"]);
  assert.deepEqual(conditionsOf(await api.get<Deployment>(RESOURCES.deployments, KEY)), [
    "Available True MinimumReplicasAvailable",
    "Progressing True NewReplicaSetAvailable",
  ]);
  stop();
});

test("who scales in the middle of a rollout scales both ReplicaSets in proportion", async () => {
  const { api, clock, stop } = await start({
    readyAfterMs: (pod) => (pod.spec.containers[0].image === "web:bad" ? undefined : 100),
  });
  const strategy = { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
  await api.create(RESOURCES.deployments, deployment(10, "web:1", { strategy }));
  await clock.advance(2_000);
  await api.patch(RESOURCES.deployments, KEY, patchSpec(image("web:bad")));
  await clock.advance(5_000);
  const sizes = async () =>
    (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items.map(({ spec }) => spec.replicas);
  assert.deepEqual(await sizes(), [8, 5]);
  await api.patch(RESOURCES.deployments, KEY, patchSpec({ replicas: 15 }));
  await clock.advance(5_000);
  assert.deepEqual(await sizes(), [11, 7]);
  stop();
});

test("a Deployment adopts the ReplicaSet that another one has left behind", async () => {
  const { api, clock, pods, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  const before = (await pods()).map(({ metadata }) => metadata.uid).sort();
  await api.delete(RESOURCES.deployments, KEY, { propagationPolicy: "Orphan" });
  await clock.advance(2_000);
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  assert.deepEqual((await pods()).map(({ metadata }) => metadata.uid).sort(), before);
  assert.equal((await api.list(RESOURCES.replicaSets)).items.length, 1);
  stop();
});

test("a ReplicaSet starts at the size it may have, and remembers its revisions and annotations", async () => {
  const { api, clock, stop } = await start();
  const annotated = deployment(3, "web:1", { revisionHistoryLimit: 1 });
  annotated.metadata.annotations = { "kubernetes.io/change-cause": "first" };
  await api.create(RESOURCES.deployments, annotated);
  await clock.advance(2_000);
  const [first] = (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items;
  assert.equal(first.metadata.generation, 1);
  for (const [tag, cause] of [
    ["web:2", "second"],
    ["web:3", "third"],
    ["web:2", "back"],
  ]) {
    const body = { metadata: { annotations: { "kubernetes.io/change-cause": cause } }, spec: image(tag) };
    await api.patch(RESOURCES.deployments, KEY, { type: "merge", body });
    await clock.advance(10_000);
  }
  const sets = (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items;
  const facts = sets.map(({ spec, metadata: { annotations = {} } }) => [
    spec.template.spec.containers[0].image,
    annotations["deployment.kubernetes.io/revision"],
    annotations["deployment.kubernetes.io/revision-history"],
    annotations["kubernetes.io/change-cause"],
    annotations["deployment.kubernetes.io/max-replicas"],
  ]);
  assert.deepEqual(facts.sort(), [
    ["web:2", "4", "2", "back", "4"],
    ["web:3", "3", undefined, "third", "4"],
  ]);
  const { items } = await api.list(RESOURCES.events, { namespace: NAMESPACE });
  const messages = items.map((event) => (event as unknown as { message: string }).message);
  assert.ok(messages.includes(`Scaled up replica set ${first.metadata.name} from 0 to 3`));
  stop();
});

test("pods that cannot be made are told by the ReplicaSet and the Deployment", async () => {
  const { api, clock, stop } = await start();
  const refused = deployment(1, "web:1");
  refused.spec.template.spec.serviceAccountName = "nobody";
  await api.create(RESOURCES.deployments, refused);
  await clock.advance(2_000);
  const [set] = (await api.list<ReplicaSet>(RESOURCES.replicaSets)).items;
  assert.deepEqual(
    set.status?.conditions?.map(({ type, reason, message }) => [type, reason, message]),
    [
      [
        "ReplicaFailure",
        "FailedCreate",
        `pods "${set.metadata.name}-" is forbidden: error looking up service account shop/nobody: ` +
          'serviceaccount "nobody" not found',
      ],
    ],
  );
  assert.ok(
    conditionsOf(await api.get<Deployment>(RESOURCES.deployments, KEY)).includes(
      "ReplicaFailure True FailedCreate",
    ),
  );
  const account = { metadata: { namespace: "shop", name: "nobody" } } as KubernetesObject;
  await api.create(RESOURCES.serviceAccounts, account);
  await clock.advance(60_000);
  assert.deepEqual(conditionsOf(await api.get<Deployment>(RESOURCES.deployments, KEY)), [
    "Available True MinimumReplicasAvailable",
    "Progressing True NewReplicaSetAvailable",
  ]);
  stop();
});

test("a ReplicaSet replaces a pod that is deleted, once", async () => {
  const { api, clock, pods, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(3, "web:1"));
  await clock.advance(2_000);
  const [{ metadata }] = await pods();
  await api.delete(RESOURCES.pods, { namespace: NAMESPACE, name: metadata.name });
  await clock.advance(2_000);
  const now = await pods();
  assert.equal(now.length, 3);
  assert.ok(!now.some((pod) => pod.metadata.uid === metadata.uid));
  stop();
});

test("a Service's slices have the ready pods, ports by name", async () => {
  const { api, clock, stop } = await start();
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: KEY,
    spec: { selector: { app: "web" }, ports: [{ name: "web", port: 8080, targetPort: "http" }] },
  };
  await api.create(RESOURCES.services, service as KubernetesObject);
  await clock.advance(1_000);
  const slices = async () => (await api.list<EndpointSlice>(RESOURCES.endpointSlices)).items;
  assert.deepEqual(
    (await slices()).map(({ endpoints }) => endpoints),
    [[]],
  );
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  const [slice, ...others] = await slices();
  assert.equal(others.length, 0);
  assert.deepEqual(slice.ports, [{ name: "web", port: 80, protocol: "TCP" }]);
  assert.deepEqual(
    slice.endpoints.map(({ conditions }) => conditions?.ready),
    [true, true],
  );
  const { subsets } = await api.get<
    KubernetesObject & { subsets: { addresses: unknown[]; ports: unknown[] }[] }
  >(RESOURCES.endpoints, KEY);
  assert.deepEqual(
    [subsets[0].addresses.length, subsets[0].ports],
    [2, [{ name: "web", port: 80, protocol: "TCP" }]],
  );
  await api.patch(RESOURCES.deployments, KEY, patchSpec({ replicas: 0 }));
  await clock.advance(2_000);
  assert.deepEqual(
    (await slices()).map(({ endpoints }) => endpoints),
    [[]],
  );
  stop();
});

test("what a Deployment owns goes with it; with Orphan it stays", async () => {
  const { api, clock, pods, stop } = await start();
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  await api.delete(RESOURCES.deployments, KEY, { propagationPolicy: "Orphan" });
  await clock.advance(2_000);
  assert.equal((await pods()).length, 2);
  assert.equal((await api.list(RESOURCES.replicaSets)).items[0].metadata.ownerReferences, undefined);
  const [{ metadata }] = (await api.list(RESOURCES.replicaSets)).items;
  await api.delete(
    RESOURCES.replicaSets,
    { namespace: NAMESPACE, name: metadata.name },
    { propagationPolicy: "Foreground" },
  );
  await clock.advance(2_000);
  assert.equal((await pods()).length, 0);
  assert.equal((await api.list(RESOURCES.replicaSets)).items.length, 0);
  stop();
});

test("a namespace is emptied before it goes", async () => {
  const { api, clock, pods, stop } = await start({ goneAfterMs: 3_000 });
  await api.create(RESOURCES.deployments, deployment(2, "web:1"));
  await clock.advance(2_000);
  await api.delete(RESOURCES.namespaces, { name: NAMESPACE });
  await clock.advance(1_000);
  assert.equal((await api.get(RESOURCES.namespaces, { name: NAMESPACE })).status?.phase, "Terminating");
  await clock.advance(10_000);
  assert.equal((await pods()).length, 0);
  await assert.rejects(api.get(RESOURCES.namespaces, { name: NAMESPACE }), /not found/);
  stop();
});
