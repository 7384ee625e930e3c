import assert from "node:assert/strict";
import test from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../api-server/cluster-store.ts";
import { Informers } from "../controllers/controller.ts";
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  PodSpec,
  TopologySpreadConstraint,
} from "../types.ts";
import { startScheduler } from "./scheduler.ts";

interface World {
  clock: VirtualClock;
  api: ClusterStore;
  /** Name → node of every pod, "-" for none. */
  places(): Promise<Record<string, string>>;
  add(name: string, spec?: Partial<PodSpec>, labels?: Record<string, string>): Promise<unknown>;
  problem(name: string): Promise<string | undefined>;
}

const ZONES = { a: "zone-1", b: "zone-2", c: "zone-3" };

async function worldOf(change: (name: string, node: Node) => void = () => {}): Promise<World> {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const api = new ClusterStore({ clock, random });
  const { signal } = new AbortController();
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  for (const [name, zone] of Object.entries(ZONES)) {
    const labels = { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone };
    const allocatable = { cpu: "2", memory: "4Gi", pods: "5" };
    const node: Node = {
      metadata: { name, labels },
      spec: {},
      status: { allocatable, capacity: allocatable },
    };
    change(name, node);
    const created = await api.create(RESOURCES.nodes, node);
    await api.updateStatus(RESOURCES.nodes, { ...created, status: node.status });
  }
  const informers = new Informers({ api, clock, log: silentLogger, signal });
  startScheduler({ api, clock, random, log: silentLogger, informers, signal });
  return {
    clock,
    api,
    async places() {
      await clock.advance(100);
      const { items } = await api.list<Pod>(RESOURCES.pods);
      return Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec.nodeName ?? "-"]));
    },
    add: (name, spec = {}, labels = { app: name }) =>
      api.create<Pod>(RESOURCES.pods, {
        metadata: { name, namespace: "default", labels },
        spec: { containers: [{ name: "app", image: "x" }], ...spec },
      }),
    async problem(name) {
      const pod = await api.get<Pod>(RESOURCES.pods, { namespace: "default", name });
      return pod.status?.conditions?.find(({ type }) => type === "PodScheduled")?.message;
    },
  };
}

const asking = (cpu: string): Partial<PodSpec> => ({
  containers: [{ name: "app", image: "x", resources: { requests: { cpu } } }],
});
const antiAffinity = (key: string): Partial<PodSpec> => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: key, labelSelector: { matchLabels: { app: "web" } } },
      ],
    },
  },
});
const ALL_HOPELESS =
  "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";

test("pods go where most is free, and only where it is enough", async () => {
  const { add, places, problem } = await worldOf();
  for (let index = 0; index < 4; index++) await add(`big-${index}`, asking("1500m"));
  assert.deepEqual(await places(), { "big-0": "a", "big-1": "b", "big-2": "c", "big-3": "-" });
  assert.equal(
    await problem("big-3"),
    "0/3 nodes are available: 3 Insufficient cpu. " +
      "no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
  );
  await add("huge", asking("3"));
  await places();
  assert.equal(await problem("huge"), `0/3 nodes are available: 3 Insufficient cpu. ${ALL_HOPELESS}`);
});

test("a pod that waits is placed when room is made", async () => {
  const { add, api, places } = await worldOf();
  for (let index = 0; index < 4; index++) await add(`big-${index}`, asking("1500m"));
  await places();
  await api.delete(RESOURCES.pods, { namespace: "default", name: "big-1" }, { gracePeriodSeconds: 0 });
  assert.equal((await places())["big-3"], "b");
});

test("cordoned and tainted nodes are left out, unless tolerated", async () => {
  const { add, places, problem } = await worldOf((name, node) => {
    if (name === "a") node.spec.unschedulable = true;
    if (name === "b") node.spec.taints = [{ key: "gpu", value: "yes", effect: "NoSchedule" }];
  });
  await add("plain");
  await add("tolerant", {
    nodeSelector: { "topology.kubernetes.io/zone": "zone-2" },
    tolerations: [{ key: "gpu", operator: "Exists" }],
  });
  await add("stuck", { nodeSelector: { "topology.kubernetes.io/zone": "zone-2" } });
  assert.deepEqual(await places(), { plain: "c", tolerant: "b", stuck: "-" });
  assert.equal(
    await problem("stuck"),
    "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, " +
      `1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. ${ALL_HOPELESS}`,
  );
});

