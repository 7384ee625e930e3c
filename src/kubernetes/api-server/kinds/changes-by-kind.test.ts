import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

async function newStore() {
  const api = new ClusterStore({ clock: new VirtualClock(1_700_000_000_000), random: seededRandom(3) });
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } } as KubernetesObject);
  return api;
}

test("a Service that is no load balancer any more gives up what only those have", async () => {
  const api = await newStore();
  const spec = {
    type: "LoadBalancer",
    loadBalancerClass: "a.b/c",
    ports: [{ port: 80 }],
    selector: { a: "b" },
  };
  const made = await api.create(RESOURCES.services, {
    metadata: { name: "s", namespace: "default" },
    spec,
  } as unknown as KubernetesObject);
  const changed = (spec: object) =>
    api.replace(RESOURCES.services, { ...made, spec: { ...made.spec, ...spec } } as KubernetesObject);
  await assert.rejects(
    changed({ loadBalancerClass: "a.b/d" }),
    /spec\.loadBalancerClass: Invalid value: "a\.b\/d": may not change once set/,
  );
  const { spec: now } = await changed({ type: "ClusterIP" });
  assert.deepEqual(
    [
      now.loadBalancerClass,
      now.allocateLoadBalancerNodePorts,
      now.externalTrafficPolicy,
      now.ports[0].nodePort,
    ],
    [undefined, undefined, undefined, undefined],
  );
});

test("a Job's own labels are looked at, and a name that is missing is told with the rest", async () => {
  const api = await newStore();
  const template = (labels: object) => ({
    metadata: { labels },
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] },
  });
  const job = (metadata: object, spec: object) =>
    api.create(RESOURCES.jobs, {
      metadata: { namespace: "default", ...metadata },
      spec,
    } as unknown as KubernetesObject);
  await assert.rejects(
    job({ name: "j" }, { template: template({ "job-name": "k" }) }),
    /labels\[job-name\]: Invalid value: .*: must be 'j'/,
  );
  await assert.rejects(
    job({}, { template: template({}), parallelism: -1 }),
    /\[metadata\.name: Required value: name or generateName is required, spec\.parallelism: Invalid value: -1/,
  );
});

test("a node keeps its provider and ranges, and has whole devices", async () => {
  const api = await newStore();
  const node = (spec: object, status: object = {}) =>
    ({ metadata: { name: "n" }, spec, status }) as unknown as KubernetesObject;
  await assert.rejects(
    api.create(RESOURCES.nodes, node({}, { capacity: { "a.b/c": "500m" } })),
    /status\.capacity\.a\.b\/c: Invalid value: "500m": must be an integer/,
  );
  const made = await api.create(RESOURCES.nodes, node({ providerID: "p", podCIDR: "10.1.0.0/24" }));
  await assert.rejects(
    api.replace(RESOURCES.nodes, { ...made, spec: { ...made.spec, providerID: "q" } } as KubernetesObject),
    /spec\.providerID: Forbidden: node updates may not change providerID except from "" to valid/,
  );
});

type Change = [kind: string, before: object, after: object, problems: string];

/** The causes of a refused update, as kube-apiserver 1.35 lists them. */
async function changeProblems(kind: string, before: object, after: object): Promise<string> {
  const api = await newStore();
  const info = BUILTIN_RESOURCES.find((each) => each.kind === kind)!;
  const made = await api.create(info, { metadata: { name: "10.0.0.1" }, ...before } as KubernetesObject);
  try {
    await api.replace(info, { ...made, ...after });
    return "";
  } catch (error) {
    if (!isStatus(error, "Invalid")) throw error;
    return error.message.replace(/^.*? is invalid: /, "").replace(/^\[([\s\S]*)\]$/, "$1");
  }
}

test("what names another object or was settled at the beginning stays", async () => {
  const fixed = "field is immutable";
  const ranges = (...cidrs: string[]) => ({ spec: { cidrs } });
  const driver = (nodeID: string, count = 1) => ({
    spec: { drivers: [{ name: "d", nodeID, topologyKeys: null, allocatable: { count } }] },
  });
  const attached = (nodeName: string) => ({
    spec: { attacher: "a", nodeName, source: { persistentVolumeName: "v" } },
  });
  const cases: Change[] = [
    [
      "IngressClass",
      { spec: { controller: "a.b/c" } },
      { spec: { controller: "a.b/d" } },
      `spec.controller: Invalid value: "a.b/d": ${fixed}`,
    ],
    [
      "IPAddress",
      { spec: { parentRef: { resource: "services", name: "a" } } },
      { spec: { parentRef: { resource: "services", name: "b" } } },
      `spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"","Name":"b"}: ${fixed}`,
    ],
    [
      "ServiceCIDR",
      ranges("10.0.0.0/24"),
      ranges("10.1.0.0/24"),
      `spec.cidrs[0]: Invalid value: "10.1.0.0/24": ${fixed}`,
    ],
    ["ServiceCIDR", ranges("10.0.0.0/24"), ranges("10.0.0.0/24", "fd00::/64"), ""],
    ["ServiceCIDR", ranges("10.0.0.0/24"), ranges(), `spec.cidrs: Invalid value: null: ${fixed}`],
    [
      "CSINode",
      driver("a"),
      driver("b"),
      `spec.drivers: Invalid value: {"Name":"d","NodeID":"b","TopologyKeys":null,"Allocatable":null}: ${fixed}`,
    ],
    ["CSINode", driver("a", 1), driver("a", 2), ""],
    [
      "CSIDriver",
      { spec: {} },
      { spec: { attachRequired: false } },
      `spec.attachedRequired: Invalid value: false: ${fixed}`,
    ],
    [
      "VolumeAttributesClass",
      { driverName: "d", parameters: { a: "b" } },
      { parameters: { a: "c" } },
      "parameters: Forbidden: updates to parameters are forbidden.",
    ],
    ["PriorityClass", { value: 1 }, { value: 2 }, "value: Forbidden: may not be changed in an update."],
    [
      "VolumeAttachment",
      attached("n"),
      attached("m"),
      'spec: Invalid value: {"Attacher":"a","Source":{"PersistentVolumeName":"v","InlineVolumeSpec":null},"NodeName":"m"}: ' +
        fixed,
    ],
  ];
  for (const [kind, before, after, problems] of cases)
    assert.equal(await changeProblems(kind, before, after), problems, kind);
});
