/**
 * The nodes: this machine, several times over, in several zones. Each one says that it has all of the machine; pods that
 * ask for more than there is in total are held back by the machine itself.
 */
import type { Clock } from "../../base/clock.ts";
import type { MachineFacts } from "../../base/process.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesMicroTime, kubernetesTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { AddressPlan } from "../network/address-plan.ts";
import type { Condition, Node } from "../types.ts";

export interface NodeDescription {
  name: string;
  zone: string;
  region: string;
  labels?: Record<string, string>;
}

/** Named and labelled as those that `k8s/test-topology/kind-config.yaml` makes; three zones, so that spreading over zones means something. */
export const DEFAULT_NODES: NodeDescription[] = [
  { name: "percolate-test-worker", zone: "local-a", region: "local" },
  { name: "percolate-test-worker2", zone: "local-b", region: "local" },
  { name: "percolate-test-worker3", zone: "local-c", region: "local" },
];

/** The version of Kubernetes that the cluster follows. */
export const KUBELET_VERSION = "v1.35.0";
/** kubelet's limit of pods on a node. */
const MAX_PODS = 110;
/** nodeLeaseDurationSeconds, and how often the lease is renewed: a quarter of it. */
const LEASE_SECONDS = 40;
const LEASE_RENEW_MS = 10_000;
/** nodeStatusReportFrequency, when nothing has changed. */
const STATUS_REPORT_MS = 300_000;

const CSI_NODES = { group: "storage.k8s.io", version: "v1", resource: "csinodes" };

export interface VirtualNodesOptions {
  api: KubernetesApi;
  clock: Clock;
  addresses: AddressPlan;
  nodes: NodeDescription[];
  machine: MachineFacts;
  signal: AbortSignal;
}

/** Registers the nodes and keeps their leases and status fresh. */
export async function startVirtualNodes(options: VirtualNodesOptions): Promise<void> {
  const { clock, nodes, signal } = options;
  await Promise.all(nodes.map((_node, index) => register(options, index)));
  const repeat = async (intervalMs: number, work: (index: number) => Promise<void>) => {
    while (!signal.aborted) {
      await Promise.all(nodes.map((_node, index) => work(index).catch(() => {})));
      await clock.sleep(intervalMs, signal).catch(() => {});
    }
  };
  void repeat(LEASE_RENEW_MS, (index) => renewLease(options, index));
  void repeat(STATUS_REPORT_MS, (index) => reportStatus(options, index));
}

async function register(options: VirtualNodesOptions, index: number): Promise<void> {
  const { api, addresses } = options;
  const { name, zone, region, labels } = options.nodes[index];
  const { operatingSystem, architecture } = options.machine;
  const node: Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
      labels: {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": operatingSystem,
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": operatingSystem,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
        ...labels,
      },
    },
    spec: { podCIDR: addresses.podRange(index), providerID: `topology://${name}` },
  };
  try {
    await api.create(RESOURCES.nodes, node);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
  await reportStatus(options, index);
  await registerDrivers(options, name);
}

/** The node's list of storage drivers: none. */
async function registerDrivers({ api }: VirtualNodesOptions, name: string): Promise<void> {
  const { metadata } = await api.get<Node>(RESOURCES.nodes, { name });
  const owner = { apiVersion: "v1", kind: "Node", name, uid: metadata.uid! };
  const object: KubernetesObject = { metadata: { name, ownerReferences: [owner] }, spec: { drivers: [] } };
  try {
    await api.create(CSI_NODES, object);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}

async function reportStatus(options: VirtualNodesOptions, index: number): Promise<void> {
  const { api, addresses, clock, machine } = options;
  const { name } = options.nodes[index];
  const node = await api.get<Node>(RESOURCES.nodes, { name });
  const now = kubernetesTime(clock.now());
  const capacity = {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    "ephemeral-storage": "100Gi",
    pods: String(MAX_PODS),
  };
  const conditions = CONDITIONS.map(([type, status, reason, message]): Condition => {
    const before = node.status?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
  });
  const status: Node["status"] = {
    ...node.status,
    capacity,
    allocatable: capacity,
    conditions,
    addresses: [
      { type: "InternalIP", address: addresses.node(index) },
      { type: "Hostname", address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: machine.architecture,
      bootID: node.metadata.uid!,
      containerRuntimeVersion: "process://1.0.0",
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: KUBELET_VERSION,
      machineID: node.metadata.uid!,
      operatingSystem: machine.operatingSystem,
      osImage: "Percolate Topology",
      systemUUID: node.metadata.uid!,
    },
  };
  await api.updateStatus(RESOURCES.nodes, { ...node, status });
}

const CONDITIONS: [type: string, status: "True" | "False", reason: string, message: string][] = [
  ["MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
  ["DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
  ["PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  ["Ready", "True", "KubeletReady", "kubelet is posting ready status"],
];

async function renewLease(options: VirtualNodesOptions, index: number): Promise<void> {
  const { api, clock } = options;
  const { name } = options.nodes[index];
  const key = { namespace: "kube-node-lease", name };
  const renewTime = kubernetesMicroTime(clock.now());
  try {
    await api.patch(RESOURCES.leases, key, { type: "merge", body: { spec: { renewTime } } });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    const { metadata } = await api.get<Node>(RESOURCES.nodes, { name });
    const owner = { apiVersion: "v1", kind: "Node", name, uid: metadata.uid! };
    const lease: KubernetesObject = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...key, ownerReferences: [owner] },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime },
    };
    await api.create(RESOURCES.leases, lease);
  }
}