test("required anti-affinity keeps pods apart, also the ones that did not ask for it", async () => {
  const { add, places, problem } = await worldOf();
  const labels = { app: "web" };
  for (let index = 0; index < 2; index++)
    await add(`web-${index}`, antiAffinity("kubernetes.io/hostname"), labels);
  await places();
  await add("web-2", {}, labels);
  await add("web-3", antiAffinity("kubernetes.io/hostname"), labels);
  const where = await places();
  assert.deepEqual(where, { "web-0": "a", "web-1": "b", "web-2": "c", "web-3": "-" });
  assert.match((await problem("web-3"))!, /3 node\(s\) didn't match pod anti-affinity rules/);
});

test("required affinity brings pods together; the first one may be alone", async () => {
  const { add, places } = await worldOf();
  const together: Partial<PodSpec> = {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: "topology.kubernetes.io/zone", labelSelector: { matchLabels: { app: "web" } } },
        ],
      },
    },
  };
  for (let index = 0; index < 3; index++) await add(`web-${index}`, together, { app: "web" });
  await add("lonely", {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: "topology.kubernetes.io/zone", labelSelector: { matchLabels: { app: "nobody" } } },
        ],
      },
    },
  });
  const { lonely, ...others } = await places();
  assert.equal(new Set(Object.values(others)).size, 1);
  assert.equal(lonely, "-");
});

test("company is one pod that all terms mean, with the label values that the pod shares or must not share", async () => {
  const { add, places } = await worldOf();
  await add("x", { nodeName: "a" }, { app: "x", version: "1" });
  await add("y", { nodeName: "b" }, { app: "x", tier: "y", version: "2" });
  const topologyKey = "kubernetes.io/hostname";
  const beside = (...terms: PodAffinityTerm[]): Partial<PodSpec> => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
  });
  const x = { topologyKey, labelSelector: { matchLabels: { app: "x" } } };
  const y = { topologyKey, labelSelector: { matchLabels: { tier: "y" } } };
  await add("both", beside(x, y));
  await add("same", beside({ ...x, matchLabelKeys: ["version"] }), { version: "1" });
  await add("other", beside({ ...x, mismatchLabelKeys: ["version"] }), { version: "1" });
  await add("none", beside({ ...x, matchLabelKeys: ["version"] }), { version: "3" });
  assert.deepEqual(await places(), { x: "a", y: "b", both: "b", same: "a", other: "b", none: "-" });
});

test("a pod that must have company draws those that would be it", async () => {
  const { add, places } = await worldOf();
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "web" } } };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await add("there", { nodeName: "c", affinity });
  await add("web", {}, { app: "web" });
  assert.equal((await places()).web, "c");
});

test("extended resources, resources of the whole pod and host ports are looked at", async () => {
  const { add, places, problem } = await worldOf((name, node) => {
    if (name === "b") node.status!.allocatable = { ...node.status!.allocatable, "example.com/gpu": "1" };
  });
  const limits = { "example.com/gpu": "1" };
  const gpu: Partial<PodSpec> = { containers: [{ name: "app", image: "x", resources: { limits } }] };
  await add("gpu-0", gpu);
  await places();
  await add("gpu-1", gpu);
  await add("whole", { resources: { requests: { cpu: "3" } } });
  const onPort = (hostPort: number, protocol: string, hostIP?: string): Partial<PodSpec> => ({
    nodeSelector: { "kubernetes.io/hostname": "a" },
    containers: [{ name: "app", image: "x", ports: [{ containerPort: 1, hostPort, protocol, hostIP }] }],
  });
  await add("tcp", onPort(53, "TCP", "10.0.0.1"));
  await places();
  await add("udp", onPort(53, "UDP"));
  await add("tcp-elsewhere", onPort(53, "TCP", "10.0.0.2"));
  await add("tcp-everywhere", onPort(53, "TCP"));
  const where = await places();
  const expected = { "gpu-0": "b", "gpu-1": "-", whole: "-", tcp: "a", udp: "a" };
  assert.deepEqual(where, { ...expected, "tcp-elsewhere": "a", "tcp-everywhere": "-" });
  assert.match((await problem("gpu-1"))!, /^0\/3 nodes are available: 3 Insufficient example.com\/gpu\./);
  assert.match((await problem("whole"))!, /^0\/3 nodes are available: 3 Insufficient cpu\./);
  assert.match((await problem("tcp-everywhere"))!, /1 node\(s\) didn't have free ports/);
});

test("which nodes count for a spread is what its policies say", async () => {
  const { add, places } = await worldOf((name, node) => {
    if (name === "c") node.spec!.taints = [{ key: "reserved", value: "", effect: "NoSchedule" }];
  });
  const spread = (policies: Partial<TopologySpreadConstraint>): Partial<PodSpec> => ({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
        ...policies,
      },
    ],
  });
  await add("web-0", { nodeName: "a" }, { app: "web" });
  await add("web-1", { nodeName: "b" }, { app: "web" });
  // The tainted zone has none, and it counts unless its taints do.
  await add("ignored", spread({}), { app: "web" });
  await add("honoured", spread({ nodeTaintsPolicy: "Honor" }), { app: "web" });
  const { ignored, honoured } = await places();
  assert.equal(ignored, "-");
  assert.notEqual(honoured, "-");
});

test("topology spread holds back what would be too much in one zone", async () => {
  const { add, places, problem, api } = await worldOf();
  const spread: Partial<PodSpec> = {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
      },
    ],
  };
  for (let index = 0; index < 6; index++) await add(`web-${index}`, spread, { app: "web" });
  const counts = Object.values(await places()).reduce<Record<string, number>>((sums, node) => {
    sums[node] = (sums[node] ?? 0) + 1;
    return sums;
  }, {});
  assert.deepEqual(counts, { a: 2, b: 2, c: 2 });
  await api.patch(RESOURCES.nodes, { name: "a" }, { type: "merge", body: { spec: { unschedulable: true } } });
  for (let index = 6; index < 9; index++) await add(`web-${index}`, spread, { app: "web" });
  assert.equal(Object.values(await places()).filter((node) => node === "-").length, 1);
  assert.match((await problem("web-8"))!, /2 node\(s\) didn't match pod topology spread constraints/);
});

test("replicas of one owner spread over the nodes without being told", async () => {
  const { api, places, clock } = await worldOf();
  const ownerReferences = [
    { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "u", controller: true },
  ];
  for (let index = 0; index < 6; index++) {
    await api.create<Pod>(RESOURCES.pods, {
      metadata: { name: `web-${index}`, namespace: "default", labels: { app: "web" }, ownerReferences },
      spec: { containers: [{ name: "app", image: "x" }] },
    });
    await clock.advance(10);
  }
  const nodes = Object.values(await places());
  assert.deepEqual(nodes.toSorted(), ["a", "a", "b", "b", "c", "c"]);
});

test("node affinity: required terms choose, preferred ones weigh", async () => {
  const { add, places } = await worldOf();
  const zoneIn = (...values: string[]) => ({
    matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In" as const, values }],
  });
  await add("picky", {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [zoneIn("zone-2", "zone-3")] },
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference: zoneIn("zone-3") }],
      },
    },
  });
  assert.deepEqual(await places(), { picky: "c" });
});

test("a node takes no more pods than it has room for", async () => {
  const { add, places, problem } = await worldOf();
  for (let index = 0; index < 16; index++) await add(`small-${index}`);
  assert.equal(Object.values(await places()).filter((node) => node === "-").length, 1);
  assert.match((await problem("small-15"))!, /3 Too many pods/);
});

test("a pod behind gates says so and waits", async () => {
  const { add, api, places } = await worldOf();
  await add("shut", { schedulingGates: [{ name: "acme.io/quota" }] });
  assert.deepEqual(await places(), { shut: "-" });
  const { status } = await api.get<Pod>(RESOURCES.pods, { namespace: "default", name: "shut" });
  const [{ lastTransitionTime: _, ...condition }] = status!.conditions!;
  assert.deepEqual(condition, {
    type: "PodScheduled",
    status: "False",
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
    lastProbeTime: null,
  });
});

test("a pod waits for its claims, and complains only after a while", async () => {
  const { add, api, places, problem, clock } = await worldOf();
  await add("db", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] });
  assert.deepEqual(await places(), { db: "-" });
  assert.equal(await problem("db"), undefined);
  await clock.advance(3_000);
  // The second half is what kube-scheduler 1.35.0 says of preemption then.
  assert.equal(
    await problem("db"),
    '0/3 nodes are available: persistentvolumeclaim "data" not found. not found',
  );
  const metadata = { name: "data", namespace: "default" };
  const resources = { requests: { storage: "1Gi" } };
  const claim = await api.create(RESOURCES.persistentVolumeClaims, {
    metadata,
    spec: { accessModes: ["ReadWriteOnce"], resources },
  });
  await api.create<PersistentVolume>(RESOURCES.persistentVolumes, {
    metadata: { name: "disk" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } },
  });
  const bound = await api.replace<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
    ...(claim as PersistentVolumeClaim),
    spec: { ...(claim as PersistentVolumeClaim).spec, volumeName: "disk" },
  });
  await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...bound, status: { phase: "Bound" } });
  assert.deepEqual(await places(), { db: "a" });
});

test("an important pod ends the least important ones that are in its way, and as few as it can", async () => {
  const { add, api, places, problem, clock } = await worldOf();
  const weighing = (cpu: string, value: number) => ({ ...asking(cpu), priorityClassName: `weight-${value}` });
  for (const value of [1, 5, 7, 9, 20]) {
    await api.create(RESOURCES.priorityClasses, { metadata: { name: `weight-${value}` }, value });
  }
  await add("a-1", { ...weighing("1200m", 5), nodeName: "a" });
  await add("a-2", { ...weighing("700m", 1), nodeName: "a" });
  await add("b-1", { ...weighing("1900m", 7), nodeName: "b" });
  await add("c-1", { ...weighing("1900m", 20), nodeName: "c" });
  await add("equal", weighing("700m", 1));
  await places();
  assert.match((await problem("equal"))!, /No preemption victims found for incoming pod/);
  await add("urgent", weighing("700m", 9));
  await clock.advance(100);
  const victim = await api
    .get<Pod>(RESOURCES.pods, { namespace: "default", name: "a-2" })
    .catch(() => undefined);
  assert.ok(victim === undefined || victim.metadata.deletionTimestamp !== undefined);
  const urgent = await api.get<Pod>(RESOURCES.pods, { namespace: "default", name: "urgent" });
  assert.equal(urgent.status?.nominatedNodeName, "a");
  assert.equal(await problem("urgent"), "0/3 nodes are available: 3 Insufficient cpu.");
  for (const name of ["a-1", "b-1", "c-1"]) {
    const { metadata } = await api.get(RESOURCES.pods, { namespace: "default", name });
    assert.equal(metadata.deletionTimestamp, undefined, name);
  }
  await api
    .delete(RESOURCES.pods, { namespace: "default", name: "a-2" }, { gracePeriodSeconds: 0 })
    .catch(() => {});
  const where = await places();
  assert.equal(where.urgent, "a");
  assert.equal(where.equal, "-");
});

test("who must not preempt waits, and a gated pod is not looked at", async () => {
  const { add, api, places } = await worldOf();
  for (const node of ["a", "b", "c"]) await add(`on-${node}`, { ...asking("1900m"), nodeName: node });
  const polite = { metadata: { name: "polite" }, value: 5, preemptionPolicy: "Never" };
  await api.create(RESOURCES.priorityClasses, polite);
  await add("patient", { ...asking("1"), priorityClassName: "polite" });
  await add("gated", { schedulingGates: [{ name: "example.org/later" }] });
  const { patient, gated } = await places();
  assert.deepEqual([patient, gated], ["-", "-"]);
  const { items } = await api.list<Pod>(RESOURCES.pods);
  assert.ok(items.every(({ metadata }) => metadata.deletionTimestamp === undefined));
  const body = { spec: { schedulingGates: null } };
  await api.patch(RESOURCES.pods, { namespace: "default", name: "gated" }, { type: "merge", body });
  assert.notEqual((await places()).gated, "-");
});

test("a pod that found no room is tried, and told so, when a bound one goes, within its back-off", async () => {
  const { add, api, places, clock } = await worldOf();
  for (const name of ["one", "two", "three"]) await add(name, asking("100m"));
  await add("huge", asking("3"));
  await places();
  const told = async () => {
    const { items } = await api.list<KubernetesObject & { reason?: string; series?: { count: number } }>(
      RESOURCES.events,
    );
    const failures = items.filter(({ reason }) => reason === "FailedScheduling");
    return failures.map(({ series }) => series?.count ?? 1);
  };
  assert.deepEqual(await told(), [1]);
  await clock.advance(30_000);
  assert.deepEqual(await told(), [1], "nothing has changed");
  const gone = async (name: string) => {
    await api.delete(RESOURCES.pods, { namespace: "default", name }, { gracePeriodSeconds: 0 });
    await clock.advance(100);
  };
  await gone("one");
  assert.deepEqual(await told(), [1, 1], "the pod has another version since its condition was written");
  await gone("two");
  assert.deepEqual(await told(), [1, 1], "it is held back for two seconds");
  await clock.advance(2_000);
  assert.deepEqual(await told(), [1, 2]);
});

interface LocalDisk {
  name: string;
  node: string;
  size?: string;
}

/** A class whose claims wait for their first pod, disks of it that only one node has, and a pod with a claim. */
async function worldWithDisks(disks: LocalDisk[], provisioner = "kubernetes.io/no-provisioner") {
  const world = await worldOf();
  const { api, add } = world;
  await api.create<KubernetesObject>(RESOURCES.storageClasses, {
    metadata: { name: "local" },
    provisioner,
    volumeBindingMode: "WaitForFirstConsumer",
  } as KubernetesObject);
  for (const { name, node, size = "5Gi" } of disks) {
    const matchFields = [{ key: "metadata.name", operator: "In" as const, values: [node] }];
    const disk = await api.create<PersistentVolume>(RESOURCES.persistentVolumes, {
      metadata: { name },
      spec: {
        capacity: { storage: size },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "local",
        hostPath: { path: `/disks/${name}` },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } },
      },
    });
    await api.updateStatus(RESOURCES.persistentVolumes, { ...disk, status: { phase: "Available" } });
  }
  const claim = (name: string) =>
    api.create<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
      metadata: { name, namespace: "default" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "local",
        resources: { requests: { storage: "2Gi" } },
      },
    });
  const volume = (name: string) => api.get<PersistentVolume>(RESOURCES.persistentVolumes, { name });
  const getClaim = (name: string) =>
    api.get<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, { namespace: "default", name });
  /** What the binder does. */
  const finish = async (name: string, volumeName: string) => {
    const found = await getClaim(name);
    const spec = { ...found.spec, volumeName };
    const bound = await api.replace<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
      ...found,
      spec,
    });
    await api.updateStatus(RESOURCES.persistentVolumeClaims, { ...bound, status: { phase: "Bound" } });
  };
  const using = (name: string) => ({
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }],
  });
  return { ...world, add, claim, volume, getClaim, finish, using };
}

test("a pod goes where a disk for its waiting claim is, the smallest of those that do, and only once it is bound", async () => {
  const world = await worldWithDisks([
    { name: "large", node: "b", size: "50Gi" },
    { name: "small", node: "c", size: "1Gi" },
  ]);
  await world.claim("data");
  await world.add("db", world.using("data"));
  assert.deepEqual(await world.places(), { db: "-" });
  assert.equal((await world.volume("large")).spec.claimRef?.name, "data");
  assert.equal((await world.volume("small")).spec.claimRef, undefined);
  await world.finish("data", "large");
  assert.deepEqual(await world.places(), { db: "b" });
});

test("without a disk, and with nobody to make one, each node says so; a bound one keeps the pod from other nodes", async () => {
  const world = await worldWithDisks([{ name: "disk", node: "c" }]);
  await world.claim("data");
  await world.claim("more");
  await world.add("first", world.using("data"));
  await world.places();
  await world.finish("data", "disk");
  assert.equal((await world.places()).first, "c");
  await world.add("second", world.using("more"));
  await world.places();
  assert.match(
    (await world.problem("second"))!,
    /: 3 node\(s\) didn't find available persistent volumes to bind\. /,
  );
  await world.add("elsewhere", {
    ...world.using("data"),
    nodeSelector: { "kubernetes.io/hostname": "a" },
  });
  await world.places();
  assert.match(
    (await world.problem("elsewhere"))!,
    /: 1 node\(s\) didn't match PersistentVolume's node affinity, 2 node\(s\) didn't match Pod's node affinity\/selector\./,
  );
});

test("a claim for which a volume can be made learns the node, and the pod waits for it", async () => {
  const world = await worldWithDisks([], "example.org/disks");
  await world.claim("data");
  await world.add("db", world.using("data"));
  assert.deepEqual(await world.places(), { db: "-" });
  const { annotations } = (await world.getClaim("data")).metadata;
  assert.equal(annotations?.["volume.kubernetes.io/selected-node"], "a");
});

test("a claim for one pod at a time keeps the others waiting", async () => {
  const world = await worldWithDisks([]);
  const { api, places, add, using, problem } = world;
  await api.create<PersistentVolume>(RESOURCES.persistentVolumes, {
    metadata: { name: "disk" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOncePod"], hostPath: { path: "/d" } },
  });
  await api.create<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
    metadata: { name: "own", namespace: "default" },
    spec: { accessModes: ["ReadWriteOncePod"], resources: { requests: { storage: "1Gi" } } },
  });
  await world.finish("own", "disk");
  await add("one", using("own"));
  await places();
  await add("two", using("own"));
  const { one, two } = await places();
  assert.deepEqual([one === "-", two], [false, "-"]);
  assert.match(
    (await problem("two"))!,
    /3 node\(s\) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod/,
  );
});
